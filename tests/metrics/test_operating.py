import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles_metrics import rankings, rates_at

from aucmax.metrics import operating_point, wilson_interval

quick = settings(deadline=None, max_examples=80)
wanted = st.sampled_from([0.05, 0.3, 0.5, 0.7, 0.9, 0.95, 1.0])


def all_points(scores, target):
    for threshold in [np.inf, *sorted(set(scores), reverse=True)]:
        fpr, tpr, _ = rates_at(scores, target, threshold)
        yield tpr, 1 - fpr, threshold


@quick
@given(rankings(), wanted)
def test_sensitivity_is_reached_at_the_best_specificity(case, value):
    scores, target = case
    reached = [
        (spec, sens, t) for sens, spec, t in all_points(scores, target) if sens >= value - 1e-9
    ]
    best = max(reached)
    point = operating_point(scores, target, sensitivity=value)
    found = point.specificity.estimate, point.sensitivity.estimate, point.threshold
    assert found == pytest.approx(best)


@quick
@given(rankings(), wanted)
def test_specificity_is_reached_at_the_best_sensitivity(case, value):
    scores, target = case
    reached = [
        (sens, spec, t) for sens, spec, t in all_points(scores, target) if spec >= value - 1e-9
    ]
    best = max(reached)
    point = operating_point(scores, target, specificity=value)
    found = point.sensitivity.estimate, point.specificity.estimate, point.threshold
    assert found == pytest.approx(best)


def test_the_four_rates_are_wilson_intervals_of_the_confusion_table():
    rng = np.random.default_rng(0)
    target = rng.integers(0, 2, 100)
    scores = rng.normal(size=100) + target
    point = operating_point(scores, target, sensitivity=0.8, level=0.9)
    called = scores >= point.threshold
    tp, fp = (called & (target == 1)).sum(), (called & (target == 0)).sum()
    fn, tn = (~called & (target == 1)).sum(), (~called & (target == 0)).sum()
    assert point.specificity == wilson_interval(tn, tn + fp, level=0.9)
    assert point.negative_predictive_value == wilson_interval(tn, tn + fn, level=0.9)
    for rate, total in ((point.sensitivity, tp + fn), (point.precision, tp + fp)):
        assert (rate.estimate, rate.high) == (
            tp / total,
            wilson_interval(tp, total, level=0.9).high,
        )
        # The positive that set the threshold counts for the upper limit alone.
        assert rate.low == wilson_interval(tp - 1, total, level=0.9).low


@pytest.mark.parametrize("copies", [1, 10])
def test_copies_of_rows_leave_the_rates_of_groups_as_they_were(copies):
    rng = np.random.default_rng(0)
    target = rng.integers(0, 2, 60)
    scores = rng.normal(size=60) + target
    plain = operating_point(scores, target, sensitivity=0.8)
    groups = np.repeat(np.arange(60), copies)
    found = operating_point(
        np.repeat(scores, copies), np.repeat(target, copies), sensitivity=0.8, groups=groups
    )
    for name in ("sensitivity", "specificity", "precision", "negative_predictive_value"):
        ours, theirs = getattr(found, name), getattr(plain, name)
        assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-9), name
    unaware = operating_point(np.repeat(scores, 10), np.repeat(target, 10), sensitivity=0.8)
    assert width(unaware.specificity) < 0.5 * width(plain.specificity)


def test_groups_of_unknown_rows_do_not_count():
    rng = np.random.default_rng(0)
    target = rng.integers(0, 2, 60).astype(float)
    scores, groups = rng.normal(size=60) + target, np.arange(60) // 3
    target[::7] = np.nan
    known = ~np.isnan(target)
    found = operating_point(scores, target, specificity=0.8, groups=groups)
    alone = operating_point(scores[known], target[known], specificity=0.8, groups=groups[known])
    assert found == alone


def width(interval):
    return interval.high - interval.low


def test_nothing_called_positive_or_negative():
    point = operating_point([1, 2, 3, 4], [0, 1, 1, 0], specificity=1)
    assert point.threshold == np.inf
    assert point.sensitivity.estimate == 0
    assert np.isnan([point.precision.estimate, point.precision.low, point.precision.high]).all()
    point = operating_point([1, 1, 1], [0, 1, 0], sensitivity=0.5)
    assert point.threshold == 1
    assert np.isnan(point.negative_predictive_value.estimate)
    assert point.precision.estimate == pytest.approx(1 / 3)


def test_the_threshold_of_float32_scores_keeps_their_decisions():
    rng = np.random.default_rng(0)
    scores, target = rng.random(50).astype(np.float32), np.arange(50) % 2
    point = operating_point(scores, target, sensitivity=0.6)
    assert (scores[target == 1] >= point.threshold).mean() == point.sensitivity.estimate


def test_settings_are_checked():
    scores, target = [1, 2, 3, 4], [0, 1, 0, 1]
    with pytest.raises(
        ValueError, match=r"exactly one of sensitivity and specificity, got sens.*=None"
    ):
        operating_point(scores, target)
    with pytest.raises(ValueError, match="exactly one of sensitivity and specificity"):
        operating_point(scores, target, sensitivity=0.5, specificity=0.5)
    for value in (0, 1.1, -1, np.nan):
        with pytest.raises(ValueError, match=r"sensitivity must lie in \(0, 1\], got"):
            operating_point(scores, target, sensitivity=value)
        with pytest.raises(ValueError, match=r"specificity must lie in \(0, 1\], got"):
            operating_point(scores, target, specificity=value)
    with pytest.raises(ValueError, match="level must lie in"):
        operating_point(scores, target, specificity=0.5, level=0)
