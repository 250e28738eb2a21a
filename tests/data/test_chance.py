"""Rows divided by chance alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aucmax.data import chance_split


@given(st.integers(1, 200), st.floats(0, 0.49), st.floats(0, 0.49), st.integers(0, 99))
def test_parts_have_their_shares_to_the_row(n, validation, test, seed):
    parts = chance_split(n, validation=validation, test=test, seed=seed)
    held = round(test * n)
    assert (parts == "test").sum() == held
    assert (parts == "validation").sum() == round((validation + test) * n) - held
    assert np.array_equal(parts, chance_split(n, validation=validation, test=test, seed=seed))


@given(st.lists(st.integers(0, 9), min_size=1, max_size=60), st.integers(0, 99))
def test_groups_stay_together(groups, seed):
    parts = chance_split(len(groups), groups=groups, seed=seed)
    for group in set(groups):
        assert len({part for part, g in zip(parts, groups, strict=True) if g == group}) == 1


def test_every_row_has_its_chance():
    rows = np.mean([chance_split(20, seed=seed) == "test" for seed in range(2000)], axis=0)
    assert rows == pytest.approx(np.full(20, 0.15), abs=0.04)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"validation": 0.6, "test": 0.4}, "at least 0 and below 1 together, got 0.6 and 0.4"),
        ({"test": -0.1}, "at least 0 and below 1 together, got 0.15 and -0.1"),
        ({"groups": ["a"]}, r"groups must have shape \(5,\), one for each row, got \(1,\)"),
    ],
)
def test_what_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        chance_split(5, **options)
