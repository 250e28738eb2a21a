"""CheXpert's test set: ten released models, three radiologists, and what the benchmark says."""

import csv
import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

from aucmax.report import (
    compare,
    ensemble_mean,
    ensemble_rank,
    evaluate_readers,
    predictions_from_tables,
    read_predictions,
    read_readers,
    write_predictions,
)

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
TASKS = ("Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Pleural Effusion")


@pytest.fixture(scope="module")
def folder(shared_data):
    found = shared_data / "chexpert_test"
    if not found.is_dir():
        pytest.skip(f"no folder {found}")
    return found


@pytest.fixture(scope="module")
def models(folder):
    files = sorted((folder / "example_models/predictions/standard").glob("*.csv"))
    truth = folder / "groundtruth.csv"
    return {f.stem.split("_")[0]: predictions_from_tables(f, truth, TASKS) for f in files}


@pytest.fixture(scope="module")
def readers(folder):
    files = [folder / f"radiologists/benchmark_radiologists/bc{k}.csv" for k in (4, 6, 8)]
    return read_readers(files, labels=TASKS)


def cells(path, task):
    """A column by study, read with nothing but the standard library."""
    with path.open() as file:
        return {row["Study"]: float(row[task]) for row in csv.DictReader(file)}


def test_the_files_hold_500_studies_of_500_patients(models):
    assert len(models) == 10
    for p in models.values():
        assert len(p) == len({name.split("/")[2] for name in p.ids}) == 500
        assert p.labels == TASKS
        assert p.target.sum(axis=0).tolist() == [153, 151, 29, 78, 104]
    assert max(p.scores.max() for p in models.values()) > 2


def test_the_truth_is_the_majority_of_the_five_other_radiologists(folder, models):
    others = sorted((folder / "radiologists/groundtruth").glob("*.csv"))
    assert len(others) == 5
    p = models["yww211"]
    for k, task in enumerate(TASKS):
        votes = [cells(path, task) for path in others]
        majority = [float(sum(v[name] for v in votes) >= 3) for name in p.ids]
        assert p.target[:, k].tolist() == majority


def test_scores_and_decisions_are_those_of_the_named_columns(folder, models, readers):
    path = folder / "example_models/predictions/standard/desmond_predictions.csv"
    for k, task in enumerate(TASKS):
        scores = cells(path, task)
        assert models["desmond"].scores[:, k].tolist() == [scores[i] for i in models["desmond"].ids]
        for reader in readers:
            file = folder / f"radiologists/benchmark_radiologists/{reader.name}.csv"
            said = cells(file, task)
            assert reader.decisions[:, k].tolist() == [said[i] for i in reader.ids]


def test_columns_taken_by_position_would_be_the_wrong_ones(folder, models):
    path = folder / "example_models/predictions/standard/yww211_predictions.csv"
    with path.open() as file:
        by_place = [[float(cell) for cell in row[1:]] for row in list(csv.reader(file))[1:]]
    p = models["yww211"]
    mean = np.mean([pairs(np.array(by_place)[:, k], p.target[:, k]).mean() for k in range(5)])
    assert mean == pytest.approx(0.781, abs=5e-4)


def pairs(scores, target):
    """Table (m, n): does the positive in the row outscore the negative in the column?"""
    gap = scores[target == 1][:, None] - scores[target == 0][None]
    return (gap > 0) + 0.5 * (gap == 0)


def draws(p, q, replicates=1500):
    """Mean AUC difference (replicates,) and per task, redrawing studies; AUCs by weighted pairs."""
    rng = np.random.default_rng(0)
    weights = rng.multinomial(len(p), [1 / len(p)] * len(p), size=replicates).astype(float)
    gaps = []
    for k in range(len(TASKS)):
        y = p.target[:, k]
        table = pairs(p.scores[:, k], y) - pairs(q.scores[:, k], y)
        w, v = weights[:, y == 1], weights[:, y == 0]
        gaps.append(((w @ table) * v).sum(1) / (w.sum(1) * v.sum(1)))
    return np.mean(gaps, axis=0), gaps


@pytest.mark.parametrize(("a", "b"), [("jfaboy", "yww211"), ("hieupham", "desmond")])
def test_comparison_agrees_with_a_bootstrap_of_studies(models, a, b):
    found = compare(models[a], models[b], names=(a, b))
    macro, tasks = draws(models[a], models[b])
    for one, values in [
        (found["macro"], macro),
        *((found["labels"][task], tasks[k]) for k, task in enumerate(TASKS)),
    ]:
        gap = one["difference"]
        error = (gap["high"] - gap["low"]) / (2 * 1.959964)
        assert error == pytest.approx(values.std(), rel=0.1)
        low, high = np.quantile(values, [0.025, 0.975])
        # Percentiles of 1500 draws are themselves uncertain by about a tenth of their distance.
        assert gap["low"] == pytest.approx(low, abs=0.25 * error)
        assert gap["high"] == pytest.approx(high, abs=0.25 * error)


def test_comparison_of_means_has_the_difference_of_all_pairs(models):
    a, b = models["jfaboy"], models["yww211"]
    found = compare(a, b)
    gaps = []
    for k, task in enumerate(TASKS):
        areas = [pairs(p.scores[:, k], p.target[:, k]).mean() for p in (a, b)]
        gaps.append(areas[0] - areas[1])
        assert found["labels"][task]["difference"]["estimate"] == pytest.approx(gaps[-1])
    assert found["macro"]["difference"]["estimate"] == pytest.approx(np.mean(gaps))


def below_by_hand(p, task, reader):
    """Is the reader below the step curve's straight-line joints? Whole numbers and fractions."""
    k = TASKS.index(task)
    place = {name: i for i, name in enumerate(reader.ids)}
    said = np.array([reader.decisions[place[name], k] for name in p.ids])
    y, s = p.target[:, k], p.scores[:, k]
    fpr, tpr = said[y == 0].mean(), said[y == 1].mean()
    best = 0.0
    for t in s:  # with few ties, the vertex at or left of the reader is as high as the curve
        if (s[y == 0] >= t).mean() <= fpr + 1e-12:
            best = max(best, (s[y == 1] >= t).mean())
    return bool(tpr < best - 1e-12)


def test_readers_below_are_those_below_the_highest_vertex_to_their_left(models, readers):
    for name in ("jfaboy", "yww211", "hieupham"):
        found = evaluate_readers(models[name], readers)
        for task in TASKS:
            for reader in readers:
                expected = below_by_hand(models[name], task, reader)
                assert found["labels"][task]["readers"][reader.name]["below"] == expected


def test_the_ensembles_reach_what_the_page_says(models, readers, tmp_path):
    for ensemble, area in ((ensemble_mean, 0.9350), (ensemble_rank, 0.9352)):
        found = ensemble(list(models.values()))
        again = read_predictions(write_predictions(tmp_path / "ten.csv", found))
        judged = evaluate_readers(again, readers)
        assert judged["macro"]["auroc"]["estimate"] == pytest.approx(area, abs=5e-5)
        assert judged["macro"]["readers_below"] == pytest.approx(2.8)


def test_the_benchmark_prints_every_model_and_writes_what_it_prints(
    folder, models, tmp_path, monkeypatch, capsys
):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    benchmark = importlib.import_module("chexpert_test")
    output = tmp_path / "results" / "table.csv"
    words = ["--data", str(folder), "--output", str(output), "--replicates", "20"]
    monkeypatch.setattr(sys, "argv", ["chexpert_test.py", *words])
    benchmark.main()
    printed = capsys.readouterr().out
    with output.open() as file:
        rows = {row["model"]: row for row in csv.DictReader(file)}
    assert len(rows) == 13
    for name, row in rows.items():
        assert f"{float(row['mean_auc']):.4f}" in next(
            line for line in printed.splitlines() if line.startswith(name)
        )
    for name, p in models.items():
        areas = [pairs(p.scores[:, k], p.target[:, k]).mean() for k in range(5)]
        assert float(rows[name]["mean_auc"]) == pytest.approx(np.mean(areas), abs=5e-7)
        assert [float(rows[name][f"auc {task}"]) for task in TASKS] == pytest.approx(
            areas, abs=5e-7
        )
    published = rows.pop("published: the paper's ensemble")
    assert published["source"].startswith("Yuan et al.")
    assert not published["commit"]
    assert all(row["commit"] and row["numpy"] for row in rows.values())
    assert "Edema: drnet, ihil, sensexdr hold the same scores" in printed


def test_the_benchmark_names_the_folder_that_lacks_its_files(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    benchmark = importlib.import_module("chexpert_test")
    with pytest.raises(FileNotFoundError, match=r"should hold ten files .* found 0; name the"):
        benchmark.load(tmp_path)
