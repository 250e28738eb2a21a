"""A graph network and a forest, mixed by a learnt weight."""

import torch
from torch import Tensor, nn

from ..._checks import ValueChecks
from .inputs import GraphBatch
from .network import GraphNetwork

EPSILON = 2.0**-40
"""Scores are kept this far from 0 and 1 in the logarithms: logits lie within +-27.8."""


class GraphBlend(nn.Module):
    r"""The second stage of the DeepAUC entry: a network's scores mixed with a forest's.

    .. math:: s(x) = (1 - \beta)\, \sigma(g(x)) + \beta f(x)

    with the network's logit g, the forest's probability f, and one learnt weight
    :math:`\beta \in [0, 1]`. The output is :math:`\log s - \log (1 - s)`, so that a loss that takes
    the sigmoid of logits sees s.

    The forest's probabilities come with the batch as the attribute ``forest``. For training they
    should be out-of-fold: a forest is over-confident on molecules that it was grown on, and beta
    then grows beyond what serves new ones.

    Args:
        network: gives g; is trained further together with beta.
        beta: the weight to begin with, in [0, 1].

    Raises:
        ValueError: ``beta`` out of range.

    >>> from aucmax.models.graphs import DeeperGCN
    >>> sum(p.numel() for p in GraphBlend(DeeperGCN()).parameters())
    1019408
    """

    def __init__(self, network: GraphNetwork, beta: float = 0.5) -> None:
        super().__init__()
        if not 0 <= beta <= 1:
            raise ValueError(f"beta, the forest's weight, must lie in [0, 1], got {beta}")
        self.network = network
        self.beta = nn.Parameter(torch.tensor([float(beta)]))  # (1,): FSDP2 shards no scalars
        self.checks = ValueChecks()

    @property
    def num_features(self) -> int:
        """Length of the vectors before the network's last layer."""
        return self.network.num_features

    def forward(self, graphs: GraphBatch) -> Tensor:
        """Logits of the mixed scores, (num_graphs, L), in at least float32.

        Args:
            graphs: with ``forest``, (num_graphs, L) probabilities, floating point.

        Raises:
            TypeError: if ``graphs`` is no batch of graphs or has no tensor ``forest``.
            ValueError: if the forest's shape, type or values are not as said above, or the graphs
                do not fit the network.
        """
        self.beta.data.clamp_(0, 1)
        g = self.network(graphs)
        g = g if g.dtype == torch.float64 else g.float()
        f = _forest(graphs, g, self.checks).to(g.dtype)
        beta = self.beta.to(g.dtype)
        score = torch.lerp(g.sigmoid(), f, beta)
        rest = torch.lerp((-g).sigmoid(), 1 - f, beta)  # 1 - score, without its rounding
        return _log(score) - _log(rest)

    def get_classifier(self) -> nn.Linear:
        """The network's last layer."""
        return self.network.get_classifier()

    def reset_classifier(self, num_labels: int) -> None:
        """Put a new last layer with fresh weights into the network.

        Raises:
            ValueError: ``num_labels`` below 1.
        """
        self.network.reset_classifier(num_labels)


def _log(p: Tensor) -> Tensor:
    """Logarithm of max(p, EPSILON); where that is EPSILON, its slope is that of log there.

    A slope of 0 would be wrong: where p is 0 for ``beta`` = 1, the score still depends on ``beta``.
    """
    return (p + (p.clamp(min=EPSILON) - p).detach()).log()


def _forest(graphs: GraphBatch, logits: Tensor, checks: ValueChecks) -> Tensor:
    f = getattr(graphs, "forest", None)
    if not isinstance(f, Tensor):
        raise TypeError(
            "graphs must have the forest's probabilities as a tensor 'forest', (num_graphs, L), "
            f"got {type(f).__name__}; give each graph a row of shape (1, L) before they are batched"
        )
    if not f.is_floating_point() or f.shape != logits.shape:
        raise ValueError(
            f"forest must be floating point of shape {tuple(logits.shape)}, as the network's "
            f"logits, got {f.dtype} of shape {tuple(f.shape)}"
        )
    if checks.begin(f) and not ((f >= 0) & (f <= 1)).all():
        wrong = f[~((f >= 0) & (f <= 1))][0].item()
        raise ValueError(f"forest must hold probabilities in [0, 1], got {wrong}")
    checks.passed()
    return f
