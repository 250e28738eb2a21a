"""Attention pooling against loops, with averages and without."""

import math
from itertools import combinations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles_bags import attention, attention_sums, averaged

from aucmax.bags import AttentionPooling, GatedAttention

pairs = st.lists(
    st.lists(st.tuples(st.floats(-5, 5), st.floats(-8, 8)), min_size=3, max_size=3),
    min_size=1,
    max_size=4,
).map(lambda rows: torch.tensor(rows, dtype=torch.float64).unbind(2))


@given(pairs, st.floats(-30, 30))
@settings(max_examples=60, deadline=None)
def test_the_formula_which_a_constant_leaves_alone(pair, by):
    phi, g = pair
    h = AttentionPooling()(phi, g)
    exact = [attention(*bag) for bag in zip(phi.tolist(), g.tolist(), strict=True)]
    assert h.tolist() == pytest.approx(exact, rel=1e-8, abs=1e-8)
    torch.testing.assert_close(AttentionPooling()(phi, g + by), h)


def test_both_inputs_learn_the_gradient_of_the_formula():
    phi, g = (torch.randn(3, 4, dtype=torch.float64, requires_grad=True) for _ in range(2))
    mask = torch.tensor([[1, 1, 1, 1], [0, 1, 0, 0], [1, 0, 1, 1]]) > 0
    assert torch.autograd.gradcheck(lambda phi, g: AttentionPooling()(phi, g, mask), (phi, g))


@pytest.mark.parametrize("size", [1, 3])
def test_samples_estimate_both_sums_without_bias(size):
    phi, g = torch.randn(2, 5, dtype=torch.float64)
    subsets = [list(rows) for rows in combinations(range(5), size)]
    sums = torch.zeros(2, dtype=torch.float64)
    for rows in subsets:
        pool = AttentionPooling(1).double()
        pool(phi[rows][None], g[rows][None], index=torch.tensor([0]))
        denominator = pool.average.denominator.value.exp()
        sums += torch.cat([pool.average.ratio * denominator, denominator]) / len(subsets)
    torch.testing.assert_close(
        sums, torch.tensor(attention_sums(phi.tolist(), g.tolist())).double()
    )


def test_averages_follow_the_recursion_of_the_sums():
    pool, old = AttentionPooling(5, gamma=0.2).double(), [(None, None)] * 5
    for step in range(12):
        index = torch.randperm(5)[:3]
        phi, g = torch.randn(2, 3, 4, dtype=torch.float64)
        mask = torch.rand(3, 4) > 0.3
        mask[:, step % 4] = True
        h = pool(phi, 2 * g, mask, index)
        for row, bag in enumerate(index.tolist()):
            real = mask[row]
            fresh = attention_sums(phi[row, real].tolist(), (2 * g[row, real]).tolist())
            n, d = (averaged(u, v, 0.2) for u, v in zip(old[bag], fresh, strict=True))
            old[bag] = n, d
            assert h[row].item() == pytest.approx(n / d, abs=1e-10)
    logs = [math.log(d) for _, d in old]
    assert pool.average.denominator.value.tolist() == pytest.approx(logs, abs=1e-10)


def test_gamma_of_one_forgets():
    pool = AttentionPooling(2, gamma=1.0)
    phi, g = torch.randn(2, 2, 4)
    for _ in range(2):
        h = pool(phi, g, index=torch.arange(2))
        torch.testing.assert_close(h, AttentionPooling()(phi, g))
        phi = phi + 1


@pytest.mark.parametrize("size", [1e4, -1e4])
def test_extreme_attention(size):
    """exp(g) overflows; neither the averages do nor the gradients, and h stays in its range."""
    pool = AttentionPooling(2, gamma=0.3)
    for scale in (1.0, size, -size, size):
        phi, g = (torch.randn(2, 2, 6) * torch.tensor([1.0, scale])[:, None, None]).unbind(0)
        phi.requires_grad_()
        g = g.clone().requires_grad_()
        h = pool(phi, g, index=torch.arange(2))
        h.sum().backward()
        assert h.abs().max() < 10
        assert phi.grad.isfinite().all()
        assert g.grad.isfinite().all()


def test_the_average_weighs_samples_by_their_attention():
    """A sample of far less attention leaves the ratio alone; one of far more takes it over."""
    pool, index = AttentionPooling(1, gamma=0.5), torch.tensor([0])
    pool(torch.tensor([[1.0, 1.0]]), torch.tensor([[0.0, 0.0]]), index=index)
    assert pool(torch.tensor([[9.0]]), torch.tensor([[-60.0]]), index=index) == 1
    assert pool(torch.tensor([[5.0]]), torch.tensor([[60.0]]), index=index).item() == pytest.approx(
        5, abs=1e-4
    )


def test_labels_share_one_attention():
    phi, g = torch.randn(2, 4, 3), torch.randn(2, 4)
    each = torch.stack([AttentionPooling()(phi[..., k], g) for k in range(3)], 1)
    torch.testing.assert_close(AttentionPooling()(phi, g), each)
    pool, index = AttentionPooling(2, num_labels=3), torch.arange(2)
    torch.testing.assert_close(pool(phi, g, index=index), each)
    assert pool.average.ratio.shape == pool.average.denominator.value.shape == (2, 3)


def test_half_precision_is_computed_in_float32():
    phi, g = torch.randn(2, 3, 5).half()
    assert torch.equal(AttentionPooling()(phi, g), AttentionPooling()(phi.float(), g.float()))


@pytest.mark.parametrize("shape", [(2, 3), (2, 4, 3), (4, 2)])
def test_wrong_shape_of_attention(shape):
    with pytest.raises(ValueError, match=r"attention must have the shape of instances, \(2, 4\)"):
        AttentionPooling()(torch.zeros(2, 4), torch.zeros(shape))


def test_wrong_attention():
    phi = torch.zeros(2, 4)
    with pytest.raises(TypeError, match=r"attention must be a float.* got torch\.bool"):
        AttentionPooling()(phi, phi > 0)  # a mask in its place
    with pytest.raises(TypeError, match=r"attention must be a float.* got NoneType"):
        AttentionPooling()(phi, None)
    with pytest.raises(ValueError, match="attention must be finite where mask is True, got 8"):
        AttentionPooling()(phi, phi / 0)


def test_gated_attention_is_its_formula():
    gate = GatedAttention(3, 2)
    x = torch.randn(4, 5, 3)
    g = gate(x).detach()
    assert g.shape == (4, 5)
    v, u, w = gate.content, gate.gate, gate.weight.weight[0].tolist()
    for row, wanted in zip(x.flatten(0, 1), g.flatten(), strict=True):
        content, opening = ((layer.weight @ row + layer.bias).tolist() for layer in (v, u))
        by_hand = sum(w[k] * math.tanh(content[k]) / (1 + math.exp(-opening[k])) for k in range(2))
        assert by_hand == pytest.approx(wanted.item(), abs=1e-6)


@pytest.mark.parametrize("sizes", [(0, 4), (4, 0)])
def test_wrong_sizes(sizes):
    with pytest.raises(ValueError, match="must be an integer >= 1, got 0"):
        GatedAttention(*sizes)
