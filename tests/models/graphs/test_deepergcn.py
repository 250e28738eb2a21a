"""The sizes of the published networks, and one layer by a double loop."""

import pytest
import torch
from oracles_graphs import batched, random_molecule

from aucmax.models.graphs import DeeperGCN


def size(network):
    return sum(p.numel() for p in network.parameters())


def closed_form(layers, width, num_labels):
    """Embeddings, a linear layer, a batch norm and a temperature in each layer; the head."""
    bonds, linear, norm = 13 * width, width * width + width, 2 * width
    return 173 * width + layers * (bonds + linear + norm + 1) + num_labels * (width + 1)


@pytest.mark.parametrize(("layers", "width", "num_labels"), [(14, 256, 1), (1, 1, 1), (3, 20, 12)])
def test_number_of_weights(layers, width, num_labels):
    network = DeeperGCN(layers, width, num_labels=num_labels)
    assert size(network) == closed_form(layers, width, num_labels)


def test_sizes_of_the_entries():
    """DeepAUC and DeeperGCN on the leaderboard of ogbg-molhiv."""
    assert (size(DeeperGCN()), size(DeeperGCN(7))) == (1_019_407, 531_976)


def test_nothing_but_weights_is_kept():
    """No buffers but those of batch norms."""
    kept = {name.rpartition(".")[2] for name in DeeperGCN(3, 4).state_dict()}
    assert kept == {
        "weight", "bias", "t", "running_mean", "running_var", "num_batches_tracked",
    }  # fmt: skip


def test_temperatures_start_at_one_and_are_learnt():
    network = DeeperGCN(4, 8)
    temperatures = [p for name, p in network.named_parameters() if name.endswith(".t")]
    assert [t.tolist() for t in temperatures] == [[1.0]] * 4
    assert all(t.requires_grad for t in temperatures)


@pytest.mark.parametrize("t", [0.0, 1.0, -2.0, 30.0])
def test_softmax_aggregation_by_a_double_loop(t):
    """At t = 0 the mean, for large t the maximum."""
    graphs = batched([random_molecule(seed, atoms=5) for seed in range(3)])
    network = DeeperGCN(1, 4).double()
    layer = network.first
    torch.nn.init.eye_(layer.mlp[0].weight)
    torch.nn.init.zeros_(layer.mlp[0].bias)
    layer.aggr_module.t.data.fill_(t)
    x = torch.randn(len(graphs.x), 4, dtype=torch.float64)
    e = torch.randn(graphs.num_edges, 4, dtype=torch.float64)
    expected = x.clone()
    for i in range(len(x)):
        ends = [k for k in range(len(e)) if graphs.edge_index[1, k] == i]
        messages = [(x[graphs.edge_index[0, k]] + e[k]).clamp(min=0) + 1e-7 for k in ends]
        for channel in range(4):
            total = sum(float((t * m[channel]).exp()) for m in messages)
            for m in messages:
                expected[i, channel] += float((t * m[channel]).exp()) / total * m[channel]
    with torch.no_grad():
        torch.testing.assert_close(layer(x, graphs.edge_index, e), expected)


def test_one_node_cannot_train():
    network = DeeperGCN(2, 4)
    graph = batched([random_molecule(0, atoms=1)])
    with pytest.raises(
        ValueError, match=r"two nodes or more in training mode, .* got 1; take larg"
    ):
        network(graph)
    assert network.eval()(graph).shape == (1, 1)
