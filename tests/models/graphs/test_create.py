"""Networks by name; PyTorch Geometric is imported late, quietly, and missed politely."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from aucmax.models.graphs import DeeperGCN, GINEVirtualNode, create_graph_network

SOURCE = Path(__file__).resolve().parents[3] / "src"


def size(network):
    return sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize(
    ("name", "kind"), [("deepergcn", DeeperGCN), ("gine-virtual", GINEVirtualNode)]
)
def test_names(name, kind):
    network = create_graph_network(name, num_labels=3)
    assert type(network) is kind
    assert size(network) == size(kind(num_labels=3))


@pytest.mark.parametrize(
    ("name", "kind"), [("deepergcn", DeeperGCN), ("gine-virtual", GINEVirtualNode)]
)
def test_options(name, kind):
    network = create_graph_network(name, num_labels=1, layers=2, width=6, dropout=0.0)
    assert size(network) == size(kind(2, 6))
    assert network.dropout.p == 0.0
    assert create_graph_network(name, num_labels=1, width=6).dropout.p == kind(1, 6).dropout.p > 0


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("DeeperGCN", r"; did you mean 'deepergcn'\?"),
        ("gine", r"; did you mean 'gine-virtual'\?"),
        ("zzz", "$"),
    ],
)
def test_unknown_name(name, hint):
    match = f"name must be one of 'deepergcn', 'gine-virtual', got '{name}'{hint}"
    with pytest.raises(ValueError, match=match):
        create_graph_network(name, num_labels=1)


@pytest.mark.parametrize("argument", ["layers", "width", "num_labels"])
def test_numbers_below_one(argument):
    with pytest.raises(ValueError, match=f"{argument} must be 1 or larger, got 0"):
        create_graph_network("deepergcn", **{"num_labels": 1} | {argument: 0})


def test_the_import_is_late_and_quiet():
    code = """
import sys, aucmax.models, aucmax.models.graphs as graphs
print("torch_geometric" in sys.modules)
graphs.DeeperGCN(1, 2)
print("torch_geometric" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env=os.environ | {"PYTHONPATH": str(SOURCE)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout + done.stderr == "False\nTrue\n"


def test_without_torch_geometric(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch_geometric.nn", None)  # as if it were not installed
    message = (
        "graph networks need torch_geometric, which is not installed: "
        r"pip install 'aucmax\[molecules\]'$"
    )
    with pytest.raises(ImportError, match=message):
        create_graph_network("gine-virtual", num_labels=1)
