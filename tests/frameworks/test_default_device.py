"""Under torch.set_default_device, what belongs on the CPU stays there; meta stands for a GPU."""

import numpy as np
import pytest
import torch

import aucmax
from aucmax.bags import Bags
from aucmax.samplers import BalancedBatches, MultiLabelBatches, labels_of

LABELS = [1] * 20 + [0] * 40
TABLE = [[i % 2, i % 3 == 0] for i in range(60)]


@pytest.fixture
def _elsewhere():
    torch.set_default_device("meta")
    yield
    torch.set_default_device(None)


def bag():
    """A bag that is sampled, and one that is padded."""
    x = np.random.default_rng(0).normal(size=(9, 2)).astype(np.float32)
    bags = Bags(x, [0] * 6 + [1] * 3, [1, 0], sample=4, seed=0)
    return [bags[i] for i in range(2)]


MAKE = {
    "balanced": lambda: list(BalancedBatches(LABELS, 10)),
    "several labels": lambda: list(MultiLabelBatches(TABLE, 12)),
    "subset": lambda: labels_of(
        torch.utils.data.Subset(
            torch.utils.data.TensorDataset(
                torch.zeros(3, device="cpu"), torch.tensor([1, 0, 1], device="cpu")
            ),
            [2, 1],
        )
    ).tolist(),
    "bags": lambda: [[x.tolist() for x in item[:3]] for item in bag()],
}
EXPECTED = {name: make() for name, make in MAKE.items()}

LOSSES = {
    "AUCM": lambda: aucmax.AUCMLoss(prior=0.2),
    "AUCM labels": lambda: aucmax.AUCMLoss([0.5, 1.0], num_labels=2),
    "PAUCI": lambda: aucmax.PAUCILoss(0.3),
    "AP": lambda: aucmax.APLoss(10, prior=0.1),
    "partial": lambda: aucmax.PartialAUCLoss(0.3, gamma=0.5),
    "logit adjusted": lambda: aucmax.LogitAdjustedLoss(0.1),
    "BCE": lambda: aucmax.BCELoss(pos_weight=[1.0, 2.0]),
    "compositional": aucmax.CompositionalAUCLoss,
    "sum": aucmax.CrossEntropyAUCLoss,
}


@pytest.mark.usefixtures("_elsewhere")
@pytest.mark.parametrize("name", MAKE)
def test_rows_are_the_same(name):
    assert MAKE[name]() == EXPECTED[name]


@pytest.mark.usefixtures("_elsewhere")
@pytest.mark.parametrize("name", LOSSES)
def test_losses_are_made_there(name):
    loss = LOSSES[name]()
    tensors = [*loss.parameters(), *loss.buffers()]
    assert {x.device.type for x in tensors} <= {"meta"}
    with pytest.raises(ValueError, match="prior, the share of positives, must lie in"):
        aucmax.AUCMLoss(prior=2.0)
