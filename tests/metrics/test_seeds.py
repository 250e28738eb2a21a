import numpy as np
import pytest
import torch
from hypothesis import given, settings
from oracles_metrics import binormal, delong_covariance, rankings
from scipy import stats

from aucmax.metrics import (
    auroc,
    auroc_interval,
    auroc_interval_over_seeds,
    auroc_test,
    auroc_test_over_seeds,
    macro_auroc,
    macro_auroc_interval,
    macro_auroc_test,
)
from aucmax.metrics.influence import influence


def runs(seeds=4, noise=1.0, seed=0):
    rng = np.random.default_rng(seed)
    common, target = binormal(rng, 90, 150, 1.2)
    return common + noise * rng.normal(size=(seeds, 240)), target


def expected_parts(values, sampling):
    """Standard error and degrees of freedom by the docstring's formula."""
    seeds = len(values)
    between = np.var(values, ddof=1) / seeds
    total = sampling + between
    return np.sqrt(total), (seeds - 1) * (total / between) ** 2


def test_interval_by_its_formula():
    scores, target = runs()
    values = [auroc(s, target) for s in scores]
    error, freedom = expected_parts(values, delong_covariance(scores, target).mean())
    interval = auroc_interval_over_seeds(scores, target)
    mean = np.mean(values)
    spread = stats.t.ppf(0.975, freedom) * error / (mean * (1 - mean))
    centre = np.log(mean / (1 - mean))
    expected = 1 / (1 + np.exp([spread - centre, -spread - centre]))
    assert interval.estimate == pytest.approx(mean)
    assert (interval.low, interval.high) == pytest.approx(expected, abs=1e-9)


def test_paired_test_by_its_formula():
    scores_a, target = runs()
    scores_b, _ = runs(noise=1.5)
    gaps = [auroc(a, target) - auroc(b, target) for a, b in zip(scores_a, scores_b, strict=True)]
    signs = np.repeat([1, -1], 4) / 4
    covariance = delong_covariance([*scores_a, *scores_b], target)
    sampling = signs @ covariance @ signs
    positive = target == 1
    rows = sum(w * influence(s, positive).rows for w, s in zip(signs, [*scores_a, *scores_b],
                                                               strict=True))  # fmt: skip
    of_rows = min(2 * (rows**2).sum() ** 2 / (rows**4).sum(), 89)
    between = np.var(gaps, ddof=1) / 4
    error = np.sqrt(sampling + between)
    freedom = error**4 / (between**2 / 3 + sampling**2 / of_rows)
    test = auroc_test_over_seeds(scores_a, scores_b, target)
    assert test.z == pytest.approx(np.mean(gaps) / error)
    assert test.p_value == pytest.approx(2 * stats.t.sf(abs(test.z), freedom), rel=1e-8)
    half = stats.t.ppf(0.975, freedom) * error
    assert test.difference.low == pytest.approx(np.mean(gaps) - half)


@settings(deadline=None, max_examples=40)
@given(rankings(models=2))
def test_one_seed_gives_the_plain_functions(case):
    a, b, target = case
    assert auroc_interval_over_seeds([a], target) == auroc_interval(a, target)
    assert auroc_test_over_seeds([a], [b], target) == auroc_test(a, b, target)
    twice = auroc_interval_over_seeds([a, a, a], target)  # seeds that agree add no information
    plain = auroc_interval(a, target)
    assert (twice.low, twice.high) == pytest.approx((plain.low, plain.high))


def test_several_labels_give_the_macro_functions_and_groups_pass_through():
    rng = np.random.default_rng(0)
    target = rng.integers(0, 2, (60, 3)).astype(float)
    target[::7, 1] = np.nan
    a, b = rng.normal(size=(2, 1, 60, 3)) + np.nan_to_num(target)
    groups = np.arange(60) // 4
    assert auroc_interval_over_seeds(a, target, groups=groups) == macro_auroc_interval(
        a[0], target, groups=groups
    )
    assert auroc_test_over_seeds(a, b, target, groups=groups) == macro_auroc_test(
        a[0], b[0], target, groups=groups
    )
    both = np.concatenate([a, b])
    interval = auroc_interval_over_seeds(torch.tensor(both), torch.tensor(target), level=0.9)
    assert interval.estimate == pytest.approx(
        (macro_auroc(a[0], target) + macro_auroc(b[0], target)) / 2
    )
    assert interval == auroc_interval_over_seeds(list(torch.tensor(both)), target, level=0.9)


def test_shared_seeds_cancel():
    rng = np.random.default_rng(0)
    common, target = binormal(rng, 40, 60, 0.0)
    shift = np.array([[0.5], [1.5], [2.5]]) * target  # seeds differ a lot, in both methods alike
    a, b = common + shift, common + shift - 0.3 * target
    paired = auroc_test_over_seeds(a, b, target)
    crossed = auroc_test_over_seeds(a, b[[2, 0, 1]], target)
    assert paired.p_value < 0.05 < 0.2 < crossed.p_value
    assert paired.difference.estimate == pytest.approx(crossed.difference.estimate)


def test_shapes_are_checked():
    scores, target = runs()
    with pytest.raises(
        ValueError, match=r"scores must be \(S, n\) .* got \(240,\) and \(240,\); one run is"
    ):
        auroc_interval_over_seeds(scores[0], target)
    with pytest.raises(ValueError, match=r"paired by seed, got 4 in scores_a and 3 in scores_b"):
        auroc_test_over_seeds(scores, scores[:3], target)
    with pytest.raises(ValueError, match=r"scores_b must be \(S, n\)"):
        auroc_test_over_seeds(scores, scores[0], target)
    with pytest.raises(ValueError, match=r"both be \(n,\) or both \(n, L\), got scores \(240,\)"):
        auroc_interval_over_seeds(scores, target[:-1])
