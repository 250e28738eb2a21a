"""Choices, differences and ranks that are read from finished runs."""

import numpy as np
import pytest
from cells import cells
from hypothesis import given, settings
from hypothesis import strategies as st
from methods import METHODS
from plan import Scope, chosen
from scipy.stats import t as student
from stats import Entry, Found, Gap, against, complete, counted, critical_difference, found, ranks
from store import Store, levels, score_name
from training import READOUTS

from aucmax.metrics import auroc

CELL = cells()["digits-05"]


def store_of(rows: dict[tuple[float, int], tuple[float, float]], tmp_path) -> Store:
    """A store with choosing runs of one method: validation AUC of either readout."""
    store = Store(tmp_path)
    for (lr, seed), (best, ema) in rows.items():
        key = (CELL.name, "CE", "choosing", lr, seed, CELL.total_steps)
        store.rows[key] = {"best_val": str(best), "ema_val": str(ema)}
    return store


def test_the_rate_with_the_best_mean_is_chosen_and_ties_go_to_the_averaged_weights(tmp_path):
    runs = {(0.01, 1): (0.9, 0.5), (0.01, 2): (0.7, 0.5)}
    runs |= {(0.03, 1): (0.8, 0.6), (0.03, 2): (0.8, 0.6), (0.1, 1): (0.95, 1), (0.1, 2): (0.5, 1)}
    assert chosen(store_of(runs, tmp_path), CELL, "CE", (1, 2)) == 0.03
    del runs[0.1, 2]
    assert chosen(store_of(runs, tmp_path), CELL, "CE", (1, 2)) is None


def entry(scores: np.ndarray, target: np.ndarray, validation: float = 0.5) -> Entry:
    test = np.array([float(auroc(row, target)) for row in scores])
    return Entry(0.1, np.full(len(scores), validation), test, np.stack([levels(s) for s in scores]))


def simulated(gap: float, seeds: int = 5, rows: int = 300, seed: int = 0) -> Found:
    """Two methods whose runs share rows; ours has classes further apart by ``gap``."""
    random = np.random.default_rng(seed)
    target = (np.arange(rows) < rows // 3).astype(int)
    shared = random.normal(size=rows)

    def runs(distance: float) -> np.ndarray:
        level = distance + random.normal(0, 0.1, size=(seeds, 1))
        return shared + random.normal(0, 0.7, size=(seeds, rows)) + level * target

    ours, theirs = entry(runs(1 + gap), target, 0.8), entry(runs(1.0), target, 0.7)
    return Found(CELL, target, {("AUC-M", "best"): ours, ("CE", "best"): theirs})


def bootstrapped(found: Found, draws: int = 200) -> float:
    """Standard error of the mean difference, by drawing seeds, positives and negatives anew."""
    random = np.random.default_rng(1)
    ours, theirs = (found.entries[name, "best"].scores.astype(float) for name in ("AUC-M", "CE"))
    places = [np.flatnonzero(found.target == value) for value in (0, 1)]
    values = []
    for _ in range(draws):
        rows = np.concatenate([random.choice(own, len(own)) for own in places])
        seeds = random.choice(len(ours), len(ours))
        target = found.target[rows]
        gaps = [auroc(ours[s, rows], target) - auroc(theirs[s, rows], target) for s in seeds]
        values.append(np.mean(gaps))
    return float(np.std(values))


@pytest.mark.parametrize("seed", [0, 1])
def test_the_interval_is_as_wide_as_a_bootstrap_of_seeds_and_rows(seed):
    found = simulated(0.2, seeds=12, seed=seed)
    gap = found.gap(("AUC-M", "best"), ("CE", "best"))
    means = [found.entries[name, "best"].test.mean() for name in ("AUC-M", "CE")]
    assert gap.estimate == pytest.approx(means[0] - means[1])  # exact, not of 256 steps
    assert (gap.low + gap.high) / 2 == pytest.approx(gap.estimate, abs=1e-9)
    width = (gap.high - gap.low) / 2
    expected = bootstrapped(found)
    assert 0.75 < width / (student.ppf(0.975, 20) * expected) < 1.35


def test_verdicts():
    assert Gap(0.1, 0.01, 0.2, 0.01).verdict == "win"
    assert Gap(0.1, -0.01, 0.2, 0.1).verdict == "tie"
    assert Gap(-0.1, -0.2, -0.01, 0.01).verdict == "loss"
    gaps = {"a": Gap(0.1, 0.01, 0.2, 0.01), "b": Gap(0.1, -0.01, 0.2, 0.1)}
    assert counted(gaps) == {"win": 1, "tie": 1, "loss": 0}


def test_a_clear_gap_is_a_win_and_the_same_seen_from_the_other_side_a_loss():
    found = simulated(1.5)
    assert found.gap(("AUC-M", "best"), ("CE", "best")).verdict == "win"
    assert found.gap(("CE", "best"), ("AUC-M", "best")).verdict == "loss"
    assert found.gap(("CE", "best"), ("CE", "best")) == Gap(0.0, 0.0, 0.0, 1.0)


def test_intervals_cover_no_difference_as_often_as_they_say():
    covered = [simulated(0.0, seed=k).gap(("AUC-M", "best"), ("CE", "best")) for k in range(60)]
    ties = sum(gap.verdict == "tie" for gap in covered)
    assert 52 <= ties <= 60  # 57 expected; less than 52 has a chance of one in a hundred


def test_the_reference_is_the_best_of_the_family_by_validation_and_not_by_test():
    target = np.array([0, 0, 1, 1])
    good, bad = np.array([[0.0, 1, 2, 3]] * 2), np.array([[3.0, 2, 1, 0]] * 2)
    entries = {
        ("CE", "best"): entry(good, target, 0.6),
        ("CE balanced", "ema"): entry(bad, target, 0.9),
        ("AUC-M", "best"): entry(good, target, 1.0),
    }
    found = Found(CELL, target, entries)
    assert found.best("cross-entropy") == ("CE balanced", "ema")
    assert found.best("cross-entropy", ("best",)) == ("CE", "best")
    assert found.best("LibAUC") is None
    gaps = against([found], "cross-entropy")
    assert gaps["AUC-M", "best"][CELL.name].estimate == pytest.approx(1.0)
    assert against([found], "LibAUC") == {}


def test_methods_with_more_seeds_are_compared_over_those_that_both_have(tmp_path):
    target, store = np.array([0, 1]), Store(tmp_path)
    runs = {"CE": [0.5, 0.6, 0.7], "AUC-M": [0.7, 0.9]}
    for method, tests in runs.items():
        rate = METHODS[method].rates[0]
        for lr in METHODS[method].rates:
            key = (CELL.name, method, "choosing", lr, 100, CELL.total_steps)
            store.rows[key] = {"best_val": str(float(lr == rate)), "ema_val": "0.5"}
        for seed, test in enumerate(tests):
            row = {f"{name}_{part}": str(test) for name in READOUTS for part in ("val", "test")}
            store.rows[CELL.name, method, "reported", rate, seed, CELL.total_steps] = row
    scores = {"target": target}
    names = [score_name(m, r, s) for m in runs for r in READOUTS for s in range(len(runs[m]))]
    scores |= {name: np.array([0, 1], np.uint8) for name in names}
    store.cell_scores = lambda cell: scores
    one = found(store, CELL, Scope((0, 1), most=9, choosing=(100,)))
    assert one.entries["CE", "best"].mean == pytest.approx(0.6)
    assert one.entries["CE", "best"].validation.tolist() == [0.5, 0.6]
    assert one.gap(("AUC-M", "best"), ("CE", "best")).estimate == pytest.approx(0.25)
    assert not found(store, CELL, Scope((0, 1, 2, 3), choosing=(100,))).entries
    assert list(found(store, CELL, Scope((0, 1, 2), choosing=(100,))).entries) == [
        ("CE", "best"),
        ("CE", "ema"),
    ]


def test_ranks_are_counted_and_ties_shared():
    target = np.array([0, 0, 1, 1])
    orders = {"CE": [0.0, 1, 2, 3], "CE balanced": [3.0, 2, 1, 0], "AUC-M": [0.0, 1, 2, 3]}
    entries = {(n, "best"): entry(np.array([s, s]), target) for n, s in orders.items()}
    names, table = ranks([Found(CELL, target, entries)], "best")
    assert names == ["CE", "CE balanced", "AUC-M"]
    assert table.tolist() == [[1.5, 3.0, 1.5]]


def test_cells_under_way_are_not_counted():
    target = np.array([0, 1])
    one = entry(np.array([[0.0, 1.0]]), target)
    whole = Found(CELL, target, {("CE", "best"): one, ("AUC-M", "best"): one, ("AUM", "best"): one})
    part = Found(CELL, target, {("CE", "best"): one, ("AUM", "best"): one})
    assert complete([whole, part]) == [whole]


@pytest.mark.parametrize(("methods", "quantile"), [(2, 1.960), (5, 2.728), (10, 3.164)])
def test_critical_differences_are_those_of_demsars_table(methods, quantile):
    expected = quantile * (methods * (methods + 1) / (6 * 14)) ** 0.5
    assert critical_difference(methods, 14) == pytest.approx(expected, rel=1e-3)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-100, 100, width=16), min_size=2, max_size=40))
def test_levels_keep_the_order(scores):
    array = np.array(scores)
    found = levels(array)
    for a, x in zip(array, found, strict=True):
        for b, y in zip(array, found, strict=True):
            assert (x == y) if a == b else (x < y) == (a < b)
