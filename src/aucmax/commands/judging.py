"""Commands that read predictions: evaluate, compare, ensemble, report."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from .._files import refuse_overwriting
from ._words import (
    UsageError,
    check_output,
    check_range,
    different_files,
    make_parser,
    parse,
    say,
)

if TYPE_CHECKING:
    from jsonargparse import ArgumentParser

    from ..report import Predictions


def _evaluate_parser() -> "ArgumentParser":
    parser = make_parser("evaluate", "Judge predictions: AUC, average precision, operating points.")
    parser.add_argument("predictions", type=str, help="CSV with the columns id, score, target.")
    parser.add_argument("--level", type=float, default=0.95, help="Coverage of the intervals.")
    parser.add_argument("--max_fpr", type=float | None, help="Partial AUC up to this FPR.")
    parser.add_argument("--min_tpr", type=float | None, help="Two-way partial AUC from this TPR.")
    parser.add_argument("--sensitivity", type=float | None, help="Wanted sensitivity (0.9).")
    parser.add_argument("--specificity", type=float | None, help="Wanted specificity (0.9).")
    parser.add_argument(
        "--output", type=str | None, help="Folder for metrics.json and figures [PRED-evaluation]."
    )
    parser.add_argument(
        "--readers", type=str, nargs="+", default=[], help="CSVs of readers: id, a 0/1 per label."
    )
    parser.add_argument(
        "--views",
        type=Literal["max", "mean"] | None,
        help="Join the images of a study (ids equal up to the last slash) by their max or mean.",
    )
    return parser


def evaluate_command(words: list[str]) -> None:
    """Judge predictions, and compare them with human readers."""
    options = parse(_evaluate_parser(), words)
    _check_evaluation(options)
    from .._files import write_json
    from ..report import (
        draw_curves,
        evaluate,
        evaluate_readers,
        evaluation_table,
        read_predictions,
        read_readers,
        readers_table,
    )

    path, *_ = different_files([options.predictions, *options.readers])
    folder = Path(options.output or path.with_name(f"{path.stem}-evaluation"))
    refuse_overwriting("--output", (folder / name for name in _WRITTEN), [path, *options.readers])
    predictions = read_predictions(path)
    if options.views is not None:
        predictions = _joined(predictions, options.views)
    wanted = {k: getattr(options, k) for k in ("max_fpr", "min_tpr", "sensitivity", "specificity")}
    found = evaluate(predictions, level=options.level, **wanted)
    table = evaluation_table(found)
    readers = read_readers(options.readers, labels=predictions.labels) if options.readers else []
    if readers:
        found["readers"] = evaluate_readers(predictions, readers, level=options.level)
        table += f"\n\n{readers_table(found['readers'])}"
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "metrics.json", found)
    draw_curves({path.stem: predictions}, level=options.level, readers=readers).save(folder)
    say(f"{table}\n\nmetrics.json and figures: {folder}")


_WRITTEN = (
    "metrics.json",
    *(f"{name}.{kind}" for name in ("roc", "precision_recall") for kind in ("png", "svg")),
)
"""What evaluate writes into its folder."""


def _check_evaluation(options: Any) -> None:
    """Refuse values out of range, by the names that they have on the command line."""
    check_range("--level", options.level, 0, 1, ends="()")
    check_range("--max_fpr", options.max_fpr, 0, 1, ends="(]")
    check_range("--min_tpr", options.min_tpr, 0, 1, ends="[)")
    if options.min_tpr is not None and options.max_fpr is None:
        raise UsageError("--min_tpr needs --max_fpr too: both bound the two-way partial AUC")
    for name in ("sensitivity", "specificity"):
        check_range(f"--{name}", getattr(options, name), 0, 1, ends="(]")


def _joined(predictions: "Predictions", by: str) -> "Predictions":
    """One row for each study; its group is that of its first image."""
    from dataclasses import replace

    from ..data import max_over_views, mean_over_views, study_names

    join = max_over_views if by == "max" else mean_over_views
    studies = study_names(predictions.ids)
    found = join(predictions.scores, predictions.target, studies=studies)
    first = {name: row for row, name in reversed(list(enumerate(studies)))}
    rows = [first[name] for name in found.names]
    groups = None if predictions.groups is None else predictions.groups[rows]
    return replace(
        predictions, ids=found.names, scores=found.scores, target=found.target, groups=groups
    )


def compare_command(words: list[str]) -> None:
    """Test two models on the same samples."""
    parser = make_parser("compare", "Paired DeLong test of two models on the same samples.")
    parser.add_argument("a", type=str, help="Predictions CSV of the first model.")
    parser.add_argument("b", type=str, help="Predictions CSV of the second model.")
    parser.add_argument("--level", type=float, default=0.95, help="Coverage of the intervals.")
    options = parse(parser, words)
    check_range("--level", options.level, 0, 1, ends="()")
    from ..report import compare, comparison_table, read_predictions

    a, b = different_files([options.a, options.b])
    names = (str(a), str(b)) if a.stem == b.stem else (a.stem, b.stem)
    found = compare(read_predictions(a), read_predictions(b), level=options.level, names=names)
    say(comparison_table(found))


def ensemble_command(words: list[str]) -> None:
    """Average the predictions of several models."""
    parser = make_parser("ensemble", "Average the scores, or the ranks, of several models.")
    parser.add_argument("predictions", type=str, nargs="+", help="Two or more predictions CSVs.")
    parser.add_argument(
        "--by",
        type=Literal["mean", "rank"],
        default="mean",
        help="mean: of the scores; rank: of their ranks within each label, for other scales.",
    )
    parser.add_argument("-o", "--output", type=str, default="ensemble.csv", help="CSV to write.")
    options = parse(parser, words)
    check_output(options.output, different_files(options.predictions))
    from ..report import ensemble_mean, ensemble_rank, read_predictions, write_predictions

    members = [read_predictions(path) for path in options.predictions]
    joined = (ensemble_mean if options.by == "mean" else ensemble_rank)(members)
    write_predictions(options.output, joined)
    say(f"{len(members)} models averaged: {options.output}")


def report_command(words: list[str]) -> None:
    """Write one HTML page."""
    parser = make_parser("report", "One HTML page of one or more predictions CSVs.")
    parser.add_argument(
        "predictions", type=str, nargs="+", help="Predictions CSVs; the first is compared."
    )
    parser.add_argument("--output", type=str, default="report.html", help="Page to write.")
    parser.add_argument("--level", type=float, default=0.95, help="Coverage of the intervals.")
    options = parse(parser, words)
    check_range("--level", options.level, 0, 1, ends="()")
    paths = different_files(options.predictions)
    check_output(options.output, paths)
    from ..report import read_predictions, summarise, write_report

    short = len({path.stem for path in paths}) == len(paths)
    found = {path.stem if short else str(path): read_predictions(path) for path in paths}
    page = summarise(found, title=" and ".join(found), level=options.level)
    write_report(options.output, page)
    say(f"{page.verdict}\nreport: {options.output}")
