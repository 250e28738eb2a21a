"""The options of a blend: a network for molecules with a forest at its side."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Blend:
    """A last stage for molecules: the network's scores are mixed with those of a random forest."""

    epochs: int = 0
    """Epochs of --loss on the mixed score, which train the network and the forest's weight in the
    mixture; 0 leaves this stage out."""
    lr: float = 0.01
    """Learning rate of PESG in this stage."""
    epoch_decay: float = 1 / 300
    """Pull of PESG towards its reference point."""
    weight_decay: float = 1e-5
    """Weight decay of PESG."""
    scores: Literal["out-of-fold", "in-sample"] = "out-of-fold"
    """Where the forest's scores of training molecules come from: out-of-fold, by forests that have
    not seen the molecule; in-sample, by one that has, as the entry to ogbg-molhiv did."""

    def problems(self) -> Iterator[str]:
        """What is wrong with the options, a sentence for each."""
        if self.epochs < 0 or self.lr <= 0 or min(self.epoch_decay, self.weight_decay) < 0:
            yield (
                "--blend.epochs, --blend.epoch_decay and --blend.weight_decay must be >= 0 and "
                f"--blend.lr > 0, got {self.epochs}, {self.epoch_decay}, {self.weight_decay} and "
                f"{self.lr}"
            )
