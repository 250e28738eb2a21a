"""The commands, their help and their output, in this process; a few as processes of their own."""

import os
import signal
import subprocess
import time

import numpy as np
import pytest
from oracles_train import (
    command,
    files_below,
    fit,
    made_images,
    npz_data,
    read_json,
    read_rows,
    scores_of,
    write_pngs,
    write_recipe,
)
from sklearn.metrics import roc_auc_score

import aucmax
from aucmax.cli import COMMANDS, main


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A finished run on an archive."""
    place = tmp_path_factory.mktemp("run")
    npz = npz_data(place / "x.npz")
    fit(write_recipe(place / "r.yaml", "NPZ"), "--data.npz", npz, "--output", place)
    return place / "r"


def table(path, n=60, seed=0, shift=1.0):
    """A predictions file; its scores and targets."""
    rng = np.random.default_rng(seed)
    target = np.arange(n) % 3 == 0
    score = np.random.default_rng(9).normal(size=n) + rng.normal(size=n) + shift * target
    rows = [f"s{i},{s},{int(y)}" for i, (s, y) in enumerate(zip(score, target, strict=True))]
    path.write_text("\n".join(["id,score,target", *rows, ""]))
    return score, target


def told(capsys, *words):
    capsys.readouterr()
    assert main([str(word) for word in words]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"], ["help"]])
def test_help_names_every_command(capsys, words):
    text = told(capsys, *words)
    assert text.startswith("usage: aucmax COMMAND")
    assert all(f"\n  {name} " in text for name in COMMANDS)


def test_version(capsys):
    assert told(capsys, "--version") == f"aucmax {aucmax.__version__}\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_every_command(capsys, name):
    try:
        code = main([name, "--help"])
    except SystemExit as stop:
        code = stop.code
    text = capsys.readouterr().out
    assert not code
    assert f"usage: aucmax {name}" in text


@pytest.mark.parametrize(
    ("words", "fragments"),
    [
        (["--help"], ["--schedule.decay_at", "Shares of a stage's epochs", "--trainer.precision",
                      "--resume", "--average", "Mirror left and right"]),
        (["--data.help", "CSV"], ["--data.csv", "--data.label", "Column with the label"]),
        (["csv", "--data.help", "CSV"], ["--data.group"]),
        (["--loss.help=AUCMLoss"], ["--loss.margin", "--loss.activation"]),
        (["--optimizer.help", "PESG"], ["--optimizer.epoch_decay", "pull towards r"]),
    ],
)  # fmt: skip
def test_help_of_fit(capsys, words, fragments):
    with pytest.raises(SystemExit, match="0"):
        main(["fit", *words])
    text = " ".join(capsys.readouterr().out.split())
    for fragment in fragments:
        assert fragment in text
    assert "--trainer.max_epochs" not in text


def test_fit_tells_table_verdict_and_folder(capsys, run):
    words = [run.parent / "r.yaml", "--data.npz", run.parent / "x.npz", "--output", run.parent]
    text = told(capsys, "fit", *words, "--resume")
    auc = read_json(run / "metrics.json")["labels"]["label"]["auroc"]["estimate"]
    assert f"aucm reaches an AUC of {auc:.4f} (95 % interval" in text
    assert f"run folder: {run}   report: {run / 'report.html'}" in text


def test_evaluate(capsys, tmp_path):
    score, target = table(tmp_path / "p.csv")
    words = ["--max_fpr", 0.3, "--min_tpr", 0.5, "--sensitivity", 0.8, "--level", 0.9]
    text = told(capsys, "evaluate", tmp_path / "p.csv", *words)
    auc = roc_auc_score(target, score)
    assert f"{auc:.4f}" in text
    folder = tmp_path / "p-evaluation"
    pictures = {f"{name}.{kind}" for name in ("roc", "precision_recall") for kind in ("svg", "png")}
    assert files_below(folder) == pictures | {"metrics.json"}
    found = read_json(folder / "metrics.json")
    label = found["labels"]["target"]
    assert found["level"] == 0.9
    assert label["auroc"]["estimate"] == pytest.approx(auc, abs=1e-9)
    partial = roc_auc_score(target, score, max_fpr=0.3)
    assert label["partial_auroc"]["estimate"] == pytest.approx(partial, abs=1e-9)
    assert "two_way_partial_auroc" in label
    told(capsys, "evaluate", tmp_path / "p.csv", "--output", tmp_path / "here")
    assert files_below(tmp_path / "here") == files_below(folder)


def test_compare(capsys, tmp_path):
    good, target = table(tmp_path / "good.csv", seed=1, shift=3)
    poor, _ = table(tmp_path / "poor.csv", seed=2, shift=0)
    text = told(capsys, "compare", tmp_path / "good.csv", tmp_path / "poor.csv")
    difference = roc_auc_score(target, good) - roc_auc_score(target, poor)
    assert f"good is better: its AUC is {difference:.4f} higher than that of poor" in text
    (tmp_path / "b").mkdir()
    table(tmp_path / "b" / "good.csv", seed=3)
    text = told(capsys, "compare", tmp_path / "good.csv", tmp_path / "b" / "good.csv")
    assert str(tmp_path / "b" / "good.csv") in text


def test_report(capsys, tmp_path):
    table(tmp_path / "good.csv", seed=1, shift=3)
    table(tmp_path / "poor.csv", seed=2, shift=0)
    page = tmp_path / "page.html"
    text = told(capsys, "report", tmp_path / "good.csv", tmp_path / "poor.csv", "--output", page)
    assert "good is better" in text
    assert f"report: {page}" in text
    assert "good and poor" in page.read_text()


def test_predict_scores_a_source_as_fit_did(capsys, run, tmp_path):
    words = ["--data", "NPZ", "--data.npz", run.parent / "x.npz", "--output", tmp_path / "p.csv"]
    checkpoint = run / "02-aucm" / "best.ckpt"
    assert "72 rows scored" in told(capsys, "predict", checkpoint, *words)
    ids, score = scores_of(tmp_path / "p.csv")
    test, expected = scores_of(run / "predictions.csv")
    rows = [ids.index(name) for name in test]
    assert score[rows] == pytest.approx(expected, abs=1e-6)
    assert "target_label" in read_rows(tmp_path / "p.csv")[0]


def test_predict_scores_files_and_folders(capsys, run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pixels, _ = made_images(72)
    write_pngs(tmp_path / "images" / "deep", pixels[:4])
    write_pngs(tmp_path, pixels[4:5])
    checkpoint = run / "01-bce" / "best.ckpt"
    told(capsys, "predict", checkpoint, "images", "000.png", "--workers", 1)
    ids, score = scores_of(tmp_path / "predictions.csv")
    assert ids == [*(f"images/deep/00{i}.png" for i in range(4)), "000.png"]
    assert "target" not in read_rows(tmp_path / "predictions.csv")[0]
    words = ["--data=NPZ", f"--data.npz={run.parent / 'x.npz'}", "--output", "all.csv"]
    told(capsys, "predict", checkpoint, *words)
    assert score == pytest.approx(scores_of(tmp_path / "all.csv")[1][:5], abs=1e-6)


def finished(*words, **options):
    done = command(*words, **options)
    process = subprocess.Popen(**done)
    out, err = process.communicate(timeout=900)
    return process.returncode, out, err


def test_python_m_aucmax_is_the_command():
    assert finished("--version") == (0, f"aucmax {aucmax.__version__}\n", "")
    code, out, err = finished("frobnicate")
    assert (code, out) == (2, "")
    assert err == "aucmax: there is no command 'frobnicate'; see aucmax --help\n"


def test_notes_and_tables_of_a_process(tmp_path):
    """Few positives and identical images: both are told, and nothing else but the epochs."""
    npz = npz_data(tmp_path / "x.npz")
    words = [write_recipe(tmp_path / "r.yaml", "NPZ"), "--data.npz", npz, "--output", tmp_path]
    code, out, err = finished("fit", *words, "--batches.size", 32)
    assert code == 0
    (note,) = [line for line in err.splitlines() if ": epoch " not in line]
    rows = np.load(npz)["train_labels"].ravel().tolist()
    assert note == (
        f"note: there are only {sum(rows)} positives to train on, so a batch of 32 rows holds all "
        "of them (--batches.positives asked for 0.5)"
    )
    assert out.splitlines()[-1].startswith("run folder: ")


@pytest.mark.parametrize(("number", "name"), [(signal.SIGINT, "Ctrl-C"), (signal.SIGTERM, "TERM")])
def test_an_interrupted_fit_says_how_to_go_on(tmp_path, number, name):
    npz = npz_data(tmp_path / "x.npz")
    recipe = write_recipe(tmp_path / "r.yaml", "NPZ", pretrain=3000)
    words = ["fit", recipe, "--data.npz", npz, "--output", tmp_path]
    process = subprocess.Popen(**command(*words))
    kept = tmp_path / "r" / "01-bce" / "last.ckpt"
    deadline = time.monotonic() + 900
    while not kept.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(process.pid, number)
    _, err = process.communicate(timeout=900)
    assert process.returncode == 130, err
    assert "aucmax fit: interrupted; continue with the same command and --resume" in err
    assert "Traceback" not in err
    assert kept.exists()
