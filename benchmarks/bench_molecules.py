"""Molecules a second: SMILES to graphs against OGB's ``smiles2graph``, caches and batches.

All 41,127 molecules of ogbg-molhiv are sought in $AUCMAX_DATA, or in ../shared/data beside the
checkout. AUCMAX_OGB_PYTHON names an interpreter that has ogb: its loop runs in a process of its
own and takes turns with ours, part by part, so that a busy machine slows both; every graph is
compared too. Without it those rows are absent. Run ``python benchmarks/bench_molecules.py``; what
is found goes to ``benchmarks/results/molecules.csv``.
"""

import csv
import gzip
import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rdkit import Chem, RDLogger, rdBase
from run import provenance

from aucmax.molecules import Featurised, Graphs, featurised
from aucmax.molecules._packages import graph_classes

HERE = Path(__file__).parent
DATA = Path(os.environ.get("AUCMAX_DATA", HERE.parents[1] / "shared" / "data")) / "molhiv"
PEER = "AUCMAX_OGB_PYTHON"
PARTS = 21
BATCH, BATCHES = 512, 60
RARE_CHIRALITY = 3
COLUMNS = ("name", "molecules", "ours_per_s", "rival", "rival_per_s", "ratio", "note")
Seconds = dict[str, float]


def read_smiles() -> list[str]:
    """All molecules, in the order of the file."""
    with gzip.open(DATA / "HIV_41127.csv.gz", "rt") as file:
        return [row["smiles"] for row in csv.DictReader(file)]


def timed(work: Callable[[], Any]) -> Seconds:
    """Seconds by the clock, and of the processor in this process."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}


@contextmanager
def peer(smiles: list[str], folder: Path) -> Iterator[Callable[..., dict[str, Any]]]:
    """A function that gives an order to ogb's process and returns the answer."""
    (folder / "smiles.json").write_text(json.dumps(smiles))
    command = [os.environ[PEER], str(HERE / "peer_ogb.py"), str(folder / "smiles.json")]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )

    def order(**what: Any) -> dict[str, Any]:
        stdin, stdout = process.stdin, process.stdout
        if stdin is None or stdout is None:
            raise RuntimeError("the process of ogb has no pipes")
        print(json.dumps({"first": 0, "last": 0} | what), file=stdin, flush=True)
        return json.loads(stdout.readline())

    try:
        yield order
    finally:
        process.terminate()
        process.wait()


def against_ogb(smiles: list[str], folder: Path) -> list[dict[str, Any]]:
    """Two rows: ours in one process against OGB's loop, and against parsing alone."""
    bounds = np.linspace(0, len(smiles), PARTS + 1).astype(int).tolist()
    times: dict[str, list[Seconds]] = {"ours": [], "parsing": [], "ogb": []}
    with peer(smiles, folder) as order:
        order(first=0, last=200)  # the first ones are slow
        for first, last in pairwise(bounds):
            part = smiles[first:last]
            times["ours"].append(timed(lambda part=part: featurised(part, progress=False)))
            times["ogb"].append(order(first=first, last=last))
            times["parsing"].append(timed(lambda part=part: [*map(Chem.MolFromSmiles, part)]))
        versions = order(path=str(folder / "ogb.npz"))
    name = f"ogb {versions['ogb']}, smiles2graph in a loop"
    same = compare(featurised(smiles, progress=False), np.load(folder / "ogb.npz"))
    return [
        turns("featurised, one process", len(smiles), times["ours"], name, times["ogb"], same),
        turns(
            "featurised, one process",
            len(smiles),
            times["ours"],
            "RDKit's MolFromSmiles alone",
            times["parsing"],
            "of which RDKit takes this share to read the SMILES",
        ),
    ]


def turns(
    name: str, count: int, ours: list[Seconds], rival: str, theirs: list[Seconds], note: str
) -> dict[str, Any]:
    """One row from times taken in turn; the ratio is that of the clock, rival / ours."""
    wall, cpu = (
        statistics.median(b[kind] / a[kind] for a, b in zip(ours, theirs, strict=True))
        for kind in ("wall", "cpu")
    )
    return {
        "name": name,
        "molecules": count,
        "ours_per_s": round(count / sum(x["wall"] for x in ours)),
        "rival": rival,
        "rival_per_s": round(count / sum(x["wall"] for x in theirs)),
        "ratio": round(wall, 2),
        "note": f"median of {len(ours)} turns; of processor time {cpu:.2f}; {note}",
    }


def compare(found: Featurised, ogb: Any) -> str:
    """How many graphs differ in anything; ogb's fifth chirality counts as our fourth."""
    graphs, atoms = found.graphs, np.array(ogb["atoms"])
    rare = int((atoms[:, 1] > RARE_CHIRALITY).sum())
    atoms[:, 1] = np.minimum(atoms[:, 1], RARE_CHIRALITY)
    sizes = [(graphs.num_atoms, ogb["num_atoms"]), (2 * graphs.num_bonds, ogb["num_edges"])]
    if any(not np.array_equal(a, b) for a, b in sizes):
        return "graphs differ in size"
    differing = set(np.repeat(np.arange(len(graphs)), sizes[0][0])[(graphs.atoms != atoms).any(1)])
    edges = (graphs.edges != ogb["edges"]).any(0) | (graphs.bonds != ogb["bonds"]).any(1)
    differing |= set(np.repeat(np.arange(len(graphs)), sizes[1][0])[edges])
    return f"{len(differing)} of {len(graphs)} graphs differ, {rare} atoms of a rare chirality"


def in_parallel(smiles: list[str]) -> dict[str, Any]:
    """One row: two workers against one process, in turn."""
    times = [
        [timed(lambda n=n: featurised(smiles, workers=n, progress=False)) for n in (2, 0)]
        for _ in range(3)
    ]
    two, one = zip(*times, strict=True)
    return whole("featurised, 2 workers", len(smiles), two, "featurised, one process", one)


def from_cache(smiles: list[str], folder: Path) -> dict[str, Any]:
    """One row: reading what was kept against making it."""
    first = timed(lambda: featurised(smiles, folder, progress=False))
    again = [timed(lambda: featurised(smiles, folder, progress=False)) for _ in range(5)]
    size = sum(path.stat().st_size for path in folder.iterdir()) / 2**20
    note = f"{size:.0f} MiB"
    return whole("read from the cache", len(smiles), again, "made and kept", [first] * 5, note)


def batches(graphs: Graphs) -> dict[str, Any]:
    """One row: batches of random molecules, ours and PyTorch Geometric's in turn."""
    _, batch = graph_classes()
    rng = np.random.default_rng(0)
    times = []
    for _ in range(BATCHES):
        rows = rng.integers(0, len(graphs), BATCH)
        data = [graphs[row] for row in rows.tolist()]
        times.append(
            [timed(lambda r=rows: graphs.batch(r)), timed(lambda d=data: batch.from_data_list(d))]
        )
    ours, theirs = zip(*times, strict=True)
    name = "PyG Batch.from_data_list of ready Data"
    return whole(f"Graphs.batch of {BATCH}", BATCH, ours, name, theirs)


def whole(
    name: str, count: int, ours: Any, rival: str, theirs: Any, note: str = ""
) -> dict[str, Any]:
    """One row from repetitions of the same work; medians by the clock."""
    a, b = (statistics.median(x["wall"] for x in times) for times in (ours, theirs))
    return {
        "name": name,
        "molecules": count,
        "ours_per_s": round(count / a),
        "rival": rival,
        "rival_per_s": round(count / b),
        "ratio": round(
            statistics.median(y["wall"] / x["wall"] for x, y in zip(ours, theirs, strict=True)), 2
        ),
        "note": "; ".join(filter(None, [f"median of {len(ours)} turns", note])),
    }


def rows() -> list[dict[str, Any]]:
    """All measurements: molecules a second of ours and of the rival; ratio = rival / ours time."""
    smiles = read_smiles()
    # ogb's loop fails at a molecule that RDKit cannot sanitise.
    known = [text for text in smiles if Chem.MolFromSmiles(text) is not None]
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        found = against_ogb(known, place) if os.environ.get(PEER) else []
        found += [in_parallel(smiles), from_cache(smiles, place / "cache")]
        graphs = featurised(smiles, place / "cache", progress=False).graphs
    return [*found, batches(graphs)]


def main() -> None:
    RDLogger.DisableLog("rdApp.*")
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))
    load = os.getloadavg()[0]
    found = rows()
    facts = provenance() | {"rdkit": rdBase.rdkitVersion, "load": f"{load:.1f}"}
    output = HERE / "results" / "molecules.csv"
    with output.open("w", newline="") as file:
        writer = csv.DictWriter(file, [*COLUMNS, *facts], lineterminator="\n")
        writer.writeheader()
        writer.writerows(row | facts for row in found)
    for row in found:
        print(*row.values(), sep=" | ")
    print(f"load {load:.1f} on {os.cpu_count()} cores; written: {output}")


if __name__ == "__main__":
    main()
