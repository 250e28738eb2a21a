"""What a run leaves: predictions, metrics, figures, and the page that shows them."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from .. import metrics
from .._files import write_json
from ..data import LabelledSet
from ..data.base import PARTS
from ..report import (
    Drawn,
    Predictions,
    compare_seeds,
    draw_curves,
    evaluate,
    evaluation_table,
    summarise,
    write_predictions,
    write_report,
)
from ..report.tables import method_rows, text_table, verdict
from .config import FitConfig

PREDICTIONS = "predictions.csv"
"""Written before all that is made of it: no figure can cost what was trained."""
REPORT = "report.html"
"""Written last: where it is, the run is finished."""

_CURE = "delete it, and the report leaves the epochs of this stage out"


@dataclass(frozen=True)
class Outcome:
    """How a fit came out.

    Args:
        folder: the run folder.
        table: numbers with their intervals, as text that lines up.
        verdict: the same in a sentence.
        metrics: the content of metrics.json.
    """

    folder: Path
    table: str
    verdict: str
    metrics: dict[str, Any]


def conclude_run(
    folder: Path,
    config: FitConfig,
    data: LabelledSet,
    name: str,
    predictions: Predictions,
    resolved: str,
) -> Outcome:
    """Write what one training run leaves: predictions.csv first, report.html last."""
    write_predictions(folder / PREDICTIONS, predictions)
    found = evaluate(predictions)
    write_json(folder / "metrics.json", found)
    drawn = save_curves(folder, {name: predictions})
    page = summarise(
        {name: predictions},
        title=f"{config.name}: {name}",
        stages=_history(folder),
        parts=targets(data),
        configuration=resolved,
        drawn=drawn,
    )
    write_report(folder / REPORT, page)
    return Outcome(folder, evaluation_table(found), page.verdict, found)


def conclude_comparison(
    folder: Path,
    config: FitConfig,
    data: LabelledSet,
    found: Mapping[str, Sequence[Predictions]],
    validation: Mapping[str, float],
    resolved: str,
) -> Outcome:
    """Write what several seeds, or several methods, leave together.

    The first method is compared with the one of the others that has the best ``validation`` AUC.
    """
    if len(found) > 1:
        content, header, rows = _compared(found, validation)
        sentence = verdict(content)
    else:
        ((name, runs),) = found.items()
        content, header, rows = _over_seeds(name, runs)
        sentence = f"Mean AUC of {len(runs)} seeds of {name}: {rows[0][1]} {rows[0][2]}."
    content["validation"] = {name: round(value, 10) for name, value in validation.items()}
    content["each_seed"] = {name: [_auc(run) for run in runs] for name, runs in found.items()}
    write_json(folder / "metrics.json", content)
    averaged = {name: _averaged(runs) for name, runs in found.items()}
    drawn = save_curves(folder, averaged)
    page = summarise(
        averaged,
        title=config.name,
        parts=targets(data),
        configuration=resolved,
        drawn=drawn,
    )
    seeds = [str(config.seed + i) for i in range(config.seeds)]
    each = [[n, *(f"{v:.4f}" for v in values)] for n, values in content["each_seed"].items()]
    page = replace(
        page,
        verdict=sentence,
        tables=[
            (f"Test AUC, mean of {config.seeds} training seed(s)", header, rows),
            ("Test AUC of each training seed", ["method", *seeds], each),
            page.tables[-1],
        ],
        figures=[(f"{c}; scores averaged over seeds", figure) for c, figure in page.figures],
    )
    write_report(folder / REPORT, page)
    return Outcome(folder, text_table(header, rows), sentence, content)


def save_curves(folder: Path, by_name: Mapping[str, Predictions]) -> Drawn:
    """ROC and precision-recall curves with their bands, as PNG and SVG; for the page too."""
    drawn = draw_curves(by_name)
    return replace(drawn, notes=drawn.save(folder))


def _compared(
    found: Mapping[str, Sequence[Predictions]], validation: Mapping[str, float]
) -> tuple[dict[str, Any], list[str], list[list[str]]]:
    ours, *others = found
    reference = max(others, key=lambda name: validation[name])
    content = compare_seeds(found[ours], found[reference], names=(ours, reference))
    header, rows = method_rows(content)
    content["others"] = {}
    for name in others:
        if name != reference:
            one, _, ((_, *cells),) = _over_seeds(name, found[name])
            content["others"][name] = one
            rows.insert(len(rows) - 1, [name, *cells, ""])
    if len(others) > 1:
        rows[1][0] += " (the better by validation)"
    return content, header, rows


def _over_seeds(
    name: str, runs: Sequence[Predictions]
) -> tuple[dict[str, Any], list[str], list[list[str]]]:
    first = runs[0]
    scores = np.stack([run.scores for run in runs])
    target = first.target
    if target is None:
        raise ValueError("predictions must have targets to be judged")
    one = scores.shape[2] == 1
    mean = metrics.auroc_interval_over_seeds(
        scores[..., 0] if one else scores, target[:, 0] if one else target, groups=first.groups
    )
    content = {"auroc": {"estimate": mean.estimate, "low": mean.low, "high": mean.high}}
    row = [f"{name} (mean of {len(runs)} seeds)", f"{mean.estimate:.4f}"]
    row.append(f"{mean.low:.4f} to {mean.high:.4f}")
    return content, ["method", "AUC", "95 % interval"], [row]


def _auc(predictions: Predictions) -> float:
    """AUC on the known targets, averaged over labels."""
    if predictions.target is None:
        raise ValueError("predictions must have targets to be judged")
    return round(metrics.macro_auroc(predictions.scores, predictions.target), 10)


def _averaged(runs: Sequence[Predictions]) -> Predictions:
    return replace(runs[0], scores=np.mean([run.scores for run in runs], axis=0))


def targets(data: LabelledSet) -> dict[str, Any]:
    """Targets of each part, for the table that tells how the data were split."""
    return {part: data.part(part).target.astype(np.float64) for part in PARTS}


def _history(folder: Path) -> list[tuple[str, list[dict[str, str]]]]:
    """The epochs of each stage, from their metrics.csv.

    Raises:
        ValueError: if one is damaged; names the file and the cure.
    """
    history: list[tuple[str, list[dict[str, str]]]] = []
    for path in sorted(folder.glob("*/metrics.csv")):
        rows = _epochs(path)
        history.append(
            (path.parent.name, [{**row, "val/auroc": row["validation_auroc"]} for row in rows])
        )
    return history


def _epochs(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file, strict=True))
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is damaged: it is no CSV file ({error}); {_CURE}") from error
    for line, row in enumerate(rows, 2):
        if None in row or None in row.values() or not {"epoch", "validation_auroc"} <= row.keys():
            raise ValueError(f"{path} is damaged: line {line} lacks a column; {_CURE}")
        try:
            _ = [float(value) for value in row.values() if value]
        except ValueError as error:
            raise ValueError(f"{path} is damaged: line {line} holds no numbers; {_CURE}") from error
    return rows
