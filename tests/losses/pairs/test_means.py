"""The means over all pairs at sizes where a matrix of pairs is not an option."""

import pytest
import torch
from oracles_losses import SURROGATES as SLOW
from oracles_losses import LargestTensor
from torch.nn import Identity

from aucmax.losses import PairwiseAUCLoss
from aucmax.losses.pairs import means as all_pairs
from aucmax.losses.pairs import sums as pair_sums
from aucmax.surrogates import SURROGATES

ROWS = 100_000


def batch(rows, positives, offset=0.0):
    h = torch.randn(rows) + offset
    return h.requires_grad_(), (torch.arange(rows) < positives).float()


@pytest.mark.parametrize("name", SURROGATES)
def test_no_tensor_is_larger_than_the_batch_or_one_block(name):
    linear = name in ("square", "squared_hinge")
    h, target = batch(ROWS, ROWS // 2 if linear else 30)
    limit = ROWS if linear else max(ROWS, pair_sums.BLOCK_PAIRS)
    with LargestTensor() as largest:
        PairwiseAUCLoss(name)(h, target).backward()
    assert ROWS <= largest.elements <= limit < 30 * (ROWS - 30)


@pytest.mark.parametrize("name", SURROGATES)
def test_what_is_kept_for_the_backward_pass_is_linear_in_the_batch(name):
    h, target = batch(ROWS, 30)
    kept = {}

    def pack(tensor):
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        loss = PairwiseAUCLoss(name)(h, target)
    loss.backward()
    assert 0 < sum(kept.values()) <= 48 * ROWS  # the pairs would take 4 * 30 * ROWS
    assert h.grad.isfinite().all()


@pytest.mark.parametrize(
    ("dtype", "offset", "tolerance"), [(torch.float32, 1e3, 1e-4), (torch.float64, 1e6, 1e-8)]
)
@pytest.mark.parametrize("name", ["square", "squared_hinge"])
def test_a_large_offset_does_no_harm(name, dtype, offset, tolerance):
    h, target = batch(ROWS, 100, offset)
    h = h.detach().to(dtype).requires_grad_()
    value = PairwiseAUCLoss(name, activation=Identity())(h, target)
    value.backward()
    exact = h.detach().double()
    error = 1 - exact[target == 1][:, None] + exact[target == 0]  # all pairs
    error = error.clamp(min=0) if name == "squared_hinge" else error
    assert value.item() == pytest.approx(float((error**2).mean()), rel=tolerance)
    slopes = -2 * error.sum(1) / error.numel(), 2 * error.sum(0) / error.numel()
    for found, slope in zip((h.grad[target == 1], h.grad[target == 0]), slopes, strict=True):
        assert (found - slope).abs().max() < tolerance * slope.abs().max()


@pytest.mark.parametrize("name", ["square", "squared_hinge"])
def test_a_million_rows(name):
    rows = 1_000_000
    h = torch.linspace(0, 1, rows, requires_grad=True)
    target = (torch.arange(rows) % 2).float()
    value = PairwiseAUCLoss(name, 0.5, activation=Identity())(h, target)
    value.backward()
    # Gaps spread as the difference of two uniform numbers: density 1 - |t| on (-1, 1).
    gap = torch.linspace(-1, 1, 20_001, dtype=torch.float64)
    expected = torch.trapezoid(SURROGATES[name](gap, 0.5) * (1 - gap.abs()), gap)
    assert value.item() == pytest.approx(float(expected), rel=1e-4)
    assert abs(float(h.grad.double().sum())) < 1e-6  # pairs push apart, the whole stays


def weights_of(target, *values):
    """Weights of one class: the given values in turn, 0 for the other class."""
    cycle = torch.tensor(values, dtype=torch.float64).repeat(len(target))[: len(target)]
    return cycle * target.double()


@pytest.mark.parametrize("scale", [1.0, 1e-6])
@pytest.mark.parametrize("name", SURROGATES)
def test_weights_equal_the_weighted_double_loop(name, scale):
    h, target = torch.randn(15).double().requires_grad_(), torch.arange(15) % 3 == 0
    p, q = weights_of(target, 1.0, 0.25, 0.0), weights_of(~target, 0.5, 2.0, 0.0, 1.0) * scale
    value = all_pairs.pairs_mean(h, p, q, 0.7, SURROGATES[name])
    (gradient,) = torch.autograd.grad(value, h)
    pairs = [
        p[i] * q[j] * SLOW[name](h[i] - h[j], 0.7)
        for i in range(15)
        for j in range(15)
        if target[i] and not target[j]
    ]
    expected = sum(pairs) / (p.sum() * q.sum())
    torch.testing.assert_close(value, expected, rtol=1e-10, atol=0)
    torch.testing.assert_close(gradient, *torch.autograd.grad(expected, h), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", SURROGATES)
def test_a_row_of_weight_zero_might_as_well_not_be_there(name):
    h, target = torch.randn(9), torch.arange(9) % 2 == 0
    p, q = target.float(), (~target).float()
    expected = all_pairs.pairs_mean(h, p, q, 0.7, SURROGATES[name])
    h, zeros = torch.cat([h, torch.tensor([-1e20, 1e18])]), torch.zeros(2)
    found = all_pairs.pairs_mean(
        h, torch.cat([p, zeros]), torch.cat([q, zeros]), 0.7, SURROGATES[name]
    )
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("name", SURROGATES)
def test_weights_of_nothing_give_a_finite_number(name):
    h = torch.randn(6, 2, requires_grad=True)
    p, q = torch.zeros(6, 2), torch.ones(6, 2)
    for pair in ((p, q), (q, p), (p, p)):
        value = all_pairs.pairs_mean(h, *pair, 0.7, SURROGATES[name])
        assert value.isfinite().all()
        assert torch.autograd.grad((0 * value).sum(), h)[0].eq(0).all()
