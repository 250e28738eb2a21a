"""The command ``aucmax``: finds the subcommand, and turns errors into one message."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from importlib import import_module
from typing import Any, TextIO

from ._signals import ignore_signals, interrupted, remember_signals
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
        if isinstance(sys.stderr, _Lines):
            sys.stderr.close_line()
        sys.stderr.write(f"note: {record.getMessage()}\n")


def _show_notes() -> None:
    log = logging.getLogger("aucmax")
    log.setLevel(logging.INFO)
    if not any(isinstance(handler, _Notes) for handler in log.handlers):
        log.addHandler(_Notes())


def _guarded(command: str, words: list[str]) -> int:
    """Run a command; report what went wrong in one message, without a traceback."""
    name = f"aucmax {command}"
    with remember_signals(), _whole_lines():
        try:
            module = import_module(f".commands.{COMMANDS[command]}", __package__)
            getattr(module, f"{command}_command")(words)
        except (KeyboardInterrupt, GeneratorExit):
            return _stopped(name)
        except SystemExit as stop:  # of a help text; or what Lightning makes of Ctrl-C
            if not interrupted() and not isinstance(stop.__context__, KeyboardInterrupt):
                raise
            return _stopped(name)
        except Exception as error:
            if interrupted():  # it only follows from the signal, as when a reading process ended
                return _stopped(name)
            if os.environ.get("AUCMAX_TRACEBACK"):
                raise
            problems = getattr(error, "problems", None)
            return _fail(name, problems or [_explain(error)], 2 if problems else 1)
        return _stopped(name) if interrupted() else 0


def _stopped(name: str) -> int:
    ignore_signals()
    hint = _CONTINUE.get(name.split()[-1], "")
    return _fail(name, [f"interrupted{hint}"], 130)


_CONTINUE = {
    "fit": "; continue with the same command and --resume",
    "prepare": "; continue with the same command",
}

_EXTRAS = {
    "train": {"jsonargparse", "lightning", "matplotlib", "PIL", "sklearn", "timm", "torchmetrics",
              "torchvision", "tqdm", "yaml"},
    "medical": {"h5py", "pydicom", "pylibjpeg", "libjpeg", "openjpeg"},
    "molecules": {"rdkit", "torch_geometric"},
    "tensorboard": {"tensorboard"},
}  # fmt: skip
"""Packages that each extra installs, by the name under which they are imported."""


def _explain(error: Exception) -> str:
    """What went wrong and what helps, in one line."""
    if isinstance(error, ImportError):
        return _explain_import(error)
    if isinstance(error, MemoryError) or _is_out_of_memory(error):
        return (
            f"not enough memory ({_line(error) or 'no details'}); try smaller batches, smaller "
            "images or fewer processes"
        )
    if isinstance(error, RecursionError):
        return f"something is nested too deeply to be read: {_line(error)}"
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.filename}: {error.strerror}"
    if isinstance(error, OSError) and error.args:
        return " ".join(str(error.args[-1]).split())
    if isinstance(error, ValueError):
        return _line(error)
    return (
        f"{type(error).__name__}: {_line(error)}; this should not happen, please report it: "
        "AUCMAX_TRACEBACK=1 before the same command shows where"
    )


def _explain_import(error: ImportError) -> str:
    """A package that is missing, or one that could not be read."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, PermissionError):
            return f"a package cannot be imported: {cause.filename}: {cause.strerror}"
        cause = cause.__cause__ or cause.__context__
    package = (error.name or "").split(".")[0]
    if "pip install" in str(error):
        return _line(error)
    for extra, names in _EXTRAS.items():
        if package in names:
            return f"{_line(error)}; install it with: pip install 'aucmax[{extra}]'"
    if package and (folder := _unreadable_folder()):
        return f"{_line(error)}; {folder} cannot be read: see to its permissions"
    return f"{_line(error)}; see that the packages of this environment are whole: pip check"


def _unreadable_folder() -> str:
    """A folder of the import path that this user may not read; "" if there is none."""
    folders = (path or "." for path in sys.path)
    return next((p for p in folders if os.path.isdir(p) and not os.access(p, os.R_OK)), "")  # noqa: PTH112


def _is_out_of_memory(error: Exception) -> bool:
    words = ("can't allocate memory", "out of memory", "Cannot allocate memory")
    return isinstance(error, RuntimeError | OSError) and any(w in str(error) for w in words)


def _line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ..."


_LONGEST = 1500
"""Characters of a message; enough for all names of a list to choose from."""


_LONGEST_WORD = 500
"""Characters of a word that a message repeats, such as a path or a wrong value."""


class _Lines:
    """Standard error that knows whether its last line is open, as under a progress bar."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._last = "\n"

    def write(self, text: str) -> int:
        if text:
            self._last = text[-1]
        return self._stream.write(text)

    def close_line(self) -> None:
        """Start a new line unless the cursor stands at the start of one."""
        if self._last != "\n" and not (self._last == "\r" and self._stream.isatty()):
            self.write("\n")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def _whole_lines() -> Iterator[None]:
    """Let every message start on a line of its own, also where a progress bar was interrupted."""
    lines: Any = _Lines(sys.stderr)
    with redirect_stderr(lines):
        yield


def _close_line() -> None:
    """Take away the progress bars that an error left open, and end their line."""
    if "tqdm" in sys.modules:
        bars = getattr(sys.modules["tqdm"].tqdm, "_instances", ())
        for bar in list(bars):
            bar.close()
    if isinstance(sys.stderr, _Lines):
        sys.stderr.close_line()


def _shortened(word: str) -> str:
    return word if len(word) <= _LONGEST_WORD else f"{word[:_LONGEST_WORD]}..."


def _fail(name: str, problems: list[str], code: int) -> int:
    problems = [" ".join(map(_shortened, problem.split())) for problem in problems]
    _close_line()
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
