"""The smooth partial AUC losses, slow and obvious: loops over pairs, plain numbers for state."""

import math

import torch
from oracles_losses import of_class


def log_mean_exp(values):
    """Logarithm of the mean of exp over a list of tensors of shape ()."""
    return torch.logsumexp(torch.stack(values), 0) - math.log(len(values))


def rows_of_pairs(h, target, surrogate, margin):
    """For every positive the list of the losses of its pairs; empty lists without negatives."""
    negatives = of_class(h, target, 0)
    return [[surrogate(x - y, margin) for y in negatives] for x in of_class(h, target, 1)]


def one_way(h, target, surrogate, margin, temperature):
    """Mean over positives of t log mean exp(l / t) of one label; None without a pair."""
    rows = rows_of_pairs(h, target, surrogate, margin)
    if not rows or not rows[0]:
        return None
    soft = [temperature * log_mean_exp([x / temperature for x in row]) for row in rows]
    return sum(soft) / len(soft)


def two_way(h, target, surrogate, margin, temperature, positive_temperature):
    """t' log mean_i u_i^(t / t') of one label, as it is written; None without a pair."""
    rows = rows_of_pairs(h, target, surrogate, margin)
    if not rows or not rows[0]:
        return None
    log_u = [log_mean_exp([x / temperature for x in row]) for row in rows]
    powers = [temperature / positive_temperature * x for x in log_u]
    return positive_temperature * log_mean_exp(powers)


class ByHand:
    """Both estimators for one label as in the paper: u and v are plain numbers, p a quotient."""

    def __init__(self, temperature, gamma, positive_temperature=None):
        self.temperature, self.gamma = temperature, gamma
        self.positive_temperature = positive_temperature
        self.u, self.v = {}, None

    def mixed(self, old, fresh):
        return fresh if old is None else (1 - self.gamma) * old + self.gamma * fresh

    def __call__(self, h, target, index, surrogate, margin):
        """The value of the objective, and a sum whose gradient is the estimator's."""
        rows = rows_of_pairs(h, target, surrogate, margin)
        ids = [int(i) for i, y in zip(index, target, strict=True) if y == 1]
        pairs = len(rows) * len(rows[0])
        exps = [[math.exp(float(x.detach()) / self.temperature) for x in row] for row in rows]
        for i, row in zip(ids, exps, strict=True):
            self.u[i] = self.mixed(self.u.get(i), sum(row) / len(row))
        u = [self.u[i] for i in ids]
        if self.positive_temperature is None:
            value = sum(self.temperature * math.log(x) for x in u) / len(u)
            outer = [1 / x for x in u]
        else:
            power = self.temperature / self.positive_temperature
            self.v = self.mixed(self.v, sum(x**power for x in u) / len(u))
            value = self.positive_temperature * math.log(self.v)
            outer = [x ** (power - 1) / self.v for x in u]
        terms = [
            w * e / pairs * x
            for w, row, es in zip(outer, rows, exps, strict=True)
            for x, e in zip(row, es, strict=True)
        ]
        return value, sum(terms)
