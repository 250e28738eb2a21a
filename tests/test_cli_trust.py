"""A recipe from elsewhere cannot run code: what it may name, and what is never imported."""

import contextlib
import json
import sys
from pathlib import Path

import pytest
import torch
import yaml
from oracles_train import npz_data, refused, write_recipe

from aucmax.cli import main
from aucmax.train.arguments import parse_fit
from aucmax.train.recipe import Recipe
from aucmax.train.trust import UntrustedError, is_import_path, resolve

EVIL = """
import pathlib
pathlib.Path("ran").write_text("imported")
import torch, aucmax, aucmax.data

def activation(x):
    pathlib.Path("ran").write_text("called")
    return x.sigmoid()

class Own(aucmax.AUCMLoss):
    pass

class Optimizer(torch.optim.SGD):
    pass

class Data(aucmax.data.Digits):
    pass
"""


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    """A folder on the import path with a module that leaves a trace when it is imported."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "evil", raising=False)
    npz_data(tmp_path / "x.npz")
    write_recipe(tmp_path / "r.yaml", "NPZ", pretrain=0)
    (tmp_path / "evil.py").write_text(EVIL)
    yield
    sys.modules.pop("evil", None)


FUNCTIONS = [
    "os.abort",
    "exec",
    "eval",
    "builtins.breakpoint",
    "json.dumps",
    "torch.os.system",
    "torch.optim.os.system",
    "torch.nn.modules.warnings.warn",
    "torch.nn.modules.module.warnings.warn",
    "torch.load",
    "torch.save",
    "torch.hub.load",
    "torch.compile",
    "torch.sys.exit",
    "aucmax.cli.main",
    "aucmax.cli.sys.exit",
    "aucmax.__main__.main",
    "aucmax.surrogates.torch.load",
    "aucmax.data.Digits",
    "aucmax.losses.base.deque",
    "subprocess.run",
    "evil.activation",
    "lightning.pytorch.Trainer",
    "jsonargparse.set_parsing_settings",
]


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("where", ["words", "recipe", "table", "list", "json"])
def test_a_function_outside_the_list_is_neither_imported_nor_called(capsys, name, where):
    content = yaml.safe_load(Path("r.yaml").read_text())
    words = []
    value = {"class_path": name} if where == "table" else [name] if where == "list" else name
    if where == "words":
        words = ["--loss.activation", name]
    elif where == "json":
        words = ["--loss", json.dumps({"class_path": "AUCMLoss",
                                       "init_args": {"activation": name}})]  # fmt: skip
    else:
        content["loss"]["init_args"] = {"activation": value}
    Path("r.yaml").write_text(yaml.safe_dump(content))
    message = refused(capsys, 2, "fit", "r.yaml", "--data.npz", "x.npz", *words)
    assert message.count("\n") == 1
    assert "--loss" in message
    assert not Path("ran").exists()


CLASSES = [
    ("loss", "evil.Own"),
    ("optimizer", "evil.Optimizer"),
    ("data", "evil.Data"),
    ("loss", "os.system"),
    ("optimizer", "subprocess.Popen"),
    ("data", "pathlib.Path"),
    ("model", "evil.Own"),
    ("trainer.strategy", "evil.Own"),
    ("trainer.accelerator", "evil.Own"),
    ("loss.auc", "evil.Own"),
    ("batches", "evil.Own"),
]


@pytest.mark.parametrize(("option", "name"), CLASSES)
@pytest.mark.parametrize("form", ["{}", '{{"class_path": "{}"}}', "[{}]"])
def test_a_class_outside_the_list_is_not_imported(capsys, option, name, form):
    words = ["--loss", "CrossEntropyAUCLoss"] if option == "loss.auc" else []
    words += [f"--{option}", form.format(name)]
    message = refused(capsys, 2, "fit", "r.yaml", "--data.npz", "x.npz", *words)
    assert message.count("\n") == 1
    assert f"--{option}" in message
    assert not Path("ran").exists()


@pytest.mark.parametrize(("option", "name"), CLASSES[:3])
def test_the_message_names_the_flag(capsys, option, name):
    message = refused(capsys, 2, "fit", "r.yaml", "--data.npz", "x.npz", f"--{option}", name)
    assert f"{name!r} is not on the list of what a recipe may name" in message
    assert "if you trust it, add --trust_imports true" in message


@pytest.mark.parametrize(
    "words",
    [
        ["--loss.help", "evil.Own"],
        ["--loss.help=evil.Own"],
        ["--optimizer.help", "os.system"],
        ["--trainer.strategy.help", "evil.Own"],
        ["--data.help", "Nope"],
        ["--data.help"],
        ["--loss.help", "aucmax.losses.nope"],
        ["--loss.class_path", "evil.Own"],
        ["--loss.init_args.activation", "evil.activation"],
        ["--loss.dict_kwargs.x", "1"],
        ["--model.class_path", "evil.Own"],
        ["--trainer.strategy.class_path", "evil.Own"],
    ],
    ids=" ".join,
)
def test_other_spellings_import_nothing_either(capsys, words):
    message = refused(capsys, 2, "fit", "r.yaml", "--data.npz", "x.npz", *words)
    assert message.count("\n") == 1
    assert not Path("ran").exists()


def test_no_option_at_all_imports_what_it_is_given():
    """Every option that the parser knows, and some that it takes for classes."""
    from aucmax.train.arguments import fit_parser
    from aucmax.train.option_errors import OptionError

    names = {action.dest for action in fit_parser()._actions} - {"help"}
    names |= {"loss.activation", "loss.margin", "optimizer.lr", "optimizer.foreach", "data.npz",
              "data.label", "data.positive", "data.prepared"}  # fmt: skip
    assert len(names) > 60
    for name in names:
        for value in ("evil.activation", "[evil.Own]", '{"class_path": "evil.Own"}', "evil"):
            with contextlib.suppress(OptionError):
                parse_fit(["r.yaml", "--data.npz", "x.npz", f"--{name}={value}"])
            assert not Path("ran").exists(), (name, value)
            assert "evil" not in sys.modules


def test_help_of_a_class_by_its_path(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["fit", "--loss.help", "aucmax.losses.AUCMLoss"])
    assert "--loss.margin" in capsys.readouterr().out


def test_the_flag_is_honored_on_the_command_line_only(capsys):
    content = yaml.safe_load(Path("r.yaml").read_text())
    content["loss"] = {"class_path": "evil.Own"}
    Path("own.yaml").write_text(yaml.safe_dump(content | {"trust_imports": True}))
    message = refused(capsys, 2, "fit", "own.yaml", "--data.npz", "x.npz")
    assert "own.yaml: trust_imports cannot stand in a file: give --trust_imports true" in message
    assert not Path("ran").exists()
    Path("own.yaml").write_text(yaml.safe_dump(content))
    words = ["own.yaml", "--data.npz", "x.npz"]
    assert "--trust_imports true" in refused(capsys, 2, "fit", *words, "--trust_imports", "false")
    assert "expected true or false" in refused(capsys, 2, "fit", *words, "--trust_imports", "yes!")
    assert not Path("ran").exists()
    config, resolved = parse_fit([*words, "--trust_imports", "true"])
    assert config.loss.target.__name__ == "Own"
    assert "trust_imports" not in resolved
    assert Path("ran").read_text() == "imported"


def test_a_run_of_own_classes_is_resumed_with_the_flag(capsys):
    words = ["r.yaml", "--data.npz", "x.npz", "--loss", "evil.Own", "--optimizer.lr", "0.01"]
    words += ["--optimizer", "evil.Optimizer", "--loss.activation", "evil.activation"]
    assert main(["fit", *words, "--trust_imports"]) == 0
    assert Path("ran").read_text() == "called"
    capsys.readouterr()
    assert "--trust_imports true" in refused(capsys, 2, "fit", *words, "--resume")
    # config.yaml is a recipe, too, and gets no more trust than any other
    copied = ["runs/r/config.yaml", "--resume", "--output", "runs", "--name", "r"]
    assert "--trust_imports true" in refused(capsys, 2, "fit", *copied)
    assert main(["fit", *words, "--resume", "--trust_imports", "true"]) == 0
    assert main(["fit", *copied, "--trust_imports", "true"]) == 0


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("torch.sigmoid", torch.sigmoid),
        ("torch.special.expit", torch.special.expit),
        ("torch.nn.functional.softplus", torch.nn.functional.softplus),
        ("torch.nn.Identity", torch.nn.Identity),
        ("torch.nn.modules.activation.Softplus", torch.nn.Softplus),
    ],
)
def test_what_is_on_the_list_is_found(name, found):
    assert resolve(name) is found
    config, resolved = parse_fit(["r.yaml", "--data.npz", "x.npz", "--loss.activation", name])
    loss = config.loss.make()
    x = torch.randn(4)
    expected = found()(x) if isinstance(found, type) else found(x)
    assert torch.equal(loss.activation(x), expected)
    Path("again.yaml").write_text(resolved)
    assert parse_fit(["again.yaml"])[0] == config


@pytest.mark.parametrize("name", ["timm.optim.Lamb", "torch.optim.AdamW", "aucmax.optim.PESG"])
def test_optimizers_on_the_list(name):
    config, _ = parse_fit(["r.yaml", "--data.npz", "x.npz", "--optimizer", name])
    weight = torch.nn.Parameter(torch.zeros(2, 2))
    assert isinstance(config.optimizer.make([weight]), torch.optim.Optimizer)


def test_a_class_is_judged_by_where_it_was_defined(monkeypatch):
    class Own(torch.nn.Module):
        pass

    monkeypatch.setattr(torch.nn, "Own", Own, raising=False)
    with pytest.raises(UntrustedError, match=r"'torch\.nn\.Own' is not on the list"):
        resolve("torch.nn.Own")
    assert resolve("torch.nn.Own", trusted=True) is Own


def test_recipes_made_in_python_ask_for_trust_as_well():
    with pytest.raises(UntrustedError):
        Recipe("evil.Own").make()
    assert type(Recipe("evil.Own", trusted=True).make()).__name__ == "Own"
    inner = {"auc": {"class_path": "evil.Own"}}
    with pytest.raises(UntrustedError):
        Recipe("aucmax.CrossEntropyAUCLoss", inner).make()
    made = Recipe("aucmax.CrossEntropyAUCLoss", inner, trusted=True).make()
    assert type(made.auc).__name__ == "Own"
    with pytest.raises(ValueError, match="is no class or function"):
        resolve("evil.__name__", trusted=True)
    with pytest.raises(ValueError, match="is no function and no torch"):
        Recipe("aucmax.AUCMLoss", {"activation": "torch.optim.SGD"}).make()


@pytest.mark.parametrize(
    ("text", "is_path"),
    [("a.b", True), (" os . abort ", True), ("é.ü", True), ("a", False), ("1.5", False),
     (".inf", False), ("a.b-c", False), ("a..b", False), (3, False)],
)  # fmt: skip
def test_what_reads_like_an_import_path(text, is_path):
    assert is_import_path(text) is is_path
