import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles_refit import all_gaps, best_weights, problem, slow_objective, standardised
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.svm import LinearSVC

from aucmax.refit import _pairs, _weights
from aucmax.refit._folds import fold_of_rows
from aucmax.refit._pairs import make_pairs
from aucmax.refit._weights import at_best_length, choose, fit


def pairs_of(x, target, old):
    return make_pairs(torch.tensor(x), torch.tensor(target), torch.tensor(old), 0)


@pytest.mark.parametrize("l2", [0.01, 0.5, 20.0])
@pytest.mark.parametrize("seed", [0, 1])
def test_is_the_minimum_that_scipy_finds_on_explicit_pairs(seed, l2):
    x, target, old = problem(seed)
    found = fit(pairs_of(x, target, old), l2, 200)
    assert found.converged
    z, old = standardised(x), old * x.std(0)
    assert found.v.numpy() == pytest.approx(best_weights(z, target, old, l2), abs=1e-6)


@pytest.mark.parametrize("l2", [0.01, 1.0])
def test_from_zero_weights_it_is_a_support_vector_machine_of_all_pairs(l2):
    x, target, old = problem(2)
    gaps = all_gaps(standardised(x), target)
    svm = LinearSVC(
        C=1 / (4 * l2 * len(gaps)),  # every pair is there twice, as gap and as its mirror image
        loss="squared_hinge",
        dual=False,
        fit_intercept=False,
        tol=1e-10,
        max_iter=10000,
    ).fit(np.concatenate([gaps, -gaps]), np.repeat([1, -1], len(gaps)))
    found = fit(pairs_of(x, target, 0 * old), l2, 200)
    assert found.v.numpy() == pytest.approx(svm.coef_[0], abs=1e-6)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), l2=st.sampled_from([0.0, 0.1, 3.0]))
def test_no_step_away_is_lower_in_the_double_loop(seed, l2):
    x, target, old = problem(seed, n=20, d=3, signal=0.3)
    pairs = pairs_of(x, target, old)
    found = fit(pairs, l2, 200)
    assert found.converged
    v, z, old = found.v.numpy(), standardised(x), old * x.std(0)
    value = slow_objective(v, z, target, old, l2)
    for step in np.concatenate([np.eye(3), -np.eye(3)]) * 1e-3:
        assert slow_objective(v + step, z, target, old, l2) >= value - 1e-9


def test_float32_is_as_good(monkeypatch):
    rng = np.random.default_rng(0)
    x = np.maximum(rng.normal(size=(20000, 10)) @ rng.normal(size=(10, 10)) + 1, 0)
    target = (x[:, 0] - x[:, 1] + 3 * rng.normal(size=20000) > 6).astype(float)
    old = rng.normal(size=10)
    exact = pairs_of(x, target, old)
    monkeypatch.setattr(_pairs, "_SMALL", 0)
    rough = make_pairs(torch.tensor(x).float(), torch.tensor(target), torch.tensor(old), 0)
    assert rough.z.dtype == torch.float32
    a, b = fit(exact, 0.1, 200), fit(rough, 0.1, 200)
    assert b.converged
    assert b.v.numpy() == pytest.approx(a.v.numpy(), abs=1e-3)
    at_a, at_b = ((exact.loss(v) + 0.1 * exact.penalty(v)).item() for v in (a.v, b.v))
    assert at_a <= at_b <= at_a + 1e-7


def test_dependent_features_and_more_features_than_rows():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(30, 20)) @ rng.normal(size=(20, 60))
    x[:, 7] = x[:, 8]
    target = (np.arange(30) < 8).astype(float)
    pairs = pairs_of(x, target, rng.normal(size=60))
    for l2 in (0.0, 0.1):
        assert fit(pairs, l2, 500).converged
    assert pairs.loss(fit(pairs, 0.0, 500).v).item() == pytest.approx(0, abs=1e-10)


def test_the_length_alone_by_a_scan():
    x, target, old = problem(6)
    pairs = pairs_of(x, target, old)
    found = at_best_length(pairs, 100)
    z, u = standardised(x), pairs.direction.numpy()
    lengths = np.linspace(-3, 3, 6001)
    gaps = all_gaps(z, target) @ u
    values = (np.maximum(0, 1 - lengths[:, None] * gaps) ** 2).mean(1)
    assert found.v @ torch.from_numpy(u) == pytest.approx(lengths[values.argmin()], abs=1e-3)
    assert pairs.penalty(found.v) == pytest.approx(0, abs=1e-20)
    assert fit(pairs, math.inf, 100).v.tolist() == found.v.tolist()


def test_large_strength_tends_to_infinite_strength():
    x, target, old = problem(6)
    pairs = pairs_of(x, target, old)
    near, there = fit(pairs, 1e7, 200).v.numpy(), fit(pairs, math.inf, 200).v.numpy()
    assert near == pytest.approx(there, abs=1e-6)


def test_old_weights_of_zero_have_no_length():
    x, target, old = problem(6)
    found = at_best_length(pairs_of(x, target, 0 * old), 100)
    assert not found.v.any()
    assert found.converged


def test_cross_validation_equals_fits_on_the_parts(monkeypatch):
    monkeypatch.setattr(_weights, "_ROUGH", 1e-9)
    x, target, old = problem(8, n=60)
    old[0] += 3
    _, means = choose(pairs_of(x, target, old), np.arange(60), 3, 0, 200)
    fold = fold_of_rows(target == 1, np.arange(60), 3, 0)
    z, old = standardised(x), old * x.std(0)
    for l2 in (100.0, 1.0, 0.01):
        left_out = []
        for k in range(3):
            v = best_weights(z[fold != k], target[fold != k], old, l2)
            left_out.append(roc_auc_score(target[fold == k], z[fold == k] @ v))
        assert means[l2] == pytest.approx(np.mean(left_out))
    kept = [roc_auc_score(target[fold == k], z[fold == k] @ old) for k in range(3)]
    assert means[math.inf] == pytest.approx(np.mean(kept))


def test_good_old_weights_are_kept_and_bad_ones_given_up():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 10))
    target = (x[:, 0] + rng.normal(size=400) > 1).astype(float)
    good, bad = np.eye(10)[0], np.eye(10)[1]
    assert choose(pairs_of(x, target, good), np.arange(400), 5, 0, 200)[0] == math.inf
    strength, means = choose(pairs_of(x, target, bad), np.arange(400), 5, 0, 200)
    assert strength <= 1
    assert means[strength] > means[math.inf] + 0.2


def test_zero_weights_cannot_be_kept():
    x, target, old = problem(8, n=60)
    strength, means = choose(pairs_of(x, target, 0 * old), np.arange(60), 3, 0, 200)
    assert math.inf not in means
    assert strength in means


@pytest.mark.parametrize(
    ("found", "row"),
    [
        ([[0.7, 0.7, 0.7], [0.8, 0.8, 0.8], [0.8, 0.8, 0.8]], 1),  # the first of equal ones
        ([[0.70, 0.80, 0.90], [0.72, 0.79, 0.90], [0.60, 0.60, 0.60]], 0),  # by chance
        ([[0.70, 0.80, 0.90], [0.72, 0.82, 0.92], [0.60, 0.60, 0.60]], 1),  # on every fold
    ],
)
def test_the_strongest_within_one_standard_error(found, row):
    assert _weights._cautious(np.array(found)) == row


def test_ranks_like_logistic_regression_does_where_that_is_the_truth():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(3000, 5))
    w = np.array([1.0, -1, 0.5, 0, 0])
    target = (rng.random(3000) < 1 / (1 + np.exp(2 - x @ w))).astype(float)
    v = fit(pairs_of(x, target, np.zeros(5)), 1e-4, 200).v.numpy()
    other = LogisticRegression(C=1e6).fit(standardised(x), target).coef_[0]
    assert v @ other / np.linalg.norm(v) / np.linalg.norm(other) > 0.995
