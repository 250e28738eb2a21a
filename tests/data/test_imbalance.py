"""Counts of the papers, and the definition of the construction."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aucmax.data import make_imbalanced

BALANCED = np.tile([0, 1], 25_000)


@pytest.mark.parametrize(
    ("positives", "kept"), [(0.1, 27_777), (0.02, 25_510), (0.01, 25_252), (0.5, 50_000)]
)
def test_counts_of_the_papers(positives, kept):
    rows = make_imbalanced(BALANCED, positives)
    assert len(rows) == kept
    assert BALANCED[rows].sum() == kept - 25_000


@given(st.lists(st.booleans(), min_size=1), st.integers(1, 99), st.integers(0, 5))
def test_definition(target, percent, seed):
    values = np.array(target, int)
    negatives = int((values == 0).sum())
    wanted = percent * negatives // (100 - percent)  # whole numbers: exact
    if not 0 < wanted <= values.sum():
        with pytest.raises(ValueError, match=f"asks for {wanted} positives beside {negatives}"):
            make_imbalanced(values, percent / 100, seed=seed)
        return
    rows = make_imbalanced(values, percent / 100, seed=seed)
    assert rows.tolist() == sorted(set(rows.tolist()))
    assert set(np.flatnonzero(values == 0)) <= set(rows)
    assert values[rows].sum() == wanted


def test_smaller_shares_are_nested_and_seeds_differ():
    few, many = (set(make_imbalanced(BALANCED, r, seed=4)) for r in (0.01, 0.1))
    assert few < many
    assert few != set(make_imbalanced(BALANCED, 0.01, seed=5))


@pytest.mark.parametrize(
    ("target", "positives", "message"),
    [
        ([0, 1], 0, "positives must be a share between 0 and 1, got 0"),
        ([0, 1], 1.0, "between 0 and 1, got 1.0"),
        ([0, 2], 0.5, r"target must be one column of 0 and 1, .* values \[0, 2\]"),
        ([[0, 1]], 0.5, r"got shape \(1, 2\)"),
        ([0, 0, 0, 1], 0.5, "asks for 3 positives beside 3 negatives, and there are 1: .* smaller"),
    ],
)
def test_refused(target, positives, message):
    with pytest.raises(ValueError, match=message):
        make_imbalanced(target, positives)
