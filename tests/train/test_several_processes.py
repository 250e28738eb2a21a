"""Two processes train like one with the joint batch, and leave one whole run folder."""

import subprocess
from dataclasses import replace

import pytest
from oracles_train import (
    FILES,
    command,
    files_below,
    fit,
    npz_data,
    read_json,
    read_rows,
    scores_of,
    write_recipe,
)

from aucmax.data import Digits
from aucmax.train.config import FitConfig, Network
from aucmax.train.processes import on_all_processes

CONFIG = FitConfig(data=Digits(), loss=None, optimizer=None, name="x")

STAGES = {f"{stage}/{name}" for stage in ("01-bce", "02-aucm") for name in
          ("best.ckpt", "metrics.csv", "stage.json")}  # fmt: skip
TWO = ["--trainer.accelerator", "cpu", "--trainer.devices", 2, "--trainer.strategy", "ddp"]


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    place = tmp_path_factory.mktemp("processes")
    recipe = write_recipe(place / "r.yaml", "NPZ", pretrain=2, epochs=3)
    return [recipe, "--data.npz", npz_data(place / "x.npz", n=132), "--output", place]


def two_processes(*words, launcher=()):
    """Run a fit that starts its second process by itself, or that ``launcher`` starts twice."""
    options = command("fit", *words, *TWO)
    options["args"] = [options["args"][0], *launcher, *options["args"][1:]]
    done = subprocess.run(**options, timeout=900, check=False)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return done


@pytest.mark.slow
def test_two_processes_step_like_one_with_the_joint_batch(words):
    """For a network without batch statistics; the numbers agree to rounding in float32."""
    network = ["--model.name", "test_convnext", "--model.image_size", 32, "--augment.flip", "true"]
    network += ["--loss.activation", "torch.nn.Identity", "--optimizer.lr", 0.003]
    fit(*words, *network, "--name", "one", "--batches.size", 16)
    done = two_processes(*words, *network, "--name", "two", "--batches.size", 8)
    one, two = (words[-1] / name for name in ("one", "two"))
    assert files_below(two) == files_below(one) == FILES | STAGES
    assert done.stdout.count("run folder: ") == 1
    for stage in ("01-bce", "02-aucm"):
        first, second = (read_rows(folder / stage / "metrics.csv") for folder in (one, two))
        assert [row.keys() for row in first] == [row.keys() for row in second]
        for a, b in zip(first, second, strict=True):
            for name in a:
                assert float(b[name]) == pytest.approx(float(a[name]), abs=1e-5), name
    ids, scores = scores_of(one / "predictions.csv")
    again, theirs = scores_of(two / "predictions.csv")
    assert again == ids
    assert theirs == pytest.approx(scores, abs=1e-5)
    assert scores.std() > 0.01  # they are not all alike


@pytest.mark.slow
def test_two_processes_with_batch_statistics_finish_two_seeds_with_a_baseline(words):
    """BatchNorm sees half a batch on each process: no equality, but both must stay in step.

    Here torchrun starts the processes; in the other tests Lightning does.
    """
    extra = ["--seeds", 2, "--baseline", "true", "--schedule.patience", 1, "--average", 0.9]
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    done = two_processes(*words, "--name", "many", *extra, launcher=launcher)
    folder = words[-1] / "many"
    methods = ("aucm", "cross-entropy", "cross-entropy-balanced")
    runs = [f"{method}-seed{seed}" for method in methods for seed in (0, 1)]
    assert {path.name for path in folder.iterdir() if path.is_dir()} == set(runs)
    for run in runs:
        assert files_below(folder / run) >= FILES - {"config.yaml", "split.csv"}
    assert done.stdout.count("run folder: ") == 1
    assert len(read_json(folder / "metrics.json")["each_seed"]["aucm"]) == 2


@pytest.mark.slow
def test_what_is_wrong_is_told_once_and_no_process_is_left_waiting(words):
    options = command("fit", *words, *TWO, "--name", "wrong", "--optimizer.lr", 1e30,
                      "--pretrain.epochs", 0)  # fmt: skip
    done = subprocess.run(**options, timeout=900, check=False)
    assert done.returncode == 1
    assert "the model has diverged" in done.stderr
    assert done.stderr.count("Traceback") == 0
    assert (words[-1] / "wrong" / "config.yaml").exists()


@pytest.mark.slow
def test_torchrun_alone_trains_one_run_on_both_processes(words):
    """Without --trainer.devices, which on a CPU would be one for each of the two."""
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    runs = {}
    for name, more in (("bare", []), ("told", TWO)):
        options = command("fit", *words, "--trainer.accelerator", "cpu", "--name", name, *more)
        options["args"] = [options["args"][0], *launcher, *options["args"][1:]]
        done = subprocess.run(**options, timeout=900, check=False)
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("run folder: ") == 1
        runs[name] = words[-1] / name
    assert files_below(runs["bare"]) == files_below(runs["told"])
    for file in ("predictions.csv", "01-bce/metrics.csv", "02-aucm/metrics.csv"):
        assert (runs["bare"] / file).read_text() == (runs["told"] / file).read_text()


def torchrun(monkeypatch, world, local):
    names = {"TORCHELASTIC_RUN_ID": "x", "WORLD_SIZE": world, "LOCAL_WORLD_SIZE": local}
    for name, value in names.items():
        monkeypatch.setenv(name, str(value))


@pytest.mark.parametrize(
    ("trainer", "world", "local", "found"),
    [
        ({}, 2, 2, {"devices": 2, "num_nodes": 1}),
        ({"devices": "auto", "num_nodes": 1}, 6, 2, {"devices": 2, "num_nodes": 3}),
        ({"devices": 2, "num_nodes": 3}, 6, 2, {"devices": 2, "num_nodes": 3}),
        ({"devices": [1, 3]}, 2, 2, {"devices": [1, 3], "num_nodes": 1}),
        ({"devices": -1}, 2, 2, {"devices": 2, "num_nodes": 1}),
        ({}, 1, 1, {}),
        ({"devices": 3}, 2, 2, "--trainer.devices is 3, but torchrun started 2 processes"),
        ({"num_nodes": 4}, 6, 2, "--trainer.num_nodes is 4, but torchrun runs on 3 machines"),
    ],
)
def test_devices_are_those_of_torchrun(monkeypatch, trainer, world, local, found):
    config = replace(CONFIG, trainer=trainer)
    assert on_all_processes(config) is config
    torchrun(monkeypatch, world, local)
    if isinstance(found, str):
        with pytest.raises(ValueError, match=found):
            on_all_processes(config)
    else:
        assert on_all_processes(config).trainer == found


def test_a_forest_needs_no_torchrun(monkeypatch):
    torchrun(monkeypatch, 2, 2)
    with pytest.raises(ValueError, match="is grown by one process: start it without torchrun"):
        on_all_processes(replace(CONFIG, model=Network(name="forest")))
