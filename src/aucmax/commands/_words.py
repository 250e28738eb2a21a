"""What the commands share: their words in, their text out."""

import re
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jsonargparse import ArgumentParser


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


def parse(parser: "ArgumentParser", words: list[str]) -> Any:
    from jsonargparse import ArgumentError

    try:
        return parser.parse_args(words)
    except ArgumentError as error:
        text = " ".join(str(error).split())
        text = re.sub(r'^Parser key "(.+?)":', r"--\1:", text)
        raise UsageError(f"{text}; see {parser.prog} --help") from error
