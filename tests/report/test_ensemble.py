"""Ensembles against loops over members, rows and pairs."""

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles_report import made_predictions, with_scores
from scipy.stats import rankdata

from aucmax.report import Predictions, ensemble_mean, ensemble_rank, read_predictions
from aucmax.report import write_predictions as write

A = made_predictions(0, n=12, labels=("x", "y"), unknown=0.2)
B, C = with_scores(A, 1, shift=0.5), with_scores(A, 2, shift=0.1)


def turned(p):
    """The same predictions with rows and labels in another order."""
    q = p.select(np.arange(len(p))[::-1])
    return replace(q, labels=q.labels[::-1], scores=q.scores[:, ::-1], target=q.target[:, ::-1])


@pytest.mark.parametrize("ensemble", [ensemble_mean, ensemble_rank])
def test_members_are_joined_by_id_and_label(ensemble):
    found, shuffled = ensemble([A, B, C]), ensemble([A, turned(B), turned(C)])
    assert found.scores.tolist() == shuffled.scores.tolist()
    assert (found.ids, found.labels) == (A.ids, A.labels)
    np.testing.assert_array_equal(found.target, A.target)


def test_the_mean_is_that_of_each_cell():
    found = ensemble_mean([A, B, C])
    for i in range(12):
        for k in range(2):
            cells = [p.scores[i, k] for p in (A, B, C)]
            assert found.scores[i, k] == pytest.approx(sum(cells) / 3)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.lists(st.integers(0, 4), min_size=5, max_size=5), min_size=2, max_size=4))
def test_the_rank_counts_who_is_below_and_shares_ties(columns):
    members = [
        Predictions(tuple("abcde"), ("x",), np.array(column, dtype=float)[:, None])
        for column in columns
    ]
    found = ensemble_rank(members).scores[:, 0]
    for i in range(5):
        places = [
            sum(c < column[i] for c in column) + (sum(c == column[i] for c in column) - 1) / 2
            for column in columns
        ]
        assert found[i] == pytest.approx((sum(places) / len(columns) + 0.5) / 5)
    np.testing.assert_allclose(found, np.mean([(rankdata(c) - 0.5) / 5 for c in columns], axis=0))
    assert 0 < found.min() <= found.max() < 1


def test_ranks_do_not_see_the_scale_of_a_member_and_the_mean_does():
    wide = replace(B, scores=np.exp(3 * B.scores))
    assert ensemble_rank([A, wide]).scores.tolist() == ensemble_rank([A, B]).scores.tolist()
    assert ensemble_mean([A, wide]).scores.tolist() != ensemble_mean([A, B]).scores.tolist()


@pytest.mark.parametrize("ensemble", [ensemble_mean, ensemble_rank])
def test_the_order_of_members_changes_no_bit(ensemble):
    results = {ensemble(list(order)).scores.tobytes() for order in permutations([A, B, C])}
    assert len(results) == 1


def test_what_any_member_knows_of_groups_holds():
    groups = np.array([f"patient {i // 2}" for i in range(12)])
    found = ensemble_mean([A, replace(B, groups=groups)])
    assert found.groups is not None
    assert found.groups.tolist() == groups.tolist()


def test_members_without_targets_make_an_ensemble_without(tmp_path):
    found = ensemble_rank([replace(A, target=None), replace(B, target=None)])
    assert found.target is None
    again = read_predictions(write(tmp_path / "both.csv", found))
    assert again.scores.tolist() == found.scores.tolist()


@pytest.mark.parametrize("ensemble", [ensemble_mean, ensemble_rank])
@pytest.mark.parametrize(
    ("members", "message"),
    [
        ([], "at least two members, got 0"),
        ([A], "at least two members, got 1"),
        (A, "at least two members, got 1"),
        ([A, B, C.select(range(10))], "member 3 does not match the first: .* same ids .* 2 only"),
        ([A, replace(B, labels=("x", "z"))], r"member 2 .* same labels .*'y'.*'z'"),
        ([A, replace(B, target=1 - A.target)], "member 2 .* same targets"),
        ([A, replace(B, target=None)], "member 2 .* needs targets on both sides"),
    ],
)
def test_members_that_do_not_match_are_refused(ensemble, members, message):
    with pytest.raises(ValueError, match=message):
        ensemble(members)
