"""Graph networks again, from their state dicts: one molecule, one atom, one neighbour at a time."""

import numpy as np
import torch
from hypothesis import strategies as st

from aucmax.models.graphs import ATOM_SIZES, BOND_SIZES
from aucmax.models.graphs._geometric import geometric


def molecule(atoms, bonds, seed):
    """A graph with random features; each bond (i, j) is two edges of the same features."""
    geometric()  # imported quietly
    from torch_geometric.data import Data

    rng = np.random.default_rng(seed)
    x = torch.tensor(rng.integers(0, ATOM_SIZES, (atoms, 9)))
    values = torch.tensor(rng.integers(0, BOND_SIZES, (len(bonds), 3)))
    edges = torch.tensor(bonds, dtype=torch.int64).reshape(-1, 2).T
    return Data(
        x=x,
        edge_index=torch.cat([edges, edges.flip(0)], dim=1),
        edge_attr=torch.cat([values, values]),
    )


@st.composite
def molecules(draw):
    """One to four molecules of one to six atoms, connected or not."""
    return [
        random_molecule(seed)
        for seed in draw(st.lists(st.integers(0, 2**20), min_size=1, max_size=4))
    ]


def random_molecule(seed, atoms=None):
    """Each pair of atoms is bonded with probability a half; without ``atoms``, one to six."""
    rng = np.random.default_rng(seed)
    atoms = atoms or int(rng.integers(1, 7))
    pairs = [(i, j) for i in range(atoms) for j in range(i)]
    return molecule(atoms, [pair for pair in pairs if rng.random() < 0.5], seed)


def batched(graphs):
    geometric()  # imported quietly
    from torch_geometric.data import Batch

    return Batch.from_data_list(list(graphs))


def shaken(network, seed=0):
    """The same network in float64 and evaluation mode, no number of it left at its start."""
    generator = torch.Generator().manual_seed(seed)
    network = network.double().eval()
    for name, value in network.state_dict().items():
        if value.is_floating_point():
            noise = torch.rand(value.shape, generator=generator, dtype=value.dtype)
            value.add_(noise if name.endswith("running_var") else 0.5 * (noise - 0.5))
    return network


class State:
    """Named arrays of a network, and its small parts applied to a vector."""

    def __init__(self, network):
        self.values = {name: value.numpy() for name, value in network.state_dict().items()}

    def __getitem__(self, name):
        return self.values[name]

    def embed(self, name, sizes, row):
        """Sum of the vectors of one node or edge."""
        table, first, total = self[f"{name}.table.weight"], 0, 0.0
        for size, value in zip(sizes, row.tolist(), strict=True):
            total = total + table[first + value]
            first += size
        return total

    def linear(self, name, x):
        return self[f"{name}.weight"] @ x + self[f"{name}.bias"]

    def norm(self, name, x):
        mean, var = self[f"{name}.running_mean"], self[f"{name}.running_var"]
        return (x - mean) / np.sqrt(var + 1e-5) * self[f"{name}.weight"] + self[f"{name}.bias"]


def softmax_mean(messages, t):
    """Channel by channel, the mean of messages by weights exp(t m)."""
    if not messages:
        return 0.0
    out = np.zeros(len(messages[0]))
    for channel in range(len(out)):
        weights = [np.exp(t * m[channel]) for m in messages]
        for weight, m in zip(weights, messages, strict=True):
            out[channel] += weight / sum(weights) * m[channel]
    return out


def incoming(graph, node):
    """(source, features) of each edge that ends in a node."""
    for k in range(graph.edge_index.shape[1]):
        if int(graph.edge_index[1, k]) == node:
            yield int(graph.edge_index[0, k]), graph.edge_attr[k]


def relu(x):
    return np.maximum(x, 0)


def gen_convolution(state, name, bonds, graph, x):
    t = state[f"{name}.aggr_module.t"].item()
    out = []
    for i in range(len(x)):
        messages = [
            relu(x[j] + state.embed(bonds, BOND_SIZES, e)) + 1e-7 for j, e in incoming(graph, i)
        ]
        out.append(state.linear(f"{name}.mlp.0", x[i] + softmax_mean(messages, t)))
    return out


def deeper_gcn(network, graph):
    """Logits of one molecule in evaluation mode."""
    state = State(network)
    x = [state.embed("atoms", ATOM_SIZES, row) for row in graph.x]
    x = gen_convolution(state, "first", "bonds.0", graph, x)
    for k in range(len(network.blocks)):
        y = [relu(state.norm(f"blocks.{k}.norm", v)) for v in x]
        y = gen_convolution(state, f"blocks.{k}.conv", f"bonds.{k + 1}", graph, y)
        x = [old + new for old, new in zip(x, y, strict=True)]
    return state.linear("fc", sum(state.norm("norm", v) for v in x) / len(x))


def gine_virtual_node(network, graph):
    """Logits of one molecule in evaluation mode."""
    state = State(network)
    x = [state.embed("atoms", ATOM_SIZES, row) for row in graph.x]
    v, layers = state["virtual"], len(network.convolutions)
    for k in range(layers):
        x = [one + v for one in x]
        new = []
        for i in range(len(x)):
            y = (1 + state[f"convolutions.{k}.eps"].item()) * x[i]
            for j, e in incoming(graph, i):
                y = y + relu(x[j] + state.embed(f"bonds.{k}", BOND_SIZES, e))
            new.append(state.norm(f"norms.{k}", mlp(state, f"convolutions.{k}.nn", y)))
        if k < layers - 1:
            new = [relu(y) for y in new]
            name = f"virtual_layers.{k}"
            v = relu(state.norm(f"{name}.4", mlp(state, name, v + sum(x))))
        x = new
    return state.linear("fc", sum(x) / len(x))


def mlp(state, name, x):
    hidden = relu(state.norm(f"{name}.1", state.linear(f"{name}.0", x)))
    return state.linear(f"{name}.3", hidden)
