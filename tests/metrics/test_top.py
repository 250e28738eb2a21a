from itertools import permutations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles_metrics import rankings

from aucmax.metrics import (
    UndefinedMetricWarning,
    bootstrap_interval,
    operating_point,
    precision_at_k,
    recall_at_k,
)

NAN = float("nan")
quick = settings(deadline=None, max_examples=60)
both = pytest.mark.parametrize("function", [precision_at_k, recall_at_k])


def mean_hits(scores, target, k):
    """Positives among the first k, a mean over every order that ties allow."""
    hits = [
        sum(target[i] for i in sorted(order, key=lambda i: -scores[i])[:k])  # a stable sort
        for order in permutations(range(len(scores)))
    ]
    return sum(hits) / len(hits)


@settings(deadline=None, max_examples=40)
@given(rankings(st.integers(-1, 1).map(float), max_size=6))
def test_ties_count_by_the_mean_over_all_ways_to_break_them(case):
    scores, target = case
    for k in range(1, len(scores) + 1):
        hits = mean_hits(scores, target, k)
        assert precision_at_k(scores, target, k) == pytest.approx(hits / k, abs=1e-14)
        assert recall_at_k(scores, target, k) == pytest.approx(hits / sum(target), abs=1e-14)


@quick
@given(rankings(st.floats(allow_nan=False)))
def test_precision_times_k_is_recall_times_positives_and_only_grows(case):
    scores, target = case
    k = np.arange(1, len(scores) + 1)
    precision, recall = precision_at_k(scores, target, k), recall_at_k(scores, target, k)
    np.testing.assert_allclose(precision * k, recall * sum(target), atol=1e-12)
    assert (np.diff(recall) >= -1e-12).all()
    assert (np.diff(precision * k) <= 1 + 1e-12).all()
    assert (precision >= 0).all()
    assert (precision <= 1).all()
    assert precision[-1] == np.mean(target)
    assert recall[-1] == 1
    assert precision[sum(target) - 1] == pytest.approx(recall[sum(target) - 1])


@quick
@given(rankings(st.integers(-30, 30).map(float)), st.randoms(use_true_random=False), st.data())
def test_monotone_maps_and_permutations_change_nothing(case, random, data):
    scores, target = np.array(case[0]), np.array(case[1])
    k = data.draw(st.integers(1, len(scores)))
    order = random.sample(range(len(scores)), len(scores))
    for function in (precision_at_k, recall_at_k):
        expected = function(scores, target, k)
        assert function(np.exp(scores / 10), target, k) == expected
        assert function(scores[order], target[order], k) == expected


@quick
@given(rankings())
def test_swapping_the_classes_gives_the_complement(case):
    scores, target = np.array(case[0]), np.array(case[1])
    k = np.arange(1, len(scores) + 1)
    np.testing.assert_allclose(
        precision_at_k(scores, 1 - target, k), 1 - precision_at_k(scores, target, k), atol=1e-14
    )


def test_without_ties_it_is_what_the_threshold_of_the_kth_score_gives():
    rng = np.random.default_rng(0)
    target = rng.integers(0, 2, 200)
    scores = rng.normal(size=200) + target
    point = operating_point(scores, target, sensitivity=0.8)
    k = int((scores >= point.threshold).sum())
    assert precision_at_k(scores, target, k) == pytest.approx(point.precision.estimate)
    assert recall_at_k(scores, target, k) == pytest.approx(point.sensitivity.estimate)


def test_constant_scores_give_the_prevalence():
    target = [1, 0, 0, 0, 1]
    assert precision_at_k([7.0] * 5, target, [1, 2, 5]).tolist() == pytest.approx([0.4] * 3)
    assert recall_at_k([7.0] * 5, target, [1, 2, 5]).tolist() == pytest.approx([0.2, 0.4, 1.0])


@both
def test_shapes_follow_the_arguments(function):
    rng = np.random.default_rng(0)
    scores, target = rng.normal(size=(9, 2)), np.arange(18).reshape(9, 2) % 4 < 2
    one = function(scores[:, 0], target[:, 0], 3)
    assert isinstance(one, float)
    assert function(scores[:, :1], target[:, :1], 3) == one
    assert function(scores, target, 3).shape == (2,)
    assert function(scores, target, [3]).shape == (2, 1)
    table = function(scores, target, [5, 3, 9])
    assert table.shape == (2, 3)
    for label in range(2):
        for column, k in enumerate([5, 3, 9]):
            assert table[label, column] == function(scores[:, label], target[:, label], k)
    for k in (np.int16(3), np.array(3), torch.tensor(3), np.uint8(3)):
        assert function(scores[:, 0], target[:, 0], k) == one
    for k in ((3,), np.array([3]), torch.tensor([3])):
        assert function(scores[:, 0], target[:, 0], k).tolist() == [one]


@both
def test_unknown_targets_are_dropped_label_by_label(function):
    rng = np.random.default_rng(1)
    scores = rng.integers(0, 5, size=(40, 3)).astype(float)
    target = rng.integers(0, 2, size=(40, 3)).astype(float)
    target[rng.random((40, 3)) < 0.3] = NAN
    values = function(scores, target, [1, 7, 15])
    for label in range(3):
        known = ~np.isnan(target[:, label])
        alone = function(scores[known, label], target[known, label], [1, 7, 15])
        np.testing.assert_array_equal(values[label], alone)
        np.testing.assert_array_equal(function(scores[:, label], target[:, label], 7), alone[1])


@both
def test_a_label_with_fewer_known_rows_is_nan_with_a_warning(function):
    scores = np.arange(12.0).reshape(4, 3)
    target = np.array([[1, NAN, NAN], [0, NAN, NAN], [1, 1, NAN], [1, 0, NAN]])
    with pytest.warns(UndefinedMetricWarning) as caught:
        values = function(scores, target, [2, 3])
    texts = [str(warning.message) for warning in caught]
    assert texts[-1] == "labels [1, 2] have fewer than k known rows: their value is nan"
    assert {warning.filename for warning in caught} == {__file__}
    assert np.isnan(values).tolist() == [[False, False], [False, True], [True, True]]


def test_precision_needs_no_positive_but_recall_does():
    scores, target = np.arange(6.0).reshape(3, 2), np.array([[0, 1], [0, 0], [0, 1]])
    assert precision_at_k(scores, target, 2).tolist() == [0, 0.5]
    assert precision_at_k(scores[:, 0], 1 - target[:, 0], 2) == 1
    with pytest.warns(UndefinedMetricWarning, match=r"labels \[0\] have no positive: their recall"):
        values = recall_at_k(scores, target, 2)
    np.testing.assert_array_equal(values, [NAN, 0.5])
    with pytest.raises(ValueError, match="target must hold a positive, got none in 3 rows: recall"):
        recall_at_k(scores[:, 0], target[:, 0], 2)


S, T = [0.1, 0.2, 0.3, 0.4], [0, 1, 0, NAN]


@both
@pytest.mark.parametrize(
    ("k", "error", "message"),
    [
        (0, ValueError, "k must lie in 1 to 3, the number of known rows, got 0"),
        (4, ValueError, "k must lie in 1 to 3, the number of known rows, got 4"),
        ([9, 1, -2], ValueError, "the number of known rows, got -2, 9"),
        (0.5, TypeError, "k must be a whole number of rows, or a sequence of them, got 0.5; a sha"),
        (2.0, TypeError, "a share s of n rows is max(1, round(s * n))"),
        (True, TypeError, "k must be a whole number of rows"),
        ("10", TypeError, "k must be a whole number of rows"),
        ([[1], [2]], ValueError, "k must be one number or a sequence of them, got shape (2, 1)"),
        (np.zeros(0, int), ValueError, "a sequence of them, got shape (0,)"),
    ],
)
def test_k_is_checked(function, k, error, message):
    with pytest.raises(error) as caught:
        function(S, T, k)
    assert message in str(caught.value)


@both
def test_scores_and_target_are_checked(function):
    with pytest.raises(ValueError, match="scores must not hold NaN"):
        function([NAN, 1.0], [0, 1], 1)
    with pytest.raises(ValueError, match="target must hold 0, 1 or NaN"):
        function([0.0, 1.0], [0, 2], 1)
    with pytest.raises(ValueError, match="must both be"):
        function([0.0, 1.0], [0, 1, 1], 1)


def test_the_bootstrap_takes_them():
    rng = np.random.default_rng(0)
    target = np.arange(80) < 20
    scores = rng.normal(size=80) + target
    interval = bootstrap_interval(
        lambda s, y: precision_at_k(s, y, 10), scores, target, replicates=200
    )
    assert interval.estimate == precision_at_k(scores, target, 10)
    assert 0 < interval.low < interval.high <= 1
