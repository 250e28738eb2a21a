"""Does a bag of twelve blood cells hold a white one? A platelet? Labels speak of bags, never cells.

Multi-instance AUC maximization (MIDAM): a step sees 4 cells of a bag, averages recall the others.
Run: AUCMAX_DATA=FOLDER python examples/bags_of_cells.py, with bccd/bccd_cells_28.npz in FOLDER.
"""

import os
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader

import aucmax
from aucmax import bags
from aucmax.metrics import auroc, auroc_interval

DATA = Path(os.environ.get("AUCMAX_DATA", Path(__file__).parents[2] / "shared" / "data"))
CELLS, SEEN, EPOCHS = 12, 4, 25


class Heads(nn.ModuleList):
    """Several outputs on the same features."""

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:  # noqa: D102
        return tuple(head(x) for head in self)


def train(data: bags.Bags, attention: bool) -> tuple[nn.Module, nn.Module]:
    if attention:  # over raw scores: the loss applies sigmoid
        heads = Heads([nn.Linear(32, 1), bags.GatedAttention(32, 16)])
        pool, loss_fn = bags.AttentionPooling(len(data)), aucmax.AUCMLoss()
    else:  # the smooth maximum of scores in (0, 1), which the loss takes as it is
        heads = Heads([nn.Sequential(nn.Linear(32, 1), nn.Sigmoid())])
        pool = bags.SmoothMaxPooling(0.1, len(data))
        loss_fn = aucmax.AUCMLoss(activation=nn.Identity())
    body = [nn.BatchNorm2d(3), nn.Conv2d(3, 16, 3, 2, 1), nn.BatchNorm2d(16), nn.ReLU()]
    body += [nn.Conv2d(16, 32, 3, 2, 1), nn.BatchNorm2d(32), nn.ReLU(), nn.AdaptiveAvgPool2d(1)]
    model = nn.Sequential(*body, nn.Flatten(), heads)
    optimizer = aucmax.PESGAdam(aucmax.param_groups(model, loss_fn), lr=3e-3)
    loader = DataLoader(data, batch_sampler=aucmax.BalancedBatches(data.target, 16))
    for epoch in range(EPOCHS):
        data.set_epoch(epoch)  # other cells of each bag
        for cells, mask, target, index in loader:
            outputs = bags.score_instances(model, cells, mask)
            optimizer.zero_grad()
            loss_fn(pool(*outputs, mask, index), target).backward()
            optimizer.step()
    return model.eval(), pool


def main() -> None:
    torch.manual_seed(0)
    file = np.load(DATA / "bccd" / "bccd_cells_28.npz")
    cells = torch.tensor(file["images"]).permute(0, 3, 1, 2).float()
    kind, smear = file["labels"], np.unique(file["source_image"], return_inverse=True)[1]
    rows = np.random.default_rng(0).permutation(len(kind))
    halves = [rows[smear[rows] % 2 == half] for half in (0, 1)]  # no smear is in both
    grouped = [half[: len(half) // CELLS * CELLS].reshape(-1, CELLS) for half in halves]
    print("finding   pooling     AUC of bags           AUC of cells, which had no label")
    for finding, is_kind in {"white": kind == 1, "platelet": kind == 2}.items():
        data, test = (bags.Bags(cells, g, is_kind[g].any(1), sample=SEEN) for g in grouped)
        for pooling in ("smooth max", "attention"):
            model, pool = train(data, attention=pooling == "attention")
            whole = auroc_interval(bags.bag_scores(model, pool, test), test.target)
            single = auroc(model(cells[halves[1]])[0].detach().squeeze(1), is_kind[halves[1]])
            print(f"{finding:9} {pooling:11} {whole!s:21} {single:.3f}")


if __name__ == "__main__":
    main()
