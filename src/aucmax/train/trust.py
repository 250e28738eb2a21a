"""What a recipe may name: classes and functions of an explicit list, found without running code.

A recipe, and the config.yaml of a run, may come from somebody else. Importing a module runs it, and
a loss calls its activation, so a name in such a file is code. Names outside the list are refused
before anything is imported, unless ``--trust_imports true`` is given on the command line.
"""

import builtins
import inspect
import re
from importlib import import_module
from typing import Any

import torch
from torch import nn

from ..data import Source
from ..losses import Loss

FLAG = "--trust_imports true"

_PACKAGES: dict[str, type[Any] | None] = {
    "aucmax.losses": Loss,
    "aucmax.optim": torch.optim.Optimizer,
    "aucmax.data": Source,
    "aucmax.surrogates": None,
    "torch.nn.modules": nn.Module,
    "torch.optim": torch.optim.Optimizer,
    "timm.optim": torch.optim.Optimizer,
}
"""Packages that may be imported, each with the base of the classes that it offers here."""

_SHORT = {"aucmax", "torch", "torch.nn", "torch.nn.functional", "torch.special"}
"""Modules that offer the same, or one of the functions below, under a shorter name."""

_ACTIVATIONS = {
    "torch": "sigmoid tanh relu erf atan arctan asinh arcsinh logit expm1 log1p celu selu",
    "torch.special": "expit erf ndtr logit log_ndtr expm1 log1p",
    "torch.nn.functional": "sigmoid tanh relu relu6 elu celu selu gelu silu mish softplus softsign "
    "leaky_relu hardtanh hardsigmoid hardswish logsigmoid tanhshrink softshrink hardshrink",
}
_FUNCTIONS = {
    f"{module}.{name}" for module, names in _ACTIVATIONS.items() for name in names.split()
}
"""Functions that map a tensor to one of the same shape: what an activation can be."""


class UntrustedError(ValueError):
    """A name that no recipe may use without ``--trust_imports``."""


def is_import_path(text: object) -> bool:
    """Return whether a text reads like the import path of a class or function.

    >>> is_import_path("os.abort"), is_import_path("0.5"), is_import_path("logistic")
    (True, False, False)
    """
    return isinstance(text, str) and bool(
        re.fullmatch(r"\s*[^\W\d]\w*(\s*\.\s*[^\W\d]\w*)+\s*", text)
    )


def resolve(path: str, *, trusted: bool = False) -> Any:
    """Return the class or function that an import path names.

    Args:
        path: such as "aucmax.losses.AUCMLoss" or "torch.nn.Identity".
        trusted: whether any module may be imported.

    Raises:
        UntrustedError: if the path is not on the list; nothing has been imported then.
        ValueError: if there is no such class or function.
    """
    module, _, name = path.rpartition(".")
    if not trusted and not _may_import(module):
        raise _untrusted(path)
    try:
        found = getattr(import_module(module) if module else builtins, name)
    except (ImportError, AttributeError) as error:
        if isinstance(error, ImportError) and not trusted:  # x.y.sys.exit: no module x.y.sys
            raise _untrusted(path) from error
        raise ValueError(f"there is no {path!r}: {error}") from error
    if not trusted and not _is_listed(path, found):
        raise _untrusted(path)
    if not callable(found):
        raise ValueError(f"{path!r} is no class or function, but a {type(found).__name__}")
    return found


def check_activation(path: str, found: Any) -> None:
    """Refuse what is neither a function nor a torch module: it would be called with a tensor.

    Raises:
        UntrustedError: if it is a class of another kind.
    """
    if inspect.isclass(found) and not issubclass(found, nn.Module):
        raise ValueError(f"{path!r} is no function and no torch.nn.Module")


def _may_import(module: str) -> bool:
    return module in _SHORT or any(
        module == package or module.startswith(f"{package}.") for package in _PACKAGES
    )


def _is_listed(path: str, found: Any) -> bool:
    """Whether an object is on the list, judged by where it was defined and not by its name."""
    if not inspect.isclass(found):
        module = getattr(found, "__module__", None)
        own = inspect.isfunction(found) and module == "aucmax.surrogates"
        return path in _FUNCTIONS or own
    return any(
        base is not None
        and issubclass(found, base)
        and (found.__module__ == package or found.__module__.startswith(f"{package}."))
        for package, base in _PACKAGES.items()
    )


def _untrusted(path: str) -> UntrustedError:
    return UntrustedError(
        f"{path!r} is not on the list of what a recipe may name (losses, optimizers and data "
        "sources of aucmax, optimizers of torch and timm, torch.nn modules, activation functions "
        f"of torch): it could run any code; if you trust it, add {FLAG}"
    )
