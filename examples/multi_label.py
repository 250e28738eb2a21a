"""Several labels at once, some of them unknown: one model, one loss, batches that serve each label.

Three properties of a handwritten digit; three in ten training labels are hidden (NaN).
Run: python examples/multi_label.py
"""

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import aucmax
from aucmax.metrics import auroc_interval, average_precision, macro_auroc_interval

LABELS = {"zero": [0], "square": [1, 4, 9], "prime": [2, 3, 5, 7]}
EPOCHS = 12


def load() -> tuple[TensorDataset, TensorDataset]:
    pixels, digit = load_digits(return_X_y=True)
    x = torch.tensor(pixels, dtype=torch.float32) / 16
    of_label = [torch.isin(torch.tensor(digit), torch.tensor(d)) for d in LABELS.values()]
    y = torch.stack(of_label, dim=1).float()  # (n, 3)
    train, test = train_test_split(range(len(y)), test_size=0.4, stratify=digit, random_state=0)
    known = torch.rand(len(train), len(LABELS)) > 0.3
    return TensorDataset(x[train], y[train].where(known, torch.nan)), TensorDataset(
        x[test], y[test]
    )


def main() -> None:
    torch.manual_seed(0)
    train, test = load()
    model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, len(LABELS)))

    loss_fn = aucmax.AUCMLoss(num_labels=len(LABELS))  # a, b and alpha for each label
    optimizer = aucmax.PESGAdam(aucmax.param_groups(model, loss_fn), lr=1e-3)
    batches = aucmax.MultiLabelBatches(train, batch_size=48)  # half of each label's rows positive
    loader = DataLoader(train, batch_sampler=batches)

    for epoch in range(EPOCHS):
        for x, target in loader:
            loss = loss_fn(model(x), target)  # (B, 3) each; a NaN target counts for nothing
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        batch_auc = loss_fn.diagnostics()["auroc"]
        print(f"epoch {epoch + 1:2d}  AUC on recent batches: {batch_auc.numpy().round(3)}")

    x, target = test.tensors
    with torch.no_grad():
        scores = model(x)
    print("\nlabel   positives  AUC with 95 % interval   average precision")
    precision = average_precision(scores, target)
    for k, (name, interval) in enumerate(zip(LABELS, auroc_interval(scores, target), strict=True)):
        print(f"{name:6}  {int(target[:, k].sum()):9d}  {interval!s:23}  {precision[k]:.3f}")
    print(f"mean               {macro_auroc_interval(scores, target)}")


if __name__ == "__main__":
    main()
