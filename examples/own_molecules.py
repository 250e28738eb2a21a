"""Own molecules, SMILES with an activity: a graph network trained for AUC in a plain PyTorch loop.

500 inhibitors that RDKit carries (series CHEMBL2321810), one in eight of them highly active, are
written to molecules.csv, as a project would have them; molecules of one scaffold are not divided
between training and test. Run: python examples/own_molecules.py [FOLDER]
"""

import csv
import random
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from rdkit import RDConfig

import aucmax
from aucmax.data import split
from aucmax.metrics import auroc_interval
from aucmax.models.graphs import DeeperGCN
from aucmax.molecules import featurised, scaffolds

EPOCHS, ACTIVE = 20, 8  # 8 is 10 nanomolar


def write_table(path: Path) -> None:
    """A table with a row for each molecule: SMILES, and 1 where the activity is high."""
    source = Path(RDConfig.RDContribDir, "FreeWilson", "data")
    with (source / "CHEMBL2321810_act.csv").open() as file:
        activity = {row["Name"]: float(row["Act"]) for row in csv.DictReader(file)}
    lines = (source / "CHEMBL2321810.smi").read_text().splitlines()
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["smiles", "active"])
        for smiles, name in map(str.split, random.Random(0).sample(lines, 500)):
            writer.writerow([smiles, int(activity[name] >= ACTIVE)])


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    write_table(folder / "molecules.csv")
    with (folder / "molecules.csv").open() as file:
        smiles, active = zip(*list(csv.reader(file))[1:], strict=True)
    active = np.array(active, dtype=float)
    graphs = featurised(smiles, progress=False).graphs
    part = split(active, validation=0, test=0.3, groups=scaffolds(smiles, progress=False))
    train, test = (np.flatnonzero(part == name) for name in ("train", "test"))

    torch.manual_seed(0)
    model = DeeperGCN(layers=3, width=64)
    loss_fn = aucmax.AUCMLoss()
    optimizer = aucmax.PESG(aucmax.param_groups(model, loss_fn), lr=0.1, epoch_decay=2e-3)
    scheduler = aucmax.StageLR(optimizer, milestones=[EPOCHS // 2, 3 * EPOCHS // 4])
    batches = aucmax.BalancedBatches(active[train], batch_size=32, positives=0.5)
    for _ in range(EPOCHS):
        for rows_of_batch in batches:
            chosen = train[rows_of_batch]
            loss = loss_fn(model(graphs.batch(chosen)).squeeze(1), torch.tensor(active[chosen]))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        scheduler.step()

    model.eval()
    with torch.no_grad():
        scores = model(graphs.batch(test)).squeeze(1)
    print(f"test AUC {auroc_interval(scores, active[test])}, {len(test)} molecules")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp()))
