import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles_refit import all_gaps, problem, slow_objective, standardised

from aucmax.refit import _pairs
from aucmax.refit._pairs import make_pairs


def pairs_of(x, target, old):
    return make_pairs(torch.tensor(x), torch.tensor(target), torch.tensor(old), 0)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), l2=st.sampled_from([0.0, 0.3, 5.0]))
def test_loss_and_penalty_are_the_double_loop(seed, l2):
    x, target, old = problem(seed, n=15, d=3)
    pairs = pairs_of(x, target, old)
    v = torch.from_numpy(np.random.default_rng(seed).normal(size=3))
    value = pairs.loss(v) + l2 * pairs.penalty(v)
    expected = slow_objective(v.numpy(), standardised(x), target, old * x.std(0), l2)
    assert value.item() == pytest.approx(expected, rel=1e-10)


def test_weights_of_rows_leave_rows_out():
    x, target, old = problem(3)
    pairs, v = pairs_of(x, target, old), torch.ones(4, dtype=torch.float64)
    rows = np.arange(40) % 3 > 0
    expected = slow_objective(v.numpy(), standardised(x)[rows], target[rows], old, 0)
    assert pairs.loss(v, torch.from_numpy(rows).double()).item() == pytest.approx(expected)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gradient_is_that_of_finite_differences(dtype, monkeypatch):
    monkeypatch.setattr(_pairs, "_BLOCK", 7)  # several blocks
    monkeypatch.setattr(_pairs, "_SMALL", 0)
    x, target, old = problem(1)
    pairs = make_pairs(torch.tensor(x).to(dtype), torch.tensor(target), torch.tensor(old), 0)
    assert pairs.z.dtype == dtype
    v = torch.tensor([0.3, -0.2, 0.5, 0.1], dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(pairs.loss(v), v)
    z, step = pairs.z.double().numpy(), np.eye(4) * 1e-6
    at = v.detach().numpy()
    slopes = [
        (slow_objective(at + e, z, target, old, 0) - slow_objective(at - e, z, target, old, 0))
        / 2e-6
        for e in step
    ]
    assert gradient.numpy() == pytest.approx(np.array(slopes), rel=1e-5, abs=1e-6)


def test_few_entries_are_computed_in_float64():
    x, target, old = problem(1)
    pairs = make_pairs(torch.tensor(x).float(), torch.tensor(target), torch.tensor(old), 0)
    assert pairs.z.dtype == torch.float64


def test_curvature_is_the_mean_over_pairs(monkeypatch):
    monkeypatch.setattr(_pairs, "_BLOCK", 7)
    x, target, old = problem(2)
    gaps = all_gaps(standardised(x), target)
    found = pairs_of(x, target, old).curvature.numpy()
    assert found == pytest.approx(gaps.T @ gaps / len(gaps), rel=1e-9)


def test_basis_whitens_the_hessian():
    x, target, old = problem(4)
    pairs = pairs_of(x, target, old)
    u = pairs.direction
    assert u.norm().item() == pytest.approx(1)
    hessian = pairs.curvature + 2 * 0.7 * (torch.eye(4) - torch.outer(u, u))
    basis = pairs.basis(0.7)
    assert (basis.mT @ hessian @ basis).numpy() == pytest.approx(np.eye(4), abs=1e-4)


def test_infinite_strength_leaves_the_old_direction():
    x, target, old = problem(4)
    pairs = pairs_of(x, target, old)
    basis = pairs.basis(float("inf"))
    assert basis.shape == (4, 1)
    assert pairs.penalty(basis[:, 0]).item() == pytest.approx(0, abs=1e-20)
    assert (basis.mT @ pairs.curvature @ basis).item() == pytest.approx(1)


def test_unknown_rows_and_constant_features_are_left_out():
    x, target, old = problem(5)
    x[:, 2] = 1e5  # its mean is rounded, so its deviations are not quite 0
    target[3] = np.nan
    x[3] = 1e9
    pairs = pairs_of(x, target, old)
    kept = np.delete(np.delete(x, 3, 0), 2, 1)
    assert pairs.z.numpy() == pytest.approx(standardised(kept))
    assert pairs.deviation[2] == 0
    assert pairs.old.numpy() == pytest.approx(np.delete(old, 2) * kept.std(0))


def test_features_must_vary():
    target = torch.tensor([0.0, 1.0, torch.nan])
    with pytest.raises(ValueError, match=r"all 2 are constant over the 2 rows .* of output 7"):
        make_pairs(torch.ones(3, 2), target, torch.ones(2), 7)
