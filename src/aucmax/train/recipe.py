"""Classes by their import paths with their options: losses, optimizers and sources of a fit."""

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, get_args, get_origin, get_type_hints

from ..losses.multiclass import MultiClassLoss
from .trust import check_activation, resolve


@dataclass(frozen=True)
class Recipe:
    """A class by its import path with its options, made when what it needs is there.

    Args:
        class_path: such as "aucmax.AUCMLoss"; see :mod:`aucmax.train.trust` for what it may name.
        init_args: options of the constructor.
        trusted: whether the class, and what its options name, may be of any module.
    """

    class_path: str
    init_args: dict[str, Any] = field(default_factory=dict)
    trusted: bool = field(default=False, compare=False)

    @property
    def target(self) -> type[Any]:
        """The class itself."""
        return resolve(self.class_path, trusted=self.trusted)

    @property
    def name(self) -> str:
        """Short lower-case name, for folders and tables: ``cross-entropy-auc``, ``aucm``."""
        words = self.class_path.rpartition(".")[2].removesuffix("Loss")
        return re.sub("(?<=[a-z])(?=[A-Z])", "-", words).lower()

    def make(self, *args: Any, **extra: Any) -> Any:
        """An instance; it and its parts get of ``extra`` what their constructors take."""
        hints = get_type_hints(self.target.__init__)
        accepted = inspect.signature(self.target).parameters
        inner = self._of_parts(extra)
        options = {k: self._value(v, hints.get(k), inner) for k, v in self.init_args.items()}
        told = {k: v for k, v in extra.items() if k in accepted}
        for name in told:
            if options.get(name) is not None:
                raise ValueError(f"{name} is known from the data, and must be left out")
        return self.target(*args, **options | told)

    def _of_parts(self, extra: dict[str, Any]) -> dict[str, Any]:
        """What losses within this one are told: classes are other labels to them."""
        if extra.get("num_labels") and issubclass(self.target, MultiClassLoss):
            return extra | {"num_labels": self.target.labels_of(extra["num_labels"])}
        return extra

    def _value(self, value: Any, hint: Any, extra: dict[str, Any]) -> Any:
        """An option as the constructor wants it: an object where a name or a class path stands."""
        if isinstance(value, dict) and "class_path" in value:
            options = dict(value.get("init_args") or {})
            return Recipe(value["class_path"], options, trusted=self.trusted).make(**extra)
        if isinstance(value, str) and _is_function(hint, value):
            found = resolve(value, trusted=self.trusted)
            check_activation(value, found)
            return found
        return value


def _is_function(hint: Any, value: str) -> bool:
    """Whether a text names a function: where only one may stand, or by an import path."""
    if get_origin(hint) is Callable:
        return True
    return "." in value and any(get_origin(inner) is Callable for inner in get_args(hint))
