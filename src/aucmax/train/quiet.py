"""Lightning's hints speak of code that the user did not write: they stay off the screen."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from .ranks import is_first

LOGGERS = ("lightning.pytorch", "lightning.fabric", "lightning_utilities")
HINTS = (
    ".*does not have many workers.*",
    ".*Checkpoint directory.*exists.*",
    ".*smaller than the logging interval.*",
    ".*isinstance.treespec, LeafSpec.*",
)


@contextmanager
def quiet() -> Iterator[None]:
    """Hide Lightning's hints, and on all processes but the first our own notes too."""
    hushed = [logging.getLogger(name) for name in LOGGERS]
    hushed += [] if is_first() else [logging.getLogger("aucmax")]
    levels = [logger.level for logger in hushed]
    for logger in hushed:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            for hint in HINTS:
                warnings.filterwarnings("ignore", hint)
            yield
    finally:
        for logger, level in zip(hushed, levels, strict=True):
            logger.setLevel(level)
