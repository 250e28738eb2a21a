"""Batches that a network cannot read are refused, with the attribute and the cure."""

import pytest
import torch
from oracles_graphs import batched, molecule, random_molecule

from aucmax import set_value_checks
from aucmax.models.graphs import DeeperGCN


@pytest.fixture
def graphs():
    return batched([molecule(2, [(0, 1)], 0), molecule(3, [(0, 1), (1, 2)], 1)])


@pytest.fixture(scope="module")
def network():
    return DeeperGCN(1, 4).eval()


def changed(tensor, place, value):
    tensor = tensor.clone()
    tensor[place] = value
    return tensor


def test_no_batch(network):
    graph = random_molecule(0)
    with pytest.raises(TypeError, match=r"got Data without batch; Batch\.from_data_list"):
        network(graph)
    graph.batch = torch.zeros(len(graph.x), dtype=torch.int64)
    with pytest.raises(TypeError, match="got Data without num_graphs"):
        network(graph)
    with pytest.raises(TypeError, match="got Tensor without x"):
        network(torch.zeros(2, 3))


@pytest.mark.parametrize("name", ["x", "edge_attr"])
def test_features_of_a_wrong_kind(network, graphs, name):
    count = {"x": 9, "edge_attr": 3}[name]
    right = graphs[name]
    for wrong in (right.float(), right.bool(), right[:, 1:], right[:, 0]):
        graphs[name] = wrong
        with pytest.raises(
            ValueError, match=rf"{name} must hold integers, .* the {count} features"
        ):
            network(graphs)


@pytest.mark.parametrize(("name", "shape"), [("edge_index", r"\(2, 6\)"), ("batch", r"\(5,\)")])
def test_numbers_of_a_wrong_kind(network, graphs, name, shape):
    right = graphs[name]
    for wrong in (right.int(), right[..., 1:], right.float()):
        graphs[name] = wrong
        with pytest.raises(ValueError, match=f"{name} must be int64 of shape {shape}, as x has 5"):
            network(graphs)


@pytest.mark.parametrize(
    ("name", "place", "value", "message"),
    [
        ("x", (4, 0), 119, r"x\[:, 0\] must lie in 0 to 118, got 119 in row 4"),
        ("x", (3, 8), 2, r"x\[:, 8\] must lie in 0 to 1, got 2 in row 3"),
        ("x", (0, 1), -1, r"x\[:, 1\] must lie in 0 to 3, got -1 in row 0"),
        ("edge_attr", (5, 1), 6, r"edge_attr\[:, 1\] must lie in 0 to 5, got 6 in row 5"),
        (
            "edge_index",
            (1, 2),
            5,
            "edge_index must lie in 0 to 4, as there are 5 nodes, got 0 to 5",
        ),
        ("edge_index", (0, 0), -1, "edge_index must lie in 0 to 4, .* got -1 to 4"),
        ("batch", (4,), 2, "batch must lie in 0 to 1, as there are 2 graphs, got 0 to 2"),
        ("batch", slice(None), 1, r"each with a node, got 2, of which these are empty: \[0\]"),
    ],
)
def test_values_out_of_range(network, graphs, name, place, value, message):
    network(graphs)
    graphs[name] = changed(graphs[name], place, value)
    with pytest.raises(ValueError, match=message):
        network(graphs)


def test_values_are_not_inspected_where_that_is_switched_off(network, graphs):
    sound = graphs.x
    graphs.x = changed(graphs.x, (0, 1), 4)  # reads the vector of the next feature's first value
    odd = graphs.x
    set_value_checks(cpu=False)
    try:
        with pytest.raises(ValueError, match="must lie in 0 to 3, got 4"):
            network(graphs)  # the first batch is always inspected
        graphs.x = sound
        network(graphs)
        graphs.x = odd
        network(graphs)
    finally:
        set_value_checks(cpu=True)
    with pytest.raises(ValueError, match="must lie in 0 to 3, got 4"):
        network(graphs)
