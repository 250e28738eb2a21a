"""The Open Graph Benchmark's ``smiles2graph`` in a loop, for an interpreter that has ogb.

It shares no process with aucmax. Orders come as lines of JSON and are answered by one: to time a
part of the molecules, or to write all graphs into a file.
"""

import json
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from ogb.utils import smiles2graph
from rdkit import RDLogger


def timed(smiles: list[str]) -> dict[str, float]:
    """Seconds for all graphs of some molecules, which are kept, as they would be."""
    wall, cpu = time.perf_counter(), time.process_time()
    graphs = [smiles2graph(text) for text in smiles]
    return {
        "wall": time.perf_counter() - wall,
        "cpu": time.process_time() - cpu,
        "graphs": len(graphs),
    }


def write(smiles: list[str], path: str) -> dict[str, str]:
    """All graphs, one below the other."""
    graphs = [smiles2graph(text) for text in smiles]
    np.savez(
        path,
        atoms=np.concatenate([graph["node_feat"] for graph in graphs]),
        edges=np.concatenate([graph["edge_index"] for graph in graphs], axis=1),
        bonds=np.concatenate([graph["edge_feat"] for graph in graphs]),
        num_atoms=[graph["num_nodes"] for graph in graphs],
        num_edges=[graph["edge_index"].shape[1] for graph in graphs],
    )
    return {"ogb": version("ogb"), "rdkit": version("rdkit")}


def main() -> None:
    RDLogger.DisableLog("rdApp.*")
    smiles = json.loads(Path(sys.argv[1]).read_text())
    for line in sys.stdin:
        order: dict[str, Any] = json.loads(line)
        part = smiles[order["first"] : order["last"]]
        answer = write(smiles, order["path"]) if "path" in order else timed(part)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
