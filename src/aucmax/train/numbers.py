"""Numbers among the options: finite, and not larger than any machine has use for."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

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
    if isinstance(devices, int) and not (devices == -1 or 1 <= devices <= 10_000):
        yield f"--trainer.devices must be >= 1, or auto, got {devices}"
    if trainer.get("inference_mode") not in {None, True, False}:
        yield f"--trainer.inference_mode must be true or false, got {trainer['inference_mode']}"


def _is_limit(limit: float) -> bool:
    return 0 < limit <= 1 if isinstance(limit, float) else 1 <= limit <= 2**31
