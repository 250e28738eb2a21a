"""Does re-fitting the last layer help? ``python benchmarks/paper/refit.py``.

Networks of the benchmark on the cells for development, trained again as reported (chosen rate,
weights of the best round); then ``aucmax.refit_head`` on the validation rows, or on the training
rows. Results: ``benchmarks/results/refit.csv``; the runs that are there are not done again.
"""

import argparse
import csv
import warnings

import torch
from cells import DEVELOPMENT
from inputs import plain
from methods import METHODS, recipe
from parts import Part, draw
from plan import CHOOSING_SEEDS, chosen
from pretraining import fresh, pretrained
from running import Request
from store import RESULTS, WORK, Store, facts_of_run
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from training import Loop, auc, logits

from aucmax import collect_features, refit_head

FIELDS = ("cell", "method", "seed", "lr", "before", "after_validation", "after_training")
PATH = RESULTS / "refit.csv"


def main() -> None:
    """Do what is left."""
    parser = argparse.ArgumentParser(description=__doc__)
    names = [cell.name for cell in DEVELOPMENT]
    parser.add_argument("--only", nargs="*", choices=names, default=names, help="some cells")
    defaults = ["CE", "CE balanced", "CE + pairwise raw"]
    parser.add_argument("--methods", nargs="*", choices=METHODS, default=defaults)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    store = Store()
    for cell in (cell for cell in DEVELOPMENT if cell.name in options.only):
        for method in options.methods:
            lr = chosen(store, cell, method, CHOOSING_SEEDS)
            if lr is None:
                print(f"{cell.name}, {method}: run.py has not chosen a learning rate yet")
                continue
            for seed in range(options.seeds):
                if (cell.name, method, str(seed)) not in _finished():
                    _add(Request(cell, method, lr, seed, WORK))


def _add(request: Request) -> None:
    """Train, re-fit on either part, and keep the test AUCs."""
    cell, method, seed = request.cell, METHODS[request.method], request.seed
    data = draw(cell, seed, request.cache, torch.device("cpu"))
    model = fresh(cell, seed, data)
    if method.first is not None:
        model = pretrained(cell, seed, data, request.work / "pretrained", method.first)
    loop = Loop(recipe(method, request.lr, seed, cell, data, model), data, cell, seed)
    best = loop.fit(model)["best"].state
    found = []
    for part in (None, data.validation, data.train):
        model.load_state_dict(best)
        if part is not None:
            _refit(model, part)
        found.append(auc(logits(model, data.test), data.test.target.numpy()))
    values = (cell.name, request.method, seed, request.lr, *(f"{value:.6f}" for value in found))
    row = dict(zip(FIELDS, values, strict=True)) | facts_of_run()
    new = not PATH.exists()
    with PATH.open("a", newline="") as file:
        writer = csv.DictWriter(file, list(row), lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerow(row)
    print(*values, flush=True)


def _refit(model: nn.Module, part: Part) -> None:
    rows = TensorDataset(plain(part.inputs), part.target[:, None])
    network = next(model.children())  # without the layer that flattens logits
    network.eval()
    with warnings.catch_warnings(action="ignore"):
        refit_head(network, *collect_features(network, DataLoader(rows, 500)))


def _finished() -> set[tuple[str, ...]]:
    if not PATH.exists():
        return set()
    with PATH.open(newline="") as file:
        return {(row["cell"], row["method"], row["seed"]) for row in csv.DictReader(file)}


if __name__ == "__main__":
    main()
