"""From predictions to a whole report: evaluate, compare, draw, and say how it came out."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from platform import platform, python_version
from typing import Any

from ._samples import Floats, Predictions
from ._values import bounds, number, percent
from .comparison import compare
from .drawn import Drawn, draw_curves
from .evaluation import evaluate
from .page import Report, Table
from .tables import comparison_rows, evaluation_rows, point_rows, split_rows, verdict
from .training_figure import Row, training_figure

PACKAGES = ("torch", "numpy", "lightning", "torchvision", "timm")


def summarise(
    predictions_by_name: Mapping[str, Predictions],
    *,
    title: str,
    level: float = 0.95,
    stages: Sequence[tuple[str, Sequence[Row]]] = (),
    parts: Mapping[str, Floats] | None = None,
    facts: Mapping[str, str] | None = None,
    configuration: str = "",
    drawn: Drawn | None = None,
) -> Report:
    """Make the report of one or several models on the same samples.

    Args:
        predictions_by_name: what to call each model, and what it predicted; the first is compared
            with each of the others.
        title: heading of the page.
        level: coverage of every interval, in (0, 1).
        stages: training history as :func:`training_figure` takes it; none draws none.
        parts: name and target (n, L) of each part of the data: how they were split.
        facts: more to be known about the run; versions are added.
        configuration: the resolved configuration as text.
        drawn: figures of :func:`draw_curves`; None draws them.

    Returns:
        A report for :func:`write_report`: tables and sentences of :func:`evaluate` and
        :func:`compare`; ROC, precision-recall and training figures.

    Raises:
        ValueError: as those functions, or if there are no predictions.
    """
    if not predictions_by_name:
        raise ValueError("predictions_by_name must hold at least one set of predictions")
    found = {who: evaluate(p, level=level) for who, p in predictions_by_name.items()}
    (name, first), *others = predictions_by_name.items()
    pairs = [compare(first, p, level=level, names=(name, who)) for who, p in others]
    tables = [*_areas(found), *map(_difference, pairs), *_points(found)]
    if parts:
        tables.append(("How the data were split", *split_rows(parts, first.labels)))
    if drawn is None:
        drawn = draw_curves(predictions_by_name, level=level)
    figures = [(one.caption, one.figure) for one in drawn.figures]
    facts = dict(facts or {})
    if drawn.notes:
        facts["Missing figures"] = "; ".join(drawn.notes)
    if stages:
        figures.append((_TRAINING, training_figure(stages)))
    return Report(
        title,
        " ".join(map(verdict, pairs)) if pairs else _statement(name, found[name]),
        tables,
        figures,
        facts | versions(),
        configuration,
    )


def versions() -> dict[str, str]:
    """Python, platform and the installed versions of the packages that results depend on."""
    found = {
        "Python": f"{python_version()} on {platform()}",
        "aucmax": import_module("aucmax").__version__,
    }
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


_AREAS = "Areas under the curves. AUC with DeLong intervals, average precision (AP) with bootstrap"
_POINTS = "Operating points: the thresholds that reach a wanted rate on these samples"
_TRAINING = "Validation AUC after each epoch; the ring marks the best"


def _areas(found: Mapping[str, Any]) -> list[Table]:
    """One table of all models if there is one label, otherwise a table per model."""
    tables = {who: evaluation_rows(evaluation) for who, evaluation in found.items()}
    if len(found) == 1:
        return [(_AREAS, *next(iter(tables.values())))]
    if any("macro" in evaluation for evaluation in found.values()):
        return [(f"{who}: {_AREAS}", *table) for who, table in tables.items()]
    rows = [[who, *row[1:]] for who, (_, (row,)) in tables.items()]
    header, _ = next(iter(tables.values()))
    return [(_AREAS, ["model", *header[1:]], rows)]


def _difference(comparison: Mapping[str, Any]) -> Table:
    first, second = comparison["names"]
    caption = f"AUC of {first} minus AUC of {second}, paired DeLong test"
    return (caption, *comparison_rows(comparison))


def _points(found: Mapping[str, Any]) -> list[Table]:
    tables = {who: point_rows(evaluation) for who, evaluation in found.items()}
    prefix = {who: f"{who}: " if len(found) > 1 else "" for who in found}
    return [(prefix[who] + _POINTS, *table) for who, table in tables.items()]


def _statement(name: str, evaluation: Mapping[str, Any]) -> str:
    """The AUC of the only model in a sentence."""
    whole = evaluation.get("macro")
    area = (whole or next(iter(evaluation["labels"].values())))["auroc"]
    what = f"a mean AUC over {len(whole['labels'])} labels" if whole else "an AUC"
    return (
        f"{name} reaches {what} of {number(area['estimate'])} "
        f"({percent(evaluation['level'])} interval {bounds(area)})."
    )
