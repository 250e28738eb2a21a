"""Everything that can fail early is tried before the run folder is made."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import lightning as L
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.strategies.launchers import _MultiProcessingLauncher  # has no public name
from torch import nn
from torch.utils.data import DataLoader

from ..data import LabelledSet
from .config import FitConfig
from .inputs import Inputs
from .loaders import PartLoaders
from .stages import QUIET, Stage, make_module


def rehearse(
    config: FitConfig,
    rows: LabelledSet,
    inputs: Inputs,
    stages: list[Stage],
    loaders: Callable[[Stage], PartLoaders],
) -> None:
    """Make the network, and for each stage its loss, optimizer and batches; train nothing.

    Args:
        config: of the fit.
        rows: all rows, divided into parts.
        inputs: from rows to the network's input.
        stages: of one method.
        loaders: of a stage.

    Raises:
        ValueError: if options do not fit one another, the data or this machine.
        FileNotFoundError: if pretrained weights cannot be had.
    """
    network = _network(config, rows, inputs)
    if any(stage.with_forest for stage in stages):
        inputs.blended(network)
    for stage in stages:
        with _blamed("--loss"):
            module = make_module(config, stage, network, rows)
        with _blamed("--optimizer"):
            module.configure_optimizers()
        with _blamed("--batches"):
            loaders(stage).train_dataloader()


@contextmanager
def _blamed(option: str) -> Iterator[None]:
    try:
        yield
    except (TypeError, ValueError) as error:
        raise ValueError(f"{option}: {error}") from error


def check_trainer(config: FitConfig) -> None:
    """Try the options of Lightning's trainer.

    Raises:
        ValueError: if it does not take them, or would train in copies of this process.
    """
    try:
        trainer = L.Trainer(**config.trainer, **QUIET)
    except (MisconfigurationException, TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"--trainer: {error}") from error
    if isinstance(trainer.strategy.launcher, _MultiProcessingLauncher):
        strategy = config.trainer.get("strategy", "auto")
        raise ValueError(
            f"--trainer.strategy: {strategy} would train in copies of this process and lose what "
            "they learned; use ddp, start with torchrun, or set --trainer.devices 1"
        )


def _network(config: FitConfig, rows: LabelledSet, inputs: Inputs) -> nn.Module:
    """The network, once it has taken a batch of the same row twice."""
    name, labels = config.model.name, len(rows.labels)
    with _blamed("--model"):
        network = inputs.network(config.model, labels)
    examples = inputs.examples(rows.part("train"))
    loader: DataLoader[Any] = DataLoader(
        examples,
        batch_sampler=[[0, 0]],
        collate_fn=examples.collate,
        generator=torch.Generator(),  # else it would draw from the global one
    )
    batch, _, _ = next(iter(loader))
    try:
        with torch.no_grad():
            logits = network.eval()(batch)
    except (RuntimeError, AssertionError, ValueError) as error:  # timm asserts sizes
        raise ValueError(
            f"--model.name: {name} cannot take {inputs.told(batch)} ({error})"
        ) from error
    if tuple(logits.shape) != (2, labels):
        raise ValueError(
            f"--model.name: {name} gives outputs of shape {tuple(logits.shape)} for 2 "
            f"{rows.noun}s, not (2, {labels}): it is no classifier"
        )
    return network
