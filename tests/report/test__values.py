"""Rounding and the text of numbers."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aucmax.report._values import are_numbers, bounds, number, p_value, percent, rounded


@given(st.floats(-1e300, 1e300))
def test_rounding_keeps_ten_significant_digits_and_is_final(x):
    once = rounded(x)
    assert math.isclose(once, x, rel_tol=1e-9)
    assert rounded(once) == once
    assert rounded({"threshold": x})["threshold"] == x


def test_what_json_cannot_hold_becomes_none():
    nested = {"a": [math.nan, (math.inf, 1, "x", None, True)], "threshold": math.inf}
    assert rounded(nested) == {"a": [None, [None, 1, "x", None, True]], "threshold": None}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (number(0.12345), "0.1235"),
        (number(-0.00001), "0.0000"),
        (number(-0.00001, signed=True), "+0.0000"),
        (number(None), "n/a"),
        (bounds({"low": -0.1, "high": 0.2}, signed=True), "-0.1000 to +0.2000"),
        (bounds({"low": None, "high": 1}), "n/a"),
        (bounds({"estimate": 1}), "n/a"),
        (bounds(None), "n/a"),
        (p_value(0.05), "0.0500"),
        (p_value(0.00009), "< 0.0001"),
        (p_value(None), "n/a"),
        (percent(0.95), "95 %"),
        (percent(0.999), "99.9 %"),
    ],
)
def test_numbers_as_text(text, expected):
    assert text == expected


@pytest.mark.parametrize(
    "cell", ["", "n/a", "-4.99", "+0.1 to +0.2", "3 (1.5 %)", "< 0.0001", "1e-07"]
)
def test_cells_that_are_numbers(cell):
    assert are_numbers([cell])


@pytest.mark.parametrize("cell", ["x", "sensitivity 0.9", "0.5x", "-", "2024-01-01"])
def test_cells_that_are_text(cell):
    assert not are_numbers(["1", cell])
