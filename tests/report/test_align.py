"""Pairing of two sets of predictions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles_report import made_predictions

from aucmax.report import Predictions, align


def _changed(p, **values):
    fields = {k: getattr(p, k) for k in ("ids", "labels", "scores", "target", "groups")}
    return Predictions(**(fields | values))


@given(st.permutations(range(12)), st.permutations(range(3)))
def test_any_order_of_rows_and_columns_is_undone(rows, columns):
    p = made_predictions(0, n=12, labels=("x", "y", "z"), unknown=0.2, groups=True)
    q = p.select(rows)
    q = _changed(
        q,
        labels=[p.labels[j] for j in columns],
        scores=q.scores[:, columns] + 7,
        target=q.target[:, columns],
    )
    a, b = align(p, q)
    assert (a.ids, a.labels) == (b.ids, b.labels) == (p.ids, p.labels)
    np.testing.assert_array_equal(b.scores, p.scores + 7)
    np.testing.assert_array_equal(b.target, p.target)
    np.testing.assert_array_equal(b.groups, p.groups)


def test_a_binary_task_without_a_name_takes_the_other_name():
    p = made_predictions(0, n=5)
    named = _changed(p, labels=("cancer",))
    for pair in (align(p, named), align(named, p)):
        assert [side.labels for side in pair] == [("cancer",)] * 2


def test_groups_that_one_side_knows_hold_for_both():
    with_groups = made_predictions(0, n=6, groups=True)
    without = _changed(with_groups, groups=None)
    for pair in (align(without, with_groups), align(with_groups, without)):
        for side in pair:
            assert side.groups.tolist() == with_groups.groups.tolist()


def test_two_sides_without_targets_are_paired():
    p = _changed(made_predictions(0, n=4), target=None)
    assert align(p, p.select([3, 2, 1, 0]))[1].ids == p.ids


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"ids": ["s0", "s1", "s2", "t3", "t4"]},
            r"same ids .* 2 only in the first \('s3', 's4'\), 2 only in the second \('t3', 't4'\)",
        ),
        ({"ids": list("vwxyz")}, r"5 only in the first \('s0', 's1', 's2', \.\.\.\)"),
        ({"labels": ("z",)}, r"same labels .* \('x'\), 1 only in the second \('z'\)"),
        ({"target": None}, "targets on both sides: the second has none"),
        (
            {"target": [[1], [1], [0], [0], [0]]},
            r"1 differ, the first for id 's0', label 'x' \(0 and 1\)",
        ),
        ({"target": [[np.nan], [1], [0], [0], [0]]}, r"\(0 and nan\)"),
        ({"groups": ["a", "b", "c", "d", "f"]}, "same groups .* id 's4' is in 'e' and in 'f'"),
    ],
)
def test_pairs_that_do_not_belong_together_are_refused(change, message):
    target = [[0], [1], [0], [0], [0]]
    ids = [f"s{i}" for i in range(5)]
    p = Predictions(ids, ("x",), np.zeros((5, 1)), target, list("abcde"))
    with pytest.raises(ValueError, match=message):
        align(p, _changed(p, **change))


def test_the_side_without_targets_is_named():
    p = made_predictions(0, n=4)
    with pytest.raises(ValueError, match="the first has none"):
        align(_changed(p, target=None), p)
