"""Images or molecules: what differs between kinds of data, decided here and nowhere else."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from ..data import ImageSet, LabelledSet, MoleculeSet, Unreadable, identical_images, usable
from ..models import input_statistics
from .config import FitConfig
from .contents import row_contents
from .graphs import GraphInputs
from .inputs import Inputs
from .ranks import is_first
from .transforms import Preparation

COMPARED_UP_TO = 20_000
"""Images that are all read once before training: to find identical, and unreadable, ones."""

log = logging.getLogger("aucmax")


def read(
    config: FitConfig,
) -> tuple[LabelledSet, tuple[Unreadable, ...] | None, dict[str, str]]:
    """Read the data.

    Returns:
        All rows that can be used; those that cannot and are left out (None: not asked for); and a
        digest of each row as it was in the source, see :func:`row_contents`.
    """
    data = config.data.load()
    if isinstance(data, MoleculeSet):
        return data, data.left_out, row_contents(data)
    if isinstance(data, ImageSet):
        rows, bad = usable(
            config.data,
            data,
            size=config.model.image_size,
            workers=config.batches.workers,
            progress=is_first(),
        )
        return rows, bad, row_contents(data)
    raise TypeError(f"--data gives a {type(data).__name__}, which no network here takes")


def doubts(data: LabelledSet) -> Iterator[str]:
    """A sentence for everything in the rows that spoils training or testing."""
    if isinstance(data, MoleculeSet):
        yield from data.warnings()
    elif isinstance(data, ImageSet) and len(data) <= COMPARED_UP_TO:
        yield from identical_images(data).warnings()
    else:
        log.info("%d images are too many to look for identical ones", len(data))


def fitted(config: FitConfig, data: LabelledSet) -> Inputs:
    """What is done to rows before a network sees them, by the training part.

    Raises:
        ValueError: if an option is for another kind of data, or images differ in size.
    """
    if isinstance(data, MoleculeSet):
        return GraphInputs.fitted(config)
    if not isinstance(data, ImageSet):
        raise TypeError(f"no network here takes a {type(data).__name__}")
    found = Preparation.fitted(data.part("train"), config.model.image_size)
    if config.augment.at_test:
        found = replace(found, copies=config.augment)
    if not config.model.pretrained:
        return found
    expected = input_statistics(config.model.name, channels=found.channels)
    return found if expected is None else replace(found, mean=expected[0], std=expected[1])


def restored(values: dict[str, Any]) -> Inputs:
    """From what ``as_dict`` of any kind of input gave.

    Raises:
        ValueError: if the values are not such.
    """
    kind = GraphInputs if values.get("kind") == "graphs" else Preparation
    return kind.restored(values)
