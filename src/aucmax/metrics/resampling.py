"""Draws of rows for bootstrap intervals and bands: by class, by group, or by row."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._counts import Counts, tie_ends
from ._inputs import Bools, Codes, Rows, as_groups, check_level
from .intervals import Groups


@dataclass(frozen=True, eq=False)
class SortedRows:
    """Rows of one label in falling order of their scores: sorted once, for all draws."""

    order: Codes
    positive: Bools
    ends: Codes

    @classmethod
    def of(cls, rows: Rows) -> "SortedRows":
        """Sort the only label's rows."""
        order = np.argsort(rows.scores[:, 0])[::-1]
        return cls(order, rows.positive[order, 0], tie_ends(rows.scores[order, 0]))

    def counts(self, weights: Codes | None = None) -> Counts:
        """Counts at the distinct scores when row i occurs ``weights[i]`` times; no thresholds."""
        if weights is None:
            weights = np.ones(len(self.order), dtype=np.intp)
        taken = weights[self.order]
        true = np.cumsum(taken * self.positive)[self.ends]
        return Counts(np.empty(0), true, np.cumsum(taken)[self.ends] - true)


def draws(rows: Rows, groups: Codes | None, replicates: int, seed: int) -> Iterator[Codes]:
    """Row numbers of each replicate: by class, by group, or by row for several labels."""
    generator = np.random.default_rng(seed)
    if rows.single and groups is None:
        classes = [np.flatnonzero(rows.positive[:, 0]), np.flatnonzero(~rows.positive[:, 0])]
        for _ in range(replicates):
            yield np.concatenate([c[generator.integers(len(c), size=len(c))] for c in classes])
        return
    members = Members(np.arange(len(rows.scores)) if groups is None else groups)
    needed, failures = rows.both_classes(), 0
    for _ in range(replicates):
        while not _holds(rows, chosen := members.draw(generator), needed):
            failures += 1
            if failures > 10 * replicates:
                raise ValueError(
                    "almost no draw holds both classes of every label; leave out labels with only "
                    "a few positives or negatives (or groups of them)"
                )
        yield chosen


class Members:
    """Rows sorted by group, so that drawing whole groups needs no loop over them."""

    def __init__(self, codes: Codes) -> None:
        self.rows = np.argsort(codes, kind="stable")
        self.sizes = np.bincount(codes)
        self.starts = np.cumsum(self.sizes) - self.sizes

    def draw(self, generator: np.random.Generator) -> Codes:
        """Rows of as many groups as there are, drawn with replacement."""
        chosen = generator.integers(len(self.sizes), size=len(self.sizes))
        sizes = self.sizes[chosen]
        offset = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        return self.rows[np.repeat(self.starts[chosen], sizes) + offset]


def _holds(rows: Rows, chosen: Codes, needed: NDArray[np.bool_]) -> bool:
    known = None if rows.known is None else rows.known[chosen]
    drawn = Rows(rows.scores[chosen], rows.positive[chosen], known, rows.single)
    return bool((drawn.both_classes() | ~needed).all())


def prepare(rows: Rows, groups: Groups) -> tuple[Rows, NDArray[np.float64], Codes | None]:
    """Rows to draw from (of one label: the known ones), the target for the metric, groups."""
    codes = as_groups(groups, len(rows.scores))
    rows.defined()
    if rows.single and rows.known is not None:
        kept = rows.known[:, 0]
        rows = Rows(rows.scores[kept], rows.positive[kept], None, single=True)
        codes = None if codes is None else np.unique(codes[kept], return_inverse=True)[1]
    labels = rows.positive.astype(np.float64)
    if rows.known is not None:
        labels[~rows.known] = np.nan
    return rows, squeeze(labels, rows), codes


def squeeze(array: NDArray[Any], rows: Rows) -> NDArray[Any]:
    """Without the label axis, if the caller's arrays had none."""
    return array[:, 0] if rows.single else array


def check_settings(level: float, replicates: int) -> None:
    """Refuse a level or a number of replicates outside its range."""
    check_level(level)
    if replicates < 2:
        raise ValueError(f"replicates must be >= 2, got {replicates}; 2000 give stable limits")
