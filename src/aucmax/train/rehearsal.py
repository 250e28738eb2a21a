"""Everything that can fail early is tried before the run folder is made."""

from collections.abc import Iterator
from contextlib import contextmanager

import lightning as L
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.strategies.launchers import _MultiProcessingLauncher  # has no public name
from torch import nn

from ..data import ImageSet
from ..models import create
from .config import FitConfig
from .stages import QUIET, Stage, Training, make_module
from .transforms import Preparation


def rehearse(training: Training, stages: list[Stage]) -> None:
    """Make the network, and for each stage its loss, optimizer and batches; train nothing.

    Args:
        training: of one seed; its folder is not touched.
        stages: of all methods.

    Raises:
        ValueError: if options do not fit one another, the data or this machine.
        FileNotFoundError: if pretrained weights cannot be had.
    """
    _check_trainer(training.config)
    network = _network(training.config, training.images, training.preparation)
    for stage in stages:
        with _blamed("--loss"):
            module = make_module(training.config, stage, network, training.images)
        with _blamed("--optimizer"):
            module.configure_optimizers()
        with _blamed("--batches"):
            training.data(stage).train_dataloader()


@contextmanager
def _blamed(option: str) -> Iterator[None]:
    try:
        yield
    except (TypeError, ValueError) as error:
        raise ValueError(f"{option}: {error}") from error


def _check_trainer(config: FitConfig) -> None:
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


def _network(config: FitConfig, images: ImageSet, preparation: Preparation) -> nn.Module:
    """The network, once it has taken two images."""
    name = config.model.name
    channels, labels = preparation.channels, len(images.labels)
    with _blamed("--model"):
        network = create(
            name, channels=channels, num_labels=labels, pretrained=config.model.pretrained
        )
    image = preparation.normalised(preparation.resized(images.part("train").images[0]))
    try:
        with torch.no_grad():
            logits = network.eval()(torch.stack([image, image]))
    except (RuntimeError, AssertionError, ValueError) as error:  # timm asserts sizes
        raise ValueError(
            f"--model.name: {name} cannot take images of {tuple(image.shape[1:])} pixels: give "
            f"another --model.image_size ({error})"
        ) from error
    if tuple(logits.shape) != (2, labels):
        raise ValueError(
            f"--model.name: {name} gives outputs of shape {tuple(logits.shape)} for 2 images, not "
            f"(2, {labels}): it is no classifier"
        )
    return network
