"""The documentation is complete, builds without a warning, and needs no network to be read."""

import csv
import os
import re
import subprocess
import sys
from collections import Counter
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PACKAGES = [
    "bags", "losses", "optim", "samplers", "metrics", "refit", "models", "data", "train", "report",
    "molecules", "forests", "models.graphs",
]  # fmt: skip


def directives() -> set[str]:
    pages = (path.read_text() for path in (DOCS / "api").glob("*.md"))
    return {name for text in pages for name in re.findall(r"^::: (\S+)$", text, re.MULTILINE)}


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_has_a_place_in_the_reference(package):
    pytest.importorskip("lightning", reason="needs the extra `train`")
    module = import_module(f"aucmax.{package}")
    text = Path(module.__file__ or "").read_text()
    public = set(re.findall(r"^from \S+ import \w+ as (\w+)$", text, re.MULTILINE))
    public |= set(getattr(module, "__all__", ()))
    assert public
    listed = directives() | {name.removesuffix(".fit") for name in directives()}  # train.fit.fit
    assert {f"aucmax.{package}.{name}" for name in public} <= listed


def test_every_directive_names_something():
    pytest.importorskip("lightning", reason="needs the extra `train`")
    for name in directives():
        parent, _, last = name.rpartition(".")
        assert hasattr(import_module(parent), last), name


def test_every_page_is_in_the_navigation():
    yaml = pytest.importorskip("yaml")
    nav = str(yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"])
    pages = [path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")]
    assert [page for page in pages if f"'{page}'" not in nav] == []


def test_the_table_of_objectives_is_that_of_its_measurement():
    with (ROOT / "benchmarks" / "results" / "objectives_table.csv").open() as file:
        lines = list(csv.DictReader(file))
    methods = list(dict.fromkeys(line["method"] for line in lines))
    found = {(line["method"], line["metric"]): line for line in lines}
    text = (DOCS / "choose-a-loss.md").read_text()
    table = text.partition("| objective | AUROC |")[2].partition("\n\n")[0].splitlines()[2:]
    assert len(table) == len(methods)
    for row, method in zip(table, methods, strict=True):
        cells = [cell.strip().strip("*") for cell in row.strip("|").split("|")[1:]]
        for cell, metric in zip(cells, ("auroc", "ap", "pauc", "tpauc"), strict=True):
            line = found[method, metric]
            below = bool(line["high"]) and float(line["high"]) < 0
            after_holm = below and float(line["p_holm"]) < 0.05
            assert cell == f"{float(line['mean']):.3f}" + "\N{MINUS SIGN}" * (below + after_holm)


RESULTS = ROOT / "benchmarks" / "results"
DEFAULT = "smooth, last quarter logistic, copies"


def _rows(page: str, header: str) -> list[list[str]]:
    """Cells of a table's rows, by how its first line begins."""
    lines = (DOCS / page).read_text().partition(header)[2].partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_evidence_on_reported_cells_is_that_of_its_measurement():
    with (RESULTS / "paper_table.csv").open() as file:
        lines = [line for line in csv.DictReader(file) if line["development"] == "0"]
    ours = {
        line["cell"]: line
        for line in lines
        if (line["method"], line["readout"]) == (DEFAULT, "best")
    }
    mean = {(x["cell"], x["method"], x["readout"]): float(x["mean"]) for x in lines}
    rows = _rows("evidence.md", "| cell | AUC | cross-entropy, and difference |")
    assert len(rows) >= 12
    for cell, auc, *gaps in rows:
        line = ours[cell]
        assert auc == f"{float(line['mean']):.3f}"
        for gap, family in zip(gaps, ("ce", "same", "libauc"), strict=True):
            estimate, low, high = (
                float(line[f"{family}_{part}"]) for part in ("estimate", "low", "high")
            )
            words = f"{estimate:+.3f} ({low:+.3f} to {high:+.3f})"
            bold = low > 0 or high < 0
            assert gap.endswith(f": **{words}**" if bold else f": {words}")
            value, name = gap.partition(" (")[0], gap.partition(" (")[2].partition(")")[0]
            readout = "ema" if name.endswith(", averaged") else "best"
            assert value == f"{mean[cell, name.removesuffix(', averaged'), readout]:.3f}"


def test_wins_ties_and_losses_in_the_evidence_are_those_of_its_table():
    with (RESULTS / "paper_table.csv").open() as file:
        ours = [
            line
            for line in csv.DictReader(file)
            if (line["development"], line["method"]) == ("0", DEFAULT)
            and line["readout"] == "best"
            and line["libauc_verdict"]
        ]
    text = " ".join((DOCS / "evidence.md").read_text().split())
    for family in ("ce", "same", "libauc"):
        counts = Counter(line[f"{family}_verdict"] for line in ours if line[f"{family}_verdict"])
        words = f"{counts['win']} wins, {counts['tie']} ties and {counts['loss']} losses"
        assert words.replace("1 wins", "1 win").replace("1 losses", "1 loss") in text


def _means(file: str, keys: tuple[str, str], value: str, seeds: int) -> dict[tuple[str, ...], str]:
    """Mean over the first seeds, as it is printed, where all of them are there."""
    values: dict[tuple[str, ...], list[float]] = {}
    with (RESULTS / file).open() as rows:
        for row in csv.DictReader(rows):
            if int(row["seed"]) < seeds and row[value]:
                of_rate = (row.get("lr", ""), row[keys[0]], row[keys[1]])
                values.setdefault(of_rate, []).append(float(row[value]))
    return {k: f"{sum(v) / seeds:.3f}" for k, v in values.items() if len(v) == seeds}


def test_the_evidence_of_the_command_line_is_that_of_its_runs():
    found = _means("recipes.csv", ("variant", "cell"), "test", 2)
    text = (DOCS / "evidence.md").read_text()
    (header,) = (line for line in text.splitlines() if line.startswith("| variant |"))
    cells = [cell.strip() for cell in header.strip("|").split("|")[1:]]
    rows = _rows("evidence.md", header)
    assert len(rows) >= 5
    for variant, *values in rows:
        assert values == [found.get(("", variant, cell), "") for cell in cells]


def test_the_evidence_of_ablations_is_that_of_its_runs():
    found = _means("paper_runs.csv", ("method", "cell"), "best_test", 3)
    text = (DOCS / "evidence.md").read_text()
    (header,) = (line for line in text.splitlines() if line.startswith("| cell | variant |"))
    methods = [cell.strip() for cell in header.strip("|").split("|")[2:]]
    rows = _rows("evidence.md", header)
    assert len(rows) == 9
    for cell, _, *values in rows:
        for method, value in zip(methods, values, strict=True):
            means = {mean for (_, m, c), mean in found.items() if (m, c) == (method, cell)}
            assert value in means


def test_the_trials_in_the_evidence_are_those_of_their_runs():
    with (RESULTS / "trials.csv").open() as file:
        runs = {
            (row["variant"], row["reading"], row["cell"], row["seed"]): float(row["auc"])
            for row in csv.DictReader(file)
        }
    rows = _rows("evidence.md", "| how it is trained | runs | plain | copies |")
    assert {row[0] for row in rows} == {variant for variant, *_ in runs}
    for variant, count, *cells in rows:
        for cell, reading in zip(cells, ("plain", "copies"), strict=True):
            gaps = [
                value - runs["CE", "plain", *place]
                for (v, r, *place), value in runs.items()
                if (v, r) == (variant, reading)
            ]
            assert len(gaps) == int(count)
            mean = sum(gaps) / len(gaps)
            spread = sum((gap - mean) ** 2 for gap in gaps) / (len(gaps) - 1) / len(gaps)
            told = f"{mean:+.4f} ± {spread**0.5:.4f}"
            if (variant, reading) == ("CE, labels smoothed", "plain"):
                text = (DOCS / "evidence.md").read_text()
                assert f"smoothed labels {mean:.3f} ± {spread**0.5:.3f}" in text
            assert cell == ("0" if (variant, reading) == ("CE", "plain") else told)


def test_numbers_quoted_in_the_evidence_are_those_of_their_files():
    found = _means("paper_runs.csv", ("method", "cell"), "best_test", 3)
    text = " ".join((DOCS / "evidence.md").read_text().split())
    for sentence, method in {
        "the last eight batches (.": "remembered pairs 20%",
        "cross-entropy + AUC-M (.": "CE + AUC-M",
    }.items():
        told = text.partition(sentence)[2][:3]
        means = {mean for (_, m, c), mean in found.items() if (m, c) == (method, "autotruck-02")}
        assert f"0.{told}" in means
    with (RESULTS / "refit.csv").open() as file:
        falls = [
            (f"{float(row['before']):.3f}"[1:], f"{float(row['after_validation']):.3f}"[1:])
            for row in csv.DictReader(file)
        ]
    told = re.search(r"test AUC fell from (\.\d{3}) to (\.\d{3})", text)
    assert told is not None
    assert told.groups() in falls


def test_the_evidence_on_cells_for_development_is_that_of_its_runs():
    found: dict[tuple[str, str], dict[str, list[float]]] = {}
    with (RESULTS / "paper_runs.csv").open() as file:
        for row in csv.DictReader(file):
            if row["stage"] == "reported" and int(row["seed"]) < 3:
                of_rate = found.setdefault((row["method"], row["cell"]), {})
                of_rate.setdefault(row["lr"], []).append(float(row["best_test"]))
    text = (DOCS / "evidence.md").read_text()
    (header,) = (line for line in text.splitlines() if line.startswith("| method | mean |"))
    cells = [cell.strip() for cell in header.strip("|").split("|")[2:]]
    rows = _rows("evidence.md", header)
    assert len(rows) >= 8
    for method, mean, *values in rows:
        for cell, value in zip(cells, values, strict=True):  # of one of the rates that were tried
            means = [sum(own) / 3 for own in found[method, cell].values() if len(own) == 3]
            assert value in [f"{one:.3f}" for one in means]
        assert abs(float(mean) - sum(map(float, values)) / len(values)) < 6e-4


def test_the_coverage_of_intervals_is_that_of_its_simulation():
    with (RESULTS / "interval_coverage.csv").open() as file:
        lines = list(csv.DictReader(file))
    rows = _rows("metrics.md", "| interval | lowest coverage |")
    assert {row[0] for row in rows} == {line["interval"] for line in lines}
    for name, *cells in rows:
        told = []
        for version in ("after", "before"):
            own = [x for x in lines if (x["interval"], x["version"]) == (name, version)]
            assert len(own) == 12
            widths = [float(x["width"]) for x in own]
            told += [f"{min(float(x['coverage']) for x in own):.2f}", f"{sum(widths) / 12:.3f}"]
        assert cells == told
        assert float(cells[0]) >= 0.9
    assert all(float(x["points"]) == 0 for x in lines if x["version"] == "after")


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    for package in ("mkdocs", "material", "mkdocstrings", "latex2mathml"):
        pytest.importorskip(package, reason="needs the extra `docs`")
    place = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(place)],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    return place


def test_site_needs_no_network(site):
    fetched = re.compile(r"<(?:script|link|img|iframe)\b[^>]*(?:src|href)=\"(?:https?:)?//")
    assert [page.name for page in site.rglob("*.html") if fetched.search(page.read_text())] == []


def test_formulas_are_drawn(site):
    pages = {page.name: page.read_text() for page in site.rglob("*.html")}
    assert not [name for name, text in pages.items() if 'class="arithmatex"' in text]
    assert pages["how-it-works.html"].count("<math") > 20
    assert "<math" in pages["losses.html"]


def test_docstrings_are_markdown(site):
    text = "".join(page.read_text() for page in (site / "api").rglob("*.html"))
    for mark in (".. math::", ":class:", ":func:", ":meth:", ":mod:", ":data:", "<p>===", "::</p>"):
        assert mark not in text, mark
    assert "<td>O(B log B)</td>" in text  # the table of PairwiseAUCLoss
