"""What all graph networks share: embedded features, mean pooling, and a linear head."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import accumulate

import torch
from torch import Tensor, nn

from ..._checks import ValueChecks
from ._geometric import geometric
from .inputs import GraphBatch, check_graphs


class GraphNetwork(nn.Module, ABC):
    """Abstract: graphs to logits, by the mean of what its layers make of the nodes.

    Args:
        width: length of all hidden vectors, >= 1.
        num_labels: outputs L, >= 1.
        atom_sizes: values of each node feature.
        bond_sizes: values of each edge feature.

    Raises:
        ValueError: if a number is out of range.
        ModuleNotFoundError: torch_geometric is not installed.
    """

    def __init__(
        self, width: int, num_labels: int, atom_sizes: Sequence[int], bond_sizes: Sequence[int]
    ) -> None:
        super().__init__()
        check_counts(width=width)
        for name, sizes in (("atom_sizes", atom_sizes), ("bond_sizes", bond_sizes)):
            if not sizes or min(sizes) < 1:
                raise ValueError(f"{name} must be one number >= 1 for each feature, got {sizes}")
        self.atom_sizes, self.bond_sizes = tuple(atom_sizes), tuple(bond_sizes)
        self.checks = ValueChecks()
        self.num_features = width
        self.atoms = FeatureEmbedding(atom_sizes, width)
        self.pool = geometric().MeanAggregation()
        self.reset_classifier(num_labels)

    def forward(self, graphs: GraphBatch) -> Tensor:
        """Logits, (num_graphs, L).

        Args:
            graphs: see :class:`GraphBatch`.

        Raises:
            TypeError: if ``graphs`` is no batch of graphs.
            ValueError: if its features do not fit; in training mode, if there is too little for a
                batch norm.
        """
        return self.fc(self.features(graphs))

    def features(self, graphs: GraphBatch) -> Tensor:
        """What the last layer sees: a vector for each graph, (num_graphs, width)."""
        check_graphs(graphs, self.atom_sizes, self.bond_sizes, self.checks)
        return self.pool(self.nodes(graphs), graphs.batch, dim_size=graphs.num_graphs)

    @abstractmethod
    def nodes(self, graphs: GraphBatch) -> Tensor:
        """A vector for each node, (N, width)."""

    def get_classifier(self) -> nn.Linear:
        """The last layer."""
        return self.fc

    def reset_classifier(self, num_labels: int) -> None:
        """Put a new last layer with fresh weights in place.

        Raises:
            ValueError: ``num_labels`` below 1.
        """
        check_counts(num_labels=num_labels)
        weight = self.atoms.table.weight
        size = (self.num_features, num_labels)
        self.fc = nn.Linear(*size, device=weight.device, dtype=weight.dtype)


class FeatureEmbedding(nn.Module):
    """The sum of a learnt vector for the value of each feature: (n, K) integers to (n, width).

    All vectors stand in one table, so that the sum is one operation. Each feature's part of it
    starts as a matrix of its own would (Glorot and Bengio, AISTATS 2010).
    """

    def __init__(self, sizes: Sequence[int], width: int) -> None:
        super().__init__()
        self.table = nn.EmbeddingBag(sum(sizes), width, mode="sum")
        for part in self.table.weight.data.split(list(sizes)):
            nn.init.xavier_uniform_(part)
        self.first: Tensor
        first = torch.tensor([0, *accumulate(sizes[:-1])])
        self.register_buffer("first", first, persistent=False)

    def forward(self, values: Tensor) -> Tensor:
        """Values of feature k from 0 to sizes[k] - 1."""
        return self.table(values + self.first)


def check_counts(**counts: int) -> None:
    """Refuse a number below 1.

    Raises:
        ValueError: naming the argument.
    """
    for name, value in counts.items():
        if value < 1:
            raise ValueError(f"{name} must be 1 or larger, got {value}")


def check_dropout(dropout: float) -> None:
    """Refuse what is no share.

    Raises:
        ValueError: naming the range.
    """
    if not 0 <= dropout < 1:
        raise ValueError(f"dropout, the share of zeros, must lie in [0, 1), got {dropout}")
