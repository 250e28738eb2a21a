"""Divide rows into training, validation and test parts: stratified, by group, repeatable.

Rows are sorted by their labels, the rarest label first, in random order where they agree, and every
(1 / share)-th is taken. So each part gets the wanted share of every combination of labels as
nearly as whole rows allow; rare combinations, being neighbours, share their places instead of
each needing one. With groups the same is done with whole groups, sorted by how many positives they
hold. Of up to 32 such draws the one counts whose shares of rows, positives and negatives come
closest to the wanted ones. Filling the parts greedily instead, largest group first, would put
all large groups into the training part.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aucmax.data._messages import listed
from aucmax.data.base import PARTS

_DRAWS = 32
_CLOSE = 0.002


def split(
    target: ArrayLike,
    *,
    validation: float = 0.15,
    test: float = 0.15,
    groups: ArrayLike | None = None,
    given: ArrayLike | None = None,
    labels: Sequence[str] | None = None,
    seed: int = 0,
) -> NDArray[np.str_]:
    """The part of every row: "train", "validation" or "test".

    Args:
        target: (n,) or (n, L) of 0, 1 and NaN (unknown).
        validation: share of the rows that are free, 0 <= share < 1: those that ``given`` does not
            put into a validation or test part. Without effect where a validation part is given.
        test: likewise for the test part; validation + test < 1.
        groups: (n,) names, such as patients; a group is never divided.
        given: (n,) parts that are fixed: "train", "validation", "test", or "" for a free row. Given
            validation and test parts stay as they are; a missing one is taken from the rest.
        labels: names of the L labels, for messages.
        seed: decides everything that is random.

    Returns:
        (n,) array of strings.

    Raises:
        ValueError: shares out of range; lengths that do not match; groups that the given parts
            divide; a part without a positive or a negative of some label.

    >>> part = split([0, 1] * 50, validation=0.1, test=0.2)
    >>> [int((part == name).sum()) for name in ("train", "validation", "test")]
    [70, 10, 20]
    """
    columns = np.asarray(target, dtype=np.float64)
    columns = columns[:, None] if columns.ndim == 1 else columns
    part = np.full(len(columns), "") if given is None else np.asarray(given, dtype=str)
    unit = np.arange(len(columns)) if groups is None else np.asarray(groups)
    names = tuple(labels or (f"{i}" for i in range(columns.shape[1])))
    shares = {"test": test, "validation": validation}
    if problems := list(_problems(columns, part, unit, names, shares)):
        raise ValueError("; ".join(problems))

    part = part.astype("<U10")  # a copy, wide enough for "validation"
    _fill(part, columns, unit, shares, np.random.default_rng(seed))
    needed = [name for name in PARTS if shares.get(name, 1) > 0 or (part == name).any()]
    if problems := list(_lacking(columns, part, names, needed)):
        raise ValueError("; ".join(problems))
    return part


def _fill(
    part: NDArray[np.str_],
    target: NDArray[np.float64],
    unit: NDArray,
    shares: dict[str, float],
    rng: np.random.Generator,
) -> None:
    """Make the parts that are not given yet; what is left is for training."""
    part[part == "train"] = ""
    left = 1.0
    for name, share in shares.items():
        if share > 0 and not (part == name).any():
            free = np.flatnonzero(part == "")
            part[free[_draw(target[free], unit[free], share / left, rng)]] = name
            left -= share
    part[part == ""] = "train"


def _problems(
    columns: NDArray[np.float64],
    part: NDArray[np.str_],
    groups: NDArray,
    names: tuple[str, ...],
    shares: dict[str, float],
) -> Iterator[str]:
    n = len(columns)
    for name, share in shares.items():
        if not 0 <= share < 1:
            yield f"{name} must be a share, 0 <= {name} < 1, got {share}"
    if sum(shares.values()) >= 1:
        yield f"validation + test must be below 1, got {sum(shares.values()):g}: no training rows"
    if columns.ndim != 2 or not np.isin(columns[~np.isnan(columns)], (0, 1)).all():
        yield "target must be (n,) or (n, L) of 0, 1 and NaN"
    elif len(names) != columns.shape[1]:
        yield f"labels: {len(names)} names for {columns.shape[1]} labels"
    for name, values in {"given": part, "groups": groups}.items():
        if values.shape != (n,):
            yield f"{name} must have shape ({n},) like target, got {values.shape}"
            return
    if other := sorted(set(part.tolist()) - {*PARTS, ""}):
        yield f"given must be one of {listed(PARTS)} or '', got {listed(other)}"
    yield from _leaks(part, groups)


def _leaks(part: NDArray[np.str_], groups: NDArray) -> Iterator[str]:
    """Groups with rows in more than one of: validation, test, everything else."""
    place = np.where(np.isin(part, ("validation", "test")), part, "train or free")
    pairs = np.unique(np.stack([groups.astype(str), place]), axis=1)
    name, count = np.unique(pairs[0], return_counts=True)
    if (count > 1).any():
        divided = name[count > 1]
        where = sorted(set(pairs[1][pairs[0] == divided[0]].tolist()))
        yield (
            f"groups must not be divided, but the given parts divide {listed(divided)}: "
            f"{str(divided[0])!r} has rows in {listed(where)}; put all rows of a group into one "
            "part, or name no groups if these are no groups"
        )


def _draw(
    target: NDArray[np.float64], unit: NDArray, share: float, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """A mask over the rows: about ``share`` of every class, in whole units."""
    classes = np.hstack([np.ones((len(target), 1)), target == 1, target == 0])
    _, unit = np.unique(unit, return_inverse=True)
    counts = np.stack([np.bincount(unit, weights=column) for column in classes.T], axis=1)
    total = counts.sum(0)
    rare_first = 1 + np.argsort(total[1:], kind="stable")
    keys = [counts[:, k] for k in (0, *rare_first[::-1])]  # lexsort: the last key counts most
    best, best_miss = np.zeros(len(counts), dtype=bool), np.inf
    for attempt in range(_DRAWS):
        order = np.lexsort((rng.permutation(len(counts)), *keys))
        offset = 0.5 if attempt == 0 else rng.random()
        steps = np.floor(share * np.arange(len(counts) + 1) + offset)
        taken = np.zeros(len(counts), dtype=bool)
        taken[order] = np.diff(steps) > 0
        miss = _miss(counts[taken].sum(0), total, share)
        if miss < best_miss:
            best, best_miss = taken, miss
        if best_miss <= _CLOSE:
            break
    return best[unit]


def _miss(taken: NDArray[np.float64], total: NDArray[np.float64], share: float) -> float:
    """How far the worst class is from its share; more than 1 where a class is used up or left out.

    To be within one row of the share is as near as whole rows can be: no miss.
    """
    away = np.abs(taken - share * total)
    divisible = total >= 2
    extreme = divisible & ((taken == 0) | (taken == total))
    return float(np.where(away <= 1, 0, away / np.maximum(total, 1)).max() + extreme.any())


def _lacking(
    target: NDArray[np.float64],
    part: NDArray[np.str_],
    names: tuple[str, ...],
    needed: list[str],
) -> Iterator[str]:
    for name in needed:
        inside = target[part == name]
        for column, label in enumerate(names):
            positives, negatives = (int((inside[:, column] == value).sum()) for value in (1, 0))
            if min(positives, negatives) == 0:
                yield (
                    f"the {name} part needs both classes of label {label!r} for an AUC, but it has "
                    f"{positives} positives and {negatives} negatives among {len(inside)} rows (of "
                    f"{int((target[:, column] == 1).sum())} and "
                    f"{int((target[:, column] == 0).sum())} in all): give that part a larger "
                    "share, or more such rows"
                )
