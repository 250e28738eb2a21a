"""Options as dataclasses: classes made by name, milestones, and what is refused."""

import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from lightning.fabric.utilities.rank_zero import rank_zero_only

import aucmax
from aucmax.data import Digits
from aucmax.train.baselines import BALANCED, NATURAL, baselines
from aucmax.train.blend import Blend
from aucmax.train.config import Augment, Batches, FitConfig, Pretrain, Recipe, Schedule, Split
from aucmax.train.folder import check_folder
from aucmax.train.progress import StageProgress
from aucmax.train.quiet import LOGGERS, quiet
from aucmax.train.ranks import is_first
from aucmax.train.rehearsal import _network
from aucmax.train.stages import auc_stages

CONFIG = FitConfig(
    data=Digits(),
    loss=Recipe("aucmax.AUCMLoss"),
    optimizer=Recipe("aucmax.PESG", {"lr": 0.1}),
    name="x",
)


def test_a_recipe_makes_its_class_with_what_it_takes():
    loss = Recipe("aucmax.losses.AUCMLoss", {"margin": 0.5}).make(num_labels=3)
    assert isinstance(loss, aucmax.AUCMLoss)
    assert loss.num_labels == 3
    assert float(loss.margin) == 0.5
    assert isinstance(Recipe("aucmax.BCELoss").make(num_labels=3), aucmax.BCELoss)
    weight = torch.nn.Parameter(torch.zeros(1))
    assert Recipe("torch.optim.SGD", {"lr": 0.3}).make([weight]).defaults["lr"] == 0.3


@pytest.mark.parametrize(
    "activation",
    [
        torch.sigmoid,
        "torch.sigmoid",
        {"class_path": "torch.nn.Sigmoid"},
        {"class_path": "torch.nn.Sigmoid", "init_args": None},
    ],
)
def test_an_activation_is_a_function_a_path_or_a_class(activation):
    loss = Recipe("aucmax.AUCMLoss", {"activation": activation}).make()
    x = torch.randn(5)
    assert torch.equal(loss.activation(x), torch.sigmoid(x))


def test_an_activation_may_have_options():
    options = {"class_path": "torch.nn.Softplus", "init_args": {"beta": 3}}
    loss = Recipe("aucmax.AUCMLoss", {"activation": options}).make()
    assert loss.activation.beta == 3


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("aucmax.AUCMLoss", "aucm"),
        ("aucmax.losses.PairwiseAUCLoss", "pairwise-auc"),
        ("a.Own", "own"),
    ],
)
def test_names_of_losses(path, name):
    assert Recipe(path).name == name


@pytest.mark.parametrize(
    ("decay_at", "epochs", "milestones"),
    [
        ((0.5, 0.75), 20, [10, 15]),
        ((0.5, 0.75), 2, [1]),
        ((0.5, 0.75), 1, []),
        ((0.1, 0.9), 4, []),
        ((), 9, []),
        ((0.3, 0.31), 10, [3]),
    ],
)
def test_milestones_lie_within_the_stage(decay_at, epochs, milestones):
    assert Schedule(decay_at=decay_at).milestones(epochs) == milestones


def test_sound_options_have_no_problems():
    assert list(CONFIG.problems()) == []
    extreme = replace(
        CONFIG,
        pretrain=Pretrain(epochs=0, weight_decay=0),
        schedule=Schedule(epochs=1, gamma=1, patience=1, decay_at=()),
        batches=Batches(size=2, positives=None),
        augment=Augment(rotate=180),
        split=Split(validation=0.49, test=0.5),
        average=0.001,
        seed=-3,
    )
    assert list(extreme.problems()) == []


WRONG = [
    ({"split": Split(test=0)}, "--split.test"),
    ({"batches": Batches(size=1)}, "--batches.size"),
    ({"batches": Batches(positives=1)}, "--batches.positives"),
    ({"augment": Augment(shift=1)}, "--augment.shift"),
    ({"augment": Augment(at_test=True)}, "--augment.at_test needs --augment.flip or"),
    ({"pretrain": Pretrain(weight_decay=-1)}, "--pretrain.weight_decay"),
    ({"schedule": Schedule(decay_at=(0.5, 0.5))}, "--schedule.decay_at"),
    ({"schedule": Schedule(decay_at=(0.0,))}, "--schedule.decay_at"),
    ({"average": 0.0}, "--average"),
    ({"threads": 0}, "--threads must be >= 1, or null for all cores, got 0"),
    ({"name": ""}, "--name"),
    ({"name": "a\\b"}, "--name"),
    ({"seeds": 0}, "--seeds"),
    ({"loss": Recipe("aucmax.AUCMLoss", {"margin": 0.0})}, "--loss: margin"),
    ({"loss": Recipe("aucmax.AUCMLoss", {"margin": [1.0, -1.0]})}, "--loss: margin"),
    ({"loss": Recipe("aucmax.AUCMLoss", {"margins": 1})}, "--loss: "),
    ({"optimizer": Recipe("torch.optim.SGD", {"lr": -1})}, "--optimizer: "),
]


@pytest.mark.parametrize(("change", "fragment"), WRONG, ids=lambda x: str(x)[:50])
def test_each_wrong_option_is_one_problem(change, fragment):
    (problem,) = replace(CONFIG, **change).problems()
    assert fragment in problem


def test_all_problems_are_told_at_once():
    both = {key: value for change, _ in WRONG for key, value in change.items()}
    assert len(list(replace(CONFIG, **both).problems())) == len(both)
    with pytest.raises(ValueError, match="--name must be the plain name"):
        aucmax_fit(replace(CONFIG, name="a/b"))


def aucmax_fit(config):
    from aucmax.train import fit

    return fit(config)


def test_stages_of_the_recipe_and_of_the_baselines():
    config = replace(CONFIG, pretrain=Pretrain(epochs=3, lr=0.5), schedule=Schedule(epochs=4))
    first, second = auc_stages(config)
    assert (first.name, first.epochs, first.positives, first.new_head) == ("01-bce", 3, None, False)
    assert first.optimizer.init_args["lr"] == 0.5
    assert (second.name, second.epochs, second.positives) == ("02-aucm", 4, 0.5)
    assert second.new_head
    (only,) = auc_stages(replace(config, pretrain=Pretrain(epochs=0)))
    assert (only.name, only.new_head) == ("01-aucm", False)
    for name, share in {NATURAL: None, BALANCED: 0.5}.items():
        (baseline,) = baselines(config)[name]
        assert (baseline.name, baseline.epochs, baseline.positives) == ("01-bce", 7, share)
        assert (baseline.loss, baseline.optimizer) == (first.loss, first.optimizer)
        assert baseline.schedule.milestones(8) == [4, 6]
    assert list(baselines(replace(config, batches=Batches(positives=None)))) == [NATURAL]
    (longer,) = baselines(replace(config, blend=Blend(epochs=2)))[NATURAL]
    assert longer.epochs == 3 + 4 + 2
    pretrain = Pretrain(epochs=3, positives=0.2)
    assert auc_stages(replace(config, pretrain=pretrain))[0].positives == 0.2


def test_a_folder_is_new_or_of_the_same_run(tmp_path):
    check_folder(tmp_path / "none", resume=False, resolved="a: 1")
    (tmp_path / "empty").mkdir()
    check_folder(tmp_path / "empty", resume=False, resolved="a: 1")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.yaml").write_text("name: a\noutput: b\nx: {y: 1}\n")
    with pytest.raises(FileExistsError, match="exists: choose another --name, continue it with"):
        check_folder(tmp_path / "run", resume=False, resolved="x: {y: 1}")
    check_folder(tmp_path / "run", resume=True, resolved="name: c\noutput: d\nx: {y: 1}\n")
    with pytest.raises(ValueError, match=r"--x\.y was 1 and is 2 now; --z was None and is 3 now"):
        check_folder(tmp_path / "run", resume=True, resolved="x: {y: 2}\nz: 3")
    (tmp_path / "run" / "config.yaml").unlink()
    (tmp_path / "run" / "other").write_text("")
    with pytest.raises(FileExistsError, match="exists"):
        check_folder(tmp_path / "run", resume=True, resolved="")


def test_only_the_first_process_is_first(monkeypatch):
    import logging

    assert is_first()
    monkeypatch.setattr(rank_zero_only, "rank", 1)
    assert not is_first()
    own = logging.getLogger("aucmax")
    level = own.level
    with quiet():
        assert own.level == logging.ERROR
    assert own.level == level


def test_lightnings_hints_are_hidden_for_a_while():
    import logging
    import warnings

    before = [logging.getLogger(name).level for name in LOGGERS]
    with quiet():
        warnings.warn("The 'x' does not have many workers which may be slow", stacklevel=1)
        assert all(logging.getLogger(name).level == logging.ERROR for name in LOGGERS)
    assert [logging.getLogger(name).level for name in LOGGERS] == before
    with pytest.warns(UserWarning, match="workers"):
        warnings.warn("The 'x' does not have many workers which may be slow", stacklevel=1)


def test_a_network_that_is_no_classifier_is_refused(monkeypatch):
    from aucmax.train import transforms

    def segmenter(*arguments, **options):
        return torch.nn.Conv2d(1, 1, 1)

    monkeypatch.setattr(transforms, "create", segmenter)
    images = replace(CONFIG.data.load(), split=None)
    images = images.divided(np.full(len(images), "train"))
    inputs = transforms.Preparation.fitted(images, None)
    with pytest.raises(ValueError, match=r"gives outputs of shape \(2, 1, 8, 8\) for 2 images"):
        _network(CONFIG, images, inputs)


def _show_two_epochs(bar):
    trainer = SimpleNamespace(
        max_epochs=3, num_training_batches=2, current_epoch=1, is_global_zero=True,
        callback_metrics={"validation_auroc": torch.tensor(0.75)},
    )  # fmt: skip
    bar.on_train_start(trainer, None)
    bar.on_train_batch_end(trainer, None, None, None, 0)
    bar.on_validation_end(trainer, None)
    trainer.callback_metrics = {"validation_auroc": torch.tensor(0.5)}
    bar.on_train_batch_end(trainer, None, None, None, 1)
    bar.on_validation_end(trainer, None)


def test_the_bar_counts_batches_and_shows_the_best(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    bar = StageProgress("seed 0 aucm")
    _show_two_epochs(bar)
    shown = capsys.readouterr().err
    assert "seed 0 aucm" in shown
    assert "4/6" in shown
    assert "epoch=2/3, validation_auroc=0.5000 best 0.7500" in shown
    bar.on_exception(None, None, KeyError())
    bar.on_train_end(None, None)
    quietly = StageProgress("x")
    trainer = SimpleNamespace(
        max_epochs=3, num_training_batches=2, current_epoch=1, is_global_zero=False,
        callback_metrics={},
    )  # fmt: skip
    quietly.on_train_start(trainer, None)
    quietly.on_train_batch_end(trainer, None, None, None, 0)
    quietly.on_validation_end(trainer, None)
    quietly.on_train_end(trainer, None)
    assert capsys.readouterr().err.strip("\r \n") == ""


def test_elsewhere_each_epoch_prints_one_line(capsys):
    _show_two_epochs(StageProgress("seed 0 aucm"))
    assert capsys.readouterr().err.splitlines() == [
        "seed 0 aucm: epoch 2/3, validation AUC 0.7500 (best 0.7500)",
        "seed 0 aucm: epoch 2/3, validation AUC 0.5000 (best 0.7500)",
    ]
