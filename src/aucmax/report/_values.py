"""From results to what JSON can hold, and from numbers to text."""

import math
import re
from collections.abc import Iterable
from typing import Any, Protocol


class _Bounds(Protocol):
    @property
    def estimate(self) -> float: ...
    @property
    def low(self) -> float: ...
    @property
    def high(self) -> float: ...


def interval(value: _Bounds) -> dict[str, float]:
    """An estimate and its bounds as a dictionary."""
    return {"estimate": value.estimate, "low": value.low, "high": value.high}


def rounded(value: Any, digits: int = 10) -> Any:
    """Copy of nested dictionaries and lists with floats of so many significant digits.

    NaN and infinities become None, which JSON can hold. Thresholds keep all digits: rounded up,
    they would cut off the very sample that they were read from.
    """
    if isinstance(value, dict):
        return {k: rounded(v, 17 if k == "threshold" else digits) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(v, digits) for v in value]
    if isinstance(value, bool | int | str) or value is None:
        return value
    number = float(value)
    return float(f"{number:.{digits}g}") if math.isfinite(number) else None


def number(value: float | None, *, signed: bool = False) -> str:
    """Four decimals, or ``n/a``; with ``signed``, always a sign."""
    if value is None:
        return "n/a"
    # Adding 0.0 turns a rounded -0.0 into 0.0, so that no "-0.0000" is printed.
    value = round(value, 4) + 0.0
    return f"{value:+.4f}" if signed else f"{value:.4f}"


def bounds(value: dict[str, Any] | None, *, signed: bool = False) -> str:
    """``low to high``, or ``n/a``."""
    if value is None or value.get("low") is None or value.get("high") is None:
        return "n/a"
    return f"{number(value['low'], signed=signed)} to {number(value['high'], signed=signed)}"


def p_value(value: float | None) -> str:
    """Four decimals, or ``< 0.0001``, or ``n/a``."""
    if value is None:
        return "n/a"
    return "< 0.0001" if value < 0.0001 else f"{value:.4f}"


_NUMBER = re.compile(r"(n/a|<?\s*[-+]?(\d[\d.,]*|inf)(e[-+]?\d+)?\s*%?)?(\s*(to\b|\().*)?")


def are_numbers(cells: Iterable[str]) -> bool:
    """Whether a column holds numbers, intervals and blanks only, and so goes to the right."""
    return all(_NUMBER.fullmatch(cell) for cell in cells)


def percent(level: float) -> str:
    """A share as a percentage without needless zeros: 0.95 is ``95 %``."""
    return f"{100 * level:.10g} %"
