"""Slow, obvious statements of sums over pairs, average precision and the p-norm push."""

import torch


def pair_sums(h, rows, columns, surrogate, margin):
    """For each row that is wanted the weighted sum over all columns of one label."""
    sums = []
    for i in range(len(h)):
        total = 0 * h.sum()
        for j in range(len(h)):
            if rows[i] > 0 and columns[j] > 0:
                total = total + columns[j] * surrogate(h[i] - h[j], margin)
        sums.append(total)
    return torch.stack(sums)


def sums_of(h, target, i, surrogate, margin, prior=None):
    """Estimates g+ and g- of positive i: what of each class is ranked near or above it."""
    positives = [s for s in range(len(h)) if target[s] == 1]
    negatives = [s for s in range(len(h)) if target[s] == 0]
    known = len(positives) + len(negatives)
    weight1 = 1 / known if prior is None else prior / len(positives)
    weight0 = 1 / known if prior is None else (1 - prior) / len(negatives)
    g1 = sum(weight1 * surrogate(h[i] - h[s], margin) for s in positives)
    g0 = sum(weight0 * surrogate(h[i] - h[s], margin) for s in negatives)
    return g1, g0


def average_precision_loss(h, target, surrogate, margin, prior=None):
    """One minus the mean over positives of g+ / (g+ + g-), one label; None without a pair."""
    positives = [i for i in range(len(h)) if target[i] == 1]
    if not positives or not (target == 0).any():
        return None
    ratios = []
    for i in positives:
        g1, g0 = sums_of(h, target, i, surrogate, margin, prior)
        ratios.append(g1 / (g1 + g0))
    return 1 - sum(ratios) / len(ratios)


class Soap:
    """The algorithm of the paper for one label, its averages u_pos and u_all in dictionaries."""

    def __init__(self, gamma, surrogate, margin, prior=None):
        self.gamma, self.surrogate, self.margin, self.prior = gamma, surrogate, margin, prior
        self.u_pos, self.u_all = {}, {}

    def step(self, h, target, index):
        """Value at the new averages, and the gradient with respect to h."""
        h = h.detach().clone().requires_grad_()
        positives = [i for i in range(len(h)) if target[i] == 1]
        value, gradient = 0.0, torch.zeros_like(h)
        for i in positives:
            g_pos, g_neg = sums_of(h, target, i, self.surrogate, self.margin, self.prior)
            g_all = g_pos + g_neg
            key = int(index[i])
            u_pos = self._mixed(self.u_pos.get(key), g_pos.item())
            u_all = self._mixed(self.u_all.get(key), g_all.item())
            self.u_pos[key], self.u_all[key] = u_pos, u_all
            estimate = -g_pos / u_all + u_pos / u_all**2 * g_all
            gradient += torch.autograd.grad(estimate, h)[0] / len(positives)
            value += u_pos / u_all / len(positives)
        return 1 - value, gradient

    def _mixed(self, old, fresh):
        return fresh if old is None else (1 - self.gamma) * old + self.gamma * fresh


def p_norm_push(h, target, surrogate, margin, p):
    """Mean over negatives of (mean over positives)^p, one label; None without a pair."""
    positives, negatives = h[target == 1], h[target == 0]
    if len(positives) == 0 or len(negatives) == 0:
        return None
    heights = [sum(surrogate(x - y, margin) for x in positives) / len(positives) for y in negatives]
    return sum(height**p for height in heights) / len(negatives)
