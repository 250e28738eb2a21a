"""Recipes and options of runs of any shape, and patterns: one line, no hang, no code."""

import os
import shutil
import time
from pathlib import Path

import pytest
from oracles_hostile import FIT, RESUME, make_place, refused, refused_quietly
from oracles_train import made_images, write_pngs, write_recipe


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return make_place(tmp_path_factory.mktemp("place"))


@pytest.fixture(autouse=True)
def _here(place, tmp_path, monkeypatch):
    """Work in a copy, so that no test can spoil another."""
    shutil.copytree(place, tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")


LOSS = "data: {class_path: NPZ}\noptimizer: {class_path: PESG}\nloss: "
BOMB = "a: &a [1,1,1,1,1,1,1,1,1,1]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 10)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
YAMLS = {
    "class_path: 3": (LOSS + "{class_path: 3}", "loss.class_path must be the name of a class"),
    "class_path: null": (LOSS + "{class_path: null}", "must be the name of a class, got None"),
    "class_path: list": (LOSS + "{class_path: [AUCMLoss]}", "must be the name of a class"),
    "class_path: blank": (LOSS + "{class_path: ' '}", "must be the name of a class, got ' '"),
    "init_args: list": (LOSS + "{class_path: AUCMLoss, init_args: [1]}", "must be a table of"),
    "init_args: text": (LOSS + "{class_path: AUCMLoss, init_args: x}", "must be a table of"),
    "misspelled": (LOSS + "{class_path: AUCMLoss, init_arg: {}}", "did you mean init_args?"),
    "misspelled class": (LOSS + "{class_pth: AUCMLoss}", "did you mean class_path?"),
    "beside": (LOSS + "{class_path: AUCMLoss, margin: 1}", "options belong under init_args"),
    "dict_kwargs": (LOSS + "{class_path: AUCMLoss, dict_kwargs: {a: 1}}", "dict_kwargs is not"),
    "no class": (LOSS + "{init_args: {margin: 1}}", "has init_args but no class_path"),
    "duplicate": ("seeds: 1\nseeds: 2\n", "line 2: the key 'seeds' comes twice"),
    "duplicate inside": ("model: {name: a, name: b}\n", "the key 'name' comes twice"),
    "twice by a dot": ("model: {name: a}\nmodel.name: b\n", "model.name is given twice"),
    "number as key": ("3: 4\n", "3 is not the name of an option"),
    "list as key": ("? [a]\n: 4\n", "line 1: a key must be a name"),
    "odd key": ("'--seeds=3 x': 4\n", "is not the name of an option"),
    "empty key": ("'': 4\n", "'' is not the name of an option"),
    "tables in a list": ("ensemble: [{class_path: os.system}]\n", "must not hold tables in a list"),
    "set": ("seeds: !!set {a, b}\n", "seeds must be a number, text or list"),
    "binary": ("seeds: !!binary aGk=\n", "seeds must be a number, text or list"),
    "python": ("seeds: !!python/object/apply:os.system [id]\n", "is not YAML: could not determine"),
    "cyclic": ("seeds: &a [*a]\n", "holds a node that contains itself"),
    "cyclic table": ("model: &a {name: *a}\n", "holds a node that contains itself"),
    "deep": ("seeds: " + "[" * 5000 + "]" * 5000, "nested more than 12 levels deep"),
    "deep tables": ("".join(" " * i + "a:\n" for i in range(500)), "nested more than 12 levels"),
    "deep text": ("seeds: '" + "[" * 5000 + "]" * 5000 + "'", "nested more than 12 levels deep"),
    "bomb": (BOMB, "unfolds to more than 10,000 values"),
    "large": ("name: " + "x" * 300_000, "is larger than 262,144 bytes"),
    "binary file": (b"\x00\x01\x02", "is not YAML"),
    "not UTF-8": (b"name: \xff\xfe", "is not a text file in UTF-8"),
    "two documents": ("seeds: 1\n---\nseeds: 2\n", "is not YAML: expected a single document"),
    "a list": ("- 1\n", "must hold options as `key: value`, got [1]"),
    "empty": ("", "must hold options as `key: value`, got None"),
    "a date": ("seeds: 2001-13-45\n", "a value cannot be read: month must be"),
    "a huge number": ("seeds: " + "9" * 5000, "cannot be read"),
    "help": (LOSS + "{class_path: AUCMLoss, init_args: {help: x}}", "there is no such option"),
    "unknown": (LOSS + "AUCMLoss\nseeds: {a: {b: {c: 1}}}\n", "--seeds.a.b.c: "),
}  # fmt: skip


@pytest.mark.parametrize("case", YAMLS)
def test_recipes_of_any_shape(capsys, case):
    content, fragment = YAMLS[case]
    Path("bad.yaml").write_bytes(content if isinstance(content, bytes) else content.encode())
    start = time.monotonic()
    line = refused(capsys, "fit", "bad.yaml", "--data.npz", "x.npz", "--name", "new")
    assert time.monotonic() - start < 60  # none may hang
    assert fragment in line
    assert "bad.yaml" in line or "--" in line


@pytest.mark.parametrize("case", [key for key in YAMLS if "key" not in key and key != "empty"])
def test_the_options_of_a_run_that_is_resumed(capsys, case):
    content, _ = YAMLS[case]
    Path("run/config.yaml").write_bytes(content if isinstance(content, bytes) else content.encode())
    line = refused(capsys, *RESUME)
    assert "run/config.yaml" in line
    assert "another --name" in line


def test_a_recipe_that_cannot_be_opened(capsys, monkeypatch):
    def denied(self, *arguments, **options):
        raise PermissionError(13, "Permission denied", str(self))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", denied)
        assert "r.yaml: Permission denied" in refused_quietly(capsys, *FIT)
    os.mkfifo("pipe.yaml")
    Path("dir.yaml").mkdir()
    for name in ("pipe.yaml", "dir.yaml", "\0.yaml", "x" * 5000):
        assert "there is no recipe or file" in refused_quietly(capsys, "fit", name)


def test_a_pattern_that_never_ends(capsys, monkeypatch):
    from aucmax.data import _patterns

    monkeypatch.setattr(_patterns, "SECONDS", 2)
    pixels, target = made_images(24)
    write_pngs(Path("tree", "b"), pixels[target[:, 0] == 0])
    write_pngs(Path("tree", "m", "a" * 60 + "b"), pixels[target[:, 0] == 1])
    write_recipe(Path("f.yaml"), "Folder")
    words = ["fit", "f.yaml", "--data.root", "tree", "--output", ".", "--name", "new"]
    line = refused(capsys, *words, "--data.group", r"^(m/(a+)+)+!$")
    assert "group: the pattern" in line
    assert "takes too long" in line
    for pattern in ("(", "x{99999999999}", "(" * 500 + ")" * 500, "[" * 99):
        assert "group" in refused(capsys, *words, "--data.group", pattern)
