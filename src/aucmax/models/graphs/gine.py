"""Graph isomorphism network with edge features and a virtual node."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ._geometric import geometric
from .inputs import ATOM_SIZES, BOND_SIZES, GraphBatch
from .network import FeatureEmbedding, GraphNetwork, check_counts, check_dropout


class GINEVirtualNode(GraphNetwork):
    r"""The baseline "GIN + virtual node" of the Open Graph Benchmark.

    A virtual node of each graph, with vector v (learnt at the start, the same for all), is joined
    to all nodes. A layer is, with e for the embedded features of the edges,

    .. math:: x_i \leftarrow x_i + v, \qquad v \leftarrow \mathrm{MLP}'\Big(v + \sum_i x_i\Big)

    .. math:: x_i \leftarrow \mathrm{MLP}\Big(
            (1 + \epsilon)\, x_i + \sum_{j \to i} \mathrm{ReLU}(x_j + e_{ij})\Big)

    with batch norm, ReLU and dropout behind it; the last layer has no ReLU and leaves v as it is.
    Both kinds of MLP have one hidden layer, twice as wide, with batch norm, and the virtual node's
    ends in batch norm, ReLU and dropout. Then follow the mean over the nodes and a linear layer.

    Training needs two graphs or more in a batch, for the batch norms of the virtual node.

    Args:
        layers: graph convolutions, >= 1.
        width: length of the vectors, >= 1.
        dropout: share of zeros, in [0, 1).
        num_labels: outputs L, >= 1.
        atom_sizes: values of each node feature.
        bond_sizes: values of each edge feature.

    Raises:
        ValueError: if a number is out of range.
        ModuleNotFoundError: torch_geometric is not installed.

    Source: Hu et al., NeurIPS 2020 (https://arxiv.org/abs/2005.00687); Hu et al., ICLR 2020, for
    the edge features (https://arxiv.org/abs/1905.12265).

    >>> sum(p.numel() for p in GINEVirtualNode().parameters())
    3336306
    """

    def __init__(
        self,
        layers: int = 5,
        width: int = 300,
        dropout: float = 0.5,
        *,
        num_labels: int = 1,
        atom_sizes: Sequence[int] = ATOM_SIZES,
        bond_sizes: Sequence[int] = BOND_SIZES,
    ) -> None:
        check_counts(layers=layers)
        check_dropout(dropout)
        super().__init__(width, num_labels, atom_sizes, bond_sizes)
        self.bonds = nn.ModuleList(FeatureEmbedding(bond_sizes, width) for _ in range(layers))
        self.convolutions = nn.ModuleList(
            geometric().GINEConv(_mlp(width), train_eps=True) for _ in range(layers)
        )
        self.norms = nn.ModuleList(nn.BatchNorm1d(width) for _ in range(layers))
        self.virtual = nn.Parameter(torch.zeros(width))
        self.virtual_layers = nn.ModuleList(
            nn.Sequential(*_mlp(width), nn.BatchNorm1d(width), nn.ReLU(), nn.Dropout(dropout))
            for _ in range(layers - 1)
        )
        self.sum = geometric().SumAggregation()
        self.dropout = nn.Dropout(dropout)

    def nodes(self, graphs: GraphBatch) -> Tensor:
        """A vector for each node, (N, width)."""
        if self.training and graphs.num_graphs < 2:
            raise ValueError(
                "graphs must be two or more in training mode, for batch norm, got "
                f"{graphs.num_graphs}; take larger batches, or drop an incomplete last one"
            )
        x = self.atoms(graphs.x)
        v = self.virtual.expand(graphs.num_graphs, -1)
        last = len(self.convolutions) - 1
        parts = zip(self.convolutions, self.norms, self.bonds, strict=True)
        for k, (convolution, norm, bonds) in enumerate(parts):
            x = x + v[graphs.batch]
            y = norm(convolution(x, graphs.edge_index, bonds(graphs.edge_attr)))
            if k < last:
                y = y.relu()
                v = self.virtual_layers[k](v + self.sum(x, graphs.batch, dim_size=len(v)))
            x = self.dropout(y)
        return x


def _mlp(width: int) -> nn.Sequential:
    hidden = 2 * width
    return nn.Sequential(
        nn.Linear(width, hidden), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Linear(hidden, width)
    )
