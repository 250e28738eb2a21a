"""DeeperGCN: many graph convolutions with residual connections, each a softmax over neighbours."""

from collections.abc import Sequence

from torch import Tensor, nn

from ._geometric import geometric
from .inputs import ATOM_SIZES, BOND_SIZES, GraphBatch
from .network import FeatureEmbedding, GraphNetwork, check_counts, check_dropout


class DeeperGCN(GraphNetwork):
    r"""The network of the DeepAUC entry on ogbg-molhiv.

    A layer makes of the vectors x of the nodes, with e for the embedded features of the edges,

    .. math:: x_i \leftarrow W \Big(x_i + \sum_{j \to i} \pi_{ij} \odot m_{ij}\Big) + c, \quad
        m_{ij} = \mathrm{ReLU}(x_j + e_{ij}) + 10^{-7}, \quad
        \pi_{ij} = \frac{e^{t\, m_{ij}}}{\sum_{k \to i} e^{t\, m_{ik}}}

    where t is learnt, one for each layer, and the softmax is taken for each channel. From the
    second on it is applied to Dropout(ReLU(BatchNorm(x))) and its result added to x ("res+"). Then
    follow batch norm, dropout, the mean over the nodes and a linear layer. Every layer has an
    embedding of the edge features of its own.

    Seven layers are the network of the DeeperGCN entry, with 531,976 weights.

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

    Source: Li, Xiong, Thabet, Ghanem, 2020 (https://arxiv.org/abs/2006.07739).

    >>> sum(p.numel() for p in DeeperGCN().parameters())
    1019407
    """

    def __init__(
        self,
        layers: int = 14,
        width: int = 256,
        dropout: float = 0.2,
        *,
        num_labels: int = 1,
        atom_sizes: Sequence[int] = ATOM_SIZES,
        bond_sizes: Sequence[int] = BOND_SIZES,
    ) -> None:
        check_counts(layers=layers)
        check_dropout(dropout)
        super().__init__(width, num_labels, atom_sizes, bond_sizes)
        self.bonds = nn.ModuleList(FeatureEmbedding(bond_sizes, width) for _ in range(layers))
        self.first = _convolution(width)
        self.blocks = nn.ModuleList(_block(width, dropout) for _ in range(layers - 1))
        self.norm = nn.BatchNorm1d(width)
        self.dropout = nn.Dropout(dropout)

    def nodes(self, graphs: GraphBatch) -> Tensor:
        """A vector for each node, (N, width)."""
        if self.training and len(graphs.x) < 2:
            raise ValueError(
                "graphs must have two nodes or more in training mode, for batch norm, got "
                f"{len(graphs.x)}; take larger batches, or drop an incomplete last one"
            )
        x, edges = self.atoms(graphs.x), graphs.edge_index
        for layer, bonds in zip((self.first, *self.blocks), self.bonds, strict=True):
            x = layer(x, edges, bonds(graphs.edge_attr))
        return self.dropout(self.norm(x))


def _convolution(width: int) -> nn.Module:
    """GENConv with nothing but the learnt t and one linear layer."""
    return geometric().GENConv(
        width, width, aggr="softmax", t=1.0, learn_t=True, num_layers=1, bias=True
    )


def _block(width: int, dropout: float) -> nn.Module:
    return geometric().DeepGCNLayer(
        _convolution(width),
        nn.BatchNorm1d(width),
        nn.ReLU(inplace=True),
        block="res+",
        dropout=dropout,
    )
