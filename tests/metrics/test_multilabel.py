import numpy as np
import pytest
from hypothesis import given, settings
from oracles_metrics import delong_covariance, pairwise_auc, rankings
from scipy import stats

from aucmax.metrics import (
    UndefinedMetricWarning,
    auroc,
    auroc_interval,
    auroc_test,
    macro_auroc,
    macro_auroc_interval,
    macro_auroc_test,
)


def three_labels(seed=0, unknown=0.2, n=120):
    rng = np.random.default_rng(seed)
    target = (rng.normal(size=(n, 3)) + rng.normal(size=(n, 1)) > 0).astype(float)
    scores = target + rng.normal(size=(n, 3)) + rng.normal(size=(n, 1))
    target[rng.random((n, 3)) < unknown] = np.nan
    return scores, target, rng


def jackknife_error(scores, target, groups):
    """Delete one group at a time: a second way to the standard error of the macro AUC."""
    names = np.unique(groups)
    values = [macro_auroc(scores[groups != g], target[groups != g]) for g in names]
    return np.sqrt((len(names) - 1) * np.var(values))


def test_macro_is_the_mean_over_labels_that_have_both_classes():
    scores, target, _ = three_labels()
    known = [~np.isnan(target[:, k]) for k in range(3)]
    expected = np.mean([pairwise_auc(scores[r, k], target[r, k]) for k, r in enumerate(known)])
    assert macro_auroc(scores, target) == pytest.approx(expected)
    target[:, 1] = 0
    with pytest.warns(UndefinedMetricWarning, match=r"labels \[1\]"):
        value = macro_auroc(scores, target)
    assert value == pytest.approx(np.mean(auroc(scores[:, [0, 2]], target[:, [0, 2]])))


def test_no_label_with_both_classes_is_an_error():
    for function in (macro_auroc, macro_auroc_interval):
        with (
            pytest.warns(UndefinedMetricWarning),
            pytest.raises(ValueError, match="no label of target has both classes, got 2 labels"),
        ):
            function(np.zeros((3, 2)), np.ones((3, 2)))


@settings(deadline=None, max_examples=60)
@given(rankings(models=2))
def test_one_label_gives_the_plain_functions(case):
    a, b, target = case
    assert macro_auroc(a, target) == auroc(a, target)
    assert macro_auroc_interval(a, target) == auroc_interval(a, target)
    assert macro_auroc_test(a, b, target) == auroc_test(a, b, target)


@pytest.mark.parametrize("rows_per_group", [1, 3])
def test_standard_error_agrees_with_the_jackknife(rows_per_group):
    scores, target, _ = three_labels(n=300)
    groups = np.arange(300) // rows_per_group
    interval = macro_auroc_interval(scores, target, groups=groups)
    logits = np.log([interval.low / (1 - interval.low), interval.high / (1 - interval.high)])
    error = np.diff(logits)[0] / 2 / stats.norm.ppf(0.975)
    error *= interval.estimate * (1 - interval.estimate)
    assert error == pytest.approx(jackknife_error(scores, target, groups), rel=0.03)


def test_paired_test_agrees_with_the_jackknife():
    scores, target, rng = three_labels(n=300)
    other = scores + rng.normal(size=scores.shape)
    test = macro_auroc_test(scores, other, target)
    names = np.arange(300)
    gaps = [
        macro_auroc(scores[names != g], target[names != g])
        - macro_auroc(other[names != g], target[names != g])
        for g in names
    ]
    error = np.sqrt(299 * np.var(gaps))
    assert test.difference.estimate / test.z == pytest.approx(error, rel=0.03)
    assert test.difference.estimate == pytest.approx(
        macro_auroc(scores, target) - macro_auroc(other, target)
    )


def test_a_copied_label_changes_nothing_but_an_independent_one_narrows():
    scores, target, rng = three_labels(unknown=0)
    one = macro_auroc_interval(scores[:, :1], target[:, :1])
    twice = macro_auroc_interval(scores[:, [0, 0]], target[:, [0, 0]])
    assert (twice.low, twice.high) == pytest.approx((one.low, one.high))
    order = rng.permutation(len(scores))
    shuffled = np.column_stack([scores[:, 0], scores[order, 0]])
    apart = macro_auroc_interval(shuffled, np.column_stack([target[:, 0], target[order, 0]]))
    assert (apart.high - apart.low) / (one.high - one.low) == pytest.approx(2**-0.5, rel=0.1)


def test_a_perfect_label_adds_its_score_limits_in_square():
    scores, target, _ = three_labels(unknown=0)
    rare = (np.arange(120) < 3).astype(float)
    both = macro_auroc_interval(
        np.column_stack([scores[:, 0], rare]), np.column_stack([target[:, 0], rare])
    )
    other, perfect = auroc_interval(scores[:, 0], target[:, 0]), auroc_interval(rare, rare)
    value = (other.estimate + 1) / 2
    error = delong_covariance([scores[:, 0]], target[:, 0])[0, 0] ** 0.5 / 2
    spread = stats.norm.ppf(0.975) * error / (value * (1 - value))
    limits = 1 / (1 + np.exp(np.array([spread, -spread]) - np.log(value / (1 - value))))
    assert both.low == pytest.approx(value - np.hypot(value - limits[0], (1 - perfect.low) / 2))
    assert both.high == pytest.approx(limits[1])


def test_labels_that_are_all_perfect_get_the_mean_of_their_score_limits():
    target = np.column_stack([np.arange(20) < 3, np.arange(20) < 12])
    interval = macro_auroc_interval(target, target)
    alone = auroc_interval(target, target)
    assert (interval.estimate, interval.high) == (1, 1)
    assert interval.low == pytest.approx(np.mean([i.low for i in alone]))
