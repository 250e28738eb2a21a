"""CheXpert's own yardstick from the command line: studies, readers, ensembles, comparisons."""

from collections import defaultdict

import numpy as np
import oracles_chests as chests
import pytest
from oracles_medical import SMALL, split_csv
from oracles_train import fit, read_json, read_rows, refused, write_csv
from scipy.stats import rankdata
from sklearn.metrics import roc_auc_score

from aucmax.cli import main
from aucmax.data.chexpert import COMPETITION, FINDINGS
from aucmax.metrics import auroc_interval, readers_below_curve

READERS = ("right", "wrong", "tired")


@pytest.fixture(scope="module")
def place(tmp_path_factory, pictures):
    """A run that is tested on 12 studies, their findings, and three readers of them."""
    place = tmp_path_factory.mktemp("yardstick")
    tree = chests.chexpert(place, pictures)
    truth = chests.chexpert_test(tree, pictures)
    words = [*tree.words, "--data.test", tree.root / "groundtruth.csv", *SMALL]
    fit(*words, "--output", place, "--name", "run")
    rng = np.random.default_rng(8)
    for reader in READERS:
        labels = rng.permutation(FINDINGS).tolist()  # published files differ in their order
        rows = []
        for study in rng.permutation(list(truth)).tolist():
            found = dict(zip(FINDINGS, truth[study], strict=True))
            wrong = {"right": 0.0, "wrong": 1.0, "tired": 0.3}[reader]
            said = [found[label] ^ int(rng.random() < wrong) for label in labels]
            rows.append([f"CheXpert-v1.0/{study}", *said])
        write_csv(place / f"{reader}.csv", ["Study", *labels], rows)
    return place, truth


def told(capsys, *words):
    capsys.readouterr()
    assert main([str(word) for word in words]) == 0
    return capsys.readouterr().out


def of_studies(path, join):
    """Scores of studies by label, from the file, one after the other."""
    views = defaultdict(list)
    for row in read_rows(path):
        views[row["id"].rpartition("/")[0]].append([float(row[f"score_{k}"]) for k in COMPETITION])
    return {study: [join(column) for column in zip(*rows, strict=True)]
            for study, rows in views.items()}  # fmt: skip


def decisions(place, reader):
    rows = read_rows(place / f"{reader}.csv")
    return {row["Study"].split("/", 1)[1]: row for row in rows}


def test_the_test_studies_are_the_test_part(place):
    folder, truth = place
    rows = split_csv(folder / "run" / "split.csv")
    tested = {name for name, row in rows.items() if row["part"] == "test"}
    assert {name.rpartition("/")[0] for name in tested} == set(truth)
    assert len(tested) == 18
    assert not [name for name in rows if "lateral" in name]
    assert {row["part"] for name, row in rows.items() if name.startswith("valid/")} == {
        "validation"
    }


@pytest.mark.parametrize(("views", "join"), [("max", max), ("mean", lambda x: sum(x) / len(x))])
def test_readers_below_the_curve_of_studies(capsys, place, tmp_path, views, join):
    folder, truth = place
    words = ["--views", views, "--readers", *(folder / f"{reader}.csv" for reader in READERS)]
    csv = folder / "run" / "predictions.csv"
    text = told(capsys, "evaluate", csv, *words, "--output", tmp_path)
    scores = of_studies(csv, join)
    assert set(scores) == set(truth)
    said = [decisions(folder, reader) for reader in READERS]
    found = read_json(tmp_path / "metrics.json")["readers"]
    assert (found["n"], found["readers"]) == (12, list(READERS))
    counts = []
    for column, label in enumerate(COMPETITION):
        score = [scores[study][column] for study in truth]
        target = [values[FINDINGS.index(label)] for values in truth.values()]
        chosen = [[int(reader[study][label]) for reader in said] for study in truth]
        direct = readers_below_curve(score, target, chosen)
        below = [found["labels"][label]["readers"][reader]["below"] for reader in READERS]
        assert below == direct.below.tolist()
        assert below[:2] == [False, True]
        auc = found["labels"][label]["auroc"]["estimate"]
        assert auc == pytest.approx(roc_auc_score(target, score), abs=1e-9)
        by_patient = auroc_interval(score, target, groups=[x.split("/")[1] for x in truth])
        low = found["labels"][label]["auroc"]["low"]
        assert low == pytest.approx(by_patient.low, abs=1e-9)
        (line,) = [x for x in text.splitlines() if x.startswith(label) and x.endswith(" of 3")]
        assert line.endswith(f"{direct.count} of 3")
        assert f"{auc:.4f}" in line
        counts.append(direct.count)
    assert found["macro"]["readers_below"] == pytest.approx(np.mean(counts))
    (line,) = [x for x in text.splitlines() if x.startswith("mean of 5") and "below" not in x][-1:]
    assert line.endswith(f"{np.mean(counts):.4g}")


def shuffled(source, path, seed):
    """A second model of the same images: other scores, rows and columns in another order."""
    rng = np.random.default_rng(seed)
    rows = read_rows(source)
    scores = [name for name in rows[0] if name.startswith("score")]
    for row in rows:
        row.update({name: str(2 * float(row[name]) + rng.normal()) for name in scores})
    header = [*rng.permutation(list(rows[0])).tolist()]
    order = rng.permutation(len(rows))
    return write_csv(path, header, [[rows[i][name] for name in header] for i in order])


@pytest.mark.parametrize("by", ["mean", "rank"])
def test_an_ensemble_is_the_mean_of_scores_or_ranks(capsys, place, tmp_path, by):
    folder, _ = place
    a = folder / "run" / "predictions.csv"
    files = [a, shuffled(a, tmp_path / "b.csv", 1), shuffled(a, tmp_path / "c.csv", 2)]
    out = tmp_path / "out.csv"
    text = told(capsys, "ensemble", *files, "--by", by, "-o", out)
    assert text == f"3 models averaged: {out}\n"
    tables = [{row["id"]: row for row in read_rows(file)} for file in files]
    joined = read_rows(out)
    assert [row["id"] for row in joined] == list(tables[0])
    for label in COMPETITION:
        members = [[float(table[name][f"score_{label}"]) for name in tables[0]] for table in tables]
        if by == "rank":
            members = [(rankdata(member) - 0.5) / len(member) for member in members]
        got = [float(row[f"score_{label}"]) for row in joined]
        np.testing.assert_allclose(got, np.mean(members, axis=0), rtol=1e-12)
        for row in joined:
            assert row[f"target_{label}"] == tables[0][row["id"]][f"target_{label}"]
            assert row["group"] == tables[0][row["id"]]["group"]
    words = ["--views=max", "--readers", folder / "tired.csv", "--output", tmp_path / "judged"]
    assert "tired" in told(capsys, "evaluate", out, *words)


def test_a_comparison_of_several_labels_is_per_label_and_of_their_mean(capsys, place, tmp_path):
    folder, _ = place
    a = folder / "run" / "predictions.csv"
    b = shuffled(a, tmp_path / "other.csv", 1)
    text = told(capsys, "compare", a, b)
    tables = [{row["id"]: row for row in read_rows(file)} for file in (a, b)]
    differences = []
    for label in COMPETITION:
        one, other = (
            roc_auc_score([float(table[name][f"target_{label}"]) for name in tables[0]],
                          [float(table[name][f"score_{label}"]) for name in tables[0]])
            for table in tables
        )  # fmt: skip
        differences.append(one - other)
        (line,) = [x for x in text.splitlines() if x.startswith(f"{label} ") and " to " in x]
        assert f"{one:.4f}" in line
        assert f"{one - other:.4f}".removeprefix("-") in line
    assert f"{abs(np.mean(differences)):.4f}" in text
    assert "mean AUC over 5 labels" in text


def test_readers_of_other_studies_are_refused(capsys, place, tmp_path, monkeypatch):
    folder, truth = place
    monkeypatch.chdir(tmp_path)
    rows = [[f"CheXpert-v1.0/{study}", *values] for study, values in list(truth.items())[1:]]
    write_csv(tmp_path / "r.csv", ["Study", *FINDINGS], rows)
    words = ["evaluate", folder / "run" / "predictions.csv", "--readers", tmp_path / "r.csv"]
    message = refused(capsys, 1, *words, "--views=max")
    assert "1 only in the model: 'test/patient64741/study1'" in message
    message = refused(capsys, 1, *words)
    assert "must hold the same ids" in message
    write_csv(tmp_path / "r.csv", ["Study", "Edema"], [[study, 1] for study in truth])
    assert "no column for 'Atelectasis'" in refused(capsys, 1, *words, "--views=max")
    write_csv(tmp_path / "r.csv", ["Study", *COMPETITION], [[s, 0.4, 1, 1, 0, 0] for s in truth])
    message = refused(capsys, 1, *words, "--views=max")
    assert "line 2: column 'Atelectasis': a decision must be 0, 1 or blank" in message


def test_models_of_other_images_do_not_make_an_ensemble(capsys, place, tmp_path, monkeypatch):
    folder, _ = place
    a = folder / "run" / "predictions.csv"
    monkeypatch.chdir(tmp_path)
    rows = read_rows(a)
    write_csv(tmp_path / "b.csv", list(rows[0]), [list(row.values()) for row in rows[2:]])
    message = refused(capsys, 1, "ensemble", a, "b.csv")
    assert rows[0]["id"] in message
    assert message.count("\n") == 1
    assert "at least two" in refused(capsys, 1, "ensemble", a)


def test_predictions_without_studies_are_not_joined(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_csv(tmp_path / "p.csv", ["id", "score", "target"], [["a/1", 0.1, 0], ["a/2", 1, 1]])
    message = refused(capsys, 1, "evaluate", "p.csv", "--views=max")
    assert "target must be the same for all views of a study, but it differs in 'a'" in message
    write_csv(tmp_path / "p.csv", ["id", "score", "target"], [["a/1", 0.1, 0], ["b", 1, 1]])
    message = refused(capsys, 1, "evaluate", "p.csv", "--views=max")
    assert "ids must be paths STUDY/IMAGE to tell the study, got 'b'" in message
    assert "--views" in refused(capsys, 2, "evaluate", "p.csv", "--views=median")
