"""Human readers beside a model: their operating points, and how many lie below its curve."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from .. import metrics
from ..metrics._inputs import as_groups
from ..metrics.score_interval import rate_interval
from ._label import KnownSamples, targets
from ._named_table import NamedTable, listed, order_of, same_task
from ._prediction_rows import parse_target
from ._samples import Floats, Predictions
from ._values import interval, rounded


@dataclass(frozen=True, eq=False)
class Reader:
    """Yes-no decisions of one human reader on n samples and L labels.

    Args:
        name: what to call the reader.
        ids: one name per sample, all different.
        labels: one name per label, all different.
        decisions: shape (n, L): 1, 0 or NaN = not judged.

    Raises:
        ValueError: if a shape or a value breaks these rules.

    Example:
        >>> Reader("A", ("x", "y"), ("edema",), [[1], [0]]).decisions.ravel().tolist()
        [1.0, 0.0]
    """

    name: str
    ids: tuple[str, ...]
    labels: tuple[str, ...]
    decisions: Floats

    def __post_init__(self) -> None:
        decisions = np.asarray(self.decisions, dtype=np.float64)
        object.__setattr__(self, "decisions", decisions)
        who = f"reader {self.name!r}"
        for what, names in (("ids", self.ids), ("labels", self.labels)):
            if len(set(names)) != len(names):
                raise ValueError(f"{who}: {what} must all be different")
        if decisions.shape != (shape := (len(self.ids), len(self.labels))):
            raise ValueError(
                f"{who}: decisions must have one row per id and one column per label, {shape}, "
                f"got shape {decisions.shape}"
            )
        wrong = decisions[~(np.isnan(decisions) | (decisions == 0) | (decisions == 1))]
        if wrong.size:
            raise ValueError(
                f"{who}: decisions must be 0, 1 or NaN (not judged), got {wrong[0]:g}; "
                "grades become decisions by a threshold"
            )

    def on(self, predictions: Predictions) -> Floats:
        """Decisions (n, L) in the order of the samples and labels of ``predictions``.

        CheXpert's ids are the same with and without ``CheXpert-v1.0/`` before them.

        Raises:
            ValueError: if the ids differ or a label is missing.
        """
        rows = order_of(predictions.ids, self.ids, ("the model", f"reader {self.name!r}"))
        labels = same_task(predictions.labels, self.labels)
        if missing := [label for label in labels if label not in self.labels]:
            raise ValueError(
                f"reader {self.name!r} has no decisions for {listed(missing)}; "
                f"there are some for {', '.join(map(repr, self.labels))}"
            )
        return self.decisions[np.ix_(rows, [self.labels.index(label) for label in labels])]


def read_readers(
    paths: Sequence[str | Path] | Mapping[str, str | Path], *, labels: Sequence[str] | None = None
) -> list[Reader]:
    """Read the decisions of human readers, one CSV file each.

    A file has one column of ids, called ``id`` or ``Study``, and per label a column of 1, 0 or
    blank = not judged. Columns are found by name, so their order may differ between files.

    Args:
        paths: the files; a reader is called as its file, without ``.csv``. Or a file for each name.
        labels: the columns to read, such as ``predictions.labels``; None reads all. The nameless
            label ``"target"`` stands for the only column of a file.

    Returns:
        A reader per file.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if there are no files, two have one name, a column is missing or a cell is
            something else; the message names the file and the line.
    """
    if isinstance(paths, str | Path):
        raise TypeError(f"paths must be a list of files or a file per name, got {paths!r} alone")
    if isinstance(paths, Mapping):
        named = [(name, Path(path)) for name, path in paths.items()]
    else:
        named = [(Path(path).stem, Path(path)) for path in paths]
    _check_names([name for name, _ in named])
    return [_reader(name, path, labels) for name, path in named]


def evaluate_readers(
    predictions: Predictions, readers: Sequence[Reader], *, level: float = 0.95
) -> dict[str, Any]:
    """How well human readers did, and how many lie strictly below the model's ROC curve.

    For every label and reader: sensitivity and specificity with Wilson's intervals (for clusters if
    the predictions have groups), the model's sensitivity at the reader's false-positive rate, and
    whether the reader is below the curve. ``readers_below`` is their number per label and, in
    ``macro``, its mean over the labels: CheXpert's "Num Rads Below Curve".

    Args:
        predictions: scores with targets.
        readers: who judged the same samples, each with another name.
        level: coverage of the intervals, in (0, 1).

    Returns:
        What JSON can hold: ``level``, ``n``, ``readers`` (the names), ``labels`` (a dictionary per
        label) and ``macro``, over the labels that have a ROC curve.

    Raises:
        ValueError: if there are no targets or no readers, a reader judged other samples or lacks a
            label, or no label has both classes.

    Source: Irvin et al., AAAI 2019, https://doi.org/10.1609/aaai.v33i01.3301590

    Example:
        >>> scores, target = np.array([[1.0], [2], [3], [4]]), np.array([[0], [1], [0], [1]])
        >>> p = Predictions(tuple("abcd"), ("target",), scores, target)
        >>> doctor = Reader("doctor", tuple("abcd"), ("edema",), np.array([[1], [1], [0], [0]]))
        >>> found = evaluate_readers(p, [doctor])
        >>> found["labels"]["target"]["readers"]["doctor"]["below"], found["macro"]["readers_below"]
        (True, 1.0)
    """
    targets(predictions)
    decisions = decisions_of(readers, predictions)
    names = [reader.name for reader in readers]
    labels = {
        label: _label(predictions, column, decisions[:, column], names, level)
        for column, label in enumerate(predictions.labels)
    }
    used = [name for name, found in labels.items() if "note" not in found]
    if not used:
        reasons = "; ".join(f"{name}: {found['note']}" for name, found in labels.items())
        raise ValueError(f"no label has both positive and negative samples: {reasons}")
    columns = [predictions.labels.index(name) for name in used]
    area = metrics.macro_auroc_interval(
        predictions.scores[:, columns],
        targets(predictions)[:, columns],
        level=level,
        groups=predictions.groups,
    )
    macro = {
        "labels": used,
        "auroc": interval(area),
        "readers_below": float(np.mean([labels[name]["readers_below"] for name in used])),
    }
    found = {"level": level, "n": len(predictions), "readers": names}
    return rounded(found | {"labels": labels, "macro": macro})


def decisions_of(readers: Sequence[Reader], predictions: Predictions) -> Floats:
    """Decisions (n, L, R) of all readers in the order of ``predictions``."""
    _check_names([reader.name for reader in readers])
    return np.stack([reader.on(predictions) for reader in readers], axis=-1)


def _label(
    predictions: Predictions, column: int, decisions: Floats, names: list[str], level: float
) -> dict[str, Any]:
    known = KnownSamples.of(predictions, column, level=level)
    if known.missing():
        return known.counts() | {"auroc": None, "readers_below": None, "readers": {}}
    decisions = decisions[~np.isnan(targets(predictions)[:, column])]
    compared = cast(
        metrics.ReaderComparison,
        metrics.readers_below_curve(known.scores, known.target, decisions),
    )
    readers = {}
    for r, name in enumerate(names):
        missed = np.isnan([compared.fpr[r], compared.tpr[r]]).any()
        readers[name] = {
            **_rates(decisions[:, r], known, level),
            "model_sensitivity": float(compared.curve_tpr[r]),
            "below": None if missed else bool(compared.below[r]),
        }
    found = {"auroc": known.auroc(), "readers_below": compared.count, "readers": readers}
    return known.counts() | found


def _rates(decisions: Floats, known: KnownSamples, level: float) -> dict[str, Any]:
    """How many samples one reader judged, and the two rates of an operating point."""
    judged = ~np.isnan(decisions)
    codes = as_groups(known.groups, len(decisions))
    found: dict[str, Any] = {"n": int(judged.sum())}
    for rate, right in (("sensitivity", 1), ("specificity", 0)):
        rows = judged & (known.target == right)
        if not rows.any():
            found[rate] = None
            continue
        groups = None if codes is None else codes[rows]
        found[rate] = interval(rate_interval(decisions[rows] == right, groups, level))
    return found


def _reader(name: str, path: Path, labels: Sequence[str] | None) -> Reader:
    table = NamedTable.read(path, "reader file")
    chosen = table.choose(labels)
    return Reader(name, table.ids, chosen, table.values(chosen, _decision))


def _decision(cell: str) -> float:
    try:
        return parse_target(cell)
    except ValueError:
        raise ValueError(f"a decision must be 0, 1 or blank (not judged), got {cell!r}") from None


def _check_names(names: Sequence[str]) -> None:
    if not names:
        raise ValueError("at least one reader is needed, got none")
    if twice := sorted({name for name in names if list(names).count(name) > 1}):
        raise ValueError(
            f"each reader needs a name of its own, {twice[0]!r} occurs more than once; "
            "give a dictionary of names and files"
        )
