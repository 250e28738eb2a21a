"""The loss over remembered pairs, against loops over every pair."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from memory import RememberedPairsLoss
from torch import Tensor


def looped(logits: Tensor, target: Tensor, past: list[tuple[Tensor, Tensor]]) -> Tensor:
    """Each row of the batch against the rows of the other class in the batch and before it."""
    partners = [(logits.detach(), target), *past]
    terms: dict[bool, list[Tensor]] = {True: [], False: []}
    for h, y in zip(logits, target, strict=True):
        for scores, labels in partners:
            for h2, y2 in zip(scores, labels, strict=True):
                if y != y2:
                    gap = h - h2 if y == 1 else h2 - h
                    terms[bool(y == 1)].append(torch.relu(1 - gap) ** 2)
    means = [torch.stack(own).mean() for own in terms.values() if own]
    return torch.stack(means).sum() if means else logits.sum() * 0


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000), batches=st.integers(1, 3), rows=st.integers(4, 7))
def test_value_and_gradient_are_those_of_loops(seed, batches, rows):
    generator = torch.Generator().manual_seed(seed)
    loss, past = RememberedPairsLoss(batches), []
    for _ in range(4):
        logits = torch.randn(rows, generator=generator, dtype=torch.float64).requires_grad_()
        target = (torch.rand(rows, generator=generator) < 0.4).double()
        target[:2] = torch.tensor([0.0, 1.0])
        expected = looped(logits, target, past)
        (slow,) = torch.autograd.grad(expected, logits)
        value = loss(logits, target)
        (fast,) = torch.autograd.grad(value, logits)
        torch.testing.assert_close(value, expected, rtol=1e-10, atol=1e-12)
        torch.testing.assert_close(fast, slow, rtol=1e-10, atol=1e-12)
        past = [*past, (logits.detach(), target)][-batches:]


def test_without_memory_it_is_twice_the_mean_over_pairs_of_the_batch():
    logits, target = torch.tensor([0.3, -0.2, 0.9, 0.1]), torch.tensor([1.0, 0.0, 1.0, 0.0])
    pairs = [float(max(0, 1 - (h - g)) ** 2) for h in (0.3, 0.9) for g in (-0.2, 0.1)]
    loss = RememberedPairsLoss(0)
    for _ in range(2):
        assert float(loss(logits, target)) == pytest.approx(2 * sum(pairs) / 4)
