from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from oracles_metrics import area_within, pairwise_auc, rankings, roc_vertices, split
from sklearn.metrics import roc_auc_score

from aucmax.metrics import auroc, partial_auroc, two_way_partial_auroc

quick = settings(deadline=None, max_examples=80)
rates = st.sampled_from([0.0, 0.05, 0.1, 0.25, 0.3, 0.5, 0.7, 0.8, 0.9, 1.0])


@quick
@given(rankings(), rates, rates)
def test_both_kinds_of_range_against_clipped_trapezoids(case, low, high):
    assume(low < high)
    scores, target = case
    points = roc_vertices(scores, target)
    part = partial_auroc(scores, target, fpr=(low, high))
    assert part.raw == pytest.approx(area_within(points, low, high), abs=1e-12)
    assert part.normalised == pytest.approx(part.raw / (high - low))
    turned = [(tpr, 1 - fpr) for fpr, tpr in points]  # specificity over sensitivity
    part = partial_auroc(scores, target, tpr=(low, high))
    assert part.raw == pytest.approx(area_within(turned, low, high), abs=1e-12)


@quick
@given(rankings(), rates, rates)
def test_true_positive_range_is_the_other_class_seen_from_below(case, low, high):
    assume(low < high)
    scores, target = np.array(case[0]), np.array(case[1])
    ours = partial_auroc(scores, target, tpr=(low, high))
    swapped = partial_auroc(-scores, 1 - target, fpr=(1 - high, 1 - low))
    for name in ("raw", "normalised", "mcclish"):
        assert getattr(ours, name) == pytest.approx(getattr(swapped, name), abs=1e-12)


@quick
@given(rankings(), st.sampled_from([0.05, 0.1, 1 / 3, 0.8]))
def test_mcclish_is_sklearns_max_fpr(case, max_fpr):
    scores, target = case
    expected = roc_auc_score(target, scores, max_fpr=max_fpr)
    assert partial_auroc(scores, target, fpr=(0, max_fpr)).mcclish == pytest.approx(
        expected, abs=1e-12
    )


def isic_2024(scores, target, min_tpr=0.80):
    """The challenge's score as its public rules compute it: swap classes, undo McClish."""
    max_fpr = 1 - min_tpr
    scaled = roc_auc_score(1 - target, -scores, max_fpr=max_fpr)
    return 0.5 * max_fpr**2 + (max_fpr - 0.5 * max_fpr**2) / 0.5 * (scaled - 0.5)


@quick
@given(rankings(max_size=60))
def test_raw_above_80_percent_sensitivity_is_isic_2024(case):
    scores, target = np.array(case[0]), np.array(case[1])
    part = partial_auroc(scores, target, tpr=(0.8, 1))
    assert part.raw == pytest.approx(isic_2024(scores, target), abs=1e-12)
    assert -1e-15 <= part.raw <= 0.2 + 1e-15


def test_whole_range_is_the_auc_on_all_scales_and_bounds_hold():
    rng = np.random.default_rng(0)
    target = rng.integers(0, 2, 200)
    scores = rng.normal(size=200) + target
    for part in (
        partial_auroc(scores, target, fpr=(0, 1)),
        partial_auroc(scores, target, tpr=(0, 1)),
    ):
        for value in (part.raw, part.normalised, part.mcclish):
            assert value == pytest.approx(auroc(scores, target), abs=1e-14)
    constant = partial_auroc(np.zeros(200), target, fpr=(0.1, 0.4))
    assert constant.mcclish == pytest.approx(0.5)
    perfect = partial_auroc(target, target, tpr=(0.3, 0.6))
    assert (perfect.raw, perfect.normalised, perfect.mcclish) == pytest.approx((0.3, 1, 1))


def test_ranges_are_checked():
    scores, target = [1, 2, 3, 4], [0, 1, 0, 1]
    with pytest.raises(ValueError, match="exactly one of fpr and tpr, got fpr=None and tpr=None"):
        partial_auroc(scores, target)
    with pytest.raises(ValueError, match="exactly one of fpr and tpr"):
        partial_auroc(scores, target, fpr=(0, 0.5), tpr=(0.5, 1))
    for ends in ((0.5, 0.5), (0.6, 0.5), (-0.1, 0.5), (0.5, 1.1), (0, np.nan)):
        with pytest.raises(ValueError, match="fpr must be a range"):
            partial_auroc(scores, target, fpr=ends)
        with pytest.raises(ValueError, match="tpr must be a range"):
            partial_auroc(scores, target, tpr=ends)


def by_rows(scores, target, lowest, highest):
    """AUC of so many lowest positives against so many highest negatives."""
    pos, neg = (sorted(part) for part in split(scores, target))
    hard_pos, hard_neg = pos[:lowest], neg[::-1][:highest]
    return pairwise_auc(hard_pos + hard_neg, [1] * lowest + [0] * highest)


@quick
@given(st.permutations(range(12)), st.integers(1, 5), st.integers(1, 7))
def test_two_way_is_the_auc_of_the_hardest_rows(order, lowest, highest):
    target = [1] * 5 + [0] * 7
    value = two_way_partial_auroc(
        list(order), target, max_fpr=highest / 7, min_tpr=(5 - lowest) / 5
    )
    assert value == pytest.approx(by_rows(order, target, lowest, highest), abs=1e-14)


@quick
@given(rankings(min_size=8), rates, rates)
def test_two_way_is_the_area_of_the_corner(case, max_fpr, min_tpr):
    assume(max_fpr > 0 and min_tpr < 1)
    scores, target = case
    points = roc_vertices(scores, target)
    total = 0.0
    for (x0, y0), (x1, y1) in pairwise(points):
        if x0 < min(x1, max_fpr):
            end = min(x1, max_fpr)
            height = y0 + (y1 - y0) * (end - x0) / (x1 - x0)
            total += area_of_positive_part(y0 - min_tpr, height - min_tpr, end - x0)
    value = two_way_partial_auroc(scores, target, max_fpr=max_fpr, min_tpr=min_tpr)
    assert value == pytest.approx(total / (max_fpr * (1 - min_tpr)), abs=1e-12)


def area_of_positive_part(start, stop, width):
    """Of a line that rises from start to stop."""
    if stop <= 0:
        return 0.0
    if start >= 0:
        return width * (start + stop) / 2
    return width * stop**2 / (2 * (stop - start))


@pytest.mark.parametrize(("max_fpr", "min_tpr"), [(0.4, 0.6), (0.3, 0.3), (0.9, 0.2), (1, 0)])
def test_two_way_of_constant_scores_is_not_above_that_of_a_random_ranking(max_fpr, min_tpr):
    value = two_way_partial_auroc(np.zeros(20), [0, 1] * 10, max_fpr=max_fpr, min_tpr=min_tpr)
    chance = max(0, max_fpr - min_tpr) ** 2 / (2 * max_fpr * (1 - min_tpr))
    assert value == pytest.approx(chance, abs=1e-14)
    rng = np.random.default_rng(0)
    scores, target = rng.normal(size=20_000), np.arange(20_000) % 2
    random = two_way_partial_auroc(scores, target, max_fpr=max_fpr, min_tpr=min_tpr)
    assert random == pytest.approx(chance, abs=0.02)


def test_two_way_settings_are_checked():
    scores, target = [1, 2, 3, 4], [0, 1, 0, 1]
    for max_fpr, min_tpr in ((0, 0.5), (1.1, 0.5), (0.5, -0.1), (0.5, 1), (np.nan, 0.5)):
        with pytest.raises(ValueError, match=r"max_fpr must lie in \(0, 1\]"):
            two_way_partial_auroc(scores, target, max_fpr=max_fpr, min_tpr=min_tpr)
