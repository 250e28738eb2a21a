"""Training, validation and test part of a cell, drawn by a seed. Needs torch and numpy only."""

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from arrays import POOL, TEST, VALIDATION, Array, arrays
from cells import TASKS, Cell, Task
from torch import Tensor

HELD = 0.2
"""Share of the pool's rows, of either class, that validate."""
SPLIT_SEED = 20_260_101


@dataclass(frozen=True)
class Part:
    """Inputs as they are stored, uint8, and their 0/1 targets (n,) float32."""

    inputs: Tensor
    target: Tensor

    def __len__(self) -> int:
        return len(self.target)


@dataclass(frozen=True)
class Data:
    """The three parts of one run."""

    train: Part
    validation: Part
    test: Part

    @property
    def positives(self) -> int:
        """How many of the training rows are positive."""
        return int(self.train.target.sum())


@dataclass(frozen=True)
class _Fixed:
    """What no seed changes: rows of the task, the part of each, and groups."""

    rows: Array
    target: Array
    part: Array
    group: Array


def draw(cell: Cell, seed: int, cache: Path, device: torch.device) -> Data:
    """The parts for one seed."""
    fixed = _fixed(cell.spec, cache)
    generator = np.random.default_rng([SPLIT_SEED, seed])
    kept = {code: _cut(cell, fixed, code, generator) for code in (POOL, VALIDATION)}
    train, held = kept[POOL], kept[VALIDATION]
    if not len(held):
        train, held = _divided(train, fixed, HELD, generator)
    target = fixed.target.copy()
    turned = generator.permutation(train)[: round(cell.noise * len(train))]
    target[turned] = 1 - target[turned]
    inputs = arrays(cell.spec.data, cache).inputs

    def part(rows: Array) -> Part:
        images = torch.from_numpy(inputs[fixed.rows[rows]])
        labels = torch.from_numpy(target[rows].astype(np.float32))
        return Part(images.to(device), labels.to(device))

    return Data(part(train), part(held), part(np.flatnonzero(fixed.part == TEST)))


@lru_cache(maxsize=8)
def _fixed(task: Task, cache: Path) -> _Fixed:
    found = arrays(task.data, cache)
    generator = np.random.default_rng(SPLIT_SEED)
    used = np.isin(found.classes, task.negative + task.positive)
    if task.easy and found.part is not None:
        used |= np.isin(found.classes, task.easy) & (found.part != TEST)
    rows = np.flatnonzero(used)
    target = np.isin(found.classes[rows], task.positive).astype(int)
    group = np.arange(len(rows)) if found.group is None else found.group[rows]
    part = np.full(len(rows), POOL) if found.part is None else found.part[rows]
    fixed = _Fixed(rows, target, part, group)
    if task.inside:
        inner = (part != TEST) & ~np.isin(rows, _tested(task.data, cache))
        fixed = _Fixed(rows[inner], target[inner], part[inner], group[inner])
    if found.part is None or task.inside:
        fixed = _with_test(fixed, task.test, generator)
    return _limited(fixed, task, generator)


def _tested(data: str, cache: Path) -> Array:
    """Rows of a data set that are in the test part of any task that is not inside its pool."""
    others = [task for task in TASKS.values() if task.data == data and not task.inside]
    fixed = [_fixed(task, cache) for task in others]
    return np.concatenate([one.rows[one.part == TEST] for one in fixed])


def _with_test(fixed: _Fixed, share: float, generator: np.random.Generator) -> _Fixed:
    """A share of the pool becomes the test part."""
    _, test = _divided(np.flatnonzero(fixed.part == POOL), fixed, share, generator)
    part = fixed.part.copy()
    part[test] = TEST
    return _Fixed(fixed.rows, fixed.target, part, fixed.group)


def _limited(fixed: _Fixed, task: Task, generator: np.random.Generator) -> _Fixed:
    """At most so many negatives in the pool, and so many rows in the test part."""
    keep = np.ones(len(fixed.rows), bool)
    if task.most_negatives:
        extra = generator.permutation(np.flatnonzero((fixed.part == POOL) & (fixed.target == 0)))
        keep[extra[task.most_negatives :]] = False
    if task.most_tests:
        for value in (0, 1):
            rows = np.flatnonzero((fixed.part == TEST) & (fixed.target == value))
            keep[generator.permutation(rows)[task.most_tests // 2 :]] = False
    return _Fixed(fixed.rows[keep], fixed.target[keep], fixed.part[keep], fixed.group[keep])


def _cut(cell: Cell, fixed: _Fixed, code: int, generator: np.random.Generator) -> Array:
    """Rows of one part: all its negatives, and so many of its positives as the cell wants."""
    rows = generator.permutation(np.flatnonzero(fixed.part == code))
    positives, negatives = (rows[fixed.target[rows] == value] for value in (1, 0))
    wanted = len(positives)
    if not len(rows):
        return rows
    if cell.positives:
        wanted = cell.positives
    elif cell.share:
        share = Fraction(str(cell.share))
        wanted = int(share / (1 - share) * len(negatives))
    if wanted > len(positives):
        raise ValueError(f"{cell.name} wants {wanted} positives, there are {len(positives)}")
    return np.sort(np.concatenate([negatives, positives[:wanted]]))


def _divided(
    rows: Array, fixed: _Fixed, share: float, generator: np.random.Generator
) -> tuple[Array, Array]:
    """Two parts, the second with a share of each class; groups stay together where there are any.

    With groups, the second part takes whole groups until it has its share of the positives.
    """
    target, group = fixed.target[rows], fixed.group[rows]
    second = np.zeros(len(rows), bool)
    if len(np.unique(group)) == len(rows):
        order = generator.permutation(len(rows))
        for value in (0, 1):
            own = order[target[order] == value]
            second[own[: round(share * len(own))]] = True
    else:
        names = generator.permutation(np.unique(group))
        wanted = share * target.sum()
        reached = np.cumsum([target[group == name].sum() for name in names])
        second = np.isin(group, names[: np.searchsorted(reached, wanted) + 1])
    return rows[~second], rows[second]
