"""The size of the published baseline, and its virtual node."""

import pytest
import torch
from oracles_graphs import batched, molecule, random_molecule, shaken

from aucmax.models.graphs import GINEVirtualNode


def closed_form(layers, width, num_labels):
    """Each MLP has two linear layers with a batch norm between, and a batch norm behind."""
    mlp = width * 2 * width + 2 * width + 4 * width + 2 * width * width + width + 2 * width
    graph = layers * (13 * width + mlp + 1)
    return 173 * width + graph + width + (layers - 1) * mlp + num_labels * (width + 1)


@pytest.mark.parametrize(("layers", "width", "num_labels"), [(5, 300, 1), (1, 1, 1), (3, 20, 12)])
def test_number_of_weights(layers, width, num_labels):
    network = GINEVirtualNode(layers, width, num_labels=num_labels)
    assert sum(p.numel() for p in network.parameters()) == closed_form(layers, width, num_labels)


def test_size_of_the_baseline():
    """GIN + virtual node on the leaderboard of ogbg-molhiv."""
    assert sum(p.numel() for p in GINEVirtualNode().parameters()) == 3_336_306


def test_the_virtual_node_joins_what_no_bond_joins():
    """Two atoms without a bond: one changes what is made of the other, but not with one layer."""
    graph = molecule(2, [], seed=0)
    changed = graph.clone()
    changed.x = graph.x.clone()
    changed.x[1, 0] = (changed.x[1, 0] + 1) % 119
    for layers, moved in ((1, False), (2, True)):
        network = shaken(GINEVirtualNode(layers, 8))
        first = [network.nodes(batched([g]))[0] for g in (graph, changed)]
        assert torch.equal(*first) is not moved


def test_one_graph_cannot_train():
    network = GINEVirtualNode(2, 4)
    graph = batched([random_molecule(0, atoms=5)])
    with pytest.raises(ValueError, match=r"two or more in training mode, .* got 1; take larger"):
        network(graph)
    assert network.eval()(graph).shape == (1, 1)
