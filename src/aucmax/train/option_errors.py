"""What is wrong with the options of ``aucmax fit``, in sentences that name option and cure."""

import re
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from types import ModuleType
from typing import Any, get_args, get_origin, get_type_hints

import torch
from jsonargparse import ArgumentError

from .. import data, losses, optim
from .trust import UntrustedError, is_import_path, resolve

CLASSES: dict[str, tuple[type[Any], list[ModuleType]]] = {
    "data": (data.Source, [data]),
    "loss": (losses.Loss, [losses]),
    "optimizer": (torch.optim.Optimizer, [optim, torch.optim]),
}
"""Options whose value names a class, with its base and the modules that offer such classes."""

KINDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "str": "text",
    "NoneType": "null",
    "tuple": "a list",
    "list": "a list",
    "collections.abc.Sequence": "a list",
    "dict": "a table",
}


FUNCTION = "the import path of a function or class, such as torch.nn.Identity"


class OptionError(ValueError):
    """All that is wrong with the options, one sentence each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def blame(
    error: ArgumentError, head: str, group: Mapping[str, str], known: Iterable[str]
) -> tuple[str, str]:
    """The option that an error of the parser is about, and what to tell the user.

    Args:
        error: what the parser raised.
        head: option that the group belongs to: a class such as "loss", or the only option.
        group: the options that were parsed together, with their values.
        known: names of all options.

    Returns:
        The option (``head`` if the whole group is at fault), and a sentence.
    """
    text = str(error)
    given = re.findall(r"NestedArg\(key='([^']+)'", text)  # the last is the whole way down
    key = f"{head}.{given[-1]}" if given else head
    if head in CLASSES and head not in group:
        names = ", ".join(sorted(class_names(head)))
        belongs = f"to which --{', --'.join(group)} belongs"
        return head, f"--{head} is missing, {belongs}: one of {names}"
    if match := re.search(r"Option '([^']+)' is not accepted", text):
        key = key if key.endswith(f".{match[1]}") else f"{head}.{match[1]}"
        return key, f"--{key}: {group.get(_owner(key), _owner(key))} has no option {match[1]!r}"
    if match := re.search(r"arguments are required: (.+)", text):
        at = _needy(text, head, group)
        missing = ", ".join(f"--{at}.{name.strip()}" for name in match[1].split(","))
        return at, f"--{at} {group.get(at, '')} needs {missing}"
    hints = _hints(head, group, key)
    if key in group and CLASSES.get(head, (None,))[0] in hints:
        names = ", ".join(sorted(class_names(head)))
        return key, f"--{key}: there is no {group[key]!r}; choose one of {names}"
    inner = re.findall(r'Parser key "([^"]+)"', text)
    if key not in group or key == head:
        key = inner[-1] if inner else head
    key = key if key in group else f"{head}.{key}" if f"{head}.{key}" in group else head
    if match := re.search(r"[Uu]nrecognized arguments: --([^\s=]+)", text):
        tail = match[1].partition(".")[2]
        near = get_close_matches(match[1], [*known, *(f"{name}.{tail}" for name in CLASSES)])
        hint = f"; did you mean --{near[0]}?" if near else "; see aucmax fit --help"
        return head, f"--{match[1]}: there is no such option{hint}"
    if key in CLASSES:
        names = ", ".join(sorted(class_names(key)))
        return head, f"--{key}: there is no {group[key]!r}; choose one of {names}"
    if own := [name for name in known if name.startswith(f"{key}.")]:
        return key, f"--{key} has options of its own: give them as --{', --'.join(own)}"
    if key != head:  # what stands behind the innermost key, less the choice of another class
        text = text.rpartition("Parser key")[2].split("\n    - ")[0]
    got = "no value" if group[key] == "true" else repr(group[key])
    a_function = any(get_origin(hint) is Callable for hint in hints)
    return key, f"--{key}: expected {FUNCTION if a_function else _wanted(text)}, got {got}"


def _owner(key: str) -> str:
    return key.rpartition(".")[0]


def _needy(text: str, head: str, group: Mapping[str, str]) -> str:
    """The option whose class lacks an argument: the innermost class that the parser speaks of."""
    paths = re.findall(r"given class_path '([^']+)'", text)
    short = paths[-1].rpartition(".")[2] if paths else None
    found = [key for key, value in group.items() if value.rpartition(".")[2] == short]
    return found[-1] if found else head


def _hints(head: str, group: Mapping[str, str], key: str) -> tuple[Any, ...]:
    """The types that an option of a class may have, as its constructor says."""
    owner = group.get(_owner(key), "").rpartition(".")[2]
    modules = CLASSES[head][1] if head in CLASSES else []
    target = next((vars(module)[owner] for module in modules if owner in vars(module)), None)
    if target is None:
        return ()
    hint = get_type_hints(target.__init__).get(key.rpartition(".")[2])
    return (hint, *get_args(hint))


def class_names(key: str) -> set[str]:
    """Names that an option takes: those that the package offers, and torch's optimizers."""
    base, modules = CLASSES[key]
    found: set[str] = set()
    for module in modules:
        for name, value in vars(module).items():
            if isinstance(value, type) and issubclass(value, base) and value is not base:
                found |= set() if getattr(value, "__abstractmethods__", None) else {name}
    return found


def check_class_name(key: str, name: str, *, trusted: bool) -> None:
    """Refuse what is no class that an option takes, before the parser imports it.

    Args:
        key: "data", "loss" or "optimizer".
        name: short, or an import path.
        trusted: whether any module may be imported.

    Raises:
        OptionError: names the classes to choose from.
    """
    if is_import_path(name):
        try:
            found = resolve(name, trusted=trusted)
        except UntrustedError as error:
            raise OptionError([f"--{key}: {error}"]) from error
        except ValueError:
            found = None
        if isinstance(found, type) and issubclass(found, CLASSES[key][0]):
            return
    elif name in class_names(key):
        return
    names = ", ".join(sorted(class_names(key)))
    raise OptionError([f"--{key}: there is no {name!r}; choose one of {names}"])


def _wanted(text: str) -> str:
    """What the parser would have taken, in words."""
    literals = re.findall(r"Literal\[([^]]+)\]", text)
    plain = re.findall(r"Expected an? <class '([^']+)'>", text)
    kinds: list[str] = [*dict.fromkeys(x for part in literals for x in part.split(", ")), *plain]
    if not kinds and ("Type collections.abc.Callable" in text or "dot import path" in text):
        return FUNCTION
    names = dict.fromkeys(KINDS.get(kind, kind) for kind in kinds)
    names = sorted(names, key=lambda name: name == "a list")  # the parser's order is not fixed
    return " or ".join(names) or "another value"
