"""What an ensemble leaves: several networks trained alike, their scores averaged."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from .. import metrics
from .._files import write_json
from ..data import LabelledSet
from ..report import (
    Predictions,
    ensemble_mean,
    evaluate,
    summarise,
    write_predictions,
    write_report,
)
from ..report.tables import text_table
from .config import FitConfig
from .outcome import PREDICTIONS, REPORT, Outcome, save_curves, targets

ENSEMBLE = "ensemble"


def conclude_ensemble(
    folder: Path,
    config: FitConfig,
    data: LabelledSet,
    found: Mapping[str, Sequence[Predictions]],
    resolved: str,
) -> Outcome:
    """Write the averaged predictions, their metrics, and how each member fared.

    Args:
        folder: of the run.
        config: of the run.
        data: all rows with their parts.
        found: predictions of each seed of each member.
        resolved: the options as YAML.
    """
    everybody = [run for runs in found.values() for run in runs]
    members = {name: ensemble_mean(runs) if runs[1:] else runs[0] for name, runs in found.items()}
    joined = {ENSEMBLE: ensemble_mean(everybody), **members}
    write_predictions(folder / PREDICTIONS, joined[ENSEMBLE])
    rows = [_row(name, predictions) for name, predictions in joined.items()]
    content = evaluate(joined[ENSEMBLE])
    content["members"] = {name: evaluate(member) for name, member in members.items()}
    write_json(folder / "metrics.json", content)
    drawn = save_curves(folder, joined)
    page = summarise(
        joined,
        title=config.name,
        parts=targets(data),
        configuration=resolved,
        drawn=drawn,
    )
    write_report(folder / REPORT, page)
    table = text_table(["network", "AUC", "95 % interval"], rows)
    return Outcome(
        folder, table, f"Mean AUC of the ensemble: {rows[0][1]} ({rows[0][2]}).", content
    )


def _row(name: str, predictions: Predictions) -> list[str]:
    if predictions.target is None:
        raise ValueError("predictions must have targets to be judged")
    auc = metrics.macro_auroc_interval(
        predictions.scores, predictions.target, groups=predictions.groups
    )
    return [name, f"{auc.estimate:.4f}", f"{auc.low:.4f} to {auc.high:.4f}"]
