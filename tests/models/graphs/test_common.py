"""What must hold for every graph network, and for a blend of one."""

import copy
import io
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles_graphs import (
    batched,
    deeper_gcn,
    gine_virtual_node,
    molecule,
    molecules,
    random_molecule,
    shaken,
)

from aucmax import BCELoss, refit_head
from aucmax.models import reset_head
from aucmax.models.graphs import DeeperGCN, GINEVirtualNode
from aucmax.models.graphs.inputs import ATOM_SIZES

SMALL = {
    "deepergcn": lambda **options: DeeperGCN(3, 8, **options),
    "gine": lambda **options: GINEVirtualNode(3, 8, **options),
}
ORACLES = {"deepergcn": deeper_gcn, "gine": gine_virtual_node}
both = pytest.mark.parametrize("name", SMALL)


def close(a, b):
    torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-10)


@both
@settings(max_examples=15, deadline=None)
@given(graphs=molecules(), seed=st.integers(0, 9))
def test_logits_are_those_of_slow_loops(name, graphs, seed):
    network = shaken(SMALL[name](num_labels=2), seed)
    expected = np.stack([ORACLES[name](network, graph) for graph in graphs])
    close(network(batched(graphs)).detach(), torch.tensor(expected))


@both
@settings(max_examples=15, deadline=None)
@given(graphs=molecules(), data=st.data())
def test_order_of_molecules_does_not_matter(name, graphs, data):
    order = data.draw(st.permutations(range(len(graphs))))
    network = shaken(SMALL[name]())
    moved = network(batched(graphs[i] for i in order))
    close(moved, network(batched(graphs))[list(order)])


@both
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**20), data=st.data())
def test_order_of_atoms_and_bonds_does_not_matter(name, seed, data):
    graph = random_molecule(seed, atoms=5)
    order = torch.tensor(data.draw(st.permutations(range(5))))  # new position -> old atom
    edges = torch.tensor(data.draw(st.permutations(range(graph.num_edges))), dtype=torch.int64)
    moved = graph.clone()
    moved.x = graph.x[order]
    moved.edge_index = order.argsort()[graph.edge_index[:, edges]]
    moved.edge_attr = graph.edge_attr[edges]
    network = shaken(SMALL[name]())
    close(network(batched([moved])), network(batched([graph])))


@both
def test_every_part_of_a_molecule_matters(name):
    """Or the tests above could pass with a network that looks at nothing."""
    network = shaken(SMALL[name]())
    graph = molecule(4, [(0, 1), (1, 2), (2, 3)], seed=0)
    logits = {network(batched([graph])).item()}
    for column, size in enumerate(ATOM_SIZES):
        changed = graph.clone()
        changed.x = graph.x.clone()
        changed.x[2, column] = (changed.x[2, column] + 1) % size
        logits.add(network(batched([changed])).item())
    for column in range(3):
        changed = graph.clone()
        changed.edge_attr = graph.edge_attr.clone()
        changed.edge_attr[0, column] = 1 - graph.edge_attr[0, column].clamp(max=1)
        logits.add(network(batched([changed])).item())
    for edge in range(6):  # a bond in one direction alone
        others = torch.arange(6) != edge
        changed = graph.clone()
        changed.edge_index, changed.edge_attr = graph.edge_index[:, others], graph.edge_attr[others]
        logits.add(network(batched([changed])).item())
    assert len(logits) == 1 + 9 + 3 + 6


@both
def test_molecules_one_by_one(name):
    graphs = [random_molecule(seed) for seed in range(20)]
    network = shaken(SMALL[name]())
    alone = torch.cat([network(batched([graph])) for graph in graphs])
    close(network(batched(graphs)), alone)


@both
def test_single_atoms_alone_and_among_others(name):
    atom, pair = molecule(1, [], seed=1), molecule(2, [(0, 1)], seed=2)
    network = shaken(SMALL[name]())
    alone = network(batched([atom]))
    assert alone.shape == (1, 1)
    close(network(batched([atom, atom])), alone.expand(2, 1))
    close(network(batched([pair, atom, pair]))[1:2], alone)


@both
def test_batches_without_any_bond_train(name):
    network = SMALL[name]()
    network(batched([molecule(1, [], seed) for seed in range(4)])).sum().backward()
    assert all(p.grad.isfinite().all() for p in network.parameters() if p.grad is not None)


@both
def test_any_kind_of_integers(name):
    graphs = batched([random_molecule(seed) for seed in range(5)])
    network = shaken(SMALL[name]())
    expected = network(graphs)
    graphs.x, graphs.edge_attr = graphs.x.to(torch.uint8), graphs.edge_attr.to(torch.int32)
    assert torch.equal(network(graphs), expected)


@both
def test_gradients_reach_every_parameter(name):
    """In evaluation mode: a batch norm subtracts what the bias before it adds."""
    network = shaken(SMALL[name]())
    graphs = batched([random_molecule(seed, atoms=5) for seed in range(16)])
    network(graphs).square().sum().backward()
    silent = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert silent == []


@both
def test_training_lowers_the_loss(name):
    network = SMALL[name](dropout=0.0)
    graphs = batched([random_molecule(seed, atoms=5) for seed in range(16)])
    target = torch.arange(16) % 2
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    losses = []
    for _ in range(30):
        optimizer.zero_grad()
        loss = BCELoss()(network(graphs).squeeze(1), target)
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.5 * losses[0]


@both
def test_state_goes_around(name):
    graphs = batched([random_molecule(seed) for seed in range(3)])
    network = shaken(SMALL[name]())
    expected = network(graphs)
    file = io.BytesIO()
    torch.save(network.state_dict(), file)
    file.seek(0)
    other = SMALL[name]().double().eval()
    assert not torch.equal(other(graphs), expected)
    other.load_state_dict(torch.load(file, weights_only=True))
    for same in (other, copy.deepcopy(network), pickle.loads(pickle.dumps(network))):
        assert torch.equal(same(graphs), expected)


@both
def test_dropout_is_for_training(name):
    network = SMALL[name](dropout=0.5)
    graphs = batched([random_molecule(seed) for seed in range(8)])
    assert not torch.equal(network(graphs), network(graphs))
    network.eval()
    assert torch.equal(network(graphs), network(graphs))


@both
def test_reset_head_changes_only_the_last_layer(name):
    network = SMALL[name](num_labels=2).double()
    before = {k: v.clone() for k, v in network.state_dict().items()}
    reset_head(network, 3)
    after = network.state_dict()
    head = network.get_classifier()
    assert (head.in_features, head.out_features) == (network.num_features, 3)
    assert head.weight.dtype == torch.float64
    assert {k for k in after if not torch.equal(after[k], before[k])} == {"fc.weight", "fc.bias"}


@both
def test_refit_head_on_the_features(name):
    network = SMALL[name]().eval()
    graphs = batched([random_molecule(seed) for seed in range(40)])
    target = (torch.arange(40) % 3 == 0).float()
    with torch.no_grad():
        features = network.features(graphs)
    close(network(graphs), network.fc(features))
    before = network.fc.weight.clone()
    refit_head(network, features, target, l2=1.0)
    assert not torch.equal(network.fc.weight, before)


@both
def test_refused_options(name):
    kind = type(SMALL[name]())
    for argument in ("layers", "width", "num_labels"):
        with pytest.raises(ValueError, match=f"{argument} must be 1 or larger, got 0"):
            kind(**{argument: 0})
    for value in (-0.1, 1.0, float("nan")):
        with pytest.raises(ValueError, match=r"dropout, .*, must lie in \[0, 1\), got"):
            kind(dropout=value)
    for argument in ("atom_sizes", "bond_sizes"):
        for sizes in ((), (3, 0)):
            with pytest.raises(ValueError, match=rf"{argument} must be .* >= 1 for each feature"):
                kind(**{argument: sizes})


@both
def test_other_features(name):
    network = SMALL[name](atom_sizes=(7, 2), bond_sizes=(3,)).eval()
    graph = molecule(3, [(0, 1)], seed=0)
    graph.x, graph.edge_attr = graph.x[:, :2] % 2, graph.edge_attr[:, :1] % 3
    assert network(batched([graph])).shape == (1, 1)
