import csv
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles_metrics import polyline_top, rankings, roc_vertices

from aucmax.metrics import UndefinedMetricWarning, readers_below_curve

TASKS = ["Cardiomegaly", "Edema", "Consolidation", "Atelectasis", "Pleural Effusion"]


@settings(deadline=None, max_examples=60)
@given(rankings(), st.integers(0, 2**31))
def test_a_reader_is_a_point_below_or_not_below_the_polyline(case, seed):
    scores, target = case
    decisions = np.random.default_rng(seed).integers(0, 2, (len(target), 3))
    found = readers_below_curve(scores, target, decisions)
    points = roc_vertices(scores, target)
    for r in range(3):
        pairs = list(zip(decisions[:, r], target, strict=True))
        fpr, tpr = (np.mean([d for d, y in pairs if y == label]) for label in (0, 1))
        assert (found.fpr[r], found.tpr[r]) == pytest.approx((fpr, tpr))
        assert found.curve_tpr[r] == pytest.approx(polyline_top(points, fpr), abs=1e-12)
        assert found.below[r] == below_in_fractions(scores, target, decisions[:, r])
    assert found.count == sum(found.below)


def below_in_fractions(scores, target, decisions):
    """Strictly below the polyline? Without any rounding; rows with NaN were not judged."""

    def share(rows, chosen):
        return Fraction(sum(chosen(r) for r in rows), len(rows))

    rows = list(zip(scores, target, decisions, strict=True))
    both = [[r for r in rows if r[1] == label] for label in (0, 1)]
    points = [(Fraction(0), Fraction(0))]
    points += [
        tuple(share(part, lambda r, t=threshold: r[0] >= t) for part in both)
        for threshold in sorted(set(scores), reverse=True)
    ]
    x, y = (share([r for r in part if r[2] in (0, 1)], lambda r: r[2] == 1) for part in both)
    heights = [
        y1 if x == x1 else y0 + (y1 - y0) * (x - x0) / (x1 - x0)
        for (x0, y0), (x1, y1) in pairwise(points)
        if x0 <= x <= x1
    ]
    return y < max(heights)


def test_a_reader_on_a_sloping_part_is_not_below_whatever_the_rounding():
    # All scores tied: the curve is the diagonal, and on it is every reader with equal rates.
    for m in range(2, 30):
        for k in range(m + 1):
            target, said = [1] * m + [0] * m, ([1] * k + [0] * (m - k)) * 2
            assert readers_below_curve([0.1] * 2 * m, target, np.c_[said]).count == 0
            said[0] = 0
            assert readers_below_curve([0.1] * 2 * m, target, np.c_[said]).count == (k > 0)


def test_ties_and_rows_not_judged_are_decided_as_in_fractions():
    rng = np.random.default_rng(1)
    on_the_curve = 0
    for _ in range(400):
        n = int(rng.integers(6, 30))
        scores, target = rng.integers(0, 4, n).tolist(), rng.integers(0, 2, n)
        decisions = rng.integers(0, 2, (n, 3)).astype(float)
        target[:4], decisions[:4] = [0, 1, 0, 1], [[0] * 3, [0] * 3, [1] * 3, [1] * 3]
        decisions[4:][rng.random((n - 4, 3)) < 0.2] = np.nan
        found = readers_below_curve(scores, target, decisions)
        wanted = [below_in_fractions(scores, target, decisions[:, r]) for r in range(3)]
        assert found.below.tolist() == wanted
        on_the_curve += int(np.isclose(found.tpr, found.curve_tpr, atol=1e-12).sum())
    assert on_the_curve > 20  # the hard case did occur


def test_a_reader_on_the_curve_is_not_below_it():
    scores, target = [1, 2, 3, 4, 5, 6], [0, 1, 0, 1, 0, 1]
    decisions = np.array(scores)[:, None] >= np.array(scores)[None]
    assert readers_below_curve(scores, target, decisions).count == 2  # feet of the vertical parts


def test_unknown_targets_and_rows_not_judged_do_not_count():
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(40, 2))
    target = rng.integers(0, 2, (40, 2)).astype(float)
    target[::5, 1] = np.nan
    decisions = rng.integers(0, 2, (40, 2, 3)).astype(float)
    decisions[::3, :, 0] = np.nan
    found = readers_below_curve(scores, target, decisions)[1]
    known = ~np.isnan(target[:, 1])
    alone = readers_below_curve(scores[known, 1], target[known, 1], decisions[known, 1])
    assert found.tpr.tolist() == alone.tpr.tolist()
    judged = known & ~np.isnan(decisions[:, 1, 0])
    assert found.tpr[0] == decisions[judged & (target[:, 1] == 1), 1, 0].mean()
    decisions[target[:, 0] == 1, 0, 2] = np.nan
    nobody = readers_below_curve(scores, target, decisions)[0]
    assert np.isnan(nobody.tpr[2])
    assert not nobody.below[2]


def test_a_label_with_one_class_has_no_curve():
    with pytest.warns(UndefinedMetricWarning):
        found = readers_below_curve(
            np.eye(3)[:, 1::-1], [[0, 1], [1, 1], [0, 1]], np.zeros((3, 2, 1))
        )
    assert found[0].count == 1
    assert found[1] is None


def test_decisions_are_checked():
    scores, target = [1, 2, 3], [0, 1, 1]
    for decisions in ([0, 1, 1], np.zeros((2, 3)), np.zeros((3, 1, 2)), np.zeros((3, 0))):
        with pytest.raises(ValueError, match=r"decisions must be \(n, R\) for one label or"):
            readers_below_curve(scores, target, decisions)
    with pytest.raises(ValueError, match="decisions must hold 0, 1 or NaN"):
        readers_below_curve(scores, target, [[2], [0], [1]])


def table(path):
    with path.open() as file:
        rows = {row["Study"]: [float(row[t]) for t in TASKS] for row in csv.DictReader(file)}
    return np.array([rows[study] for study in sorted(rows)])


@pytest.mark.parametrize("team", ["yww211", "hieupham"])
def test_real_radiologists_against_real_models(shared_data, team):
    folder = shared_data / "chexpert_test"
    scores = table(folder / f"example_models/predictions/standard/{team}_predictions.csv")
    readers = [table(folder / f"radiologists/benchmark_radiologists/bc{k}.csv") for k in (4, 6, 8)]
    target = table(folder / "groundtruth.csv")
    found = readers_below_curve(scores, target, np.stack(readers, axis=-1))
    for k in range(5):
        points = roc_vertices(scores[:, k].tolist(), target[:, k].tolist())
        for r, reader in enumerate(readers):
            fpr, tpr = (reader[target[:, k] == label, k].mean() for label in (0, 1))
            assert found[k].below[r] == (tpr < polyline_top(points, fpr))
    assert np.mean([f.count for f in found]) == pytest.approx(2.4)
