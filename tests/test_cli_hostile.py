"""Options that cannot work or have no effect, and outputs over inputs: refused, nothing written."""

import shutil
import types
from pathlib import Path
from typing import get_args

import pytest
from oracles_hostile import BEST, FIT, make_place, refused

from aucmax.cli import main
from aucmax.train.arguments import fit_parser


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return make_place(tmp_path_factory.mktemp("place"))


@pytest.fixture(autouse=True)
def _here(place, tmp_path, monkeypatch):
    """Work in a copy, so that no test can spoil another."""
    shutil.copytree(place, tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")


def numbers():
    """Every option of ``fit`` that takes a number, with its kind."""
    for action in fit_parser()._actions:
        kind = getattr(action, "_typehint", None) or action.type
        kinds = set(get_args(kind)) if isinstance(kind, types.UnionType) else {kind}
        for number in kinds & {int, float}:
            yield action.dest, number.__name__


ANY_WHOLE_NUMBER = {"seed", "split.seed"}


@pytest.mark.parametrize(("option", "kind"), sorted(set(numbers())))
def test_numbers_that_cannot_be_meant(capsys, option, kind):
    values = ["x", "1e999" if kind == "float" else "1.5", "nan", "[", "{}", "null x"]
    values += ["-.inf", ".nan", ".inf"] if kind == "float" else ["9" * 30, "9" * 5000]
    for value in values:
        line = refused(capsys, *FIT, f"--{option}={value}")
        assert f"--{option}" in line
    if option not in ANY_WHOLE_NUMBER:
        for value in ("-1", "-7" if kind == "int" else "-0.5"):
            if option == "trainer.devices" and value == "-1":
                continue
            line = refused(capsys, *FIT, f"--{option}={value}")
            assert option.partition(".")[0] in line


def test_the_table_of_numbers_is_not_empty():
    found = dict(numbers())
    assert len(found) > 30
    assert {"threads", "schedule.epochs", "average", "batches.size"} <= found.keys()


CANNOT_WORK = [
    (["--optimizer", "SparseAdam"], "--optimizer: SparseAdam: SparseAdam does not support dense"),
    (["--optimizer", "Adam", "--optimizer.fused", "true", "--optimizer.foreach", "true"], "fused"),
    (["--trainer.accumulate_grad_batches", 0], "--trainer.accumulate_grad_batches must be a whole"),
    (["--trainer.accumulate_grad_batches", -2], "must be a whole number >= 1, got -2"),
    (["--trainer.gradient_clip_val", -1], "--trainer.gradient_clip_val must be finite and >= 0"),
    (["--trainer.gradient_clip_val", ".nan"], "--trainer.gradient_clip_val must be finite"),
    (["--trainer.gradient_clip_algorithm", "x"], "must be norm or value, got 'x'"),
    (["--trainer.log_every_n_steps", -1], "--trainer.log_every_n_steps must be a whole number"),
    (["--trainer.limit_train_batches", 0], "--trainer.limit_train_batches must be a number of"),
    (["--trainer.limit_train_batches", -3], "or a fraction in (0, 1], got -3"),
    (["--trainer.limit_train_batches", 1.5], "or a fraction in (0, 1], got 1.5"),
    (["--trainer.devices", 0], "--trainer.devices must be >= 1, or auto, got 0"),
    (["--trainer.num_nodes", 0], "--trainer.num_nodes must be a whole number >= 1, got 0"),
    (["--threads", 1_000_000_000], "--threads must be at most 1,024, got 1000000000"),
    (["--batches.workers", 10**9], "--batches.workers must be at most 1,024"),
    (["--model.image_size", 100_000], "--model.image_size 100000: a batch of 16 images"),
    (["--model.image_size", 10**30], "--model.image_size must be at most 1,000,000, got one of"),
    (["--seeds", 10**9], "--seeds must be at most 10,000"),
    (["--schedule.epochs", 10**12], "--schedule.epochs must be at most 1,000,000"),
    (["--pretrain.lr", ".nan"], "--pretrain.lr must be a finite number, got nan"),
    (["--pretrain.lr", ".inf"], "--pretrain.lr must be a finite number, got inf"),
    (["--augment.rotate", ".nan"], "--augment.rotate must be a finite number, got nan"),
    (["--schedule.decay_at", ".nan"], "--schedule.decay_at must be a finite number, got nan"),
    (["--optimizer.lr", ".nan"], "--optimizer: PESG: lr must be a finite number >= 0"),
    (["--data.help", "Nope"], "--data: there is no 'Nope'; choose one of CSV"),
    (["--loss.help", "Nope"], "--loss: there is no 'Nope'; choose one of APLoss"),
    (["--trainer.help", "x"], "only --data, --loss and --optimizer have help of a class"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "fragment"), CANNOT_WORK, ids=lambda x: str(x)[:40])
def test_options_that_cannot_work_are_refused_before_data_are_read(capsys, words, fragment):
    Path("x.npz").write_bytes(b"these data would be an error, too")
    line = refused(capsys, *FIT, *words)
    assert fragment in line
    assert "x.npz" not in line


def alias(kind, path):
    """Another way to the same file."""
    path = Path(path)
    if kind == "same":
        return path
    if kind == "spelled":
        return Path("images", "..", ".", path)
    if kind == "absolute":
        return path.resolve()
    other = Path(f"link{path.suffix}")
    if kind == "symbolic":
        other.symlink_to(path)
    elif kind == "hard":
        other.hardlink_to(path)
    else:
        Path("linked").symlink_to(".", target_is_directory=True)
        return Path("linked", path)
    return other


OVER = [
    (["ensemble", "a.csv", "b.csv", "-o"], "a.csv"),
    (["ensemble", "a.csv", "b.csv", "-o"], "b.csv"),
    (["report", "a.csv", "--output"], "a.csv"),
    (["report", "a.csv", "b.csv", "--output"], "b.csv"),
    (["predict", BEST, "images", "--output"], BEST),
    (["predict", BEST, "images", "--output"], "images/001.png"),
    (["predict", BEST, "images/000.png", "--output"], "images/000.png"),
    (["predict", BEST, "--data", "NPZ", "--data.npz", "x.npz", "--output"], "x.npz"),
]


@pytest.mark.parametrize("kind", ["same", "spelled", "absolute", "symbolic", "hard", "folder"])
@pytest.mark.parametrize(("words", "victim"), OVER, ids=lambda x: str(x)[:30])
def test_no_command_writes_over_what_it_reads(capsys, words, victim, kind):
    line = refused(capsys, *words, alias(kind, victim))
    assert "--output: " in line
    assert "which is read; give another path" in line


def test_evaluate_writes_over_nothing_that_it_reads(capsys):
    Path("roc.png").write_bytes(Path("a.csv").read_bytes())
    line = refused(capsys, "evaluate", "roc.png", "--output", ".")
    assert "--output: roc.png would overwrite roc.png, which is read" in line
    Path("p-evaluation").mkdir()
    Path("p-evaluation/metrics.json").symlink_to("../a.csv")
    shutil.copy("a.csv", "p.csv")
    refused(capsys, "evaluate", "a.csv", "--output", "p-evaluation")


def test_an_older_output_is_replaced(capsys):
    assert main(["ensemble", "a.csv", "b.csv", "-o", "c.csv"]) == 0
    assert main(["ensemble", "a.csv", "b.csv", "-o", "c.csv"]) == 0
    assert main(["predict", BEST, "images", "--output", "c.csv"]) == 0


USELESS = [
    (["report", "a.csv", "a.csv"], "a.csv is given twice: name each file once"),
    (["report", "a.csv", "./a.csv"], "a.csv is given twice"),
    (["compare", "a.csv", "a.csv"], "a.csv is given twice"),
    (["ensemble", "a.csv", "b.csv", "a.csv"], "a.csv is given twice"),
    (["predict", BEST, "images", "--smiles", "x"], "--smiles: run/02-aucm/best.ckpt is for images"),
    (["predict", BEST, "images", "--id", "x"], "--id: run/02-aucm/best.ckpt is for images"),
    (["predict", BEST, "--data", "NPZ", "--data.npz", "x.npz", "--id", "x", "--smiles", "y"],
     "--smiles and --id: --data.* names the columns"),
    (["predict", BEST, "images", "--workers", -1], "--workers must lie in [0, 1024], got -1"),
    (["predict", BEST, "images", "--workers", 10**9], "--workers must lie in [0, 1024]"),
    (["predict", BEST, "images", "--output", "run"], "--output: run is a folder: name a"),
    (["predict", BEST, "--data", "evil.Data"], "--data: 'evil.Data' is not on the list"),
    (["prepare", "--data", "evil.Data", "--size", 8], "--data: 'evil.Data' is not on the list"),
    (["prepare", "--data", "Folder", "--data.root", "images", "--size", 0], "--size must be at"),
    (["prepare", "--data", "Folder", "--data.root", "images", "--size", 10**7], "--size must be"),
    (["prepare", "--data", "Folder", "--data.root", "x", "--size", 8, "--workers", -3],
     "--workers must lie in [0, 1024], got -3"),
    (["evaluate", "a.csv", "--max_fpr", 2], "--max_fpr must lie in (0, 1], got 2.0"),
    (["evaluate", "a.csv", "--max_fpr", ".nan"], "--max_fpr must lie in (0, 1], got nan"),
    (["evaluate", "a.csv", "--max_fpr", 0.1, "--min_tpr", 1], "--min_tpr must lie in [0, 1)"),
    (["evaluate", "a.csv", "--level", 1], "--level must lie in (0, 1), got 1.0"),
    (["report", "a.csv", "--level", ".inf"], "--level must lie in (0, 1), got inf"),
    (["compare", "a.csv", "b.csv", "--level", -1], "--level must lie in (0, 1), got -1.0"),
    (["evaluate", "a.csv", "--readers", "a.csv"], "a.csv is given twice"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "fragment"), USELESS, ids=lambda x: str(x)[:50])
def test_what_has_no_effect_or_no_sense(capsys, words, fragment):
    assert fragment in refused(capsys, *words)


def test_options_of_a_recipe_without_effect_are_noted(capsys):
    """Recipes such as molhiv carry options for a forest that a run may leave out."""
    capsys.readouterr()
    assert main([*map(str, FIT), "--forest.trees", "7", "--blend.lr", "0.5"]) == 0
    told = capsys.readouterr().err
    assert "note: --blend options are without effect while --blend.epochs is 0" in told
    assert "note: --forest options are without effect" in told
