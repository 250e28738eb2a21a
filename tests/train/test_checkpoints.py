"""Checkpoints are whole or not there, and are read without running code."""

import contextlib
import os
import re
import zipfile

import pytest
import torch

from aucmax.models import create
from aucmax.train.checkpoints import (
    StageName,
    WholeFileCheckpoints,
    load_network,
    read_checkpoint,
)
from aucmax.train.seeds import derive

CARD = {
    "model": "resnet20",
    "sizes": {},
    "labels": ["label"],
    "preparation": {"channels": 1, "size": None, "mean": [0.5], "std": [0.2], "copies": None},
}
GRAPHS = {"kind": "graphs", "smiles": "smiles"}


def checkpoint(path, **card):
    network = create("resnet20", channels=1, num_labels=1)
    state = {f"network.{name}": value for name, value in network.state_dict().items()}
    torch.save({"card": CARD | card, "state_dict": state | {"loss.loss.a": torch.zeros(())}}, path)
    return network


def test_a_checkpoint_is_replaced_in_one_step(tmp_path, monkeypatch):
    path = tmp_path / "x.ckpt"
    writer, sound = WholeFileCheckpoints(), {"card": CARD, "state_dict": {}}
    writer.save_checkpoint(sound | {"n": 1}, path)
    assert read_checkpoint(path)["n"] == 1

    def broken(descriptor):
        assert path.exists()
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", broken)
        with pytest.raises(OSError, match=r"cannot write .*x.ckpt .*unchanged; free space, then"):
            writer.save_checkpoint(sound | {"n": 2}, path)
    assert read_checkpoint(path)["n"] == 1
    assert [file.name for file in tmp_path.iterdir()] == ["x.ckpt"]
    writer.save_checkpoint(sound | {"n": 3}, str(path))
    assert read_checkpoint(path)["n"] == 3


def test_only_the_network_is_loaded(tmp_path):
    saved = checkpoint(tmp_path / "x.ckpt")
    fresh = create("resnet20", channels=1, num_labels=1)
    load_network(fresh, tmp_path / "x.ckpt")
    pairs = zip(saved.state_dict().values(), fresh.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


def test_another_network_is_refused(tmp_path):
    checkpoint(tmp_path / "x.ckpt")
    with pytest.raises(ValueError, match=r"x\.ckpt holds another model than asked for") as error:
        load_network(create("resnet20", channels=3, num_labels=1), tmp_path / "x.ckpt")
    assert "conv1.weight has shape (16, 1, 3, 3), not (16, 3, 3, 3)" in str(error.value)
    with pytest.raises(ValueError, match=r"tensors are missing \(such as .*are unknown") as error:
        load_network(create("resnet18", channels=1, num_labels=1), tmp_path / "x.ckpt")
    assert len(str(error.value)) < 600


class Evil:
    """Pickles to a call that leaves a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_code_in_a_checkpoint_does_not_run(tmp_path):
    torch.save(
        {"card": CARD, "state_dict": {}, "x": Evil(tmp_path / "proof")}, tmp_path / "evil.ckpt"
    )
    with pytest.raises(ValueError, match=r"evil\.ckpt cannot be read"):
        read_checkpoint(tmp_path / "evil.ckpt")
    assert not (tmp_path / "proof").exists()


@pytest.mark.parametrize("content", [{"state_dict": {}}, [1, 2], torch.zeros(3)])
def test_foreign_checkpoints_are_refused(tmp_path, content):
    torch.save(content, tmp_path / "x.ckpt")
    with pytest.raises(ValueError, match="is not a checkpoint of `aucmax fit`: it has no card"):
        read_checkpoint(tmp_path / "x.ckpt")


def preparation(**changes):
    return {"preparation": CARD["preparation"] | changes}


DAMAGED = {
    "no table": ([1], "its content must be a table of named values, got a list of 1"),
    "empty": ({}, "model is missing"),
    "labels": (CARD | {"labels": []}, "labels must be one or more different names"),
    "labels twice": (CARD | {"labels": ["a", "a"]}, "labels must be one or more different names"),
    "labels of another type": (CARD | {"labels": "ab"}, "labels must be a list, got 'ab'"),
    "model": (CARD | {"model": None}, "model must be text, got None"),
    "sizes": (CARD | {"sizes": {"depth": 3}}, "sizes holds the unknown option 'depth'"),
    "sizes of another type": (CARD | {"sizes": {"layers": "9"}}, "sizes.layers must be an integer"),
    "unknown": (CARD | {"run": "os.system"}, "'run' is not a known entry"),
    "forest elsewhere": (CARD | {"forest": "/tmp/x"}, "forest must be '../forest', got '/tmp/x'"),
    "size -5": (CARD | preparation(size=-5), "size must be a side in pixels that fits into memory"),
    "huge size": (CARD | preparation(size=10**9), "size must be a side in pixels that fits into"),
    "size of another type": (CARD | preparation(size="8"), "size must be an integer or null"),
    "channels": (CARD | preparation(channels=7), "channels must be 1 or 3, got 7"),
    "mean": (CARD | preparation(mean=[0, 0]), "mean and std must hold one number for each channel"),
    "no mean": (CARD | preparation(mean=[]), "mean and std must hold one number for each channel"),
    "std": (CARD | preparation(std=[0.0]), "and std be > 0"),
    "nan": (CARD | preparation(mean=[float("nan")]), "mean[0] must be a finite number, got nan"),
    "copies": (CARD | preparation(copies={"flip": 3}), "copies.flip must be true or false, got 3"),
    "copies out of range": (CARD | preparation(copies={"shift": 3}), "--augment.shift in [0, 1)"),
    "preparation": (CARD | {"preparation": None}, "preparation must be a table with text as keys"),
    "smiles": (CARD | {"preparation": GRAPHS | {"smiles": 3}}, "smiles must be text, got 3"),
    "kind": (CARD | {"preparation": {"kind": "sound"}}, "'kind' is not a known entry"),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_metadata_that_is_not_as_it_was_written(tmp_path, case):
    card, fragment = DAMAGED[case]
    torch.save({"card": card, "state_dict": {}}, tmp_path / "x.ckpt")
    with pytest.raises(ValueError, match=re.escape(fragment)) as error:
        read_checkpoint(tmp_path / "x.ckpt")
    assert str(error.value).startswith(f"checkpoint {tmp_path / 'x.ckpt'}")
    assert str(error.value).endswith("use the file as `aucmax fit` wrote it, or train again")


def bomb(path):
    """A checkpoint whose entries are compressed, as torch never writes them."""
    torch.save({"card": CARD, "state_dict": {"x": torch.zeros(10**6)}}, path)
    with zipfile.ZipFile(path) as archive:
        entries = [(info, archive.read(info)) for info in archive.infolist()]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for info, content in entries:
            archive.writestr(info.filename, content)


def legacy(path):
    torch.save({"card": CARD, "state_dict": {}}, path, _use_new_zipfile_serialization=False)


BYTES = {
    "empty": (lambda path: path.write_bytes(b""), "cannot be read: it is empty"),
    "garbage": (lambda path: path.write_bytes(b"x" * 999), "it is no checkpoint that torch.save"),
    "a zip file": (lambda path: zipfile.ZipFile(path, "w").writestr("a", "b"), "cannot be read: "),
    "a bomb": (bomb, "its entries are compressed"),
    "the old format": (legacy, "it is no checkpoint that torch.save wrote"),
    "no weights": (lambda path: torch.save({"card": CARD}, path), "state_dict must be a table of"),
    "weights that are none": (
        lambda path: torch.save({"card": CARD, "state_dict": {"network.a": 3}}, path),
        "state_dict must be a table of tensors",
    ),
}


@pytest.mark.parametrize("case", BYTES)
def test_files_that_are_no_checkpoints(tmp_path, case):
    write, fragment = BYTES[case]
    write(tmp_path / "x.ckpt")
    with pytest.raises(ValueError, match=re.escape(fragment)) as error:
        read_checkpoint(tmp_path / "x.ckpt")
    assert "weights_only" not in str(error.value)  # torch's advice is to load it unsafely
    assert "\n" not in str(error.value)


def test_every_damaged_byte_of_a_checkpoint_is_an_error_or_harmless(tmp_path):
    path = tmp_path / "x.ckpt"
    torch.save({"card": CARD, "state_dict": {"x": torch.zeros(3)}}, path)
    sound = path.read_bytes()
    for at in range(0, len(sound), 7):
        path.write_bytes(sound[:at] + bytes([sound[at] ^ 0x55]) + sound[at + 1 :])
        with contextlib.suppress(ValueError):
            read_checkpoint(path)
    for length in range(0, len(sound), 50):
        path.write_bytes(sound[:length])
        with pytest.raises(ValueError, match="cannot be read"):
            read_checkpoint(path)


def resumable(**changes):
    lists = {"optimizer_states": [], "lr_schedulers": []}
    tables = {"loops": {}, "callbacks": {}, "state_dict": {}}
    content = {"card": CARD, "epoch": 1, "global_step": 2, "stage": {"name": "01-bce", "seed": 0}}
    return content | lists | tables | changes


def test_the_point_to_resume_from_runs_no_code_and_is_of_the_stage(tmp_path):
    plugin = WholeFileCheckpoints(StageName("01-bce", 0), dict)
    path = tmp_path / "last.ckpt"
    cure = "delete it, and --resume starts this stage again"
    plugin.save_checkpoint(resumable(stage=None), path)
    assert plugin.load_checkpoint(path)["epoch"] == 1
    assert plugin.load_checkpoint(path, weights_only=False)["stage"]["name"] == "01-bce"
    torch.save(resumable(x=Evil(tmp_path / "proof")), path)
    with pytest.raises(ValueError, match=f"could run code; {cure}"):
        plugin.load_checkpoint(path, weights_only=False)
    assert not (tmp_path / "proof").exists()
    wrong = {
        "of stage '02-aucm' with seed 0, not of '01-bce'": {
            "stage": {"name": "02-aucm", "seed": 0}
        },
        "with seed 5, not of": {"stage": {"name": "01-bce", "seed": 5}},
        "epoch must be an integer, got '1'": {"epoch": "1"},
        "callbacks must be a table": {"callbacks": []},
        "is of another network: 1 tensors are unknown": {"state_dict": {"x": torch.zeros(1)}},
    }
    for fragment, changes in wrong.items():
        torch.save(resumable(**changes), path)
        with pytest.raises(ValueError, match=re.escape(fragment)) as error:
            plugin.load_checkpoint(path)
        assert str(error.value).endswith(cure)
        assert str(path) in str(error.value)
    content = resumable()
    del content["loops"]
    torch.save(content, path)
    with pytest.raises(ValueError, match="loops is missing"):
        plugin.load_checkpoint(path)


def test_missing_checkpoints_are_told(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.ckpt does not exist"):
        read_checkpoint(tmp_path / "none.ckpt")


def test_seeds_follow_from_their_parts():
    assert derive(0, "rows") == 8153646137291021789  # the same on every machine
    seeds = {derive(*parts) for parts in [(0,), (1,), (0, 0), ("0",), (0, "a"), (0, "b"), (-1,)]}
    assert len(seeds) == 7
    assert all(0 <= seed < 2**63 for seed in seeds)
