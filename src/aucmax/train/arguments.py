"""From recipe and command line to :class:`FitConfig`: every error is found before any data."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import lightning as L
import torch
import yaml
from jsonargparse import ArgumentError, ArgumentParser, set_parsing_settings

from .. import losses
from ..data import Source
from ..forests import ForestOptions
from ..recipes import recipe_text
from .blend import Blend
from .config import (
    Augment,
    Batches,
    FitConfig,
    Network,
    Pretrain,
    Recipe,
    Schedule,
    Split,
)
from .option_errors import CLASSES, OptionError, blame
from .trust import FLAG
from .typed import check_typed, is_trusted, unfolded
from .words import flattened, units
from .yaml_files import check_options, parse_yaml

OWN_TRAINER_OPTIONS: set[str | int] = {
    "callbacks", "logger", "plugins", "max_epochs", "min_epochs", "max_steps", "min_steps",
    "default_root_dir", "enable_checkpointing", "enable_progress_bar", "enable_model_summary",
    "num_sanity_val_steps", "use_distributed_sampler", "reload_dataloaders_every_n_epochs",
    "barebones", "profiler", "detect_anomaly", "model_registry", "fast_dev_run", "overfit_batches",
    "limit_val_batches", "limit_test_batches", "limit_predict_batches", "val_check_interval",
    "check_val_every_n_epoch",
}  # fmt: skip
"""Options of Lightning's Trainer that ``fit`` sets itself, or that would keep it from judging every
epoch by all validation rows; all others are --trainer.NAME."""


@cache
def fit_parser() -> ArgumentParser:
    """The parser of ``aucmax fit``; its help is the reference of all options."""
    set_parsing_settings(docstring_parse_attribute_docstrings=True)
    parser = ArgumentParser(
        prog="aucmax fit [RECIPE]",
        exit_on_error=False,
        description="Train a classifier for AUC. RECIPE is a name (see `aucmax recipes`) or a YAML "
        "file, default digits; options override it. `--data.help CSV`, `--loss.help AUCMLoss` and "
        "`--optimizer.help PESG` show the options of a class.",
    )
    add = parser.add_argument
    add("--name", type=str | None, help="Name of the run folder (default: the recipe's name).")
    add("--output", type=str, default="runs", help="Folder that holds the run folders.")
    add("--resume", type=bool, default=False, help="Continue a run that was interrupted.")
    add("--seed", type=int, default=0, help="Seed of the first training run.")
    add("--seeds", type=int, default=1, help="Number of training runs, each with its own seed.")
    add(
        "--baseline",
        type=bool,
        default=False,
        help="Also train cross-entropy for as many epochs, with and without balanced batches, and "
        "compare with the better by validation AUC (about three times the work).",
    )
    add(
        "--ensemble",
        type=tuple[str, ...],
        default=(),
        help="Networks to train in place of --model.name; their scores are averaged.",
    )
    add("--average", type=float | None, help="Decay of averaged weights (EMA), such as 0.99.")
    add("--threads", type=int | None, help="CPU threads of torch; small images want 1 [all cores].")
    add("--tensorboard", type=bool, default=False, help="Also log for TensorBoard.")
    add(
        "--trust_imports",
        type=bool,
        default=False,
        help="Let the recipe import any module, which runs its code. Only on the command line.",
    )
    parser.add_subclass_arguments(Source, "data", required=False, help="Where images come from.")
    parser.add_subclass_arguments(
        losses.Loss, "loss", skip={"num_labels", "num_samples"}, instantiate=False
    )
    parser.add_subclass_arguments(
        torch.optim.Optimizer, "optimizer", skip={"params"}, instantiate=False
    )
    for name, group in _GROUPS.items():
        add(f"--{name}", type=group, default=group())
    parser.add_class_arguments(L.Trainer, "trainer", instantiate=False, skip=OWN_TRAINER_OPTIONS)
    return parser


_GROUPS: dict[str, type[Any]] = {
    "split": Split,
    "model": Network,
    "augment": Augment,
    "batches": Batches,
    "pretrain": Pretrain,
    "schedule": Schedule,
    "blend": Blend,
    "forest": ForestOptions,
}


def parse_fit(argv: list[str]) -> tuple[FitConfig, str]:
    """All options of a fit, and the same as YAML.

    Args:
        argv: an optional recipe, then options ``--key value`` or ``--key=value``.

    Raises:
        OptionError: with everything that is wrong, before any data are read.
    """
    recipe = argv[0] if argv and not argv[0].startswith("-") else "digits"
    flags = unfolded(units(argv[1:] if argv and argv[0] == recipe else argv))
    trusted = is_trusted(flags)
    options = flattened(_load_yaml(recipe))
    for key in flags.keys() & CLASSES.keys():
        if _short(options.get(key, "")) != _short(flags[key]):  # another class has other options
            options = {k: v for k, v in options.items() if not k.startswith(f"{key}.")}
    options = {"name": Path(recipe).stem} | options | flags
    check_typed(options, trusted=trusted)
    parsed = _parse(_checked(_split_at_commas(options, flags)))
    _keep_whole_numbers(parsed.trainer, options)
    config, problems = _config(parsed, trusted=trusted)
    if problems:
        raise OptionError(problems)
    return config, _resolved(parsed)


def parse_source(words: list[str]) -> Source:
    """Where images come from, from ``--data CLASS --data.NAME value``.

    Raises:
        OptionError: with everything that is wrong, before any data are read.
    """
    flags = unfolded(units(words))
    trusted = is_trusted(flags)
    check_typed(flags, trusted=trusted)
    parsed = _parse(_checked(_split_at_commas(flags, flags)))
    if parsed.data is None:
        raise OptionError(["--data is missing"])
    try:
        return _recipe(parsed.data, trusted=trusted).make()
    except ValueError as error:
        raise OptionError([f"--data: {error}"]) from error


def _parse(arguments: list[str]) -> Any:
    """Let the parser read arguments; whatever it stumbles over becomes its usual error."""
    try:
        return fit_parser().parse_args(arguments)
    except ArgumentError:
        raise
    except Exception as error:  # a value that it did not expect, such as one nested deeply
        raise ArgumentError(None, " ".join(str(error).split())) from error


def _keep_whole_numbers(trainer: Any, options: Mapping[str, str]) -> None:
    """``--trainer.limit_train_batches 1`` is one batch, 1.0 is all of them.

    Which of ``int | float`` the parser takes for a 1 depends on what else has been imported.
    """
    for name, value in vars(trainer).items():
        if isinstance(value, float) and options.get(f"trainer.{name}", "").isdigit():
            setattr(trainer, name, int(value))


def _short(class_path: str) -> str:
    return class_path.rpartition(".")[2]


def _resolved(parsed: Any) -> str:
    """All options as YAML that is itself a recipe; null only where it is not the default."""
    content = yaml.safe_load(fit_parser().dump(parsed, skip_validation=True))  # without any null
    del content["resume"], content["trust_imports"]
    for name, group in _GROUPS.items():
        given = vars(getattr(parsed, name)).items()
        nulls = [k for k, v in given if v is None and getattr(group(), k) is not None]
        content[name] |= dict.fromkeys(nulls)
    return yaml.safe_dump(content, sort_keys=False)


def _config(parsed: Any, *, trusted: bool) -> tuple[FitConfig, list[str]]:
    """The configuration, with every problem of its values."""
    values = {name: getattr(parsed, name) for name in ("name", "output", "resume", "seed", "seeds")}
    values |= {
        name: getattr(parsed, name)
        for name in ("baseline", "ensemble", "average", "threads", "tensorboard")
    }
    made = {name: group(**vars(getattr(parsed, name))) for name, group in _GROUPS.items()}
    needed = ["data"] if made["model"].name == "forest" else CLASSES
    problems = [f"--{name} is missing" for name in needed if getattr(parsed, name) is None]
    if problems:
        raise OptionError(problems)
    nodes = {name: getattr(parsed, name) for name in ("loss", "optimizer")}
    recipes = {
        name: None if node is None else _recipe(node, trusted=trusted)
        for name, node in nodes.items()
    }
    try:
        source = _recipe(parsed.data, trusted=trusted).make()
    except ValueError as error:
        source = None
        problems.append(f"--data: {error}")
    trainer = {k: v for k, v in vars(parsed.trainer).items() if v is not None}
    config = FitConfig(data=source, **recipes, **values, **made, trainer=trainer)  # pyright: ignore[reportArgumentType] -- a missing source is reported below
    return config, [*problems, *config.problems()]


def _recipe(node: Any, *, trusted: bool) -> Recipe:
    options = node.get("init_args")
    return Recipe(node.class_path, {} if options is None else options.as_dict(), trusted=trusted)


def _load_yaml(recipe: str) -> dict[str, Any]:
    try:
        content = check_options(parse_yaml(recipe_text(recipe), recipe), recipe)
    except ValueError as error:
        raise OptionError([str(error)]) from error
    if "trust_imports" in content:
        raise OptionError(
            [f"{recipe}: trust_imports cannot stand in a file: give {FLAG} on the command line"]
        )
    return content


def _split_at_commas(options: dict[str, str], typed: Mapping[str, str]) -> dict[str, str]:
    """What was typed as ``a,b`` as a list, where a list may stand; a recipe says [a, b] itself."""
    for key in [key for key, value in typed.items() if "," in value]:
        head, _, tail = key.partition(".")
        group = {k: v for k, v in options.items() if k == head or k.startswith(f"{head}.")}
        group[key] = _as_list(options[key]) or options[key]
        found = _parsed(group if head in CLASSES else {key: group[key]})
        place = f"{head}.init_args.{tail}" if head in CLASSES else key
        if found is not None and isinstance(found.get(place), list | tuple):
            options = options | {key: group[key]}
    return options


def _checked(options: Mapping[str, str]) -> list[str]:
    """The options as arguments, each part of them tried on its own, all errors collected."""
    problems: list[str] = []
    arguments: list[str] = []
    blamed: set[str] = set()
    groups: dict[str, dict[str, str]] = {}
    known = [action.dest for action in fit_parser()._actions]  # there is no public list
    for key, value in options.items():
        head = key.split(".")[0]
        groups.setdefault(head if head in CLASSES else key, {})[key] = value
    for head, group in groups.items():
        while group:
            try:
                _parse(_arguments(group))
            except ArgumentError as error:
                key, problem = blame(error, head, group, known)
                wrapped = _as_list(group[key]) if key in group else None
                if wrapped and _parsed(group | {key: wrapped}) is not None:
                    group[key] = wrapped
                    continue
                if not blamed & set(problem.partition(" needs ")[2].split(", ")):
                    problems.append(problem)  # else: it lacks what has just been refused
                blamed.add(f"--{key}")
                rest = {k: v for k, v in group.items() if k != key and not k.startswith(f"{key}.")}
                group = rest if key != head and key in group else {}
            else:
                arguments += _arguments(group)
                break
    if problems:
        raise OptionError(problems)
    return arguments


def _parsed(group: Mapping[str, str]) -> Any | None:
    """What the parser makes of some options; None if it refuses them."""
    try:
        return _parse(_arguments(group))
    except ArgumentError:
        return None


def _as_list(value: str) -> str | None:
    """One word where a list is wanted: a list of that word, or of the parts between commas."""
    return None if value.startswith("[") else json.dumps(value.split(","))


def _arguments(group: Mapping[str, str]) -> list[str]:
    return [f"--{key}={value}" for key, value in group.items()]
