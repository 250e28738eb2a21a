"""A graph network by its name."""

from difflib import get_close_matches
from typing import Any

from .deepergcn import DeeperGCN
from .gine import GINEVirtualNode
from .network import GraphNetwork

GRAPH_NETWORKS = {"deepergcn": DeeperGCN, "gine-virtual": GINEVirtualNode}
"""All of them, by name."""


def create_graph_network(
    name: str,
    *,
    num_labels: int,
    layers: int | None = None,
    width: int | None = None,
    dropout: float | None = None,
) -> GraphNetwork:
    """A network that maps a batch of molecules to logits (num_graphs, L).

    Args:
        name: "deepergcn" for :class:`DeeperGCN`, or "gine-virtual" for :class:`GINEVirtualNode`.
        num_labels: L, number of outputs.
        layers: graph convolutions; None here and below: the network's own number.
        width: length of the hidden vectors.
        dropout: share of zeros, in [0, 1).

    Raises:
        ValueError: an unknown name, with those that look like it; a number out of range.
        ModuleNotFoundError: torch_geometric is not installed.

    >>> network = create_graph_network("deepergcn", num_labels=2, layers=3, width=32)
    >>> network.get_classifier()
    Linear(in_features=32, out_features=2, bias=True)
    """
    if name not in GRAPH_NETWORKS:
        close = get_close_matches(name.lower(), GRAPH_NETWORKS, n=1, cutoff=0.5)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise ValueError(
            f"name must be one of {', '.join(map(repr, GRAPH_NETWORKS))}, got {name!r}{hint}"
        )
    chosen: dict[str, Any] = {"layers": layers, "width": width, "dropout": dropout}
    own = {argument: value for argument, value in chosen.items() if value is not None}
    return GRAPH_NETWORKS[name](num_labels=num_labels, **own)
