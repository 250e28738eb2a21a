"""The same seed gives the same numbers, whatever the readers and after any interruption."""

import lightning as L
import pytest
from oracles_train import files_below, fit, npz_data, read_json, write_recipe

from aucmax.cli import main
from aucmax.train import training
from aucmax.train.callbacks import EpochEnd

NUMBERS = ["metrics.json", "predictions.csv", "split.csv", "01-bce/metrics.csv",
           "02-aucm/metrics.csv", "01-bce/stage.json", "02-aucm/stage.json"]  # fmt: skip
STAGES = ["01-bce", "02-aucm"]
FEATURES = {
    "plain": [],
    "features": [
        *("--average", 0.8, "--augment.rotate", 10, "--augment.flip", "true"),
        *("--schedule.patience", 1, "--batches.workers", 0),
        *("--optimizer.momentum", 0.9),
    ],
}


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    place = tmp_path_factory.mktemp("repeat")
    npz = npz_data(place / "x.npz")
    recipe = write_recipe(place / "r.yaml", "NPZ", pretrain=3, epochs=3)
    return [recipe, "--data.npz", npz]


@pytest.fixture(scope="module")
def reference(words, tmp_path_factory):
    """What uninterrupted runs give, by the name of their features."""
    place = tmp_path_factory.mktemp("reference")
    for name, options in FEATURES.items():
        fit(*words, "--output", place, "--name", name, *options)
    return {name: numbers(place / name) for name in FEATURES}


def numbers(folder):
    return {name: (folder / name).read_bytes() for name in NUMBERS}


def test_patience_matters_in_what_is_compared_here(reference):
    epochs = [reference["features"][f"{s}/metrics.csv"].count(b"\n") - 1 for s in STAGES]
    assert min(epochs) < 3


def test_the_same_seed_gives_the_same_files(words, reference, tmp_path):
    fit(*words, "--output", tmp_path, "--name", "again")
    assert numbers(tmp_path / "again") == reference["plain"]


def test_another_seed_gives_other_numbers_on_the_same_rows(words, reference, tmp_path):
    fit(*words, "--output", tmp_path, "--name", "other", "--seed", 1)
    other = numbers(tmp_path / "other")
    same = {name for name in NUMBERS if other[name] == reference["plain"][name]}
    assert "split.csv" in same
    assert not same & {"metrics.json", "predictions.csv", "01-bce/metrics.csv"}


def test_reading_processes_change_nothing(words, reference, tmp_path):
    options = [*FEATURES["features"], "--batches.workers", 2]
    fit(*words, "--output", tmp_path, "--name", "workers", *options)
    assert numbers(tmp_path / "workers") == reference["features"]


class KilledError(BaseException):
    """Raised where a kill might strike."""


@pytest.mark.parametrize(
    ("features", "moment"), [("plain", "after"), ("features", "before"), ("features", "after")]
)
@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("epoch", range(3))
def test_a_run_killed_in_any_epoch_resumes_to_the_same_numbers(
    words, reference, tmp_path, monkeypatch, features, moment, stage, epoch
):
    """KilledError at the end of an epoch, before its checkpoint is written or right after."""
    save = EpochEnd.on_train_epoch_end

    def strike(self, trainer, module):
        due = self.path.parent.name == stage and trainer.current_epoch == epoch
        if due and moment == "before":
            raise KilledError
        save(self, trainer, module)
        if due:
            raise KilledError

    ended = reference[features][f"{stage}/metrics.csv"].count(b"\n") - 1
    if epoch >= ended:
        pytest.skip(f"patience ended this stage after epoch {ended - 1}")
    run = [*words, "--output", tmp_path, "--name", "x", *FEATURES[features]]
    with monkeypatch.context() as patch:
        patch.setattr(EpochEnd, "on_train_epoch_end", strike)
        with pytest.raises(KilledError):
            fit(*run)
    assert not (tmp_path / "x" / "predictions.csv").exists()
    fit(*run, "--resume")
    assert numbers(tmp_path / "x") == reference[features]


@pytest.mark.parametrize("step", ["load_network", "write_json"])
def test_a_run_killed_between_its_stages_resumes_to_the_same_numbers(
    words, reference, tmp_path, monkeypatch, step
):
    def strike(*arguments):
        raise KilledError

    run = [*words, "--output", tmp_path, "--name", "x"]
    with monkeypatch.context() as patch:
        patch.setattr(training, step, strike)
        with pytest.raises(KilledError):
            fit(*run)
    fit(*run, "--resume")
    assert numbers(tmp_path / "x") == reference["plain"]


@pytest.mark.parametrize("step", ["write_predictions", "write_report"])
def test_a_run_killed_after_its_training_trains_nothing_anew(
    words, reference, tmp_path, monkeypatch, step
):
    from aucmax.train import outcome

    def strike(*arguments, **options):
        raise KilledError

    run = [*words, "--output", tmp_path, "--name", "x"]
    with monkeypatch.context() as patch:
        patch.setattr(outcome, step, strike)
        with pytest.raises(KilledError):
            fit(*run)
    # Predictions come first, before all that could fail, and the page comes last.
    assert (tmp_path / "x" / "predictions.csv").exists()
    assert not (tmp_path / "x" / "report.html").exists()
    with monkeypatch.context() as patch:
        patch.setattr(L.Trainer, "fit", strike)
        fit(*run, "--resume")
    assert numbers(tmp_path / "x") == reference["plain"]


def test_a_finished_run_only_tells_its_table_again(words, tmp_path, monkeypatch, capsys):
    run = [*words, "--output", tmp_path, "--name", "x", "--seeds", 2, "--pretrain.epochs", 0]
    fit(*run)
    told = capsys.readouterr().out
    folder = tmp_path / "x"
    files = {name: (folder / name).stat().st_mtime_ns for name in files_below(folder)}
    monkeypatch.setattr(L.Trainer, "fit", None)
    monkeypatch.setattr(L.Trainer, "predict", None)
    fit(*run, "--resume")
    assert capsys.readouterr().out == told
    again = {name: (folder / name).stat().st_mtime_ns for name in files_below(folder)}
    assert again.keys() == files.keys()
    assert all(again[name] == files[name] for name in files if "/" in name)


def test_a_moved_run_can_be_resumed(words, reference, tmp_path, monkeypatch):
    def strike(*arguments, **options):
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(training, "load_network", strike)
        with pytest.raises(KilledError):
            fit(*words, "--output", tmp_path / "old", "--name", "x")
    (tmp_path / "new").mkdir()
    (tmp_path / "old" / "x").rename(tmp_path / "new" / "y")
    fit(*words, "--output", tmp_path / "new", "--name", "y", "--resume")
    assert numbers(tmp_path / "new" / "y") == reference["plain"]


def test_resume_without_a_run_begins_one(words, reference, tmp_path):
    fit(*words, "--output", tmp_path, "--name", "x", "--resume")
    assert numbers(tmp_path / "x") == reference["plain"]


def test_resume_refuses_other_options(words, tmp_path, capsys):
    run = [*words, "--output", tmp_path, "--name", "x", "--pretrain.epochs", 0]
    fit(*run)
    before = read_json(tmp_path / "x" / "metrics.json")
    assert main([*map(str, ["fit", *run, "--resume", "--optimizer.lr", 0.7])]) == 1
    told = capsys.readouterr().err
    assert "made with other options: --optimizer.lr was 0.1 and is 0.7 now; give" in told
    assert read_json(tmp_path / "x" / "metrics.json") == before


def test_resume_refuses_other_data(words, tmp_path, capsys):
    place = npz_data(tmp_path / "x.npz")
    run = [words[0], "--data.npz", place, "--output", tmp_path, "--name", "x"]
    fit(*run, "--pretrain.epochs", 0)
    npz_data(place, n=69)
    assert main([*map(str, ["fit", *run, "--pretrain.epochs", 0, "--resume"])]) == 1
    assert "the data are not those that the run began with" in capsys.readouterr().err
