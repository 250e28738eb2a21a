"""From SMILES to logits: the networks read what aucmax.molecules writes."""

import pytest
import torch
from oracles_graphs import deeper_gcn, gine_virtual_node, shaken

from aucmax import molecules
from aucmax.models.graphs import ATOM_SIZES, BOND_SIZES, DeeperGCN, GINEVirtualNode
from aucmax.molecules.graphs import Graphs

SMILES = ["CCO", "[Na+].[Cl-]", "c1ccccc1C(=O)O", "C", "C/C=C/Cl", "N[C@@H](C)C(=O)O"]


def graphs_of(smiles):
    return Graphs.of([molecules.featurise(one) for one in smiles])


def test_sizes_of_the_features():
    assert (ATOM_SIZES, BOND_SIZES) == (molecules.ATOM_SIZES, molecules.BOND_SIZES)


@pytest.mark.parametrize(
    ("kind", "oracle"), [(DeeperGCN, deeper_gcn), (GINEVirtualNode, gine_virtual_node)]
)
def test_real_molecules(kind, oracle):
    network, graphs = shaken(kind(2, 8)), graphs_of(SMILES)
    logits = network(graphs.batch(range(len(SMILES)))).detach()
    for row, graph in enumerate(graphs):
        torch.testing.assert_close(logits[row], torch.tensor(oracle(network, graph)))
    assert len(set(logits.flatten().tolist())) == len(SMILES)


@pytest.mark.parametrize("kind", [DeeperGCN, GINEVirtualNode])
def test_another_spelling_is_the_same_molecule(kind):
    network = shaken(kind(3, 8))
    pairs = graphs_of(["CCO", "OCC", "c1ccccc1C(=O)O", "OC(=O)c1ccccc1"])
    first, second, third, fourth = network(pairs.batch(range(4)))
    torch.testing.assert_close(first, second)
    torch.testing.assert_close(third, fourth)
