"""Every mistake in the options becomes one message that names option, rule and cure."""

import pytest
from oracles_train import npz_data, refused, write_recipe


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    """Work in a folder with an archive and recipes, good ones and bad ones."""
    monkeypatch.chdir(tmp_path)
    npz_data(tmp_path / "x.npz")
    write_recipe(tmp_path / "r.yaml", "NPZ")
    (tmp_path / "broken.yaml").write_text("model: {name: [\n")
    (tmp_path / "list.yaml").write_text("- 1\n- 2\n")
    (tmp_path / "empty.yaml").write_text("")
    (tmp_path / "typo.yaml").write_text("bathces:\n  size: 3\nseeds: many\n")
    (tmp_path / "file").write_text("in the way")


SUM = ["--loss", "CrossEntropyAUCLoss", "--loss.auc"]
OPTIONS = [
    (["--los.margin", 1], ["--los.margin: there is no such option; did you mean --loss.margin?"]),
    (["--seeds"], ["--seeds: expected a whole number, got no value"]),
    (["--seeds", "many"], ["--seeds: expected a whole number, got 'many'"]),
    (["--seeds", 0], ["--seeds must be >= 1, got 0"]),
    (["--baseline", "perhaps"], ["--baseline: expected true or false, got 'perhaps'"]),
    (["--average", 1], ["--average must lie in (0, 1), or be null, got 1.0"]),
    (["--name", "a/b"], ["--name must be the plain name of a folder, got 'a/b'"]),
    (["--name", ".."], ["--name must be the plain name of a folder, got '..'"]),
    (
        ["--loss", "Fool"],
        ["--loss: there is no 'Fool'; choose one of APLoss, AUCMLoss, "],
    ),
    (["--loss", "torch.nn.Linear"], ["--loss: there is no 'torch.nn.Linear'; choose one of"]),
    (["--optimizer", "Adamant"], ["--optimizer: there is no 'Adamant'", "PESG, PESGAdam", "SGD"]),
    (["--data", "Imagenet"], ["--data: there is no 'Imagenet'; choose one of CSV, "]),
    (["--loss", "LogitAdjustedLoss"], ["--loss LogitAdjustedLoss needs --loss.prior"]),
    (["--loss.margn", 1], ["--loss.margn: AUCMLoss has no option 'margn'"]),
    (["--loss.num_labels", 1], ["--loss.num_labels: AUCMLoss has no option 'num_labels'"]),
    (["--loss.margin", "big"], ["--loss.margin: expected a number or a list, got 'big'"]),
    (["--loss.margin", -1], ["--loss: margin must be > 0, in units of the score, got -1.0"]),
    (["--loss.activation", "torch.nope"], ["--loss.activation: expected the import path"]),
    (["--loss", "PairwiseAUCLoss", "--loss.surrogate", "x"], ["--loss: surrogate must be one of"]),
    (["--loss.auc", "BCELoss"], ["--loss.auc: AUCMLoss has no option 'auc'"]),
    ([*SUM, "Fool"], ["--loss.auc: there is no 'Fool'; choose one of APLoss, AUCMLoss, "]),
    ([*SUM, "AUCMLoss", "--loss.auc.margn", 1], ["--loss.auc.margn: AUCMLoss has no option"]),
    ([*SUM, "AUCMLoss", "--loss.auc.num_labels", 2], ["num_labels is known from the data"]),
    ([*SUM, "PartialAUCLoss"], ["--loss.auc PartialAUCLoss needs --loss.auc.max_fpr\n"]),
    (
        [*SUM, "PartialAUCLoss", "--loss.auc.max_fpr", "x"],
        ["--loss.auc.max_fpr: expected a number"],
    ),
    ([*SUM, "PartialAUCLoss", "--loss.auc.max_fpr", 7], ["--loss: max_fpr", "got 7.0"]),
    (
        [*SUM, "AUMLoss", "--loss.auc.activation", "f"],
        ["--loss.auc.activation: expected the import"],
    ),
    ([*SUM, "AUMLoss", "--loss.weight", "x"], ["--loss.weight: expected a number, got 'x'\n"]),
    (["--loss", "OneVsOneLoss"], ["--loss OneVsOneLoss needs --loss.loss\n"]),
    (["--loss", "OneVsOneLoss", "--loss.loss", "AUC"], ["--loss.loss: there is no 'AUC'; choose"]),
    (["--loss", "PartialAUCLoss", "--loss.max_fpr", "x"], ["expected a number, got 'x'\n"]),
    (
        ["--optimizer", "PDSCA", "--trainer.accumulate_grad_batches", 2],
        ["--trainer.accumulate_grad_batches must be 1 with PDSCA", "--batches.size"],
    ),
    (["--optimizer.lr", -1], ["--optimizer: PESG: lr must be a finite number >= 0, got -1.0"]),
    (["--optimizer.lr", "fast"], ["--optimizer.lr: expected a number, got 'fast'"]),
    (["--optimizer.beta", 1], ["--optimizer.beta: PESG has no option 'beta'"]),
    (["--batches.positives", 2], ["--batches.positives must lie in (0, 1), or be null, got 2.0"]),
    (["--pretrain.positives", 0], ["--pretrain.positives must lie in (0, 1), or be null, got 0.0"]),
    (["--batches.size", 1], ["--batches.size must be at least 2", "got 1 and 0"]),
    (["--batches.workers", -1], ["--batches.workers at least 0, got 16 and -1"]),
    (["--batches", 3], ["--batches has options of its own: give them as --batches.size"]),
    (["--schedule.decay_at", 0.5, 2], ["--schedule.decay_at must be increasing shares in (0, 1)"]),
    (["--schedule.decay_at", 0.5, 0.2], ["must be increasing", "got [0.5, 0.2]"]),
    (["--schedule.decay_at", "half"], ["--schedule.decay_at: expected a list, got 'half'"]),
    (["--schedule.epochs", 0], ["--schedule.epochs must be >= 1", "got 0 and 0.1"]),
    (["--schedule.gamma", 0], ["--schedule.gamma lie in (0, 1], got 1 and 0.0"]),
    (["--schedule.patience", 0], ["--schedule.patience must be >= 1, or null, got 0"]),
    (["--pretrain.epochs", -1], ["--pretrain.epochs must be >= 0", "got -1, 0.001 and 0.0001"]),
    (["--pretrain.lr", 0], ["--pretrain.lr > 0"]),
    (["--split.test", 1.5], ["--split.validation and --split.test must lie in (0, 1)"]),
    (["--split.test", 0.5, "--split.validation", 0.6], ["add up to less than 1, got 0.6 and 0.5"]),
    (["--augment.rotate", 270], ["--augment.rotate must lie in [0, 180]", "270.0"]),
    (["--model.image_size", 3], ["--model.image_size must be at least 8 pixels, got 3"]),
    (["--data.positives", 3], ["--data.positives: NPZ has no option 'positives'"]),
    (["--data.labels", "images"], ["--data: NPZ: images and labels are the same array 'images'"]),
    (["--trainer.max_epochs", 3], ["--trainer.max_epochs: there is no such option"]),
    (["--trainer.fast_dev_run", "true"], ["--trainer.fast_dev_run: there is no such option"]),
    (["--trainer.precision", "17"], ["--trainer.precision: expected 64 or 32", "got '17'"]),
    (["nonsense"], ["'nonsense' is not an option; options are --key value"]),
    (["-x"], ["'-x' is not an option"]),
]


@pytest.mark.parametrize(("words", "fragments"), OPTIONS, ids=lambda x: " ".join(map(str, x)))
def test_wrong_options(capsys, words, fragments):
    message = refused(capsys, 2, "fit", "r.yaml", "--data.npz=x.npz", *words)
    assert message.count("\n") == 1
    for fragment in fragments:
        assert fragment in message


RECIPES = [
    ("digit", ["there is no recipe or file 'digit'", "did you mean digits?"]),
    ("none.yaml", ["there is no recipe or file 'none.yaml'; recipes are "]),
    ("broken.yaml", ["broken.yaml is not YAML", "line 2"]),
    ("list.yaml", ["list.yaml must hold options as `key: value`, got [1, 2]"]),
    ("empty.yaml", ["empty.yaml must hold options as `key: value`, got None"]),
    ("typo.yaml", ["2 things are wrong", "--bathces.size: there is no such option; did you mean "
                   "--batches.size?", "--seeds: expected a whole number, got 'many'"]),
]  # fmt: skip


@pytest.mark.parametrize(("recipe", "fragments"), RECIPES, ids=lambda x: str(x))
def test_wrong_recipes(capsys, recipe, fragments):
    message = refused(capsys, 2, "fit", recipe)
    for fragment in fragments:
        assert fragment in message


def test_a_recipe_must_name_all_classes(capsys, tmp_path):
    (tmp_path / "bare.yaml").write_text("seeds: 2\n")
    message = refused(capsys, 2, "fit", "bare.yaml")
    assert message.splitlines()[1:] == [
        "  --data is missing",
        "  --loss is missing",
        "  --optimizer is missing",
    ]


def test_a_missing_option_of_a_class_is_named(capsys):
    assert "--data NPZ needs --data.npz" in refused(capsys, 2, "fit", "r.yaml")


def test_all_wrong_options_are_told_at_once(capsys):
    wrong = ["--seeds", "q", "--loss.margin", "x", "--loss.foo", 1, "--optimizer", "Nope"]
    message = refused(capsys, 2, "fit", "r.yaml", "--batch.size", 3, *wrong)
    assert message.startswith("aucmax fit: 6 things are wrong:\n")
    assert len(message.splitlines()) == 7
    for key in ("seeds", "loss.margin", "loss.foo", "optimizer", "batch.size", "data NPZ needs"):
        assert f"  --{key}" in message


def test_all_values_out_of_range_are_told_at_once(capsys):
    words = ["--loss.margin", -1, "--batches.positives", 2, "--schedule.decay_at", 2]
    words += ["--pretrain.epochs", -1, "--optimizer.lr", -1, "--data.label", ""]
    message = refused(capsys, 2, "fit", "r.yaml", "--data.npz", "x.npz", *words)
    assert message.startswith("aucmax fit: 6 things are wrong:\n")


FITS = [
    (["--model.name", "rasnet18"], ["--model: name: there is no network 'rasnet18'", "'resnet18'"]),
    (["--model.pretrained", "true"], ["--model: pretrained: 'resnet20' has no pretrained weights"]),
    (["--model.name", "densenet121"], ["densenet121 cannot take images of (16, 16) pixels",
                                       "give another --model.image_size"]),
    (["--optimizer", "LBFGS"], ["--optimizer: LBFGS"]),
    (["--loss.margin", 1, 2], ["--loss: margin must be one number"]),
    (["--trainer.accelerator", "abacus"], ["--trainer: ", "abacus"]),
    (["--trainer.devices", "[a]"], ["--trainer: "]),
    (["--trainer.strategy", "ddp_spawn", "--trainer.accelerator", "cpu", "--trainer.devices", 2],
     ["--trainer.strategy: ddp_spawn would train in copies", "use ddp"]),
    (["--output", "/dev/null/x"], ["the run folder /dev/null/x/r cannot be written", "--output"]),
    (["--output", "file"], ["the run folder file/r cannot be written", "Not a directory"]),
    (["--output", ".", "--name", "file"], ["the run folder file exists", "--resume"]),
]  # fmt: skip


@pytest.mark.parametrize(("words", "fragments"), FITS, ids=lambda x: " ".join(map(str, x)))
def test_what_does_not_fit_the_data_or_the_machine_is_found_before_a_folder_is_made(
    capsys, words, fragments
):
    message = refused(capsys, 1, "fit", "r.yaml", "--data.npz", "x.npz", *words)
    assert message.count("\n") == 1 or "--trainer" in message
    for fragment in fragments:
        assert fragment in message


def test_pretrained_weights_that_cannot_be_had_are_told_fast(capsys, monkeypatch):
    import socket

    from aucmax.models import _weights

    def offline(*arguments, **options):
        raise OSError("network is unreachable")

    monkeypatch.setattr(socket.socket, "connect", offline)
    monkeypatch.setattr(_weights, "TIMEOUT", 0.1)
    words = ["--model.name", "resnet18", "--model.pretrained", "true"]
    message = refused(capsys, 1, "fit", "r.yaml", "--data.npz", "x.npz", *words)
    assert "the weights of 'resnet18" in message
    assert "HF_HOME" in message


def test_an_output_folder_that_exists_is_refused_before_the_data_are_read(capsys, tmp_path):
    (tmp_path / "runs" / "r").mkdir(parents=True)
    (tmp_path / "runs" / "r" / "notes.txt").write_text("mine")
    message = refused(capsys, 1, "fit", "r.yaml", "--data.npz", "gone.npz")
    assert "the run folder runs/r exists: choose another --name" in message


def test_divergence_is_told_with_its_cure(capsys, tmp_path):
    words = ["--pretrain.epochs", 0, "--schedule.epochs", 3, "--optimizer.lr", 1e30]
    from aucmax.cli import main

    told = ["fit", "r.yaml", "--data.npz", "x.npz", *map(str, words)]
    assert main(told) == 1
    message = capsys.readouterr().err
    assert "Traceback" not in message
    assert "the model has diverged (try a smaller lr" in message
