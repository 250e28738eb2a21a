"""Every number that the page on molecules measures is that of a file of results."""

import csv
import gzip
from pathlib import Path

import numpy as np
import pytest

from aucmax.metrics import auroc_interval_over_seeds, auroc_test_over_seeds

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "tasks" / "molecules.md").read_text()
RESULTS = ROOT / "benchmarks" / "results"
NETWORKS = {
    "cross-entropy": ("CE", 0.01),
    "cross-entropy, balanced": ("CE balanced", 0.03),
    "AUC-M, PESG": ("AUCM", 0.3),
    "AUC-M, PESG, balanced": ("AUCM balanced", 0.3),
    "AUC-M, Adam, balanced": ("AUCM balanced, Adam", 0.01),
}
BUDGET = {"layers": "3", "width": "32", "batch": "128", "epochs": "4"}


def read(name: str) -> list[dict[str, str]]:
    with (RESULTS / name).open() as file:
        return list(csv.DictReader(file))


def rows_of(header: str) -> dict[str, list[str]]:
    """Cells of a table by their first, without marks; the table is named by its first line."""
    lines = PAGE.partition(f"\n{header}")[2].partition("\n\n")[0].splitlines()[2:]
    cells = [[cell.strip().strip("*") for cell in line.strip("|").split("|")] for line in lines]
    assert cells
    return {first: others for first, *others in cells}


def spanned(estimate: float, low: float, high: float, sign: str = "") -> str:
    return f"{estimate:{sign}.3f} ({low:{sign}.3f} to {high:{sign}.3f})"


def of_row(row: dict[str, str], sign: str = "") -> str:
    return spanned(float(row["auroc"]), float(row["low"]), float(row["high"]), sign)


def test_forests():
    found = {
        (row["fingerprints"], row["rows"]): of_row(row)
        for row in read("molhiv_forest.csv")
        if row["seeds"] == "5 seeds"
    }
    names = {"Morgan and MACCS": "both", "Morgan": "morgan", "MACCS": "maccs"}
    table = rows_of("| fingerprints | validation AUC |")
    assert table == {
        shown: [found[name, "validation"], found[name, "test"]] for shown, name in names.items()
    }


def test_how_sure_a_forest_is_of_molecules_it_has_seen():
    found = {
        row["rows"]: f"{float(row['auroc']):.3f}"
        for row in read("molhiv_forest.csv")
        if row["rows"].startswith("train")
    }
    text = " ".join(PAGE.split())
    assert f"training part is {found['train, in sample']};" in text
    assert f"undivided, it is {found['train, out of fold by scaffold']}," in text


def of_network(method: str, lr: float) -> list[dict[str, str]]:
    wanted = {"method": method, "stage": "reported", "lr": str(lr)} | BUDGET
    rows = [row for row in read("molhiv_gnn.csv") if wanted.items() <= row.items()]
    return sorted(rows, key=lambda row: int(row["seed"]))


def test_networks():
    table = rows_of("| method | validation AUC | test AUC | minus cross-entropy |")
    assert table.keys() == NETWORKS.keys()
    for shown, of_rate in NETWORKS.items():
        rows = of_network(*of_rate)
        assert [row["seed"] for row in rows] == list("01234")
        validation, test = (
            np.mean([float(r[key]) for r in rows]) for key in ("validation", "test")
        )
        assert table[shown][0] == f"{validation:.3f}"
        assert table[shown][1].startswith(f"{test:.3f} (")


def test_rates_of_networks_are_those_that_validation_chose():
    for method, lr in NETWORKS.values():
        tried = {
            float(row["lr"]): float(row["validation"])
            for row in read("molhiv_gnn.csv")
            if {"method": method, "stage": "choosing"}.items() <= row.items()
        }
        assert max(tried, key=lambda rate: tried[rate]) == lr


def test_intervals_of_networks(shared_data):
    folder = shared_data / "molhiv"
    with gzip.open(folder / "HIV_41127.csv.gz", "rt", newline="") as file:
        target = np.array([float(row["HIV_active"]) for row in csv.DictReader(file)])
    with np.load(folder / "scaffold_split_rdkit.npz") as split:
        target = target[split["test"]]
    budget = "|".join(BUDGET.values())
    with np.load(RESULTS / "molhiv_gnn_scores.npz") as kept:
        scores = {
            shown: np.stack([kept[f"{method}|{lr}|{seed}|{budget}"] for seed in range(5)])
            for shown, (method, lr) in NETWORKS.items()
        }
    for shown, cells in rows_of("| method | validation AUC | test AUC | minus").items():
        span = auroc_interval_over_seeds(scores[shown], target)
        assert cells[1] == spanned(span.estimate, span.low, span.high)
        references = ("cross-entropy", "cross-entropy, balanced")
        for cell, reference in zip(cells[2:], references, strict=True):
            if shown == reference:
                assert cell == ""
                continue
            gap = auroc_test_over_seeds(scores[shown], scores[reference], target).difference
            assert cell == spanned(gap.estimate, gap.low, gap.high, "+")
            bold = f"**{cell}**" in PAGE
            assert bold == (gap.low > 0)


def test_blends():
    found = {row["scores"]: row for row in read("molhiv_blend.csv")}
    assert rows_of("| forest's scores of training molecules | test AUC |") == {
        "out of fold": [of_row(found["out-of-fold"])],
        "in-sample": [of_row(found["in-sample"])],
        "difference": [of_row(found["difference"], "+")],
    }


def test_molecules_a_second():
    rows = {(row["name"], row["rival"].partition(" ")[0]): row for row in read("molecules.csv")}
    one, two = ("featurised, one process", "ogb"), ("featurised, 2 workers", "featurised,")
    chosen = [one, two, ("read from the cache", "made"), ("Graphs.batch of 512", "PyG")]
    shown = [cells[:2] for cells in rows_of("| what | a second |").values()]
    assert [cells[0] for cells in shown] == [f"{float(rows[k]['ours_per_s']):,.0f}" for k in chosen]
    rivals = [f"{float(rows[key]['rival_per_s']):,.0f}" for key in chosen]
    assert [cells[1].partition(":")[0] for cells in shown] == rivals
    assert f"{rows[one]['ratio']} times as fast as OGB's loop" in PAGE
    assert float(rows[two]["ours_per_s"]) > 3 * float(rows[one]["rival_per_s"])  # "three times"
    alone = float(rows["featurised, one process", "RDKit's"]["ratio"])
    assert alone > 0.5  # "more than half of our time"


@pytest.mark.parametrize("name", ["molhiv_forest", "molhiv_gnn", "molhiv_blend", "bench_molecules"])
def test_each_table_names_its_benchmark(name):
    assert f"`benchmarks/{name}.py`" in PAGE
    assert (ROOT / "benchmarks" / f"{name}.py").exists()
