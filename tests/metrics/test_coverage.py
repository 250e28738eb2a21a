"""Do intervals hold the truth as often as they say? Seeded simulations, with known true AUCs."""

import numpy as np
import pytest
from oracles_metrics import binormal
from scipy import stats

from aucmax.metrics import auroc as area
from aucmax.metrics import (
    auroc_interval,
    auroc_interval_over_seeds,
    auroc_test,
    auroc_test_over_seeds,
    average_precision,
    bootstrap_interval,
    macro_auroc_interval,
    operating_point,
)

REPEATS = 600  # the standard error of a coverage of 95 % is then 0.9 %


def binormal_auc(shift, spread=2**0.5):
    return stats.norm.cdf(shift / spread)


def coverage(draw, truth, repeats=REPEATS):
    intervals = [draw() for _ in range(repeats)]
    return np.mean([i.low <= truth <= i.high for i in intervals])


@pytest.mark.parametrize("positives", [1, 2, 4, 12, 50])
@pytest.mark.parametrize("shift", [0.5, 1.5, 2.5])
def test_auroc_interval_from_one_positive_to_many(positives, shift):
    rng = np.random.default_rng(positives)
    found = coverage(
        lambda: auroc_interval(*binormal(rng, positives, 80, shift)), binormal_auc(shift)
    )
    assert 0.915 <= found <= 1.0


def grouped(rng, patients, rows):
    """Rows of a patient share a strong effect; each patient has both classes at random."""
    groups = np.repeat(np.arange(patients), rows)
    target = rng.integers(0, 2, patients * rows)
    effect = rng.normal(scale=1.5, size=patients)[groups] * (2 * target - 1)
    return effect + target + rng.normal(size=len(groups)), target, groups


def test_patients_need_groups():
    rng = np.random.default_rng(0)
    truth = binormal_auc(1, np.sqrt(2 * (1 + 1.5**2)))
    data = [grouped(rng, 40, 6) for _ in range(REPEATS)]
    hits = {}
    for name in ("with", "without"):
        kept = [auroc_interval(s, y, groups=g if name == "with" else None) for s, y, g in data]
        hits[name] = np.mean([i.low <= truth <= i.high for i in kept])
    assert 0.92 <= hits["with"] <= 0.98
    assert hits["without"] < 0.85


def test_macro_interval_knows_that_labels_share_rows():
    rng = np.random.default_rng(0)

    def draw():
        shared = rng.normal(size=(90, 1))
        target = (rng.normal(size=(90, 3)) + shared > 0.8).astype(float)
        scores = target + rng.normal(size=(90, 3)) * 0.6 + 0.8 * rng.normal(size=(90, 1))
        return macro_auroc_interval(scores, target)

    assert 0.92 <= coverage(draw, binormal_auc(1)) <= 0.98


@pytest.mark.parametrize(("positives", "low"), [(1, 0.0), (8, 0.0), (30, 0.02)])
def test_paired_test_keeps_its_level(positives, low):
    rng = np.random.default_rng(positives)
    rejected = 0
    for _ in range(REPEATS):
        common, target = binormal(rng, positives, 60, 1.2)
        a, b = (common + 0.7 * rng.normal(size=len(target)) for _ in range(2))
        rejected += auroc_test(a, b, target).p_value < 0.05
    assert low <= rejected / REPEATS <= 0.08


def seeded_runs(rng, seeds, mean_shift=1.2, spread=0.3):
    """Scores (S, n) whose true shift varies from seed to seed, on one common test set."""
    common, target = binormal(rng, 40, 80, 0.0)
    shifts = rng.normal(mean_shift, spread, size=(seeds, 1))
    own = 0.6 * rng.normal(size=(seeds, 120))
    return 0.8 * common + own + shifts * target, target


@pytest.mark.parametrize("seeds", [2, 3, 8])
def test_interval_over_seeds_covers_the_mean_over_all_seeds(seeds):
    rng = np.random.default_rng(seeds)
    truth = binormal_auc(1.2, np.sqrt(2 + 0.3**2))
    found = coverage(lambda: auroc_interval_over_seeds(*seeded_runs(rng, seeds)), truth)
    assert 0.93 <= found <= 0.995


def test_one_seed_says_nothing_about_the_others():
    rng = np.random.default_rng(0)
    truth = binormal_auc(1.2, np.sqrt(2 + 0.3**2))
    found = coverage(lambda: auroc_interval_over_seeds(*seeded_runs(rng, 1)), truth)
    assert found < 0.9


def test_test_over_seeds_keeps_its_level():
    rng = np.random.default_rng(0)
    rejected = 0
    for _ in range(REPEATS):
        scores, target = seeded_runs(rng, 6)
        rejected += auroc_test_over_seeds(scores[:3], scores[3:], target).p_value < 0.05
    assert rejected / REPEATS <= 0.07


def test_bootstrap_interval_covers_like_delongs():
    rng = np.random.default_rng(0)

    def draw():
        return bootstrap_interval(area, *binormal(rng, 30, 60, 1.0), replicates=150)

    assert 0.90 <= coverage(draw, binormal_auc(1), repeats=120) <= 1


def near_perfect(rng, positives, shift, copies):
    """Rows of a patient are of one class and alike, or there is one row of each."""
    scores, target = binormal(rng, positives, 19 * positives, shift)
    groups = np.repeat(np.arange(len(target)), copies)
    scores = scores[groups] + (0.3 * rng.normal(size=len(groups)) if copies > 1 else 0)
    return scores, target[groups], groups


@pytest.mark.parametrize("copies", [1, 4])
@pytest.mark.parametrize("positives", [5, 20])
def test_intervals_of_average_precision_cover_where_draws_cannot_differ(positives, copies):
    rng = np.random.default_rng(positives)
    shift, spread = 4.5, 1.0 if copies == 1 else np.sqrt(1.09)
    recall = (np.arange(4000) + 0.5) / 4000
    fpr = stats.norm.sf(stats.norm.isf(recall) + shift / spread)
    truth = np.mean(recall / (recall + 19 * fpr))

    def draw():
        scores, target, groups = near_perfect(rng, positives, shift, copies)
        groups = None if copies == 1 else groups
        return bootstrap_interval(average_precision, scores, target, replicates=20, groups=groups)

    intervals = [draw() for _ in range(25)]
    assert np.mean([i.low <= truth <= i.high for i in intervals]) >= 0.88
    assert min(i.high - i.low for i in intervals) > 0.02


def test_rates_of_an_operating_point_cover_with_groups():
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(REPEATS):
        target = rng.integers(0, 2, 60)
        groups = np.repeat(np.arange(60), 10)
        scores = (0.9 * rng.normal(size=60) + target)[groups] + 0.44 * rng.normal(size=600)
        point = operating_point(scores, target[groups], sensitivity=0.9, groups=groups)
        truth = stats.norm.cdf(point.threshold / np.hypot(0.9, 0.44))
        hits += point.specificity.low <= truth <= point.specificity.high
    assert 0.92 <= hits / REPEATS <= 0.99
