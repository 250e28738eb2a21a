"""The recipes of the package: listed, shown, copied, and valid."""

import dataclasses

import pytest
import yaml
from oracles_train import npz_data

from aucmax import data
from aucmax.cli import main
from aucmax.recipes import recipe_names, recipe_summary, recipe_text
from aucmax.train.arguments import parse_fit


def needed(source):
    """Options without a default that a recipe leaves to the user, with some value."""
    fields = dataclasses.fields(getattr(data, source["class_path"].rpartition(".")[2]))
    missing = dataclasses.MISSING
    open_ = [f.name for f in fields if f.default is missing and f.default_factory is missing]
    given = source.get("init_args") or {}
    return [f"--data.{name}=x" for name in open_ if name not in given]


def test_names():
    assert recipe_names() == sorted(recipe_names())
    assert {"csv", "digits", "folder", "npz"} <= set(recipe_names())


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_is_valid_and_explained(name):
    content = yaml.safe_load(recipe_text(name))
    config, resolved = parse_fit([name, *needed(content["data"])])
    assert config.name == name
    trained = set() if config.is_forest else {"loss", "optimizer", "schedule"}
    assert yaml.safe_load(resolved).keys() >= {"data", *trained}
    assert 10 < len(recipe_summary(name)) < 110
    assert "\n# Run: " in recipe_text(name)


def test_list_and_show(capsys):
    assert main(["recipes"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == recipe_names()
    assert main(["recipes", "list"]) == 0
    assert capsys.readouterr().out.splitlines() == lines
    assert main(["recipes", "show", "digits"]) == 0
    assert capsys.readouterr().out.rstrip() == recipe_text("digits").rstrip()
    assert main(["recipes", "--help"]) == 0
    assert "usage: aucmax recipes" in capsys.readouterr().out


def test_a_copied_recipe_is_one_to_run(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["recipes", "copy", "npz"]) == 0
    assert "npz.yaml: change it, then run aucmax fit npz.yaml" in capsys.readouterr().out
    assert main(["recipes", "copy", "digits", "mine.yaml"]) == 0
    npz_data(tmp_path / "x.npz")
    assert parse_fit(["npz.yaml", "--data.npz", "x.npz"])[0].name == "npz"
    assert parse_fit(["mine.yaml"])[0].name == "mine"
    a, b = parse_fit(["mine.yaml"])[1], parse_fit(["digits"])[1]
    assert a.replace("name: mine", "name: digits") == b


def test_recipes_by_path(tmp_path):
    path = tmp_path / "r.yaml"
    path.write_text("# One line.\nseeds: 2\n")
    assert recipe_text(str(path)) == path.read_text()
    assert recipe_summary(str(path)) == "One line."
    with pytest.raises(ValueError, match=r"there is no recipe or file 'npy'; .* did you mean npz"):
        recipe_text("npy")
