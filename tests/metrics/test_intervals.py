from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from oracles_metrics import binormal, delong_covariance, rankings
from scipy import stats

from aucmax.metrics import auroc, auroc_interval, auroc_test
from aucmax.metrics.influence import Estimate, difference, influence
from aucmax.metrics.influence import difference as difference_of
from aucmax.metrics.intervals import paired_test
from aucmax.metrics.score_interval import score_limits


def logit_limits(auc, error, quantile):
    centre, spread = np.log(auc / (1 - auc)), quantile * error / (auc * (1 - auc))
    return tuple(1 / (1 + np.exp(-x)) for x in (centre - spread, centre + spread))


@pytest.mark.parametrize("level", [0.5, 0.95, 0.99])
def test_interval_is_delongs_on_the_logit_scale(level):
    scores, target = binormal(np.random.default_rng(0), 70, 160, 1.0)
    scores = np.round(scores, 1)
    interval = auroc_interval(scores, target, level=level)
    error = np.sqrt(delong_covariance([scores], target)[0, 0])
    expected = logit_limits(auroc(scores, target), error, stats.norm.ppf((1 + level) / 2))
    assert (interval.low, interval.high) == pytest.approx(expected, abs=1e-12)
    assert (interval.estimate, interval.level) == (auroc(scores, target), level)


def test_paired_test_is_delongs():
    rng = np.random.default_rng(0)
    a, target = binormal(rng, 25, 60, 1.5)
    b = np.round(a + rng.normal(size=85), 1)
    test = auroc_test(a, b, target)
    cov = delong_covariance([a, b], target)
    error = np.sqrt(cov[0, 0] + cov[1, 1] - 2 * cov[0, 1])
    difference = auroc(a, target) - auroc(b, target)
    assert test.z == pytest.approx(difference / error, rel=1e-10)
    u = difference_of(influence(a, target == 1), influence(b, target == 1)).rows
    freedom = min(2 * (u**2).sum() ** 2 / (u**4).sum(), 24)
    assert test.p_value == pytest.approx(2 * stats.t.sf(abs(test.z), freedom), rel=1e-9)
    interval = test.difference
    assert interval.estimate == pytest.approx(difference)
    half = stats.t.ppf(0.975, freedom) * error
    assert (interval.low, interval.high) == pytest.approx((difference - half, difference + half))
    swapped = auroc_test(b, a, target)
    assert (swapped.z, swapped.p_value) == pytest.approx((-test.z, test.p_value))


@settings(deadline=None, max_examples=60)
@given(rankings(models=2))
def test_limits_enclose_the_estimate_and_stay_in_range(case):
    a, b, target = case
    interval = auroc_interval(a, target)
    assert 0 <= interval.low <= interval.estimate <= interval.high <= 1
    assert interval.high - interval.low > 0.01  # never a point, with at most 40 rows
    test = auroc_test(a, b, target)
    assert -1 <= test.difference.low <= test.difference.estimate <= test.difference.high <= 1
    assert 0 <= test.p_value <= 1


def test_labels_are_judged_one_by_one_with_their_known_rows():
    rng = np.random.default_rng(0)
    scores, other = rng.normal(size=(2, 80, 3))
    target = rng.integers(0, 2, (80, 3)).astype(float)
    target[rng.random((80, 3)) < 0.2] = np.nan
    groups = rng.integers(0, 30, 80)
    intervals = auroc_interval(scores, target, groups=groups)
    tests = auroc_test(scores, other, target, groups=groups)
    for k in range(3):
        known = ~np.isnan(target[:, k])
        rows = scores[known, k], target[known, k]
        alone = auroc_interval(*rows, groups=groups[known])
        assert (intervals[k].low, intervals[k].high) == pytest.approx((alone.low, alone.high))
        pair = auroc_test(rows[0], other[known, k], rows[1], groups=groups[known])
        assert tests[k].p_value == pytest.approx(pair.p_value)


def test_perfect_and_single_positive_data_get_the_score_interval():
    for scores, target in (
        ([1, 2, 3, 4, 5, 6], [0, 0, 0, 0, 1, 1]),
        ([1, 2, 3, 4, 5, 6], [1, 1, 0, 0, 0, 0]),
        ([1, 2, 3, 4, 5, 6], [0, 0, 0, 1, 0, 0]),
        ([1, 2, 3, 4, 5, 6], [0, 1, 1, 1, 1, 1]),
        (list(range(30)), [0] * 28 + [1, 0]),
        (list(range(30)), [0] * 15 + [1] * 15),
        ([2, 2, 2, 2, 2, 2], [0, 1, 0, 1, 0, 1]),
    ):
        interval = auroc_interval(scores, target)
        m = sum(target)
        expected = score_limits(interval.estimate, m, len(target) - m, 0.95)
        assert (interval.low, interval.high) == pytest.approx(expected, abs=1e-12)


def test_few_positives_get_the_wider_limit_on_each_side():
    rng = np.random.default_rng(1)
    scores, target = binormal(rng, 4, 200, 1.5)
    interval = auroc_interval(scores, target)
    error = np.sqrt(delong_covariance([scores], target)[0, 0])
    delong = logit_limits(interval.estimate, error, stats.t.ppf(0.975, 4))
    score = score_limits(interval.estimate, 4, 200, 0.95)
    assert interval.low == pytest.approx(min(delong[0], score[0]))
    assert interval.high == pytest.approx(max(delong[1], score[1]))


def test_models_that_rank_alike_differ_by_nothing():
    scores, target = binormal(np.random.default_rng(0), 20, 30, 1.0)
    test = auroc_test(scores, np.exp(scores), target)
    assert (test.z, test.p_value) == (0, 1)
    assert (test.difference.low, test.difference.estimate, test.difference.high) == (0, 0, 0)


def test_two_perfect_models_may_still_differ():
    target = np.arange(10) > 4
    test = auroc_test(np.arange(10), np.arange(10) ** 3, target)
    assert (test.difference.estimate, test.p_value) == (0, 1)
    assert test.difference.low < -0.1 < 0.1 < test.difference.high


def test_rows_that_move_alike_or_cancel_are_not_taken_for_certainty():
    a, b, target = [4, 2, 1, 3], [4, 1, 2, 3], [1, 1, 0, 0]
    groups = [0, 1, 1, 0]  # in each, the influence of the positive and of the negative cancel
    copies = [2 * copy + g for copy in range(10) for g in groups]
    interval = auroc_interval(a * 10, target * 10, groups=copies)
    assert (interval.low, interval.high) == pytest.approx(score_limits(0.75, 20, 20, 0.95))
    positive = np.array(target) == 1
    gap = difference(influence(np.array(a), positive), influence(np.array(b), positive))
    alike = Estimate(tuple(replace(p, rows=np.zeros(4), error=0.0) for p in gap.parts))
    test = paired_test(alike, alike.variance(None), 0.95)
    assert test.difference.estimate == 0.25
    assert test.difference.high - test.difference.low > 0.5
    assert test.p_value > 0.1


def test_perfect_against_perfectly_wrong_is_significant_only_with_enough_rows():
    for n, low, high in ((1, 0.05, 0.5), (2, 0.01, 0.1), (20, 0.0, 1e-9)):
        target = np.arange(2 * n) >= n
        assert low <= auroc_test(target, ~target, target).p_value <= high


def test_an_auc_with_few_misplaced_rows_is_compared_with_its_score_interval():
    scores, target = binormal(np.random.default_rng(0), 60, 500, 3.5)
    scores[:4] -= 3
    interval = auroc_interval(scores, target)
    error = np.sqrt(delong_covariance([scores], target)[0, 0])
    freedom = max(influence(scores, target == 1).freedom(None), 4)
    delong = logit_limits(interval.estimate, error, stats.t.ppf(0.975, freedom))
    score = score_limits(interval.estimate, 60, 500, 0.95)
    assert interval.low == pytest.approx(min(delong[0], score[0]))
    assert interval.high == pytest.approx(max(delong[1], score[1]))


def test_an_interval_and_its_p_value_agree():
    rng = np.random.default_rng(0)
    for positives in (3, 6, 12, 40):
        for _ in range(40):
            a, target = binormal(rng, positives, 60, 2.0)
            b = a + rng.normal(size=len(a))
            test = auroc_test(a, b, target)
            outside = test.difference.low > 0 or test.difference.high < 0
            assert outside == (test.p_value < 0.05)
