"""The command ``aucmax``: each subcommand imports what it needs when it is called."""

import logging
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jsonargparse import ArgumentParser

HELP = """usage: aucmax COMMAND ...

Train and judge classifiers by the area under the ROC curve.

commands:
  fit       train on images, in two stages, and report AUC with intervals
              aucmax fit                                 scikit-learn's digits against cross-entropy
              aucmax fit csv --data.csv cases.csv        your images, listed in a CSV
              aucmax fit --help                          all options
  evaluate  judge a predictions CSV (columns id, score, target): aucmax evaluate PRED.csv
  compare   paired test of two predictions CSVs: aucmax compare A.csv B.csv
  predict   score images by a checkpoint: aucmax predict runs/NAME/02-aucm/best.ckpt images/
  report    one HTML page of one or more predictions CSVs: aucmax report A.csv B.csv
  recipes   list, show or copy the recipes that `fit` knows: aucmax recipes show digits

options:
  --help     this text (or `aucmax COMMAND --help`)
  --version  version of aucmax
"""


def main(argv: list[str] | None = None) -> int:
    """Run a command; return its exit code: 0 done, 1 failed, 2 wrong options, 130 interrupted.

    Args:
        argv: words after ``aucmax``; None takes those of the process.
    """
    words = sys.argv[1:] if argv is None else argv
    _show_notes()
    if not words or words[0] in {"-h", "--help", "help"}:
        _say(HELP.rstrip())
        return 0
    if words[0] == "--version":
        from . import __version__

        _say(f"aucmax {__version__}")
        return 0
    if words[0] not in COMMANDS:
        return _fail("aucmax", [f"there is no command {words[0]!r}; see aucmax --help"], 2)
    return _guarded(words[0], words[1:])


class UsageError(ValueError):
    """Words that a command does not take."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problems = [problem]


class _Notes(logging.Handler):
    """What aucmax itself has to say, on stderr; other packages' chatter stays out."""

    def emit(self, record: logging.LogRecord) -> None:
        sys.stderr.write(f"note: {record.getMessage()}\n")


def _show_notes() -> None:
    log = logging.getLogger("aucmax")
    log.setLevel(logging.INFO)
    if not any(isinstance(handler, _Notes) for handler in log.handlers):
        log.addHandler(_Notes())


def _guarded(command: str, words: list[str]) -> int:
    """Run a command; what is the user's to mend becomes one message instead of a traceback."""
    name = f"aucmax {command}"
    try:
        COMMANDS[command](words)
    except KeyboardInterrupt:
        hint = "; continue with the same command and --resume" if command == "fit" else ""
        return _fail(name, [f"interrupted{hint}"], 130)
    except ImportError as error:
        if (error.name or "").split(".")[0] == "aucmax":
            raise
        return _fail(name, [f"{error}; install it with: pip install 'aucmax[train]'"], 1)
    except (ValueError, OSError) as error:
        if os.environ.get("AUCMAX_TRACEBACK"):
            raise
        problems = getattr(error, "problems", None)
        return _fail(name, problems or [_text(error)], 2 if problems else 1)
    return 0


def _text(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.filename}: {error.strerror}"
    return str(error.args[-1]) if isinstance(error, OSError) and error.args else str(error)


def _fail(name: str, problems: list[str], code: int) -> int:
    if len(problems) == 1:
        sys.stderr.write(f"{name}: {problems[0]}\n")
    else:
        lines = "".join(f"  {problem}\n" for problem in problems)
        sys.stderr.write(f"{name}: {len(problems)} things are wrong:\n{lines}")
    return code


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")


def _fit(words: list[str]) -> None:
    from .train.arguments import fit_parser, parse_fit

    if any(w in {"-h", "--help"} or w.partition("=")[0].endswith(".help") for w in words):
        fit_parser().parse_args(words if words[0].startswith("-") else words[1:])
        return
    config, resolved = parse_fit(words)
    from .train import fit

    outcome = fit(config, resolved)
    if outcome is None:  # another process tells
        return
    _say(f"\n{outcome.table}\n\n{outcome.verdict}")
    _say(f"run folder: {outcome.folder}   report: {outcome.folder / 'report.html'}")


def _evaluate(words: list[str]) -> None:
    parser = _parser("evaluate", "Judge predictions: AUC, average precision, operating points.")
    parser.add_argument("predictions", type=str, help="CSV with the columns id, score, target.")
    parser.add_argument("--level", type=float, default=0.95, help="Coverage of the intervals.")
    parser.add_argument("--max_fpr", type=float | None, help="Partial AUC up to this FPR.")
    parser.add_argument("--min_tpr", type=float | None, help="Two-way partial AUC from this TPR.")
    parser.add_argument("--sensitivity", type=float | None, help="Wanted sensitivity (0.9).")
    parser.add_argument("--specificity", type=float | None, help="Wanted specificity (0.9).")
    parser.add_argument(
        "--output", type=str | None, help="Folder for metrics.json and figures [PRED-evaluation]."
    )
    options = _parsed(parser, words)
    from ._files import write_json
    from .report import (
        evaluate,
        evaluation_table,
        precision_recall_figure,
        read_predictions,
        roc_figure,
        save_figure,
    )

    path = Path(options.predictions)
    predictions = read_predictions(path)
    wanted = {k: getattr(options, k) for k in ("max_fpr", "min_tpr", "sensitivity", "specificity")}
    found = evaluate(predictions, level=options.level, **wanted)
    folder = Path(options.output or path.with_name(f"{path.stem}-evaluation"))
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "metrics.json", found)
    save_figure(roc_figure({path.stem: predictions}, level=options.level), folder / "roc")
    figure = precision_recall_figure({path.stem: predictions}, level=options.level)
    save_figure(figure, folder / "precision_recall")
    _say(f"{evaluation_table(found)}\n\nmetrics.json and figures: {folder}")


def _compare(words: list[str]) -> None:
    parser = _parser("compare", "Paired DeLong test of two models on the same samples.")
    parser.add_argument("a", type=str, help="Predictions CSV of the first model.")
    parser.add_argument("b", type=str, help="Predictions CSV of the second model.")
    parser.add_argument("--level", type=float, default=0.95, help="Coverage of the intervals.")
    options = _parsed(parser, words)
    from .report import compare, comparison_table, read_predictions
    from .report.tables import verdict

    a, b = Path(options.a), Path(options.b)
    names = (str(a), str(b)) if a.stem == b.stem else (a.stem, b.stem)
    found = compare(read_predictions(a), read_predictions(b), level=options.level, names=names)
    _say(f"{comparison_table(found)}\n\n{verdict(found)}")


def _predict(words: list[str]) -> None:
    parser = _parser(
        "predict",
        "Score images by a checkpoint of `aucmax fit`: files, folders of them, or a source with "
        "labels as in `aucmax fit`, --data CLASS --data.NAME value.",
    )
    parser.add_argument("checkpoint", type=str, help="Such as runs/NAME/02-aucm/best.ckpt.")
    parser.add_argument("images", type=str, nargs="*", help="Image files, or folders of them.")
    parser.add_argument("--output", type=str, default="predictions.csv", help="CSV to write.")
    parser.add_argument("--workers", type=int, default=0, help="Processes that read images.")
    source, others = _parted(words, "data")
    options = _parsed(parser, others)
    if bool(options.images) == bool(source):
        raise UsageError("give either images (files or folders), or --data with its options")
    from .report import write_predictions
    from .train.arguments import parse_source
    from .train.predict import images_of, predict_images

    checkpoint = Path(options.checkpoint)
    if source:
        images = parse_source(source).load()
    else:
        images = images_of(checkpoint, [Path(path) for path in options.images])
    predictions = predict_images(checkpoint, images, workers=options.workers)
    write_predictions(options.output, predictions)
    _say(f"{len(predictions)} images scored: {options.output}")


def _report(words: list[str]) -> None:
    parser = _parser("report", "One HTML page of one or more predictions CSVs.")
    parser.add_argument(
        "predictions", type=str, nargs="+", help="Predictions CSVs; the first is compared."
    )
    parser.add_argument("--output", type=str, default="report.html", help="Page to write.")
    parser.add_argument("--level", type=float, default=0.95, help="Coverage of the intervals.")
    options = _parsed(parser, words)
    from .report import read_predictions, summarise, write_report

    paths = [Path(path) for path in options.predictions]
    short = len({path.stem for path in paths}) == len(paths)
    found = {path.stem if short else str(path): read_predictions(path) for path in paths}
    page = summarise(found, title=" and ".join(found), level=options.level)
    write_report(options.output, page)
    _say(f"{page.verdict}\nreport: {options.output}")


def _recipes(words: list[str]) -> None:
    from .recipes import recipe_names, recipe_summary, recipe_text

    if not words or words == ["list"]:
        width = max(map(len, recipe_names()))
        for name in recipe_names():
            _say(f"{name:{width}}  {recipe_summary(name)}")
    elif words[0] == "show" and len(words) == 2:
        _say(recipe_text(words[1]).rstrip())
    elif words[0] == "copy" and len(words) in {2, 3}:
        place = Path(words[2] if len(words) == 3 else f"{words[1]}.yaml")
        if place.exists():
            raise FileExistsError(f"{place} exists already: give another name after {words[1]!r}")
        place.write_text(recipe_text(words[1]))
        _say(f"{place}: change it, then run aucmax fit {place}")
    elif words[0] in {"-h", "--help"}:
        _say("usage: aucmax recipes [list | show NAME | copy NAME [FILE]]")
    else:
        raise UsageError("say one of: recipes list, recipes show NAME, recipes copy NAME [FILE]")


def _parser(command: str, description: str) -> "ArgumentParser":
    from jsonargparse import ArgumentParser

    return ArgumentParser(prog=f"aucmax {command}", description=description, exit_on_error=False)


def _parted(words: list[str], option: str) -> tuple[list[str], list[str]]:
    """The words of --OPTION and --OPTION.NAME with their values, and the other words."""
    parts: tuple[list[str], list[str]] = [], []
    other = True
    for word in words:
        if word.startswith("--"):
            other = re.split("[.=]", word[2:])[0] != option
        parts[other].append(word)
    return parts


def _parsed(parser: "ArgumentParser", words: list[str]) -> Any:
    from jsonargparse import ArgumentError

    try:
        return parser.parse_args(words)
    except ArgumentError as error:
        text = " ".join(str(error).split())
        text = re.sub(r'^Parser key "(.+?)":', r"--\1:", text)
        raise UsageError(f"{text}; see {parser.prog} --help") from error


COMMANDS: dict[str, Callable[[list[str]], None]] = {
    "fit": _fit,
    "evaluate": _evaluate,
    "compare": _compare,
    "predict": _predict,
    "report": _report,
    "recipes": _recipes,
}

if __name__ == "__main__":
    sys.exit(main())
