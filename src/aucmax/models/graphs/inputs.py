"""What a graph network is given: many graphs as one, with categorical features."""

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from ..._checks import ValueChecks

ATOM_SIZES = (119, 4, 12, 12, 10, 6, 6, 2, 2)
"""Values of each of the nine atom features of the Open Graph Benchmark."""
BOND_SIZES = (5, 6, 2)
"""Values of each of its three bond features."""


class GraphBatch(Protocol):
    """Several graphs side by side, as ``torch_geometric.data.Batch`` holds them."""

    x: Any
    """Features of the N nodes (atoms), (N, 9) integers."""
    edge_index: Any
    """Source and target of the E edges, (2, E) int64; a bond is two edges, there and back."""
    edge_attr: Any
    """Features of the edges, (E, 3) integers."""
    batch: Any
    """The graph of each node, (N,) int64."""

    @property
    def num_graphs(self) -> int:
        """Number of graphs."""
        ...


def check_graphs(
    graphs: GraphBatch, atom_sizes: Sequence[int], bond_sizes: Sequence[int], checks: ValueChecks
) -> None:
    """Refuse what a network with features of these sizes cannot read.

    Types and shapes are inspected always; values where losses inspect theirs, see
    :func:`aucmax.set_value_checks`.

    Raises:
        TypeError: if an attribute is missing or no tensor.
        ValueError: if a type, a shape or a value is not as said in :class:`GraphBatch`.
    """
    kinds = dict.fromkeys(("x", "edge_index", "edge_attr", "batch"), Tensor) | {"num_graphs": int}
    for name, kind in kinds.items():
        if not isinstance(getattr(graphs, name, None), kind):
            raise TypeError(
                f"graphs must be a batch of graphs, with the tensors x, edge_index, edge_attr and "
                f"batch and the number num_graphs, got {type(graphs).__name__} without {name}; "
                "Batch.from_data_list(graphs) of torch_geometric.data makes one"
            )
    _check_features("x", graphs.x, atom_sizes)
    _check_features("edge_attr", graphs.edge_attr, bond_sizes)
    nodes, edges = len(graphs.x), len(graphs.edge_attr)
    for name, shape in (("edge_index", (2, edges)), ("batch", (nodes,))):
        value: Tensor = getattr(graphs, name)
        if value.dtype != torch.int64 or value.shape != shape:
            raise ValueError(
                f"{name} must be int64 of shape {shape}, as x has {nodes} rows and edge_attr "
                f"{edges}, got {value.dtype} of shape {tuple(value.shape)}"
            )
    if checks.begin(graphs.x):
        _check_values("x", graphs.x, atom_sizes)
        _check_values("edge_attr", graphs.edge_attr, bond_sizes)
        _check_numbers("edge_index", graphs.edge_index, nodes, "nodes")
        _check_numbers("batch", graphs.batch, graphs.num_graphs, "graphs")
        _check_every_graph(graphs.batch, graphs.num_graphs)
    checks.passed()


def _check_features(name: str, value: Tensor, sizes: Sequence[int]) -> None:
    whole = not (value.is_floating_point() or value.is_complex() or value.dtype == torch.bool)
    if not whole or value.ndim != 2 or value.shape[1] != len(sizes):
        raise ValueError(
            f"{name} must hold integers, one column for each of the {len(sizes)} features, got "
            f"{value.dtype} of shape {tuple(value.shape)}; aucmax.molecules makes such features, "
            "and networks for others are made with atom_sizes and bond_sizes"
        )


def _check_values(name: str, value: Tensor, sizes: Sequence[int]) -> None:
    limit = torch.tensor(sizes, device=value.device)
    wrong = (value < 0) | (value >= limit)
    if wrong.any():
        row, column = (int(i) for i in wrong.nonzero()[0])
        raise ValueError(
            f"{name}[:, {column}] must lie in 0 to {sizes[column] - 1}, got "
            f"{int(value[row, column])} in row {row}; a network for more values is made with "
            "larger atom_sizes or bond_sizes"
        )


def _check_numbers(name: str, value: Tensor, count: int, what: str) -> None:
    if value.numel() and (int(value.min()) < 0 or int(value.max()) >= count):
        raise ValueError(
            f"{name} must lie in 0 to {count - 1}, as there are {count} {what}, got "
            f"{int(value.min())} to {int(value.max())}"
        )


def _check_every_graph(batch: Tensor, count: int) -> None:
    nodes = torch.bincount(batch, minlength=count)
    if count == 0 or not nodes.all():
        empty = (nodes == 0).nonzero().flatten().tolist()
        raise ValueError(
            f"graphs must hold one or more, each with a node, got {count}, of which these are "
            f"empty: {empty[:5]}; leave graphs without nodes out"
        )
