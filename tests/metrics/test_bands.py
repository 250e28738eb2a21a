import time

import numpy as np
import pytest
from oracles_metrics import binormal, polyline_top, rates_at, roc_vertices

from aucmax.metrics import average_precision, bands, precision_recall_band, roc_band
from aucmax.metrics._counts import counts
from aucmax.metrics._inputs import as_rows
from aucmax.metrics.resampling import draws
from aucmax.metrics.shift_model import ShiftModel

GRID = np.linspace(0, 1, 21)


def precision_at(scores, target, recall):
    for threshold in sorted(set(scores), reverse=True):
        _, found, precision = rates_at(scores, target, threshold)
        if found > 0 and found >= recall - 1e-12:
            return precision
    raise AssertionError(recall)


def rounded(seed=0, positives=12, negatives=25):
    scores, target = binormal(np.random.default_rng(seed), positives, negatives, 1.0)
    return np.round(scores, 1), target


def test_estimates_follow_the_curves():
    scores, target = rounded()
    band = roc_band(scores, target, grid=GRID, replicates=2)
    points = roc_vertices(scores, target)
    np.testing.assert_allclose(band.estimate, [polyline_top(points, x) for x in GRID], atol=1e-12)
    band = precision_recall_band(scores, target, grid=GRID, replicates=2)
    np.testing.assert_allclose(band.estimate, [precision_at(scores, target, r) for r in GRID])


@pytest.mark.parametrize("groups", [None, np.arange(37) // 2])
@pytest.mark.parametrize(
    ("band", "value"),
    [
        (roc_band, lambda s, y, x: polyline_top(roc_vertices(s, y), x)),
        (precision_recall_band, precision_at),
    ],
)
def test_limits_are_the_wider_of_percentiles_and_score_limits(band, value, groups):
    scores, target = rounded()
    rows = as_rows(scores, target)
    chosen = list(draws(rows, groups, 25, seed=5))
    values = [[value(scores[c], target[c], x) for x in GRID] for c in chosen]
    low, high = np.quantile(values, [0.05, 0.95], axis=0)
    found = band(scores, target, grid=GRID, level=0.9, replicates=25, seed=5, groups=groups)
    curve = bands._ROC if band is roc_band else bands._PRECISION
    model = ShiftModel(rows, groups, 5)
    score = bands._score_band(curve, model, GRID, found.estimate, 0.9)
    np.testing.assert_allclose(
        found.low, np.minimum(np.minimum(low, score[0]), found.estimate), atol=1e-12
    )
    np.testing.assert_allclose(
        found.high, np.maximum(np.maximum(high, score[1]), found.estimate), atol=1e-12
    )


@pytest.mark.parametrize("band", [roc_band, precision_recall_band])
def test_a_perfect_ranking_has_a_band_of_width(band):
    target = np.arange(60) > 52
    found = band(np.arange(60), target, grid=[0.25, 0.5, 0.75], replicates=50)
    assert (found.high == 1).all()
    assert (found.low < 0.9).all()


@pytest.mark.parametrize("name", ["_ROC", "_PRECISION"])
@pytest.mark.parametrize("beyond", [False, True])
def test_the_model_reaches_a_value_where_it_is_said_to(name, beyond):
    """Against the curve itself, drawn a little before and a little after."""
    curve, rng = getattr(bands, name), np.random.default_rng(0)
    positives, negatives = np.sort(rng.logistic(size=7))[::-1], np.sort(rng.logistic(size=23))
    grid, values = np.array([0.1, 0.3, 0.5, 0.8]), np.array([0.3, 0.5, 4 / 7, 0.9])
    reached = curve.reached((positives, negatives), grid, values, beyond)
    target = np.repeat([1, 0], [7, 23])
    for x, value, d in zip(grid, values, reached, strict=True):
        if np.isfinite(d):
            before, after = (
                curve.values(
                    counts(np.append(positives + t, negatives), target == 1), np.array([x])
                )
                for t in (d - 1e-9, d + 1e-9)
            )
            slack = 1e-12
            assert (after > value + slack) if beyond else (after >= value - slack)
            assert (before <= value + slack) if beyond else (before < value - slack)


def test_the_precision_steps_enclose_the_average_precision():
    scores, target = rounded(1)
    middles = (np.arange(12) + 0.5) / 12  # within each of the 12 steps of recall
    steps = precision_recall_band(scores, target, grid=middles, replicates=2).estimate
    assert steps.mean() == pytest.approx(average_precision(scores, target))


def test_limits_enclose_the_estimate_and_unknown_rows_do_not_count():
    scores, target = binormal(np.random.default_rng(0), 60, 90, 1.0)
    for function in (roc_band, precision_recall_band):
        band = function(scores, target, grid=GRID[1:], replicates=200)
        assert (band.low <= band.estimate + 1e-12).all()
        assert (band.estimate <= band.high + 1e-12).all()
        assert (band.high - band.low).max() < 0.8
        more = function(
            np.append(scores, 3), np.append(target, np.nan), grid=GRID[1:], replicates=200
        )
        for a, b in zip(band, more, strict=True):
            np.testing.assert_array_equal(a, b)


def test_five_hundred_draws_of_two_thousand_rows_take_well_under_a_second():
    scores, target = binormal(np.random.default_rng(0), 400, 1600, 1.0)
    start = time.perf_counter()
    roc_band(scores, target, grid=np.linspace(0, 1, 101))
    precision_recall_band(scores, target, grid=np.linspace(0, 1, 101))
    assert time.perf_counter() - start < 1  # about 0.05 s on an idle machine


def test_settings_are_checked():
    scores, target = [1, 2, 3, 4], [0, 1, 0, 1]
    for grid in ([], 0.5, [[0.5]], [0.5, 1.5], [np.nan]):
        with pytest.raises(ValueError, match=r"grid must be \(g,\) rates in \[0, 1\]"):
            roc_band(scores, target, grid=grid)
    with pytest.raises(ValueError, match="replicates must be >= 2, got 0"):
        precision_recall_band(scores, target, grid=[0.5], replicates=0)
    with pytest.raises(ValueError, match="level must lie in"):
        roc_band(scores, target, grid=[0.5], level=1)
