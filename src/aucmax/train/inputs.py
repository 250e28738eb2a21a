"""From rows of a data set to what a network takes: what every kind of data must offer."""

from collections.abc import Callable
from typing import Any, Protocol

from torch import Tensor, nn
from torch.utils.data import Dataset

from ..data import LabelledSet
from .config import Augment, Network

Batch = tuple[Any, Tensor, Tensor]
"""Inputs of B rows (such as images (B, C, H, W)), targets (B, L), rows (B,)."""


class Examples(Dataset[tuple[Any, Tensor, int]]):
    """The rows of a data set as (input, target (L,), row), the form every loss takes."""

    collate: Callable[[Any], Batch] | None = None
    """Makes a batch of what the data set gives for some rows; None: as torch does."""

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch, before its rows are read (reading processes start with each epoch)."""

    def __len__(self) -> int:
        raise TypeError(f"{type(self).__name__} does not say how many rows it has")


class Inputs(Protocol):
    """How one kind of rows becomes input: the same for training and for every later prediction."""

    def network(self, model: Network, num_labels: int) -> nn.Module:
        """A new network that takes such input and gives logits (B, L).

        Raises:
            ValueError: if there is no network of that name or with these options.
        """
        ...

    def examples(
        self, rows: LabelledSet, augment: Augment | None = None, *, seed: int = 0
    ) -> Examples:
        """The rows as examples, with random changes if any are given."""
        ...

    def blended(self, network: nn.Module) -> nn.Module:
        """The network with a forest at its side, whose scores come with the inputs.

        Raises:
            ValueError: if there are no forests for such rows.
        """
        ...

    def scoring(self, network: nn.Module) -> nn.Module:
        """The trained network as it scores rows: by the mean over copies, if that was asked for."""
        ...

    def told(self, inputs: Any) -> str:
        """A batch of inputs in words, and the option to try if a network cannot take it."""
        ...

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for a checkpoint; :func:`aucmax.train.kinds.restored` reads them."""
        ...
