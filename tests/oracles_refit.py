"""Slow, obvious computations for re-fitted heads."""

import numpy as np
from scipy.optimize import minimize


def standardised(x):
    """Features at mean 0 and deviation 1."""
    return (x - x.mean(0)) / x.std(0)


def all_gaps(z, target):
    """(pairs, d): z+ - z- for every pair, by two loops."""
    return np.array(
        [z[i] - z[j] for i in np.flatnonzero(target == 1) for j in np.flatnonzero(target == 0)]
    )


def slow_objective(v, z, target, old, l2):
    """The objective of refit_head by a loop over pairs."""
    total, pairs = 0.0, 0
    for i in np.flatnonzero(target == 1):
        for j in np.flatnonzero(target == 0):
            total += max(0.0, 1 - v @ z[i] + v @ z[j]) ** 2
            pairs += 1
    u = old / np.linalg.norm(old) if old.any() else old
    away = v - u * (u @ v)
    return total / pairs + l2 * away @ away


def best_weights(z, target, old, l2):
    """The minimum by SciPy's BFGS on explicit pairs."""
    gaps = all_gaps(z, target)
    u = old / np.linalg.norm(old) if old.any() else old

    def objective(v):
        short, away = np.maximum(0, 1 - gaps @ v), v - u * (u @ v)
        gradient = -2 * short @ gaps / len(gaps) + 2 * l2 * away
        return (short**2).mean() + l2 * away @ away, gradient

    found = minimize(objective, np.zeros(len(old)), jac=True, options={"gtol": 1e-10})
    return found.x


def problem(seed, n=40, d=4, signal=1.0):
    """Features (n, d), target (n,) with both classes, old weights (d,)."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d)) * rng.uniform(0.5, 3, d) + rng.normal(size=d)
    target = (signal * x[:, 0] + rng.normal(size=n) > np.quantile(x[:, 0], 0.7)).astype(float)
    target[:2] = 0, 1
    return x, target, rng.normal(size=d)
