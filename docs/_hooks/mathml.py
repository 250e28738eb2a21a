"""MkDocs hook: formulas become MathML when the site is built, so that no script draws them."""

import html
import re
from typing import Any

from latex2mathml.converter import convert

# What pymdownx.arithmatex leaves in its generic mode.
_FORMULA = re.compile(
    r'<(?P<tag>span|div) class="arithmatex">\\[(\[](?P<latex>.*?)\\[)\]]</(?P=tag)>', re.DOTALL
)


def on_page_content(content: str, **_: Any) -> str:
    """Replace every formula of a page.

    Args:
        content: HTML of the page's text.

    Returns:
        The same with MathML.
    """
    return _FORMULA.sub(_mathml, content)


def _mathml(found: re.Match[str]) -> str:
    block = found["tag"] == "div"
    formula = convert(html.unescape(found["latex"]).strip(), display="block" if block else "inline")
    return f'<div class="formula">{formula}</div>' if block else formula
