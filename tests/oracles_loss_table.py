"""The table of all losses: a new loss adds a row and inherits the tests that walk over it."""

import torch
from oracles_losses import cubic

from aucmax.losses import (
    APLoss,
    AUCMLoss,
    AUCSquareLoss,
    AUMLoss,
    BCELoss,
    CompositionalAUCLoss,
    CrossEntropyAUCLoss,
    FocalLoss,
    LogitAdjustedLoss,
    PairwiseAUCLoss,
    PartialAUCLoss,
    PAUCILoss,
    PNormPushLoss,
    SmoothPartialAUCLoss,
    SmoothTwoWayPartialAUCLoss,
    TwoWayPartialAUCLoss,
)
from aucmax.surrogates import SURROGATES

NAN, INF = float("nan"), float("inf")

LOSSES = {
    "AUCM": lambda labels: AUCMLoss(num_labels=labels),
    "AUCM prior": lambda labels: AUCMLoss(0.5, num_labels=labels, prior=0.25),
    "AUC square": lambda labels: AUCSquareLoss(num_labels=labels),
    "AUC square prior": lambda labels: AUCSquareLoss(num_labels=labels, prior=0.25),
    **{
        f"pairwise {name}": lambda labels, name=name: PairwiseAUCLoss(name, 0.7)
        for name in SURROGATES
    },
    "pairwise own": lambda labels: PairwiseAUCLoss(cubic),
    "BCE": lambda labels: BCELoss(),
    "BCE weighted": lambda labels: BCELoss(pos_weight=3.0),
    "focal": lambda labels: FocalLoss(),
    "focal balanced": lambda labels: FocalLoss(gamma=0.5, alpha=0.25),
    "logit adjusted": lambda labels: LogitAdjustedLoss(0.1),
    "vector scaling": lambda labels: LogitAdjustedLoss(0.1, gamma=0.2),
}
LOSSES |= {
    "AP": lambda labels: APLoss(),
    "AP prior": lambda labels: APLoss(prior=0.2, surrogate="logistic"),
    "push": lambda labels: PNormPushLoss(3.0),
    "partial": lambda labels: PartialAUCLoss(0.4),
    "partial own": lambda labels: PartialAUCLoss(0.4, surrogate=cubic),
    "two-way": lambda labels: TwoWayPartialAUCLoss(0.5, 0.4),
    "smooth": lambda labels: SmoothPartialAUCLoss(),
    "smooth logistic": lambda labels: SmoothPartialAUCLoss(0.2, surrogate="logistic"),
    "smooth two-way": lambda labels: SmoothTwoWayPartialAUCLoss(0.5, 2.0),
    "PAUCI": lambda labels: PAUCILoss(0.4, num_labels=labels),
    "PAUCI two-way": lambda labels: PAUCILoss(0.4, 0.5, num_labels=labels),
    "AUM": lambda labels: AUMLoss(),
    "CE + AUCM": lambda labels: CrossEntropyAUCLoss(AUCMLoss(num_labels=labels), weight=0.5),
    "CE + pairwise": lambda labels: CrossEntropyAUCLoss(),
    "compositional": lambda labels: CompositionalAUCLoss(num_labels=labels).eval(),
}
PAIRS = {f"pairwise {name}" for name in ("logistic", "sigmoid", "barrier_hinge", "own")}
PAIRS |= {"AP prior", "partial own", "smooth", "smooth logistic", "smooth two-way"}
"""Losses whose shapes depend on the data: they do not compile as one graph."""


def make(name, labels=None):
    """The loss, its variables (if any) away from zero."""
    loss = LOSSES[name](labels)
    for i, parameter in enumerate(loss.parameters(), start=1):
        parameter.data.fill_(i / 8)
    return loss


def batch(shape):
    """Logits in float64, targets of both classes."""
    target = (torch.arange(torch.Size(shape).numel()) % 5 < 2).double().reshape(shape)
    return torch.randn(shape, dtype=torch.float64), target


def labels_of(shape):
    return shape[1] if len(shape) == 2 and shape[1] > 1 else None


def value_and_gradients(loss, logits, target):
    logits = logits.clone().requires_grad_()
    value = loss(logits, target)
    return value, torch.autograd.grad(value, (logits, *loss.parameters()))
