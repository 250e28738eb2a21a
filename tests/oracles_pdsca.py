"""Compositional training in plain Python: one logistic unit, every gradient written out."""

import math
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from aucmax.distributed import AllGather
from aucmax.losses.compositional import CompositionalAUCLoss
from aucmax.optim import param_groups
from aucmax.optim.pdsca import PDSCA


class Scalar:
    """One number and its step of PESG, term by term."""

    def __init__(self, value, near=0.0, far=0.0, maximize=False):
        self.value = self.reference = value
        self.near, self.far, self.maximize = near, far, maximize
        self.velocity, self.iterates = 0.0, []

    def step(self, grad, lr, momentum, clip):
        direction = clipped(-grad if self.maximize else grad, clip)
        direction += self.near * self.value + self.far * (self.value - self.reference)
        self.velocity = momentum * self.velocity + direction
        self.value -= lr * self.velocity
        self.iterates.append(self.value)

    def next_stage(self):
        self.reference, self.iterates = sum(self.iterates) / len(self.iterates), []


class Oracle:
    """min over w, a, b, max over alpha >= 0 of AUC-M at w - inner_lr grad CE(w)."""

    def __init__(
        self, w, *, lr, inner_lr, inner_average, momentum, weight_decay, epoch_decay, clip
    ):
        self.w = [Scalar(value, weight_decay, epoch_decay) for value in w]
        self.a = self.b = self.alpha = None
        self.rate = lr, momentum, clip
        self.inner_lr = lr if inner_lr is None else inner_lr
        self.gamma, self.clip, self.u = inner_average, clip, None

    def step(self, x, y):
        w = [scalar.value for scalar in self.w]
        pairs = zip(w, cross_entropy_gradient(w, x, y), strict=True)
        fresh = [value - self.inner_lr * clipped(grad, self.clip) for value, grad in pairs]
        old = fresh if self.u is None else self.u
        self.u = [(1 - self.gamma) * u + self.gamma * f for u, f in zip(old, fresh, strict=True)]
        if self.a is None:
            self.start(x, y)
        self.alpha.value = max(0.0, self.alpha.value)
        variables = [self.a, self.b, self.alpha]
        grads = auc_gradients(self.u, *(v.value for v in variables), x, y)
        lr, momentum, clip = self.rate
        for scalar, grad in zip([*self.w, *variables], grads, strict=True):
            scalar.step(grad, lr, momentum, clip if scalar in self.w else math.inf)

    def start(self, x, y):
        """The saddle of the first batch, at u."""
        h = [logistic(self.u, row) for row in x]
        mean1 = sum(s for s, label in zip(h, y, strict=True) if label == 1) / sum(y)
        mean0 = sum(s for s, label in zip(h, y, strict=True) if label == 0) / (len(y) - sum(y))
        self.a, self.b = Scalar(mean1), Scalar(mean0)
        self.alpha = Scalar(max(0.0, 1.0 + mean0 - mean1), maximize=True)

    def next_stage(self):
        for scalar in self.w:
            scalar.next_stage()

    def values(self):
        return [s.value for s in [*self.w, self.a, self.b, self.alpha]]


def clipped(grad, bound):
    return max(-bound, min(bound, grad))


def logistic(w, row):
    return 1 / (1 + math.exp(-sum(wi * xi for wi, xi in zip(w, row, strict=True))))


def cross_entropy_gradient(w, x, y):
    """Gradient with respect to w of the mean cross-entropy."""
    total = [0.0] * len(w)
    for row, label in zip(x, y, strict=True):
        for i, xi in enumerate(row):
            total[i] += (logistic(w, row) - label) * xi / len(y)
    return total


def auc_gradients(w, a, b, alpha, x, y, margin=1.0):
    """Gradients with respect to w, a, b and alpha of the min-max margin loss."""
    n1 = sum(y)
    n0 = len(y) - n1
    in_w, in_a, in_b, gap = [0.0] * len(w), 0.0, 0.0, margin
    for row, label in zip(x, y, strict=True):
        h = logistic(w, row)
        if label == 1:
            slope = (2 * (h - a) - 2 * alpha) / n1
            in_a -= 2 * (h - a) / n1
            gap -= h / n1
        else:
            slope = (2 * (h - b) + 2 * alpha) / n0
            in_b -= 2 * (h - b) / n0
            gap += h / n0
        for i, xi in enumerate(row):
            in_w[i] += slope * h * (1 - h) * xi
    return [*in_w, in_a, in_b, 2 * gap - 2 * alpha]


def problem(number, rows=12, features=4, dtype=torch.float64):
    """A batch that depends on its number alone, of both classes."""
    draw = torch.Generator().manual_seed(100 + number)
    y = (torch.arange(rows) % 3 == 0).to(dtype)
    x = torch.randn(rows, features, generator=draw, dtype=torch.float64).to(dtype)
    return x + y[:, None], y


class Task:
    """A small network with its loss and its optimizer, stepped on numbered batches."""

    def __init__(self, *, auc=None, dtype=torch.float64, make=PDSCA, model=None, **options):
        torch.manual_seed(0)
        self.model = (model or nn.Linear(4, 1, bias=False)).to(dtype)
        self.loss, self.dtype = CompositionalAUCLoss(auc).to(dtype), dtype
        self.optimizer = make(param_groups(self.model, self.loss), **options)

    def closure(self, number):
        x, y = problem(number, dtype=self.dtype)

        def evaluate():
            self.optimizer.zero_grad()
            value = self.loss(self.model(x).squeeze(1), y)
            value.backward()
            return value

        return evaluate

    def run(self, steps, first=0, stages=()):
        for number in range(first, first + steps):
            if number in stages:
                self.optimizer.next_stage()
            self.optimizer.step(self.closure(number))
        return self.values()

    def values(self):
        """All that is trained, in one vector."""
        parameters = [*self.model.parameters(), *self.loss.parameters()]
        return torch.cat([p.detach().flatten() for p in parameters])


def joint_training(sizes, rank=None):
    """Train on the rows of ``rank``, or of all, at each step; return what was learned."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 1))
    loss = AllGather(CompositionalAUCLoss())
    optimizer = PDSCA(param_groups(model, loss), inner_lr=0.3, inner_average=0.5, epoch_decay=0.01)
    network = model if rank is None else DistributedDataParallel(model)
    for number, step in enumerate(sizes):
        x, y = problem(number, rows=sum(step), dtype=torch.float32)
        if rank is not None:
            x, y = x.split(step)[rank], y.split(step)[rank]

        def closure(x=x, y=y):
            value = loss(network(x).squeeze(1), y)
            value.backward()
            return value

        optimizer.step(closure)
    own = {k: v for k, v in loss.state_dict().items() if v.is_floating_point()}
    return model.state_dict() | own


def rank_training(rank, folder, sizes):
    """The same in one of two processes; leaves what was learned in a file."""
    dist.init_process_group("gloo", f"file://{folder}/store", rank=rank, world_size=2)
    torch.set_num_threads(1)
    torch.save(joint_training(sizes, rank), Path(folder) / f"{rank}.pt")
    dist.barrier()  # who leaves while the other still talks may take it down
    dist.destroy_process_group()
