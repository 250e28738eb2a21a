"""What the commands share: their words in, their text out."""

import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._files import is_same_file, refuse_overwriting

if TYPE_CHECKING:
    from jsonargparse import ArgumentParser


MAX_PROCESSES = 1024
"""More than any machine has use for; each costs memory."""


class UsageError(ValueError):
    """Words that a command does not take."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problems = [problem]


def say(text: str) -> None:
    """A line for the user, on standard output."""
    sys.stdout.write(text + "\n")


def make_parser(command: str, description: str) -> "ArgumentParser":
    from jsonargparse import ArgumentParser

    return ArgumentParser(prog=f"aucmax {command}", description=description, exit_on_error=False)


def part(words: list[str], option: str) -> tuple[list[str], list[str]]:
    """The words of --OPTION and --OPTION.NAME with their values, and the other words."""
    parts: tuple[list[str], list[str]] = [], []
    other = True
    for word in words:
        if re.match("--?[A-Za-z]", word):
            other = re.split("[.=]", word.lstrip("-"))[0] != option
        parts[other].append(word)
    return parts


def different_files(files: Sequence[str]) -> list[Path]:
    """The files to read, of which none may come twice, however it is spelled.

    Raises:
        UsageError: names a file that does.
    """
    paths = [Path(file) for file in files]
    for number, path in enumerate(paths):
        for other in paths[:number]:
            if is_same_file(path, other):
                also = "" if path == other else f" (as {other}, too)"
                raise UsageError(f"{path} is given twice{also}: name each file once")
    return paths


def check_output(output: str | Path, inputs: Iterable[str | Path]) -> None:
    """Refuse an output file that is a folder, lies in none, or is one of the files to be read.

    Raises:
        UsageError: names the option, the file, and the cure.
    """
    try:
        refuse_overwriting("--output", [output], inputs)
    except ValueError as error:
        raise UsageError(str(error)) from error
    if Path(output).is_dir():
        raise UsageError(f"--output: {output} is a folder: name a file")


def check_range(option: str, value: float | None, low: float, high: float, *, ends: str) -> None:
    """Refuse a number outside a range.

    Args:
        option: such as "--level".
        value: None is not checked.
        low: lower end.
        high: upper end.
        ends: brackets that say which end belongs to the range, such as "(]".

    Raises:
        UsageError: names the option, the range, and the value.
    """
    if value is None:
        return
    above = value > low or (ends[0] == "[" and value == low)
    below = value < high or (ends[1] == "]" and value == high)
    if not (above and below):
        bounds = f"{ends[0]}{low:g}, {high:g}{ends[1]}"
        raise UsageError(f"{option} must lie in {bounds}, got {value}")


def check_workers(workers: int) -> None:
    """Refuse a number of processes that no machine has.

    Raises:
        UsageError: names the option and the value.
    """
    if not 0 <= workers <= MAX_PROCESSES:
        raise UsageError(f"--workers must lie in [0, {MAX_PROCESSES}], got {workers}")


_KINDS = {"int": "a whole number", "float": "a number", "str": "text"}


def _reworded(text: str) -> str:
    """A complaint of the parser about the type of a value, in plain words."""
    kinds = [_KINDS[kind] for kind in re.findall(r"<class '(\w+)'>", text) if kind in _KINDS]
    key = re.match(r'Parser key "(.+?)"', text)
    value = re.search(r"(?:Got|Given) value: (.*?)(?:$| Given value)", text)
    if key and value and kinds:
        return f"--{key[1]}: expected {kinds[0]}, got {value[1][:80]!r}"
    return text


def parse(parser: "ArgumentParser", words: list[str]) -> Any:
    from jsonargparse import ArgumentError

    try:
        return parser.parse_args(words)
    except ArgumentError as error:
        text = _reworded(" ".join(str(error).split()))
        text = re.sub(r'^Parser key "(.+?)":', r"--\1:", text)
        raise UsageError(f"{text}; see {parser.prog} --help") from error
