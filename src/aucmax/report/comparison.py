"""Is one model better than another? Paired tests on the same samples."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ._label import targets
from ._pair import Pair, add_holm, sentence
from ._samples import Predictions
from ._values import rounded
from .align import align


def compare(
    a: Predictions, b: Predictions, *, level: float = 0.95, names: tuple[str, str] = ("A", "B")
) -> dict[str, Any]:
    """Compare the AUC of two models on the same samples: difference A - B with a paired test.

    Per label and for their mean: DeLong's test for correlated curves, of clusters where the
    predictions have groups. With several labels, ``p_value_holm`` holds the p-value after Holm's
    correction for the number of labels.

    Args:
        a: predictions of the first model.
        b: predictions of the second; rows are paired by id.
        level: coverage of the intervals, in (0, 1).
        names: what to call the two models; they must differ.

    Returns:
        What JSON can hold: ``names``, ``level``, ``n``, ``labels`` (per label the AUC of both, the
        difference, z, the p-value and a sentence of what it means) and, with several, ``macro``.

    Raises:
        ValueError: if the two cannot be paired, have no targets, or no label has both classes.

    Source: DeLong, DeLong and Clarke-Pearson, Biometrics 44 (1988).
    """
    return compare_seeds([a], [b], level=level, names=names)


def compare_seeds(
    a: Sequence[Predictions],
    b: Sequence[Predictions],
    *,
    level: float = 0.95,
    names: tuple[str, str] = ("A", "B"),
) -> dict[str, Any]:
    """Compare two ways of training, each run with several seeds, on the same samples.

    As :func:`compare`; the uncertainty is that of the samples and of the training runs. Run i of
    ``a`` is paired with run i of ``b``.

    Args:
        a: predictions of the first way, one set per seed.
        b: predictions of the second way, one set per seed.
        level: coverage of the intervals, in (0, 1).
        names: what to call the two; they must differ.

    Returns:
        As :func:`compare`, with ``seeds``: how many runs there are of each.

    Raises:
        ValueError: as :func:`compare`, or if the two sides do not have as many runs.
    """
    if not a or len(a) != len(b):
        raise ValueError(
            f"runs are paired by seed: give as many of both, at least one, got {len(a)} of "
            f"{names[0]!r} and {len(b)} of {names[1]!r}"
        )
    if names[0] == names[1]:
        raise ValueError(f"names must differ, got {names[0]!r} twice")
    runs = _aligned([*a, *b])
    first = runs[0]
    pair = Pair((runs[: len(a)], runs[len(a) :]), names, level)
    labels = {name: pair.label(column) for column, name in enumerate(first.labels)}
    used = [name for name, found in labels.items() if "note" not in found]
    if not used:
        reasons = "; ".join(f"{name}: {found['note']}" for name, found in labels.items())
        raise ValueError(f"no label has both positive and negative samples: {reasons}")
    report: dict[str, Any] = {"names": list(names), "level": level, "n": len(first)}
    if first.groups is not None:
        report["groups"] = len(np.unique(first.groups))
    if len(a) > 1:
        report["seeds"] = len(a)
    if len(labels) > 1:
        add_holm([labels[name] for name in used])
    for found in labels.values():
        found["meaning"] = sentence(found, names, level, tests=len(used))
    report["labels"] = labels
    if len(labels) > 1:
        macro = pair.macro([first.labels.index(name) for name in used])
        macro["meaning"] = sentence(macro, names, level, area=f"mean AUC over {len(used)} labels")
        report["macro"] = {"labels": used} | macro
    return rounded(report)


def _aligned(runs: list[Predictions]) -> list[Predictions]:
    """All runs in the order of the first, with what any of them knows of labels and groups."""
    for run in runs:
        targets(run)
    first = runs[0]
    for other in runs[1:]:
        first = align(first, other)[0]
    return [first, *(align(first, other)[1] for other in runs[1:])]
