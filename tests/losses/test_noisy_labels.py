"""What flipped labels do to an objective over pairs: a theorem, its limits, and one training run.

Positives are flipped with probability a and negatives with b, each row by itself. If
``l(t) + l(-t) = K`` for every gap, the expected sum over noisy pairs is

    (1 - a - b) * (sum over clean pairs) + K * (a b m n + a (1 - a) m (m - 1) / 2
                                                + b (1 - b) n (n - 1) / 2)

for m positives and n negatives: the same minimisers (Charoenphakdee, Lee and Sugiyama, ICML 2019).
"""

from itertools import product

import numpy as np
import pytest
import torch
from oracles_metrics import pairwise_auc
from sklearn.datasets import load_breast_cancer
from torch.nn import Identity

from aucmax.losses import PairwiseAUCLoss
from aucmax.surrogates import SURROGATES

CLEAN = torch.tensor([1.0, 0, 1, 0, 0, 1])
RATES = [(0.3, 0.3), (0.1, 0.4), (0.0, 0.2)]
SYMMETRIC = {"sigmoid": 1.0, "barrier_hinge": 2.0}
"""The sum of the values at t and -t, for a margin of 1; of the second within the barrier alone."""


def scores(seed, spread=1.0):
    """Scores of six rows, no two of them further apart than ``spread``."""
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(6, generator=generator, dtype=torch.float64) - 0.5) * spread


def pair_sum(h, target, name):
    """Sum, not mean, over the pairs of a positive and a negative; 0 without a pair."""
    loss = PairwiseAUCLoss(name, activation=Identity()).eval()
    return loss(h, target) * target.sum() * (1 - target).sum()


def expected_sum(h, clean, name, a, b):
    """Mean of :func:`pair_sum` over all 2^n ways to flip labels, by their probability."""
    total = h.new_zeros(())
    for flips in product([False, True], repeat=len(clean)):
        flipped = torch.tensor(flips)
        rate = torch.where(clean == 1, h.new_tensor(a), h.new_tensor(b))
        probability = torch.where(flipped, rate, 1 - rate).prod()
        total = total + probability * pair_sum(h, torch.where(flipped, 1 - clean, clean), name)
    return total


def constant(k, a, b):
    """The part of the expectation that no score can change."""
    m, n = int(CLEAN.sum()), int((1 - CLEAN).sum())
    return k * (a * b * m * n + a * (1 - a) * m * (m - 1) / 2 + b * (1 - b) * n * (n - 1) / 2)


@pytest.mark.parametrize("margin", [0.2, 1.0, 3.0])
def test_which_surrogates_are_symmetric(margin):
    inside = torch.linspace(-margin, margin, 41, dtype=torch.float64)
    beyond = torch.linspace(1.5, 4, 11, dtype=torch.float64) * margin
    for name, surrogate in SURROGATES.items():
        near, far = (surrogate(t, margin) + surrogate(-t, margin) for t in (inside, beyond))
        assert (bool(near.std() < 1e-12), bool(far.std() < 1e-12)) == {
            "sigmoid": (True, True),
            "barrier_hinge": (True, False),
            "hinge": (True, False),
        }.get(name, (False, False))


@pytest.mark.parametrize(("a", "b"), RATES)
@pytest.mark.parametrize(("name", "spread"), [("sigmoid", 8.0), ("barrier_hinge", 1.0)])
def test_symmetric_losses_expect_the_clean_one_scaled_and_shifted(name, spread, a, b):
    for seed in range(3):
        h = scores(seed, spread).requires_grad_()
        clean, noisy = pair_sum(h, CLEAN, name), expected_sum(h, CLEAN, name, a, b)
        expected = (1 - a - b) * clean + constant(SYMMETRIC[name], a, b)
        torch.testing.assert_close(noisy, expected, rtol=1e-12, atol=1e-12)
        slopes = [torch.autograd.grad(value, h)[0] for value in (noisy, clean)]
        torch.testing.assert_close(slopes[0], (1 - a - b) * slopes[1], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", ["square", "squared_hinge", "logistic", "exponential"])
def test_other_losses_prefer_a_wrong_ranking_to_a_right_one(name):
    target = torch.tensor([1.0, 0.0])
    right = torch.tensor([6.0, -6.0], dtype=torch.float64)
    wrong = torch.tensor([-0.1, 0.1], dtype=torch.float64)
    noisy = [expected_sum(h, target, name, 0.3, 0.3) for h in (right, wrong)]
    assert noisy[0] > noisy[1]
    if name != "square":  # which likes no gap but the margin, flipped labels or not
        assert pair_sum(right, target, name) < pair_sum(wrong, target, name)
    symmetric = [expected_sum(h, target, "sigmoid", 0.3, 0.3) for h in (right, wrong)]
    assert symmetric[0] < symmetric[1]


def test_beyond_the_barrier_the_barrier_hinge_is_like_the_others():
    h = torch.tensor([3.0, -3.0], dtype=torch.float64)
    target = torch.tensor([1.0, 0.0])
    clean = pair_sum(h, target, "barrier_hinge")
    noisy = expected_sum(h, target, "barrier_hinge", 0.3, 0.3)
    assert abs(noisy - (0.4 * clean + 0.09 * 2.0)) > 1


@pytest.mark.parametrize("name", ["sigmoid", "barrier_hinge"])
def test_a_linear_model_learns_from_labels_of_which_three_tenths_are_flipped(name):
    x, y = load_breast_cancer(return_X_y=True)
    x = torch.from_numpy((x - x.mean(0)) / x.std(0))
    order = np.random.default_rng(0).permutation(len(y))
    fit, test = order[:300], order[300:]
    noisy = torch.from_numpy(np.where(np.random.default_rng(1).random(300) < 0.3, 1 - y[fit],
                                      y[fit]))  # fmt: skip
    weight = torch.zeros(x.shape[1], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([weight], lr=0.1)
    for _ in range(100):
        optimizer.zero_grad()
        PairwiseAUCLoss(name)(x[fit] @ weight, noisy).backward()
        optimizer.step()
    found = pairwise_auc((x[test] @ weight).tolist(), y[test])
    assert found > 0.97
    assert pairwise_auc((x[fit] @ weight).tolist(), noisy) < 0.75  # the labels it learned from
