import pytest
import torch

from aucmax.refit._minimum import minimum


def test_finds_the_minimum_of_a_bowl():
    centre = torch.tensor([1.0, -2.0], dtype=torch.float64)
    found = minimum(
        lambda y: ((y - centre) ** 2 * torch.tensor([1.0, 3.0])).sum(),
        torch.zeros(2, dtype=torch.float64),
        tolerance=1e-9,
        max_iterations=50,
    )
    assert found.y.numpy() == pytest.approx(centre.numpy(), abs=1e-7)
    assert found.gradient <= 1e-7
    assert not found.y.requires_grad


def test_tells_where_it_was_stopped():
    def valley(y):
        return (y[0] - 1) ** 2 + 50 * (y[1] - y[0] ** 2) ** 2

    start = torch.zeros(2, dtype=torch.float64)
    found = minimum(valley, start, tolerance=1e-9, max_iterations=2)
    assert found.iterations == 2
    y = found.y.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(valley(y), y)
    assert found.gradient == pytest.approx(gradient.abs().max().item())
    assert found.gradient > 1e-3
    assert start.tolist() == [0, 0]
