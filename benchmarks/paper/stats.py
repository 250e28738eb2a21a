"""What the finished runs say: means, paired differences to the best cross-entropy, ranks."""

from dataclasses import dataclass

import numpy as np
from cells import Cell
from methods import MAIN, METHODS, NAMES
from plan import Scope, chosen
from rivals import RIVALS
from scipy.stats import rankdata, studentized_range
from store import REPORTED as STAGE
from store import Row, Store, score_name
from training import READOUTS

from aucmax.metrics import auroc_test_over_seeds

Name = tuple[str, str]
"""Method and readout."""


@dataclass(frozen=True)
class Entry:
    """The reported runs of one method and readout on one cell.

    Some methods have more seeds than all have: ``test`` and ``scores`` are of all of a method's,
    ``validation``, by which the references are found, of those that every method has.
    """

    lr: float
    validation: np.ndarray
    test: np.ndarray
    scores: np.ndarray

    @property
    def mean(self) -> float:
        """Mean test AUC over seeds."""
        return float(self.test.mean())


@dataclass(frozen=True)
class Gap:
    """A difference of mean test AUCs with its 95 % interval over seeds and test rows."""

    estimate: float
    low: float
    high: float
    p_value: float

    @property
    def verdict(self) -> str:
        """Win or loss if the interval leaves out 0, else tie."""
        return "win" if self.low > 0 else "loss" if self.high < 0 else "tie"


@dataclass(frozen=True)
class Found:
    """All entries of one cell; only methods of which every seed is there."""

    cell: Cell
    target: np.ndarray
    entries: dict[Name, Entry]

    def best(self, family: str, readouts: tuple[str, ...] = READOUTS) -> Name | None:
        """The method and readout of a family with the best mean validation AUC."""
        own = [n for n in self.entries if family_of(n[0]) == family and n[1] in readouts]
        means = {name: float(self.entries[name].validation.mean()) for name in own}
        return max(means, key=lambda name: means[name]) if means else None

    def gap(self, ours: Name, theirs: Name) -> Gap:
        """Ours minus theirs, run s against run s, over the seeds that both have."""
        a, b = self.entries[ours], self.entries[theirs]
        both = min(len(a.test), len(b.test))
        estimate = float((a.test[:both] - b.test[:both]).mean())
        if ours == theirs:
            return Gap(0.0, 0.0, 0.0, 1.0)
        test = auroc_test_over_seeds(a.scores[:both], b.scores[:both], self.target)
        # Scores are kept in 256 steps; the means are exact, so the interval is moved to them.
        moved = estimate - test.difference.estimate
        low, high = test.difference.low + moved, test.difference.high + moved
        return Gap(estimate, low, high, test.p_value)


def family_of(method: str) -> str:
    """Cross-entropy, ours, or LibAUC."""
    return RIVALS[method].family if method in RIVALS else METHODS[method].family


def found(store: Store, cell: Cell, scope: Scope) -> Found:
    """What one cell has."""
    scores = store.cell_scores(cell.name)
    entries: dict[Name, Entry] = {}
    for method in NAMES:
        lr = chosen(store, cell, method, scope.choosing)
        if lr is None:
            continue
        rows = _rows(store, (cell.name, method, STAGE, lr), cell.total_steps, scope)
        if len(rows) < len(scope.seeds):
            continue
        for readout in READOUTS:
            entries[method, readout] = Entry(
                lr,
                np.array([float(row[f"{readout}_val"]) for row in rows[: len(scope.seeds)]]),
                np.array([float(row[f"{readout}_test"]) for row in rows]),
                np.stack([scores[score_name(method, readout, seed)] for seed in range(len(rows))]),
            )
    return Found(cell, scores.get("target", np.zeros(0)), entries)


def _rows(store: Store, words: tuple[str, str, str, float], steps: int, scope: Scope) -> list[Row]:
    """The runs of seeds 0, 1, ... up to the first that is missing, and no more than are wanted."""
    found = []
    for seed in range(max(scope.most, len(scope.seeds))):
        row = store.rows.get((*words, seed, steps))
        if row is None:
            break
        found.append(row)
    return found


def all_found(store: Store, cells: list[Cell], scope: Scope) -> list[Found]:
    """Cells that have anything, in order."""
    every = [found(store, cell, scope) for cell in cells]
    return [one for one in every if one.entries]


def against(cells: list[Found], family: str) -> dict[Name, dict[str, Gap]]:
    """Of each method and readout, the gap to the best of a family on each cell that has both."""
    gaps: dict[Name, dict[str, Gap]] = {}
    for one in cells:
        reference = one.best(family)
        if reference is None:
            continue
        for name in one.entries:
            gaps.setdefault(name, {})[one.cell.name] = one.gap(name, reference)
    return gaps


def counted(gaps: dict[str, Gap]) -> dict[str, int]:
    """How many wins, ties and losses."""
    verdicts = [gap.verdict for gap in gaps.values()]
    return {verdict: verdicts.count(verdict) for verdict in ("win", "tie", "loss")}


def complete(cells: list[Found]) -> list[Found]:
    """Cells that have every main method that any of them has: not those under way."""
    wanted = {name for one in cells for name in one.entries if name[0] in MAIN}
    return [one for one in cells if wanted <= one.entries.keys()]


def ranks(cells: list[Found], readout: str) -> tuple[list[str], np.ndarray]:
    """Ranks of mean test AUC (cells, methods), 1 the best, ties shared; methods on every cell."""
    common = [name for name in NAMES if all((name, readout) in one.entries for one in cells)]
    if not cells or not common:
        return [], np.zeros((0, 0))
    means = [[one.entries[name, readout].mean for name in common] for one in cells]
    return common, rankdata(-np.array(means), axis=1)


def critical_difference(methods: int, cells: int, level: float = 0.95) -> float:
    """By Nemenyi: average ranks that differ by less are not told apart (Demsar, JMLR 7, 2006)."""
    quantile = float(studentized_range.ppf(level, methods, np.inf)) / np.sqrt(2)
    return quantile * float(np.sqrt(methods * (methods + 1) / (6 * cells)))
