"""Mean, maximum and smooth maximum against loops; the estimate of a sample against the bag."""

import math
from itertools import combinations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles_bags import averaged, smooth_max, smooth_max_sum

from aucmax.bags import MaxPooling, MeanPooling, SmoothMaxPooling

scores = st.lists(st.lists(st.floats(-5, 5), min_size=4, max_size=4), min_size=1, max_size=5).map(
    lambda rows: torch.tensor(rows, dtype=torch.float64)
)


@given(scores)
@settings(max_examples=40, deadline=None)
def test_mean_and_maximum(x):
    torch.testing.assert_close(MeanPooling()(x), x.mean(1))
    assert torch.equal(MaxPooling()(x), x.max(1).values)


@given(scores, st.floats(0.05, 20))
@settings(max_examples=60, deadline=None)
def test_smooth_maximum_is_its_formula_between_mean_and_maximum(x, tau):
    h = SmoothMaxPooling(tau)(x)
    expected = torch.tensor([smooth_max(bag, tau) for bag in x.tolist()], dtype=torch.float64)
    torch.testing.assert_close(h, expected, rtol=1e-8, atol=1e-8)
    assert (h >= x.mean(1) - 1e-9).all()
    assert (h <= x.amax(1) + 1e-9).all()


@given(scores, st.floats(-3, 3))
@settings(max_examples=30, deadline=None)
def test_smooth_maximum_moves_with_the_scores(x, by):
    pool = SmoothMaxPooling(0.3)
    torch.testing.assert_close(pool(x + by), pool(x) + by)


def test_limits_of_the_temperature():
    x = torch.randn(6, 9)
    torch.testing.assert_close(SmoothMaxPooling(1e-6)(x), x.amax(1), rtol=0, atol=1e-5)
    torch.testing.assert_close(SmoothMaxPooling(1e6)(x), x.mean(1), rtol=0, atol=1e-6)


def test_gradient_with_all_instances_is_that_of_the_formula():
    x = torch.randn(3, 5, dtype=torch.float64)
    x[:, 1] = x[:, 3]  # ties
    pool = SmoothMaxPooling(0.4, 3, gamma=1.0).double()
    pool(torch.randn_like(x), index=torch.arange(3))  # a past that gamma = 1 forgets
    x.requires_grad_()
    value = pool(x, index=torch.arange(3))
    value.sum().backward()
    exact = [smooth_max(bag, 0.4) for bag in x.tolist()]
    torch.testing.assert_close(value.detach(), torch.tensor(exact).double(), rtol=1e-6, atol=1e-6)
    for bag, gradient in zip(x.tolist(), x.grad.tolist(), strict=True):
        total = sum(math.exp(phi / 0.4) for phi in bag)
        expected = [math.exp(phi / 0.4) / total for phi in bag]
        assert gradient == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("size", [1, 2, 4])
def test_samples_estimate_the_sum_without_bias(size):
    """Over all subsets of a bag, the mean estimate is the bag's own; so is the gradient times u."""
    bag, tau = torch.randn(6, dtype=torch.float64), 0.5
    subsets = list(combinations(range(6), size))
    estimates, gradients = [], torch.zeros(6, dtype=torch.float64)
    for subset in subsets:
        pool = SmoothMaxPooling(tau, 1, gamma=0.4).double()
        pool.average.value.fill_(0.7)
        x = bag.clone().requires_grad_()
        exact = SmoothMaxPooling(tau)(x[list(subset)][None])
        estimates.append(math.exp(exact.item() / tau))
        value = pool(x[list(subset)][None], index=torch.tensor([0]))
        value.sum().backward()
        gradients += x.grad * pool.average.value.exp() / len(subsets)
    assert sum(estimates) / len(subsets) == pytest.approx(smooth_max_sum(bag.tolist(), tau))
    torch.testing.assert_close(gradients, (bag / tau).exp() / 6)


def test_averages_follow_their_recursion():
    pool, old = SmoothMaxPooling(0.3, 5, gamma=0.2).double(), [None] * 5
    for step in range(12):
        index = torch.randperm(5)[:3]
        x = torch.randn(3, 4, dtype=torch.float64)
        mask = torch.rand(3, 4) > 0.3
        mask[:, step % 4] = True
        h = pool(x, mask, index)
        for row, bag in enumerate(index.tolist()):
            real = x[row, mask[row]].tolist()
            old[bag] = averaged(old[bag], smooth_max_sum(real, 0.3), 0.2)
            assert h[row].item() == pytest.approx(0.3 * math.log(old[bag]), abs=1e-10)
    assert pool.average.value.exp().tolist() == pytest.approx(old)


def test_averages_come_closer_than_samples():
    """A sample's smooth maximum is too low on average; that of many samples' average is not."""
    bag = torch.randn(30, dtype=torch.float64)
    exact = smooth_max(bag.tolist(), 0.2)
    pool = SmoothMaxPooling(0.2, 1, gamma=0.01).double()
    alone, kept = [], []
    for _ in range(1500):
        x = bag[torch.randperm(30)[:4]][None]
        alone.append(SmoothMaxPooling(0.2)(x).item() - exact)
        kept.append(pool(x, index=torch.tensor([0])).item() - exact)
    assert sum(alone) / len(alone) < -0.2
    assert abs(sum(kept[500:]) / 1000) < 0.05


def test_gradient_of_a_bag_is_bounded():
    """The weights of a bag's instances sum to at most 1 / gamma, whatever its past."""
    for past in (-50.0, 0.0, 50.0):
        pool = SmoothMaxPooling(0.1, 1, gamma=0.25)
        pool.average.value.fill_(past)
        x = torch.rand(1, 8).requires_grad_()
        pool(x, index=torch.tensor([0])).sum().backward()
        assert (x.grad >= 0).all()
        assert x.grad.sum() <= 4 * (1 + 1e-5)


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("inf"), float("nan")])
def test_wrong_temperature(temperature):
    with pytest.raises(ValueError, match=r"temperature must be > 0 and finite, got .*MaxPooling"):
        SmoothMaxPooling(temperature)


def test_it_shows_what_was_asked_for():
    shown = repr(SmoothMaxPooling(0.2, 7, gamma=0.3))
    assert "temperature=0.2" in shown
    assert "(7,), gamma=0.3" in shown
