"""Checkpoints are whole or not there, and are read without running code."""

import os

import pytest
import torch

from aucmax.models import create
from aucmax.train.checkpoints import WholeFileCheckpoints, load_network, read_checkpoint
from aucmax.train.seeds import derive


def checkpoint(path, **card):
    network = create("resnet20", channels=1, num_labels=1)
    state = {f"network.{name}": value for name, value in network.state_dict().items()}
    torch.save({"card": card, "state_dict": state | {"loss.loss.a": torch.zeros(())}}, path)
    return network


def test_a_checkpoint_is_replaced_in_one_step(tmp_path, monkeypatch):
    path = tmp_path / "x.ckpt"
    writer = WholeFileCheckpoints()
    writer.save_checkpoint({"card": {}, "n": 1}, path)
    assert read_checkpoint(path)["n"] == 1

    def broken(descriptor):
        assert path.exists()
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", broken)
        with pytest.raises(OSError, match=r"cannot write .*x.ckpt .*unchanged; free space, then"):
            writer.save_checkpoint({"card": {}, "n": 2}, path)
    assert read_checkpoint(path)["n"] == 1
    assert [file.name for file in tmp_path.iterdir()] == ["x.ckpt"]
    writer.save_checkpoint({"card": {}, "n": 3}, str(path))
    assert read_checkpoint(path)["n"] == 3


def test_only_the_network_is_loaded(tmp_path):
    saved = checkpoint(tmp_path / "x.ckpt")
    fresh = create("resnet20", channels=1, num_labels=1)
    load_network(fresh, tmp_path / "x.ckpt")
    pairs = zip(saved.state_dict().values(), fresh.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


def test_another_network_is_refused(tmp_path):
    checkpoint(tmp_path / "x.ckpt")
    with pytest.raises(ValueError, match=r"x\.ckpt holds another model than asked for"):
        load_network(create("resnet20", channels=3, num_labels=1), tmp_path / "x.ckpt")


class Evil:
    """Pickles to a call that leaves a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_code_in_a_checkpoint_does_not_run(tmp_path):
    torch.save({"card": {}, "x": Evil(tmp_path / "proof")}, tmp_path / "evil.ckpt")
    with pytest.raises(ValueError, match=r"evil\.ckpt cannot be read"):
        read_checkpoint(tmp_path / "evil.ckpt")
    assert not (tmp_path / "proof").exists()


@pytest.mark.parametrize("content", [{"state_dict": {}}, [1, 2], torch.zeros(3)])
def test_foreign_checkpoints_are_refused(tmp_path, content):
    torch.save(content, tmp_path / "x.ckpt")
    with pytest.raises(ValueError, match="is not a checkpoint of `aucmax fit`: it has no card"):
        read_checkpoint(tmp_path / "x.ckpt")


def test_missing_checkpoints_are_told(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.ckpt does not exist"):
        read_checkpoint(tmp_path / "none.ckpt")


def test_seeds_follow_from_their_parts():
    assert derive(0, "rows") == 8153646137291021789  # the same on every machine
    seeds = {derive(*parts) for parts in [(0,), (1,), (0, 0), ("0",), (0, "a"), (0, "b"), (-1,)]}
    assert len(seeds) == 7
    assert all(0 <= seed < 2**63 for seed in seeds)
