"""Slow, obvious optimizers in numpy, small problems, and the table of what is under test."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import nn

from aucmax.optim import PESG, PESGAdam


def pesg_oracle(start, grads, *, lr, momentum=0.0, stages=(), **decays):
    """Every iterate of PESG as written in its docstring; a gradient None leaves all as it is.

    ``stages`` holds the numbers of the gradients before which a stage ends.
    """
    velocity = 0.0

    def move(p, d):
        nonlocal velocity
        velocity = momentum * velocity + d
        return p - lr * velocity

    return _proximal(start, grads, move, stages, **decays)


def pesg_adam_oracle(start, grads, *, lr, betas=(0.9, 0.999), eps=1e-8, stages=(), **decays):
    """Every iterate of PESGAdam as written in its docstring."""
    mean = square = 0.0
    updates = 0

    def move(p, d):
        nonlocal mean, square, updates
        updates += 1
        mean = betas[0] * mean + (1 - betas[0]) * d
        square = betas[1] * square + (1 - betas[1]) * d * d
        unbiased = mean / (1 - betas[0] ** updates), square / (1 - betas[1] ** updates)
        return p - lr * unbiased[0] / (np.sqrt(unbiased[1]) + eps)

    return _proximal(start, grads, move, stages, **decays)


def _proximal(
    start, grads, move, stages, *, weight_decay=0.0, epoch_decay=0.0, clip=math.inf, maximize=False
):
    p = reference = np.array(start, dtype=np.float64)
    iterates, path = [], []
    for number, grad in enumerate(grads):
        if number in stages and iterates:
            reference, iterates = np.mean(iterates, axis=0), []
        if grad is not None:
            g = -grad if maximize else grad
            pulls = weight_decay * p + epoch_decay * (p - reference)
            p = move(p, np.clip(g, -clip, clip) + pulls)
            iterates.append(p)
        path.append(p)
    return np.stack(path)


@dataclass(frozen=True)
class Case:
    """An optimizer with options that put all of its parts to work."""

    make: Callable[..., torch.optim.Optimizer]
    oracle: Callable[..., np.ndarray]
    options: dict[str, Any]
    inertia: tuple[dict[str, Any], ...]  # settings of what differs between the optimizers
    stock: Callable[..., torch.optim.Optimizer]
    moments: set[str] = field(default_factory=set)

    def __call__(self, params, **options):
        return self.make(params, **self.options | options)


_PULLS: dict[str, Any] = {"weight_decay": 0.01, "epoch_decay": 0.2, "clip": 0.8}
CASES = {
    "PESG": Case(
        make=PESG,
        oracle=pesg_oracle,
        options={"lr": 0.05, "momentum": 0.9, **_PULLS},
        inertia=({"momentum": 0.0}, {"momentum": 0.9}, {"momentum": 1e-320}),
        stock=torch.optim.SGD,
        moments={"velocity"},
    ),
    "PESGAdam": Case(
        make=PESGAdam,
        oracle=pesg_adam_oracle,
        options={"lr": 0.02, "betas": (0.8, 0.95), **_PULLS},
        inertia=({"betas": (0.9, 0.999)}, {"betas": (0.0, 0.5), "eps": 0.1}),
        stock=torch.optim.Adam,
        moments={"exp_avg", "exp_avg_sq", "step"},
    ),
}


class Saddle(nn.Module):
    """The min-max loss in its plainest form; at its saddle it is the mean pairwise square.

    As for all losses here, the gradient of alpha, which is to be maximized, comes negated.
    """

    loss_variables = ("a", "b", "alpha")

    def __init__(self, margin=1.0):
        super().__init__()
        self.margin = margin
        self.a, self.b, self.alpha = (nn.Parameter(torch.zeros(())) for _ in range(3))

    def forward(self, scores, target):
        pos, neg = scores[target == 1], scores[target == 0]
        gap = self.margin + neg.mean() - pos.mean()
        spread = (pos - self.a).square().mean() + (neg - self.b).square().mean()
        alpha = 2 * self.alpha.detach() - self.alpha  # the value of alpha, with slope -1
        return spread + 2 * alpha * gap - alpha**2


def parameters(*shapes, dtype=torch.float64, seed=0):
    """Parameters of the given shapes, drawn anew in the same way."""
    draw = torch.Generator().manual_seed(seed)
    shapes = shapes or ((3, 4), (5,), ())
    return [nn.Parameter(torch.randn(s, generator=draw, dtype=dtype)) for s in shapes]


def run(optimizer, steps, *, first=0, stages=(), step=None):
    """Take ``steps`` steps on random gradients, each of which depends on its number alone."""
    for number in range(first, first + steps):
        draw = torch.Generator().manual_seed(1000 + number)
        for group in optimizer.param_groups:
            for p in group["params"]:
                noise = torch.randn(p.shape, generator=draw, dtype=torch.float64)
                p.grad = noise.to(p.dtype)
        if number in stages:
            optimizer.next_stage()
        (step or optimizer.step)()
    return [p.detach().clone() for group in optimizer.param_groups for p in group["params"]]
