"""A binary classifier trained for AUC in a plain PyTorch loop, on data that scikit-learn carries.

Handwritten digits 5 to 9 against 0 to 4, with one positive in twenty for training and a balanced
test set. Run: python examples/plain_loop.py
"""

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import aucmax
from aucmax.data import make_imbalanced
from aucmax.metrics import auroc_interval

EPOCHS = 20


def load() -> tuple[TensorDataset, TensorDataset]:
    pixels, digit = load_digits(return_X_y=True)
    x = torch.tensor(pixels, dtype=torch.float32) / 16
    y = torch.tensor(digit >= 5).float()
    train, test = train_test_split(range(len(y)), test_size=0.4, stratify=digit, random_state=0)
    train = torch.tensor(train)[make_imbalanced(y[train], positives=0.05)]
    return TensorDataset(x[train], y[train]), TensorDataset(x[test], y[test])


def main() -> None:
    torch.manual_seed(0)
    train, test = load()
    model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Dropout(0.3), nn.Linear(128, 1))

    loss_fn = aucmax.AUCMLoss()
    optimizer = aucmax.PESG(
        aucmax.param_groups(model, loss_fn), lr=0.1, momentum=0.9, epoch_decay=2e-3
    )
    batches = aucmax.BalancedBatches(train, batch_size=32, positives=0.5)
    loader = DataLoader(train, batch_sampler=batches)
    # Half way and at three quarters: a tenth of the learning rate, and a new proximal stage.
    scheduler = aucmax.StageLR(optimizer, milestones=[EPOCHS // 2, 3 * EPOCHS // 4])

    for epoch in range(EPOCHS):
        model.train()
        for x, target in loader:
            loss = loss_fn(model(x).squeeze(1), target)  # raw outputs: the loss applies sigmoid
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        scheduler.step()
        if (epoch + 1) % 5 == 0:
            told = {name: f"{value:.3f}" for name, value in loss_fn.diagnostics().items()}
            print(f"epoch {epoch + 1:2d}", *(f"{name}={value}" for name, value in told.items()))

    model.eval()
    x, target = test.tensors
    with torch.no_grad():
        scores = model(x).squeeze(1)
    print(f"test AUC {auroc_interval(scores, target)} (95 % interval)")


if __name__ == "__main__":
    main()
