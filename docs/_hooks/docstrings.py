"""Griffe extension: the few reStructuredText marks of our docstrings become Markdown."""

import re
import textwrap
from typing import Any

import griffe

_MATH = re.compile(r"^( *)\.\. math:: *(.*(?:\n\1 +\S.*)*)", re.MULTILINE)
_ROLE = re.compile(r":(?:class|func|meth|mod|data):`~?([^`]+)`")
_DOCTEST = re.compile(r"(?:^(?P<indent> *)>>> .*(?:\n(?P=indent)\S.*|\n(?P=indent) +\S.*)*)", re.M)
_LITERAL = re.compile(r"::(?=\n\n +\S)")
_RULE = r" *=+(?:  +=+)+\n"
_TABLE = re.compile(rf"^{_RULE}(?P<head>.*\n){_RULE}(?P<body>(?:.*\n)+?){_RULE}", re.MULTILINE)


class RestToMarkdown(griffe.Extension):
    """Formulas, cross-references, doctests, tables and literal blocks."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrite the docstring of one object."""
        if obj.docstring is not None:
            obj.docstring.value = markdown(obj.docstring.value)


def markdown(text: str) -> str:
    """A docstring's text as Markdown.

    Args:
        text: with ``.. math::``, roles such as ``:func:``, doctests, simple tables and ``::``.

    Returns:
        The same with ``$$``, code spans, fences and tables.
    """
    text = _TABLE.sub(_table, f"{text}\n")
    text = _MATH.sub(
        lambda m: f"{m[1]}$$\n{textwrap.indent(_squeezed(m[2]), m[1])}\n{m[1]}$$", text
    )
    text = _ROLE.sub(lambda m: f"`{m[1]}`", text)
    text = _DOCTEST.sub(_fence, text)
    return _LITERAL.sub(":", text).rstrip()


def _squeezed(text: str) -> str:
    return " ".join(text.split())


def _fence(found: re.Match[str]) -> str:
    indent = found["indent"]
    return f"{indent}```pycon\n{found[0]}\n{indent}```"


def _table(found: re.Match[str]) -> str:
    """A simple table; a row without a first cell goes on the row above it."""
    rows: list[list[str]] = []
    rule = found[0].split("\n", 1)[0]
    starts = [m.start() for m in re.finditer(r"=+", rule)]
    for line in [found["head"], *found["body"].splitlines()]:
        ends = [*starts[1:], len(line) + 1]
        cells = [line[a:b].strip() for a, b in zip(starts, ends, strict=True)]
        if cells[-1] and not cells[1]:
            rows[-1] = [" ".join(pair).strip() for pair in zip(rows[-1], cells, strict=True)]
        else:
            rows.append(cells)
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|---" * len(starts) + "|", *lines[1:], ""])
