"""Which runs there are, in what order, and how long they take."""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from arrays import MissingDataError
from cells import DEVELOPMENT, REPORTED, Cell, ablations
from cells import cells as named
from methods import ABLATED, MAIN, METHODS, NAMES, recipe
from parts import draw
from pretraining import fresh
from rivals import RIVALS
from running import Request
from store import CHOOSING, Key, Store, request_key
from training import Loop, logits

CHOOSING_SEEDS = (100, 101)
TIMED_STEPS = 24
Unit = tuple[Cell, str]


@dataclass(frozen=True)
class Scope:
    """How much is to be done.

    ``seeds`` are those of every method; a method may have more, and ``most`` of them count.
    """

    seeds: tuple[int, ...]
    most: int = 0
    choosing: tuple[int, ...] = CHOOSING_SEEDS
    everything: bool = False
    ablate: bool = False


def units(scope: Scope) -> list[Unit]:
    """Cells and methods, the most informative first.

    Main methods on the cells for development, then on the reported ones; the other methods on the
    cells for development; and with ``everything`` those on the reported ones, too.
    """
    variants = [name for name in NAMES if name not in MAIN]
    blocks = [(DEVELOPMENT, MAIN), (REPORTED, MAIN), (DEVELOPMENT, variants)]
    if scope.everything:
        blocks.append((REPORTED, variants))
    if scope.ablate:
        blocks.append((ablations(), ABLATED))
    return [(cell, name) for cells, names in blocks for cell in cells for name in names]


def rates(method: str) -> tuple[float, ...]:
    """The learning rates among which the validation part chooses."""
    return RIVALS[method].rates if method in RIVALS else METHODS[method].rates


def like(method: str) -> str:
    """The method by whose runs the learning rate of this one is chosen."""
    return (METHODS[method].like if method in METHODS else "") or method


def choosing(base: Request, scope: Scope) -> list[Request]:
    """The runs that choose the learning rate of one unit; none if it is like another's."""
    if base.cell.like or like(base.method) != base.method:
        return []
    grid = [(lr, seed) for lr in rates(base.method) for seed in scope.choosing]
    return [replace(base, lr=lr, seed=seed) for lr, seed in grid]


def chosen(store: Store, cell: Cell, method: str, seeds: Iterable[int]) -> float | None:
    """The learning rate of the best mean validation AUC; None while runs are missing.

    Ties, which few positives make, are broken by the averaged weights' validation AUC.
    """
    if cell.like:
        cell = named()[cell.like]
    method = like(method)
    means: dict[float, tuple[float, ...]] = {}
    for lr in rates(method):
        keys: list[Key] = [
            (cell.name, method, CHOOSING, lr, seed, cell.total_steps) for seed in seeds
        ]
        if not all(key in store.rows for key in keys):
            return None
        rows = [store.rows[key] for key in keys]
        columns = ("best_val", "ema_val")
        means[lr] = tuple(float(np.mean([float(row[c]) for row in rows])) for c in columns)
    return max(means, key=lambda lr: means[lr])


def reported(base: Request, lr: float, scope: Scope) -> list[Request]:
    """The runs that count, once the learning rate is chosen."""
    return [replace(base, lr=lr, seed=seed, scored=True) for seed in scope.seeds]


def missing(store: Store, base: Request, scope: Scope) -> Iterator[Request]:
    """What is left of one unit, in order; the second half is known when the first is done."""
    for request in choosing(base, scope):
        if request_key(request) not in store.rows:
            yield request
    lr = chosen(store, base.cell, base.method, scope.choosing)
    if lr is None:
        return
    for request in reported(base, lr, scope):
        if request_key(request) not in store.rows:
            yield request


def left(store: Store, base: Request, scope: Scope) -> int:
    """How many runs are left of one unit."""
    first = sum(request_key(request) not in store.rows for request in choosing(base, scope))
    lr = chosen(store, base.cell, base.method, scope.choosing)
    if lr is None:
        return first + len(scope.seeds)
    return sum(request_key(request) not in store.rows for request in reported(base, lr, scope))


def show(todo: Sequence[Unit], base: Request, store: Store, scope: Scope) -> Iterator[str]:
    """A line for each cell, runs left and hours; then the sum."""
    runs, seconds = 0, 0.0
    for cell in dict.fromkeys(cell for cell, _ in todo):
        own = replace(base, cell=cell)
        names = [name for other, name in todo if other == cell]
        count = sum(left(store, replace(own, method=name), scope) for name in names)
        try:
            one = measured(store, cell) or timed(own)
        except MissingDataError as error:
            yield f"{cell.name:24} skipped: {error}"
            continue
        runs, seconds = runs + count, seconds + count * one
        yield f"{cell.name:24} {count:5} runs of {one:5.1f} s: {count * one / 60:6.1f} min"
    yield f"{runs} runs are left: {seconds / 3600:.1f} hours of one core"


def measured(store: Store, cell: Cell) -> float:
    """Mean seconds of the finished runs of a cell; 0 if there are none."""
    own = [row for key, row in store.rows.items() if key[0] == cell.name]
    return float(np.mean([float(row["seconds"]) for row in own])) if own else 0.0


def timed(base: Request) -> float:
    """Seconds of a run of cross-entropy, by a few steps and one evaluation of each part."""
    cell = replace(base.cell, steps=TIMED_STEPS, rounds=1)
    data = draw(cell, 0, base.cache, torch.device(base.device))
    model = fresh(cell, 0, data)
    loop = Loop(recipe(METHODS["CE"], 0.03, 0, cell, data, model), data, cell, 0)
    marks = [time.process_time()]
    loop.run_round(0)
    marks.append(time.process_time())
    for part in (data.validation, data.test):
        logits(model, part)
        marks.append(time.process_time())
    step, validation, test = np.diff(marks) / (cell.total_steps, 1, 1)
    return float(base.cell.total_steps * step + 2 * base.cell.rounds * validation + test)
