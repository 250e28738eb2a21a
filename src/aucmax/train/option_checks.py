"""Checks of options that need no data: numbers, memory, constructors, the trainer."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import torch

from .._arrays import memory_bytes
from .recipe import Recipe

_MOST = {
    "seeds": 10_000,
    "threads": 1024,
    "batches.workers": 1024,
    "batches.size": 10**7,
    "pretrain.epochs": 10**6,
    "schedule.epochs": 10**6,
    "schedule.patience": 10**6,
    "blend.epochs": 10**6,
    "forest.trees": 10**6,
    "forest.folds": 1000,
    "forest.min_samples_leaf": 10**9,
    "model.image_size": 10**6,
    "model.layers": 1000,
    "model.width": 2**14,
}
"""The largest value of each option that has one; of other whole numbers it is ``_ANY``."""

_ANY = 2**63 - 1


def number_problems(options: Any, prefix: str = "") -> Iterator[str]:
    """Say of a dataclass of options, and of those within, which numbers cannot be meant.

    Args:
        options: a dataclass.
        prefix: of its options on the command line, such as "batches.".
    """
    for field in fields(options):
        value, name = getattr(options, field.name), f"{prefix}{field.name}"
        if is_dataclass(value) and name in _GROUPS:
            yield from number_problems(value, f"{name}.")
        for number in value if isinstance(value, tuple) else (value,):
            yield from _problem(name, number)


_GROUPS = {"split", "model", "augment", "batches", "pretrain", "schedule", "blend", "forest"}


def _problem(name: str, number: Any) -> Iterator[str]:
    if isinstance(number, float) and not math.isfinite(number):
        yield f"--{name} must be a finite number, got {number}"
    elif isinstance(number, int) and not isinstance(number, bool):
        most = _MOST.get(name, _ANY)
        if not -_ANY <= number <= most:
            shown = number if abs(number) < 10**20 else "one of more than 20 digits"
            bound = f"at most {most:,}" if number > 0 else f"at least {-_ANY:,}"
            yield f"--{name} must be {bound}, got {shown}"


def trainer_problems(trainer: Mapping[str, Any]) -> Iterator[str]:
    """Say which options of Lightning's trainer cannot work; it would find out while training."""
    least_of = {"accumulate_grad_batches": 1, "log_every_n_steps": 0, "num_nodes": 1}
    for name, least in least_of.items():
        value = trainer.get(name)
        if value is not None and not least <= value <= 2**31:
            yield f"--trainer.{name} must be a whole number >= {least}, got {value}"
    clip = trainer.get("gradient_clip_val")
    if clip is not None and not 0 <= clip < math.inf:
        yield f"--trainer.gradient_clip_val must be finite and >= 0, or null, got {clip}"
    algorithm = trainer.get("gradient_clip_algorithm")
    if algorithm not in {None, "norm", "value"}:
        yield f"--trainer.gradient_clip_algorithm must be norm or value, got {algorithm!r}"
    limit = trainer.get("limit_train_batches")
    if limit is not None and not _is_limit(limit):
        yield (
            "--trainer.limit_train_batches must be a number of batches >= 1, or a fraction in "
            f"(0, 1], got {limit}"
        )
    devices = trainer.get("devices")
    count = str(devices)  # the parser leaves it as text
    if count.lstrip("-").isdigit() and count != "-1" and not 1 <= int(count) <= 10_000:
        yield f"--trainer.devices must be >= 1, or auto, got {devices}"
    if trainer.get("inference_mode") not in {None, True, False}:
        yield f"--trainer.inference_mode must be true or false, got {trainer['inference_mode']}"


def _is_limit(limit: float) -> bool:
    return 0 < limit <= 1 if isinstance(limit, float) else 1 <= limit <= 2**31


def memory_problems(image_size: int | None, batch_size: int) -> Iterator[str]:
    """Say if a batch of images does not fit into memory; a network needs several times as much."""
    if image_size is None or image_size < 8:
        return
    needed = batch_size * 3 * image_size**2 * 4
    if needed > memory_bytes():
        yield (
            f"--model.image_size {image_size}: a batch of {batch_size} images of that size takes "
            f"{needed / 2**30:,.0f} GiB, more than the memory of this machine; give smaller images "
            "or a smaller --batches.size"
        )


def constructor_problems(option: str, recipe: Recipe, *args: Any) -> Iterator[str]:
    """Try a constructor on stand-ins, so that a value out of range is found before any data.

    An optimizer of another package also takes a step, which some can only with sparse gradients.

    Args:
        option: "--loss" or "--optimizer".
        recipe: the class with its options.
        args: of the constructor.
    """
    per_label = [len(v) for v in recipe.init_args.values() if isinstance(v, list)]
    try:
        made = recipe.make(*args, num_labels=per_label[0] if per_label else None, num_samples=1)
        if args and recipe.target.__module__.startswith(("torch.", "timm.")):
            _step(made, *args)
    except (TypeError, ValueError) as error:
        yield f"{option}: {error}"
    except (RuntimeError, OverflowError, AssertionError) as error:
        yield f"{option}: {recipe.class_path.rpartition('.')[2]}: {error}"


def _step(optimizer: torch.optim.Optimizer, parameters: list[torch.nn.Parameter]) -> None:
    """Take one step with dense gradients: some optimizers need others, or a GPU."""
    for parameter in parameters:
        parameter.grad = torch.zeros_like(parameter)

    def closure() -> float:
        return 0.0

    optimizer.step(closure)
