"""What the options of an optimizer may be called, and what they may be."""

import difflib
import math
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any


def _finite(value: Any) -> bool:
    return bool(0 <= value < math.inf)


def _fraction(value: Any) -> bool:
    return bool(0 <= value < 1)


def _fractions(value: Any) -> bool:
    return len(value) == 2 and all(map(_fraction, value))


# Comparisons are written so that NaN fails them.
_RULES: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "lr": ("a finite number >= 0", _finite),
    "inner_lr": ("None or a finite number >= 0", lambda value: value is None or _finite(value)),
    "inner_average": ("a number in (0, 1]", lambda value: bool(0 < value <= 1)),
    "momentum": ("a number in [0, 1)", _fraction),
    "betas": ("two numbers in [0, 1)", _fractions),
    "eps": ("a finite number >= 0", _finite),
    "weight_decay": ("a finite number >= 0", _finite),
    "epoch_decay": ("a finite number >= 0", _finite),
    "clip": ("a number > 0, or inf for no clipping", lambda value: bool(value > 0)),
    "maximize": ("True or False", lambda value: isinstance(value, bool)),
    "foreach": ("None, True or False", lambda value: value is None or isinstance(value, bool)),
}


_SIMILAR = 0.8
"""From this similarity on (difflib's ratio) a name is taken for a misspelled option."""


def refuse_misspelled(
    owner: str, names: Iterable[str], known: Collection[str], *, strict: bool = False
) -> list[str]:
    """Raise for the first of ``names`` that looks like a misspelled option.

    Args:
        owner: who was given the names, for the message.
        names: what was given.
        known: the options there are.
        strict: raise for every name that is not known.

    Returns:
        The names that are not known and look like none of the options.

    Raises:
        ValueError: if a name is misspelled, or unknown with ``strict``.
    """
    unknown = [str(name) for name in names if name not in known]
    for name in unknown:
        plain = name.lower().replace("-", "_")
        near = difflib.get_close_matches(plain, known, n=1, cutoff=0.6 if strict else _SIMILAR)
        if near:
            raise ValueError(f"{owner} has no option {name!r}: did you mean {near[0]!r}?")
        if strict:
            raise ValueError(
                f"{owner} has no option {name!r}: known are {', '.join(sorted(known))}"
            )
    return unknown


def check_values(owner: str, options: Mapping[str, Any]) -> None:
    """Raise for the first option whose value is out of range; names without a rule pass.

    Args:
        owner: who was given the options, for the message.
        options: name and value of each.

    Raises:
        ValueError: if a value is out of range or of a kind that has no range.
    """
    for name in options.keys() & _RULES.keys():
        rule, holds = _RULES[name]
        try:
            good = holds(options[name])
        except (TypeError, ValueError, RuntimeError):  # no order, no length, not one element
            good = False
        if not good:
            raise ValueError(f"{owner}: {name} must be {rule}, got {options[name]!r}")
