import numpy as np
import pytest
from oracles_metrics import binormal
from sklearn.metrics import roc_auc_score

from aucmax.metrics import (
    UndefinedMetricWarning,
    auroc,
    auroc_interval,
    auroc_test,
    average_precision,
    bootstrap_interval,
    bootstrap_test,
    macro_auroc,
    macro_auroc_interval,
)
from aucmax.metrics._inputs import as_rows
from aucmax.metrics.resampling import Members, draws


def width(interval):
    return interval.high - interval.low


def test_limits_are_percentiles_of_stratified_draws():
    scores, target = binormal(np.random.default_rng(0), 80, 90, 1.0)
    seen = []

    def metric(s, y):
        seen.append((s, y))
        return average_precision(s, y)

    interval = bootstrap_interval(metric, scores, target, replicates=200, level=0.8, seed=3)
    assert len(seen) == 201
    for s, y in seen:
        assert y.sum() == 80
        assert set(s[y == 1]) <= set(scores[:80])
        assert set(s[y == 0]) <= set(scores[80:])
    values = [average_precision(s, y) for s, y in seen[:-1]]
    assert (interval.low, interval.high) == pytest.approx(np.quantile(values, [0.1, 0.9]))
    assert interval.estimate == average_precision(scores, target)


def test_same_seed_same_limits_and_no_global_state():
    scores, target = binormal(np.random.default_rng(0), 20, 50, 1.0)
    before = np.random.get_state()[1].tolist()
    first, again, other = (
        bootstrap_interval(auroc, scores, target, replicates=50, seed=s) for s in (1, 1, 2)
    )
    assert first == again != other
    assert np.random.get_state()[1].tolist() == before


def test_width_agrees_with_delongs_and_any_metric_will_do():
    scores, target = binormal(np.random.default_rng(0), 60, 120, 1.0)
    ours = bootstrap_interval(auroc, scores, target, replicates=1000)
    assert width(ours) == pytest.approx(width(auroc_interval(scores, target)), rel=0.12)
    theirs = bootstrap_interval(lambda s, y: roc_auc_score(y, s), scores, target, replicates=20)
    mine = bootstrap_interval(auroc, scores, target, replicates=20)
    assert (theirs.low, theirs.high) == pytest.approx((mine.low, mine.high))


def test_groups_are_drawn_whole():
    codes = np.array([2, 0, 0, 1, 2, 2])
    members = Members(codes)
    generator = np.random.default_rng(0)
    sizes = set()
    for _ in range(50):
        chosen = members.draw(generator)
        sizes.add(len(chosen))
        drawn = {g: (codes[chosen] == g).sum() for g in range(3)}
        assert drawn[0] % 2 == 0
        assert drawn[2] % 3 == 0
        assert drawn[0] / 2 + drawn[1] + drawn[2] / 3 == 3
        for row in range(6):  # all rows of a group occur equally often
            assert (chosen == row).sum() * (codes == codes[row]).sum() == drawn[codes[row]]
    assert len(sizes) > 3


def test_grouped_width_agrees_with_obuchowskis():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(80), 4)
    target = rng.integers(0, 2, 320)
    scores = rng.normal(size=80)[groups] * (2 * target - 1) + target + rng.normal(size=320)
    ours = bootstrap_interval(auroc, scores, target, groups=groups, replicates=600)
    assert width(ours) == pytest.approx(
        width(auroc_interval(scores, target, groups=groups)), rel=0.12
    )


def test_several_labels_draw_rows():
    rng = np.random.default_rng(0)
    target = rng.integers(0, 2, (150, 3)).astype(float)
    scores = target + rng.normal(size=(150, 3))
    target[rng.random((150, 3)) < 0.2] = np.nan
    ours = bootstrap_interval(macro_auroc, scores, target, replicates=400)
    assert width(ours) == pytest.approx(width(macro_auroc_interval(scores, target)), rel=0.15)


def test_a_rare_label_is_in_every_draw():
    target = np.zeros((30, 2))
    target[:15, 0] = target[0, 1] = 1
    rows = as_rows(np.zeros((30, 2)), target)
    for chosen in draws(rows, None, 50, seed=0):
        assert 0 in chosen


def test_undefined_labels_warn_once_and_unknown_rows_are_dropped():
    rng = np.random.default_rng(0)
    scores, target = rng.normal(size=(40, 2)), rng.integers(0, 2, (40, 2)).astype(float)
    target[:, 1] = 1
    with pytest.warns(UndefinedMetricWarning) as caught:
        bootstrap_interval(macro_auroc, scores, target, replicates=10)
    assert len(caught) == 1
    target = target[:, 0]
    target[::5] = target[:9] = np.nan  # the first three groups vanish
    known = ~np.isnan(target)
    groups = np.arange(40) // 3
    for g in (None, groups):
        kept = None if g is None else g[known]
        assert bootstrap_interval(
            auroc, scores[:, 0], target, replicates=30, groups=g
        ) == bootstrap_interval(auroc, scores[known, 0], target[known], replicates=30, groups=kept)


def test_paired_test_agrees_with_delongs():
    rng = np.random.default_rng(0)
    common, target = binormal(rng, 60, 100, 1.2)
    a, b = common + 0.3 * rng.normal(size=160), common + 1.0 * rng.normal(size=160)
    ours, delong = bootstrap_test(auroc, a, b, target), auroc_test(a, b, target)
    assert ours.difference.estimate == pytest.approx(delong.difference.estimate)
    assert ours.z == pytest.approx(delong.z, rel=0.1)
    assert ours.p_value == pytest.approx(delong.p_value, abs=0.02)
    assert width(ours.difference) == pytest.approx(width(delong.difference), rel=0.1)
    grouped = bootstrap_test(auroc, a, b, target, groups=np.arange(160), replicates=300)
    assert grouped.z == pytest.approx(delong.z, rel=0.2)


def test_paired_test_at_its_ends():
    target = np.arange(12) > 5
    same = bootstrap_test(auroc, np.arange(12), np.arange(12), target, replicates=99)
    assert (same.z, same.p_value) == (0, 1)
    apart = bootstrap_test(auroc, target, ~target, target, replicates=99)
    assert (apart.z, apart.p_value) == (np.inf, 2 / 100)
    assert bootstrap_test(auroc, ~target, target, target, replicates=99).z == -np.inf


def test_settings_and_values_are_checked():
    scores, target = [1, 2, 3, 4], [0, 1, 0, 1]
    with pytest.raises(ValueError, match="replicates must be >= 2, got 1"):
        bootstrap_interval(auroc, scores, target, replicates=1)
    with pytest.raises(ValueError, match="level must lie in"):
        bootstrap_test(auroc, scores, scores, target, level=95)
    with pytest.raises(ValueError, match="metric must return a number, got nan on 4 rows"):
        bootstrap_interval(lambda *_: np.nan, scores, target)
    with pytest.raises(ValueError, match="almost no draw holds both classes of every label"):
        bootstrap_interval(macro_auroc, np.eye(40), np.eye(40), replicates=5)
