"""Wording and small conversions shared by the readers."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from itertools import islice

_COMPARED = 5_000
"""Names among which a similar one is looked for; each takes some microseconds."""


def listed(items: Iterable[object], limit: int = 5) -> str:
    """The first ``limit`` items, quoted, and how many there are in all.

    >>> listed(["a", "b", "c"], limit=2)
    "'a', 'b', ... (3 in all)"
    """
    every = [repr(str(item)) for item in items]
    more = f", ... ({len(every)} in all)" if len(every) > limit else ""
    return ", ".join(every[:limit]) + more


def near(name: str, known: Iterable[str]) -> str:
    """A hint at the known name that looks most like ``name``, or nothing.

    >>> near("malignent", ["image", "malignant"])
    "; did you mean 'malignant'?"
    """
    lower = {k.lower(): k for k in islice(known, _COMPARED)}
    found = get_close_matches(name.lower(), list(lower), n=1)
    return f"; did you mean {lower[found[0]]!r}?" if found else ""


def names(value: str | Iterable[str]) -> tuple[str, ...]:
    """One name or several, as a tuple.

    >>> names("malignant"), names(["a", "b"])
    (('malignant',), ('a', 'b'))
    """
    return (value,) if isinstance(value, str) else tuple(value)


def repeated(values: Sequence[str]) -> list[str]:
    """The values that occur more than once, each once, in order.

    >>> repeated(["b", "a", "b"])
    ['b']
    """
    seen: set[str] = set()
    return list(dict.fromkeys(v for v in values if v in seen or seen.add(v)))
