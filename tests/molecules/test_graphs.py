"""Flat arrays of many graphs: the same as one graph at a time, and as PyTorch Geometric's batch."""

import pickle

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from oracles_molecules import SMILES, lists, same_arrays

from aucmax.molecules import Graph, Graphs, featurise
from aucmax.molecules._packages import graph_classes

ONES = [featurise(smiles) for smiles in ["CCO", "[Na+]", "c1ccccc1", "C=O", "[H][H]", "C", "CC#N"]]
GRAPHS = Graphs.of(ONES)
N = len(ONES)


def one(graphs, i):
    """The lists of one graph, cut out by hand."""
    a, b = graphs.atom_offsets[i : i + 2]
    c, d = graphs.edge_offsets[i : i + 2]
    return lists(Graph(graphs.atoms[a:b], graphs.edges[:, c:d], graphs.bonds[c:d]))


def test_graphs_are_kept_one_below_the_other():
    assert len(GRAPHS) == N
    for i, graph in enumerate(ONES):
        assert one(GRAPHS, i) == lists(graph)
    assert GRAPHS.num_atoms.tolist() == [3, 1, 6, 2, 2, 1, 3]
    assert GRAPHS.num_bonds.tolist() == [2, 0, 6, 1, 1, 0, 2]


@given(st.lists(st.integers(-N, N - 1), max_size=12))
def test_rows_are_taken_in_their_order(rows):
    taken = GRAPHS.take(rows)
    assert same_arrays(taken, Graphs.of([ONES[row] for row in rows]))


@given(st.lists(st.booleans(), min_size=N, max_size=N))
def test_rows_are_taken_by_a_mask(mask):
    rows = [row for row, wanted in enumerate(mask) if wanted]
    assert same_arrays(GRAPHS.take(mask), GRAPHS.take(rows))


@given(st.lists(st.lists(st.integers(0, N - 1), max_size=4), max_size=4))
def test_parts_are_put_together(parts):
    together = Graphs.concatenate([GRAPHS.take(rows) for rows in parts])
    assert same_arrays(together, GRAPHS.take([row for rows in parts for row in rows]))


@pytest.mark.parametrize("row", [0, 1, N - 1, -1, -N])
def test_one_graph_is_pytorch_geometrics_data(row):
    data_class, _ = graph_classes()
    data, graph = GRAPHS[row], ONES[row]
    assert type(data) is data_class
    assert sorted(data.keys()) == ["edge_attr", "edge_index", "x"]
    assert all(tensor.dtype == torch.int64 for _, tensor in data)
    assert torch.equal(data.x, torch.tensor(graph.atoms.tolist()))
    assert data.edge_index.tolist() == graph.edges.tolist()
    assert data.edge_attr.tolist() == graph.bonds.tolist()
    assert data.edge_index.shape == (2, len(graph.bonds))
    assert data.edge_attr.shape == (len(graph.bonds), 3)
    assert data.validate()


@given(st.lists(st.integers(-N, N - 1), min_size=1, max_size=12))
def test_a_batch_is_pytorch_geometrics(rows):
    _, batch_class = graph_classes()
    ours = GRAPHS.batch(rows)
    theirs = batch_class.from_data_list([GRAPHS[row] for row in rows])
    assert type(ours) is type(theirs)
    assert ours.num_graphs == theirs.num_graphs == len(rows)
    assert sorted(ours.keys()) == sorted(theirs.keys())
    for key in theirs.keys():  # noqa: SIM118
        assert ours[key].dtype == theirs[key].dtype == torch.int64
        assert torch.equal(ours[key], theirs[key])
        assert ours[key].shape == theirs[key].shape


def test_a_batch_by_hand():
    batch = GRAPHS.batch([3, 1, 0])
    assert batch.x[:, 0].tolist() == [5, 7, 10, 5, 5, 7]
    assert batch.edge_index.tolist() == [[0, 1, 3, 4, 4, 5], [1, 0, 4, 3, 5, 4]]
    assert batch.batch.tolist() == [0, 0, 1, 2, 2, 2]
    assert batch.ptr.tolist() == [0, 2, 3, 6]


def test_a_batch_is_a_copy():
    before = pickle.dumps(vars(GRAPHS))
    batch = GRAPHS.batch(np.arange(N))
    for _, tensor in batch:
        tensor += 1
    GRAPHS[0].x.zero_()
    assert pickle.dumps(vars(GRAPHS)) == before


@given(st.lists(st.sampled_from(SMILES), min_size=1, max_size=30))
def test_networks_of_pytorch_geometric_see_the_same(smiles):
    """Sums over the atoms of a molecule, by the means of the package itself."""
    from torch_geometric.nn import global_add_pool

    graphs = Graphs.of([featurise(text) for text in smiles])
    batch = graphs.batch(range(len(graphs)))
    pooled = global_add_pool(batch.x, batch.batch)
    assert pooled.tolist() == [featurise(text).atoms.sum(0).tolist() for text in smiles]


def test_a_pickle_holds_arrays_alone():
    many = GRAPHS.take(np.zeros(10_000, dtype=int))
    arrays = sum(array.nbytes for array in vars(many).values())
    content = pickle.dumps(many, protocol=pickle.HIGHEST_PROTOCOL)
    assert len(content) < arrays + 2_000
    assert same_arrays(pickle.loads(content), many)


def test_there_may_be_no_graph_at_all():
    none = Graphs.concatenate([])
    assert len(none) == 0
    assert same_arrays(none, Graphs.of([]))
    assert same_arrays(none, GRAPHS.take([]))
    assert none.num_atoms.shape == none.num_bonds.shape == (0,)
    assert none.take([]).atoms.shape == (0, 9)


@pytest.mark.parametrize("rows", [[N], [-N - 1], [0, 99]])
@pytest.mark.parametrize("method", ["take", "batch"])
def test_rows_out_of_range_are_refused(rows, method):
    message = rf"rows must lie in \[-{N}, {N}\), got {min(rows)} to {max(rows)}"
    with pytest.raises(ValueError, match=message):
        getattr(GRAPHS, method)(rows)


@pytest.mark.parametrize("rows", [[0.5], [[0, 1]], [True, False], 3, ["a"], np.ones(N + 1, bool)])
def test_rows_that_are_none_are_refused(rows):
    with pytest.raises(ValueError, match="rows must be a one-dimensional array of integers, or a "):
        GRAPHS.take(rows)


@pytest.mark.parametrize("row", [N, -N - 1])
def test_one_row_out_of_range_is_refused(row):
    with pytest.raises(IndexError, match=rf"row must lie in \[-{N}, {N}\), got {row}"):
        GRAPHS[row]


def test_iteration_ends():
    assert len(list(GRAPHS)) == N
