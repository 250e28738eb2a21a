"""A fit that is killed twice, in either stage, ends with the numbers of one that was left alone."""

import subprocess
import time

import pytest
from oracles_train import command, files_below, fit, npz_data, write_recipe

FEATURES = {
    "plain": [],
    "features": [
        *("--average", 0.8, "--augment.rotate", 10, "--schedule.patience", 3),
        *("--batches.workers", 2),
    ],
}
STAGES = ["01-bce", "02-aucm"]
NUMBERS = ["metrics.json", "predictions.csv", *(f"{stage}/metrics.csv" for stage in STAGES)]


def kill_after(words, table, rows):
    """Start a fit and kill it, with all its children, once ``table`` has so many rows."""
    process = subprocess.Popen(**command("fit", *words), start_new_session=True)
    deadline = time.monotonic() + 900
    while process.poll() is None and time.monotonic() < deadline:
        if table.exists() and table.read_bytes().count(b"\n") > rows:
            break
        time.sleep(0.005)
    process.kill()
    process.communicate(timeout=300)
    assert process.returncode == -9, "the fit ended before it could be killed"


@pytest.mark.slow
@pytest.mark.parametrize("features", FEATURES)
def test_a_fit_killed_in_both_stages_resumes_to_the_same_numbers(tmp_path, features):
    npz = npz_data(tmp_path / "x.npz", n=300)
    recipe = write_recipe(tmp_path / "r.yaml", "NPZ", pretrain=4, epochs=4)
    words = [recipe, "--data.npz", npz, "--output", tmp_path, *FEATURES[features]]
    run, alone = tmp_path / "killed", tmp_path / "alone"
    killed = [*words, "--name", "killed"]
    kill_after(killed, run / "01-bce" / "metrics.csv", rows=2)
    assert not (run / "01-bce" / "stage.json").exists()
    kill_after([*killed, "--resume"], run / "02-aucm" / "metrics.csv", rows=2)
    assert (run / "01-bce" / "stage.json").exists()
    assert not (run / "predictions.csv").exists()
    fit(*killed, "--resume")
    fit(*words, "--name", "alone")
    assert files_below(run) == files_below(alone)
    for name in NUMBERS:
        assert (run / name).read_text() == (alone / name).read_text(), name
