"""One cycle of the learning rate over all stages, and what is handed from stage to stage."""

import math
from dataclasses import replace

import lightning as L
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles_train import fit, npz_data, read_json, read_rows, write_recipe

from aucmax.train.baselines import baselines
from aucmax.train.callbacks import EpochEnd
from aucmax.train.checkpoints import read_checkpoint
from aucmax.train.config import FitConfig, Pretrain, Recipe, Schedule
from aucmax.train.cycle import Cycle
from aucmax.train.stages import auc_stages

STAGES = ["01-bce", "02-aucm"]


def written_out(warmup: float, epochs: int) -> list[float]:
    """The factor of each epoch, by hand: a line up to 1, and half a cosine down to 0."""
    found = []
    for epoch in range(epochs):
        middle = (epoch + 0.5) / epochs
        if middle < warmup:
            found.append(middle / warmup)
        else:
            left = (1 - middle) / (1 - warmup)
            found.append(math.sin(math.pi / 2 * left) ** 2)
    return found


@settings(max_examples=50, deadline=None)
@given(
    warmup=st.floats(0.01, 0.99),
    stages=st.lists(st.integers(1, 12), min_size=1, max_size=3),
)
def test_stages_share_one_curve(warmup, stages):
    found = [
        Cycle(warmup, sum(stages), sum(stages[:k])).factor(epoch)
        for k, epochs in enumerate(stages)
        for epoch in range(epochs)
    ]
    assert found == pytest.approx(written_out(warmup, sum(stages)))
    assert all(0 < factor <= 1 for factor in found)
    peak = found.index(max(found))
    assert found[: peak + 1] == sorted(found[: peak + 1])
    assert found[peak:] == sorted(found[peak:], reverse=True)


def test_it_ends_at_nothing():
    assert Cycle(0.1, 4, 2).factor(2) == pytest.approx(0)
    assert Cycle(0.1, 4, 2).factor(9) == pytest.approx(0)


CONFIG = FitConfig(
    data=None,  # pyright: ignore[reportArgumentType] -- it is not looked at
    loss=Recipe("aucmax.AUCMLoss"),
    optimizer=Recipe("torch.optim.Adam"),
    name="x",
    pretrain=Pretrain(epochs=6),
    schedule=Schedule(epochs=2, warmup=0.25),
)


def test_the_recipe_and_the_baselines_get_the_same_cycle():
    first, second = auc_stages(CONFIG)
    assert (first.cycle, first.hands_over_last) == (Cycle(0.25, 8, 0), True)
    assert (second.cycle, second.hands_over_last) == (Cycle(0.25, 8, 6), False)
    (only,) = auc_stages(replace(CONFIG, pretrain=Pretrain(epochs=0)))
    assert (only.cycle, only.hands_over_last) == (Cycle(0.25, 2, 0), False)
    for (baseline,) in baselines(CONFIG).values():
        assert (baseline.cycle, baseline.hands_over_last) == (Cycle(0.25, 8, 0), False)
    plain = replace(CONFIG, schedule=Schedule(epochs=2))
    stages = [*auc_stages(plain), *(one for own in baselines(plain).values() for one in own)]
    assert {(stage.cycle, stage.hands_over_last) for stage in stages} == {(None, False)}


@pytest.mark.parametrize("warmup", [0.0, 1.0, -0.1])
def test_warmup_is_a_share(warmup):
    wrong = replace(CONFIG.schedule, warmup=warmup)
    assert list(wrong.problems()) == [
        f"--schedule.warmup must lie in (0, 1), or be null, got {warmup}"
    ]


@pytest.mark.parametrize("other", [{"decay_at": (0.5,)}, {"gamma": 0.5}])
def test_a_cycle_has_no_milestones(other):
    (problem,) = replace(CONFIG.schedule, **other).problems()
    assert problem.startswith(
        "--schedule.warmup takes the place of --schedule.decay_at and --schedule.gamma: leave them "
        "out or give --schedule.warmup null, got 0.25, "
    )


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    place = tmp_path_factory.mktemp("cycle")
    recipe = write_recipe(place / "r.yaml", "NPZ", pretrain=3, epochs=2)
    options = ["--schedule.warmup", 0.3, "--pretrain.lr", 0.01, "--optimizer.lr", 0.2]
    return [recipe, "--data.npz", npz_data(place / "x.npz"), *options]


@pytest.fixture(scope="module")
def reference(words, tmp_path_factory):
    folder = tmp_path_factory.mktemp("reference")
    fit(*words, "--output", folder, "--name", "x", "--schedule.patience", 1)
    return folder / "x"


def test_rates_of_the_epochs_are_those_of_the_cycle(reference):
    rows = [row for stage in STAGES for row in read_rows(reference / stage / "metrics.csv")]
    peaks = [0.01] * 3 + [0.2] * (len(rows) - 3)
    expected = [p * f for p, f in zip(peaks, written_out(0.3, 5), strict=False)]
    assert [float(row["lr"]) for row in rows] == pytest.approx(expected)


def test_the_first_stage_hands_over_its_last_epoch_and_has_no_patience(reference):
    found = read_json(reference / STAGES[0] / "stage.json")
    rows = read_rows(reference / STAGES[0] / "metrics.csv")
    assert found["best_epoch"] == len(rows) - 1 == 2
    assert found["validation_auroc"] == pytest.approx(float(rows[-1]["validation_auroc"]))
    assert read_checkpoint(reference / STAGES[0] / "best.ckpt")["epoch"] == 2


class KilledError(BaseException):
    """Raised where a kill might strike."""


@pytest.mark.parametrize("stage", STAGES)
def test_a_run_killed_in_the_cycle_resumes_to_the_same_numbers(
    words, reference, tmp_path, monkeypatch, stage
):
    save = EpochEnd.on_train_epoch_end

    def strike(self: EpochEnd, trainer: L.Trainer, module: L.LightningModule) -> None:
        save(self, trainer, module)
        if self.path.parent.name == stage and trainer.current_epoch == 0:
            raise KilledError

    options = [*words, "--output", tmp_path, "--name", "x", "--schedule.patience", 1]
    with monkeypatch.context() as patch:
        patch.setattr(EpochEnd, "on_train_epoch_end", strike)
        with pytest.raises(KilledError):
            fit(*options)
    fit(*options, "--resume", "true")
    for name in STAGES:
        ours, theirs = (place / name / "best.ckpt" for place in (tmp_path / "x", reference))
        a, b = (read_checkpoint(path)["state_dict"] for path in (ours, theirs))
        assert all(torch.equal(a[key], b[key]) for key in a)
    for name in ("predictions.csv", "metrics.json", "02-aucm/metrics.csv"):
        assert (tmp_path / "x" / name).read_bytes() == (reference / name).read_bytes()
