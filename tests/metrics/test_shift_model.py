import numpy as np
import pytest
from oracles_metrics import binormal, pairwise_auc, slow_average_precision
from scipy import stats

from aucmax.metrics import (
    auroc,
    average_precision,
    bootstrap_interval,
    bootstrap_test,
    macro_auroc,
    one_vs_one_auroc,
    precision_at_k,
)
from aucmax.metrics._inputs import as_rows
from aucmax.metrics.precision_recall import AVERAGE_PRECISION
from aucmax.metrics.shift_model import OfCounts, OfScores, ShiftModel, _intraclass


def width(interval):
    return interval.high - interval.low


def plain(scores, target):
    """Average precision as a metric that the library does not know."""
    return slow_average_precision(list(scores), list(target))


def test_counts_and_scores_of_the_model_give_one_value():
    scores, target = binormal(np.random.default_rng(0), 6, 20, 1.0)
    rows = as_rows(scores, target)
    fast = OfCounts(AVERAGE_PRECISION.of_counts, rows.positive[:, 0])
    slow = OfScores(lambda s: plain(s[:, 0], target), rows)
    for noise in list(ShiftModel(rows, None, 0).noise())[:20]:
        for d in (-3.0, 0.0, 1.5, 6.0):
            one = fast.at(d, *fast.arranged(*noise))
            assert one == pytest.approx(slow.at(d, *slow.arranged(*noise)), abs=1e-12)


def test_the_population_is_that_of_two_logistic_classes():
    rows = as_rows(np.arange(50.0), np.arange(50) > 39)
    found = OfCounts(AVERAGE_PRECISION.of_counts, rows.positive[:, 0]).population(2.0)
    recall = (np.arange(20000) + 0.5) / 20000
    fpr = stats.logistic.sf(stats.logistic.isf(recall) + 2)
    assert found == pytest.approx(np.mean(recall / (recall + 4 * fpr)), abs=2e-3)


def test_limits_are_where_draws_as_high_or_as_low_are_rare():
    """The definition, with other draws: at the lower limit one in forty reaches the estimate."""
    scores, target = binormal(np.random.default_rng(1), 8, 60, 1.5)
    rows, estimate = as_rows(scores, target), average_precision(scores, target)
    fast = OfCounts(AVERAGE_PRECISION.of_counts, rows.positive[:, 0])
    low, high = ShiftModel(rows, None, 0).limits(fast, estimate, 0.95)
    grid = np.linspace(-3, 9, 1201)
    values = np.array([fast.population(d) for d in grid])
    others = [
        fast.arranged(*noise)
        for seed in (5, 6, 7)
        for noise in ShiftModel(rows, None, seed).noise()
    ]
    for limit, reaches in ((low, lambda v: v >= estimate), (high, lambda v: v <= estimate)):
        d = grid[np.argmin(np.abs(values - limit))]
        share = np.mean([reaches(fast.at(d, *noise)) for noise in others])
        assert 0.005 < share < 0.06


def test_known_and_unknown_forms_of_a_metric_have_nearly_the_same_limits():
    target = np.arange(60) > 53
    fast = bootstrap_interval(average_precision, np.arange(60), target, replicates=20)
    slow = bootstrap_interval(plain, np.arange(60), target, replicates=20)
    assert fast.high == slow.high == 1
    assert fast.low == pytest.approx(slow.low, abs=0.06)


@pytest.mark.parametrize("positives", [1, 5, 40])
def test_a_perfect_ranking_is_no_certainty(positives):
    target = np.arange(60) >= 60 - positives
    for metric in (
        average_precision,
        auroc,
        lambda s, t: precision_at_k(s, t, positives),
        lambda s, t: float(((s > 59 - positives) == t).mean()),  # looks at the scale of the scores
    ):
        interval = bootstrap_interval(metric, np.arange(60), target, replicates=20)
        assert interval.estimate == interval.high == 1
        assert interval.low < 0.999
    falls = bootstrap_interval(lambda s, t: 1 - auroc(s, t), np.arange(60), target, replicates=20)
    assert falls.estimate == falls.low == 0
    assert falls.high > 0.001


def test_several_labels_and_classes_are_no_certainty_either():
    target = np.eye(3)[np.arange(30) % 3]
    for metric in (macro_auroc, one_vs_one_auroc):
        interval = bootstrap_interval(metric, target, target, replicates=20)
        assert (interval.estimate, interval.high) == (1, 1)
        assert 0.5 < interval.low < 0.99


def test_constant_scores_one_group_and_copies():
    target = np.arange(40) % 4 == 0
    assert width(bootstrap_interval(average_precision, np.zeros(40), target, replicates=20)) > 0.1
    rng = np.random.default_rng(0)
    scores = rng.normal(size=40) + target
    alone = bootstrap_interval(
        average_precision, scores, target, replicates=200, groups=np.zeros(40)
    )
    assert width(alone) > 0.6
    single = bootstrap_interval(average_precision, scores, target, replicates=400)
    once = bootstrap_interval(
        average_precision, scores, target, replicates=400, groups=np.arange(40)
    )
    copies = bootstrap_interval(
        average_precision, np.repeat(scores, 10), np.repeat(target, 10), replicates=400,
        groups=np.repeat(np.arange(40), 10),
    )  # fmt: skip
    assert width(once) == pytest.approx(width(single), rel=0.2)
    assert width(copies) == pytest.approx(width(once), rel=0.05)


def test_likeness_of_a_groups_rows():
    rng = np.random.default_rng(0)
    groups, positive = np.repeat(np.arange(300), 5), np.repeat(np.arange(300) < 150, 5)
    for rho in (0.0, 0.5):
        common, own = rng.normal(size=300)[groups], rng.normal(size=1500)
        found = _intraclass(rho**0.5 * common + (1 - rho) ** 0.5 * own, positive, groups)
        assert found == pytest.approx(rho, abs=0.08)
    assert _intraclass(groups * 1.0, positive, groups) == 1
    assert _intraclass(rng.normal(size=1500), positive, np.arange(1500)) == 1


def test_a_metric_that_ignores_the_scores_has_no_width():
    target = np.arange(20) > 14
    interval = bootstrap_interval(lambda s, t: float(t.mean()), np.arange(20), target, replicates=9)
    assert interval.low == interval.estimate == interval.high == 0.25


def test_two_perfect_models_may_still_differ_and_equal_ones_do_not():
    target = np.arange(40) > 34
    a = np.arange(40.0)
    b = np.where(target, a + 10, -a)
    test = bootstrap_test(average_precision, a, b, target, replicates=50)
    assert test.difference.low < -0.02 < 0.02 < test.difference.high
    assert test.p_value == 1
    same = bootstrap_test(average_precision, a, a**3, target, replicates=50)
    assert (same.difference.low, same.difference.high, same.p_value) == (0, 0, 1)
    assert pairwise_auc(a, target) == 1
