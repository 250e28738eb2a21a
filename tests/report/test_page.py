"""The HTML page: whole, self-contained, and nothing in it unescaped."""

import re
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles_report import Page, made_predictions

from aucmax.report import Report, html_report, roc_figure, training_figure, write_report
from aucmax.report._style import DARK

ROC = roc_figure({"net": made_predictions(0)}, band=False)
WIDE = training_figure([("a", [{"epoch": 0, "validation_auroc": 0.5}])])
FULL = Report(
    "A run",
    "B is better.",
    [("Numbers", ["label", "AUC"], [["x", "0.9"], ["y", "n/a"]])],
    [("ROC curves", ROC), ("The same again", ROC), ("Training", WIDE)],
    {"Data": "500 images"},
    "seed: 1\nlr: 0.1",
)


def test_every_part_is_there_in_its_place():
    page = Page(html_report(FULL))
    assert page.within("title") == page.within("h1") == ["A run"]
    assert page.within("h2") == ["Results", "Figures", "About this run", "Configuration"]
    assert page.within("p") == ["B is better."]
    assert page.within("caption") == ["Numbers"]
    assert page.within("th") == ["label", "AUC"]
    assert page.within("td") == ["x", "0.9", "y", "n/a"]
    assert page.within("figcaption") == ["ROC curves", "The same again", "Training"]
    assert (page.within("dt"), page.within("dd")) == (["Data"], ["500 images"])
    assert page.within("pre") == ["seed: 1\nlr: 0.1"]


def test_parts_without_content_leave_no_heading():
    page = Page(html_report(Report("T")))
    assert page.within("h1") == ["T"]
    assert not {"h2", "p", "table", "figure", "dl", "pre"} & set(page.tags)


def test_the_page_needs_nothing_else():
    html = html_report(FULL)
    page = Page(html)
    assert not {"script", "link", "img", "iframe", "object"} & set(page.tags)
    names = {name for _, name, _ in page.attributes}
    assert not [name for name in names if name.startswith("on") or name == "src"]
    links = [value for _, name, value in page.attributes if name in ("href", "xlink:href")]
    assert links
    assert all(link.startswith("#") for link in links)
    # Addresses occur as names of XML languages alone, which nobody fetches.
    assert {v for _, n, v in page.attributes if "://" in (v or "")} <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }
    assert not re.search(r"@import|url\((?!#)", html)


def test_names_within_figures_are_unique_and_all_links_lead_to_one():
    page = Page(html_report(FULL))
    names = [value for _, name, value in page.attributes if name == "id"]
    assert len(names) == len(set(names))
    targets = [v[1:] for _, n, v in page.attributes if n == "xlink:href"]
    targets += [m for _, _, v in page.attributes for m in re.findall(r"url\(#([^)]+)\)", v or "")]
    assert set(targets) <= set(names)


def test_figures_have_a_text_for_those_who_cannot_see_them():
    page = Page(html_report(FULL))
    labels = [value for tag, name, value in page.attributes if (tag, name) == ("svg", "aria-label")]
    assert labels == ["ROC curves", "The same again", "Training"]


def test_wide_figures_take_the_whole_width():
    html = html_report(FULL)
    assert html.count("<figure>") == 2
    assert html.count('<figure class="wide">') == 1


def test_numbers_stand_to_the_right():
    html = html_report(FULL)
    assert '<td>x</td><td class="number">0.9</td>' in html
    assert '<th>label</th><th class="number">AUC</th>' in html


def test_a_dark_screen_changes_every_colour_that_figures_use():
    html = html_report(FULL)
    used = set(re.findall(r"(?:fill|stroke): (#[0-9a-f]{6})", html.split("</style>")[1]))
    assert used <= set(DARK)
    for light, dark in DARK.items():
        assert f'[style*="stroke: {light}"] {{ stroke: {dark} !important; }}' in html
    assert "screen and (prefers-color-scheme: dark)" in html
    assert "@media print" in html


TEXT = st.text(alphabet="<>&\"'{}%=/ascript-", min_size=1, max_size=12).filter(str.strip)


@given(TEXT)
def test_whatever_comes_in_comes_out_as_text(text):
    table = (text, [text], [[text]])
    html = html_report(Report(text, text, [table], [], {text: text}, text))
    page = Page(html)
    wanted = text.strip()
    for tag in ("title", "h1", "p", "caption", "th", "td", "dt", "dd", "pre"):
        assert page.within(tag) == [wanted]
    assert not page.attributes or all(n != "onerror" for _, n, _ in page.attributes)


def test_a_caption_cannot_break_out_of_its_attribute():
    caption = '"><script>alert(1)</script>'
    html = html_report(Report("T", figures=[(caption, ROC)]))
    assert "<script" not in html
    (label,) = re.findall(r'aria-label="([^"]*)"', html)
    assert unescape(label) == caption


def test_the_page_is_the_same_each_time_and_is_written(tmp_path):
    path = write_report(tmp_path / "report.html", FULL)
    assert path.read_text(encoding="utf-8") == html_report(FULL)
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]


@pytest.mark.parametrize("rows", [[["1"]], [["1", "2", "3"]]])
def test_a_table_whose_rows_do_not_fit_its_header_is_refused(rows):
    with pytest.raises(ValueError, match=r"table 'c': each row needs 2 cells, .* got [13]"):
        html_report(Report("T", tables=[("c", ["a", "b"], rows)]))


def test_a_table_whose_rows_differ_is_refused():
    with pytest.raises(ValueError, match="table 'c': each row needs 2 cells"):
        html_report(Report("T", tables=[("c", ["a", "b"], [["1", "2"], ["1"]])]))


def test_an_empty_table_has_its_header():
    assert Page(html_report(Report("T", tables=[("c", ["a", "b"], [])]))).within("th") == ["a", "b"]
