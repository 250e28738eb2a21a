"""The command ``aucmax``: finds the subcommand, and turns errors into one message."""

import logging
import os
import sys
from importlib import import_module

from .commands._words import say

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
  ensemble  average several models: aucmax ensemble A.csv B.csv --by rank -o OUT.csv
  prepare   resize all images once: aucmax prepare --data CSV --data.csv cases.csv --size 224
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
        say(HELP.rstrip())
        return 0
    if words[0] == "--version":
        from . import __version__

        say(f"aucmax {__version__}")
        return 0
    if words[0] not in COMMANDS:
        return _fail("aucmax", [f"there is no command {words[0]!r}; see aucmax --help"], 2)
    return _guarded(words[0], words[1:])


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
        module = import_module(f".commands.{COMMANDS[command]}", __package__)
        getattr(module, f"{command}_command")(words)
    except KeyboardInterrupt:
        hint = "; continue with the same command and --resume" if command == "fit" else ""
        return _fail(name, [f"interrupted{hint}"], 130)
    except ImportError as error:
        if (error.name or "").split(".")[0] == "aucmax":
            raise
        cure = (
            "" if "pip install" in str(error) else "; install it with: pip install 'aucmax[train]'"
        )
        return _fail(name, [f"{error}{cure}"], 1)
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


COMMANDS = {
    "fit": "training",
    "evaluate": "judging",
    "compare": "judging",
    "ensemble": "judging",
    "predict": "training",
    "prepare": "training",
    "report": "judging",
    "recipes": "recipes",
}
"""The module of :mod:`aucmax.commands` that holds each command."""

if __name__ == "__main__":
    sys.exit(main())
