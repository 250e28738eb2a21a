"""A report as one HTML file that needs nothing else: no script, font or picture from outside."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from .._files import write_text
from ._style import DARK
from ._values import are_numbers
from .figures import svg_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure


Table = tuple[str, Sequence[str], Sequence[Sequence[str]]]
"""Caption, header, rows."""


@dataclass(frozen=True)
class Report:
    """What a report holds; any part may be empty.

    Args:
        title: heading of the page.
        verdict: how it came out, in one sentence.
        tables: (caption, header, rows) of each table, cells as text.
        figures: (caption, matplotlib figure) of each figure.
        facts: name and text of whatever else should be known: data, versions, time.
        configuration: the resolved configuration as text.
    """

    title: str
    verdict: str = ""
    tables: Sequence[Table] = ()
    figures: Sequence[tuple[str, "Figure"]] = ()
    facts: dict[str, str] = field(default_factory=dict)
    configuration: str = ""


def html_report(report: Report) -> str:
    """The page as text. All that comes from ``report`` is escaped.

    Args:
        report: what to show.

    Returns:
        An HTML document with its styles and figures (SVG) inside. It follows the reader's choice
        of a light or dark screen and prints in black on white.

    Example:
        >>> page = html_report(Report("Run <1>", verdict="B is better."))
        >>> "<h1>Run &lt;1&gt;</h1>" in page
        True
    """
    parts = [f"<h1>{escape(report.title)}</h1>"]
    if report.verdict:
        parts.append(f'<p class="verdict">{escape(report.verdict)}</p>')
    if report.tables:
        parts += ["<h2>Results</h2>", *(_table(*table) for table in report.tables)]
    if report.figures:
        figures = [_figure(i, *figure) for i, figure in enumerate(report.figures, 1)]
        parts += ["<h2>Figures</h2>", '<div class="figures">', *figures, "</div>"]
    if report.facts:
        facts = [f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in report.facts.items()]
        parts += ["<h2>About this run</h2>", "<dl>", *facts, "</dl>"]
    if report.configuration:
        parts += ["<h2>Configuration</h2>", f"<pre>{escape(report.configuration)}</pre>"]
    return _PAGE.format(title=escape(report.title), css=_css(), body="\n".join(parts))


def write_report(path: str | Path, report: Report) -> Path:
    """Write the page of ``report`` in one step.

    Args:
        path: file to write or replace; its folder must exist.
        report: what to show.

    Returns:
        The path written.

    Raises:
        OSError: if the file cannot be written; an old one stays as it was.
    """
    return write_text(path, html_report(report))


_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>
{css}</style>
</head>
<body>
{body}
</body>
</html>
"""


def _css() -> str:
    """The style sheet; on a dark screen the colours of the figures change too."""
    css = files("aucmax.report").joinpath("page.css").read_text(encoding="utf-8")
    # No ancestor in the selectors: markers are drawn in a shadow tree, which has none.
    rules = [
        f'  [style*="{kind}: {light}"] {{ {kind}: {dark} !important; }}'
        for light, dark in DARK.items()
        for kind in ("fill", "stroke")
    ]
    return css.replace("/* figures */", "\n".join(rules))


def _table(caption: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if wrong := [len(row) for row in rows if len(row) != len(header)]:
        raise ValueError(
            f"table {caption!r}: each row needs {len(header)} cells, as the header, got {wrong[0]}"
        )
    columns = list(zip(*rows, strict=True)) or [()] * len(header)
    marks = [
        ' class="number"' if j and are_numbers(column) else "" for j, column in enumerate(columns)
    ]

    def line(tag: str, cells: Sequence[str]) -> str:
        pairs = zip(marks, cells, strict=True)
        return "".join(["<tr>", *(f"<{tag}{m}>{escape(c)}</{tag}>" for m, c in pairs), "</tr>"])

    return "\n".join(
        [
            f'<div class="scroll"><table><caption>{escape(caption)}</caption>',
            f"<thead>{line('th', header)}</thead>",
            "<tbody>",
            *(line("td", row) for row in rows),
            "</tbody></table></div>",
        ]
    )


def _figure(place: int, caption: str, figure: "Figure") -> str:
    width, height = figure.get_size_inches()
    wide = ' class="wide"' if width > 1.2 * height or width > 7 else ""
    picture = _inline(svg_text(figure), f"f{place}-")
    head = f'<svg role="img" aria-label="{escape(caption)}" '
    return (
        f"<figure{wide}>{picture.replace('<svg ', head, 1)}"
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def _inline(svg: str, prefix: str) -> str:
    """The ``<svg>`` element alone, with names that are its own among all figures of a page."""
    svg = svg[svg.index("<svg ") :]
    return re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{prefix}", svg)
