"""From recipe and words to options: what overrides what, and in which notations."""

import pytest
import torch
import yaml

import aucmax
from aucmax.data import CSV, NPZ, Digits, Folder
from aucmax.train.arguments import parse_fit, parse_source
from aucmax.train.option_errors import OptionError
from aucmax.train.words import flattened

RECIPE = {
    "data": {"class_path": "NPZ", "init_args": {"npz": "x.npz"}},
    "batches": {"size": 20},
    "loss": {"class_path": "AUCMLoss", "init_args": {"margin": 0.7}},
    "optimizer": {"class_path": "PESG", "init_args": {"lr": 0.3, "momentum": 0.9}},
    "schedule": {"epochs": 7, "decay_at": [0.25, 0.5]},
    "trainer": {"accelerator": "cpu"},
}


@pytest.fixture
def parsed(tmp_path):
    """Parse words behind a recipe."""
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(RECIPE))

    def parse(*words):
        return parse_fit([str(path), *map(str, words)])[0]

    return parse


def test_a_recipe_alone(parsed):
    config = parsed()
    assert config.name == "mine"
    assert config.data == NPZ("x.npz")
    assert config.batches.size == 20
    assert config.schedule.decay_at == (0.25, 0.5)
    assert config.loss.init_args["margin"] == 0.7
    assert config.optimizer.init_args["momentum"] == 0.9
    assert config.trainer["accelerator"] == "cpu"


def test_no_words_are_the_digits():
    config, _ = parse_fit([])
    assert (config.name, type(config.data)) == ("digits", Digits)
    assert parse_fit(["digits"])[1] == parse_fit([])[1]
    assert parse_fit(["--seeds", "2"])[0].seeds == 2


def test_words_override_the_recipe(parsed):
    config = parsed("--loss.margin", 2, "--schedule.epochs=9", "--optimizer.lr", "1e-3")
    assert config.loss.init_args["margin"] == 2
    assert config.schedule.epochs == 9
    assert config.schedule.decay_at == (0.25, 0.5)
    assert config.optimizer.init_args["lr"] == 1e-3
    assert config.optimizer.init_args["momentum"] == 0.9


def test_another_class_drops_the_options_of_the_recipes_class(parsed):
    config = parsed("--optimizer", "Adam", "--loss", "BCELoss")
    assert config.optimizer.target is torch.optim.Adam
    assert "momentum" not in config.optimizer.init_args
    assert config.loss.make().pos_weight is None
    assert parsed("--optimizer", "Adam", "--optimizer.lr", 0.2).optimizer.init_args["lr"] == 0.2
    # in whatever order they come
    assert parsed("--data.csv", "a.csv", "--data", "CSV").data == CSV("a.csv")
    assert parsed("--data", "Folder", "--data.root", "r").data == Folder("r")


@pytest.mark.parametrize("name", ["PESG", "aucmax.PESG", "aucmax.optim.PESG"])
def test_the_same_class_keeps_them(parsed, name):
    config = parsed("--optimizer", name, "--optimizer.clip", 1)
    assert config.optimizer.target is aucmax.PESG
    assert config.optimizer.init_args["momentum"] == 0.9
    assert config.optimizer.init_args["clip"] == 1


@pytest.mark.parametrize(
    "words",
    [["a", "b"], ["a,b"], ["[a,b]"], ["[a, b]"], ['["a", "b"]'], ["=[a,b]"], ["=a,b"]],
    ids=str,
)
def test_notations_of_a_list(parsed, words):
    option = "--data.label"
    if words[0].startswith("="):
        option, words = option + words[0], []
    assert parsed(option, *words).data.label == ("a", "b")
    assert parsed("--data", "CSV", "--data.csv", "x", option, *words).data.label == ("a", "b")


def test_commas_stay_where_no_list_may_stand_or_a_recipe_has_them(parsed, tmp_path):
    assert parsed("--name", "a, b").name == "a, b"
    assert parsed("--data", "CSV", "--data.csv", "x,y.csv").data.csv == "x,y.csv"
    assert parsed("--data", "Folder", "--data.root=r", "--data.group=p{1,2}").data.group == "p{1,2}"
    assert parsed("--data.label", '["mild, early"]').data.label == ("mild, early",)
    recipe = RECIPE | {"data": {"class_path": "NPZ", "init_args": {"npz": "x", "label": "a, b"}}}
    (tmp_path / "comma.yaml").write_text(yaml.safe_dump(recipe))
    config, text = parse_fit([str(tmp_path / "comma.yaml")])
    assert config.data.label == "a, b"
    (tmp_path / "again.yaml").write_text(text)
    assert parse_fit([str(tmp_path / "again.yaml")])[0] == config


@pytest.mark.parametrize("words", [[0.2, 0.6], ["0.2,0.6"], ["[0.2, 0.6]"], ["[0.2,0.6]"]])
def test_notations_of_numbers(parsed, words):
    assert parsed("--schedule.decay_at", *words).schedule.decay_at == (0.2, 0.6)


def test_one_word_is_a_list_of_one_where_a_list_is_wanted(parsed):
    assert parsed("--schedule.decay_at", 0.2).schedule.decay_at == (0.2,)
    assert parsed("--schedule.decay_at", "[]").schedule.decay_at == ()


@pytest.mark.parametrize(
    ("words", "resume"),
    [([], False), (["--resume"], True), (["--resume", "true"], True), (["--resume=false"], False)],
)
def test_a_switch_needs_no_value(parsed, words, resume):
    assert parsed(*words, "--seeds", 2).resume is resume
    assert parsed("--seeds", 2, *words).resume is resume


def test_null_takes_an_option_back(parsed):
    config = parsed("--batches.positives", "null", "--average", "null", "--data.group", "null")
    assert config.batches.positives is None
    assert config.average is None
    assert config.data.group is None


def test_infinity_and_negative_numbers(parsed):
    assert parsed("--optimizer.clip", ".inf").optimizer.init_args["clip"] == float("inf")
    assert parsed("--seed", -4).seed == -4


def test_an_activation_by_its_path(parsed):
    loss = parsed("--loss.activation", "torch.nn.Identity").loss.make()
    assert torch.equal(
        loss.scores(torch.tensor([3.0]), torch.tensor([1.0]))[0], torch.tensor([3.0])
    )
    assert isinstance(loss.activation, torch.nn.Identity)


def test_what_is_resolved_is_a_recipe_of_the_same(parsed, tmp_path):
    words = ["--batches.positives", "null", "--optimizer.clip", ".inf", "--loss.margin", "[1,2]",
             "--data.label", "a", "b", "--name", "a b: c", "--average", 0.9]  # fmt: skip
    first, text = parse_fit([str(tmp_path / "mine.yaml"), *map(str, words)])
    (tmp_path / "again.yaml").write_text(text)
    second, again = parse_fit([str(tmp_path / "again.yaml")])
    assert again == text
    assert second == first
    assert "resume" not in yaml.safe_load(text)


def test_a_recipe_as_the_words_one_would_have_typed():
    content = {
        "a": {"b": 1.5, "c": [1, "x y"], "d": None, "e": True},
        "f": {"class_path": "K", "init_args": {"g": float("inf"), "h": {"class_path": "M"}}},
        "i": "text: here",
        "j": {"class_path": "N"},
    }
    assert flattened(content) == {
        "a.b": "1.5",
        "a.c": "[1, x y]",
        "a.d": "null",
        "a.e": "true",
        "f": "K",
        "f.g": ".inf",
        "f.h": "M",
        "i": "text: here",
        "j": "N",
    }


def test_a_source_alone():
    assert parse_source(["--data", "NPZ", "--data.npz=x", "--data.positive", "2"]) == NPZ("x", 2)
    with pytest.raises(OptionError, match="--data is missing"):
        parse_source([])
    with pytest.raises(OptionError, match="--data: NPZ: images and labels are the same array"):
        parse_source(["--data", "NPZ", "--data.npz", "x", "--data.labels", "images"])
