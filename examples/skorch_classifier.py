"""A scikit-learn estimator by skorch: an AUC loss as the criterion, and balanced batches.

skorch gives the optimizer the parameters of the criterion too, so a, b and alpha are trained.
Run: python examples/skorch_classifier.py
"""

from collections.abc import Iterable

import numpy as np
import torch
from plain_loop import load
from skorch import NeuralNet
from skorch.callbacks import EpochScoring
from torch import nn
from torch.utils.data import DataLoader, Dataset

import aucmax
from aucmax.metrics import auroc, auroc_interval


class Network(nn.Sequential):
    """Pixels to one raw output."""

    def __init__(self) -> None:
        super().__init__(nn.Linear(64, 128), nn.ReLU(), nn.Dropout(0.3), nn.Linear(128, 1))


class BalancedNet(NeuralNet):
    """A net that draws its training batches by BalancedBatches; its output is one score a row."""

    def get_iterator(self, dataset: Dataset, training: bool = False) -> Iterable:
        """Iterate over balanced batches in training, over all rows in their order otherwise."""
        if not training:
            return super().get_iterator(dataset, training=False)
        if not hasattr(self, "batches_"):  # kept, so that every epoch has batches of its own
            labels = [label for _, label in dataset]
            self.batches_ = aucmax.BalancedBatches(labels, self.batch_size, 0.5)
        return DataLoader(dataset, batch_sampler=self.batches_)


def score_auroc(net: NeuralNet, dataset: Dataset, y: Iterable) -> float:
    """AUC of a fitted net, as scikit-learn scorers are called."""
    return auroc(net.predict(dataset).squeeze(1), np.asarray(y))


def main() -> None:
    torch.manual_seed(0)
    (x, y), (test_x, test_y) = (data.tensors for data in load())
    net = BalancedNet(
        module=Network,
        criterion=aucmax.AUCMLoss,
        optimizer=torch.optim.Adam,
        lr=2e-3,
        batch_size=32,
        max_epochs=20,
        callbacks=[EpochScoring(score_auroc, lower_is_better=False, name="valid_auc")],
        verbose=0,
    )
    net.fit(x, y[:, None])
    print(f"validation AUC by epoch: {[round(a, 3) for a in net.history[:, 'valid_auc']][::5]}")
    scores = net.predict(test_x).squeeze(1)
    print(f"test AUC {auroc_interval(scores, test_y)} (95 % interval)")


if __name__ == "__main__":
    main()
