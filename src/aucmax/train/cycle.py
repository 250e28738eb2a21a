"""One cycle of the learning rate over all stages of a run."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Cycle:
    """The learning rate rises in a line, then falls along half a cosine to 0, epoch by epoch.

    Args:
        warmup: share of all epochs in which it rises, in (0, 1).
        epochs: of all stages that share the cycle.
        before: epochs of the stages before this one.
    """

    warmup: float
    epochs: int
    before: int = 0

    def factor(self, epoch: int) -> float:
        """Of the learning rate, in [0, 1].

        Args:
            epoch: of this stage, from 0; what counts is its middle.
        """
        place = min((self.before + epoch + 0.5) / self.epochs, 1.0)
        if place < self.warmup:
            return place / self.warmup
        return (1 + math.cos(math.pi * (place - self.warmup) / (1 - self.warmup))) / 2
