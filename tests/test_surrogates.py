import math

import oracles_losses
import pytest
import torch

from aucmax.surrogates import SURROGATES, barrier_hinge

T = torch.linspace(-4, 4, 161, dtype=torch.float64)
NAMES = list(SURROGATES)

BY_HAND = [  # name, gap, margin, value
    ("square", -1.0, 1.0, 4.0),
    ("square", 3.0, 1.0, 4.0),
    ("squared_hinge", -1.0, 1.0, 4.0),
    ("squared_hinge", 3.0, 1.0, 0.0),
    ("squared_hinge", 0.5, 2.0, 2.25),
    ("hinge", -1.0, 1.0, 2.0),
    ("hinge", 1.0, 1.0, 0.0),
    ("logistic", 1.0, 1.0, math.log(2)),
    ("logistic", 0.0, 1.0, math.log(1 + math.e)),
    ("sigmoid", 0.0, 1.0, 0.5),
    ("sigmoid", 2.0, 2.0, 1 / (1 + math.e)),
    ("exponential", 1.0, 1.0, 1.0),
    ("exponential", 0.0, 2.0, math.e**2),
    ("barrier_hinge", 0.0, 1.0, 1.0),
    ("barrier_hinge", 1.0, 1.0, 0.0),
    ("barrier_hinge", 2.0, 1.0, 10.0),
    ("barrier_hinge", -2.0, 1.0, 11.0),
]


@pytest.mark.parametrize(("name", "gap", "margin", "value"), BY_HAND)
def test_values_computed_by_hand(name, gap, margin, value):
    found = SURROGATES[name](torch.tensor(gap, dtype=torch.float64), margin)
    assert float(found) == pytest.approx(value, abs=1e-12)


@pytest.mark.parametrize("margin", [0.3, 1.0, 2.5])
@pytest.mark.parametrize("name", NAMES)
def test_every_point_of_a_grid(name, margin):
    expected = torch.stack([oracles_losses.SURROGATES[name](t, margin) for t in T])
    torch.testing.assert_close(SURROGATES[name](T, margin), expected, rtol=1e-12, atol=1e-12)


def test_there_is_an_oracle_for_each():
    assert set(SURROGATES) == set(oracles_losses.SURROGATES)


@pytest.mark.parametrize("margin", [0.5, 1.0, 3.0])
def test_sums_of_a_gap_and_its_mirror_image(margin):
    sigmoid, inside = SURROGATES["sigmoid"], T[T.abs() <= margin]
    torch.testing.assert_close(sigmoid(T, margin) + sigmoid(-T, margin), torch.ones_like(T))
    barrier = barrier_hinge(inside, margin) + barrier_hinge(-inside, margin)
    torch.testing.assert_close(barrier, torch.full_like(inside, 2 * margin))


@pytest.mark.parametrize("slope", [2.0, 10.0, 50.0])
def test_slopes_of_the_barrier(slope):
    gap = torch.tensor([-9.0, 0.0, 9.0], requires_grad=True)
    barrier_hinge(gap, 1.0, slope).sum().backward()
    assert gap.grad is not None
    assert gap.grad.tolist() == [-slope, -1.0, slope]


@pytest.mark.parametrize("name", NAMES)
def test_all_but_the_sigmoid_are_convex(name):
    value = SURROGATES[name](T, 1.0)
    convex = bool((value[:-2] + value[2:] - 2 * value[1:-1] >= -1e-12).all())
    assert convex == (name != "sigmoid")


@pytest.mark.parametrize("name", NAMES)
def test_all_but_the_sigmoid_bound_the_ranking_error_from_above(name):
    bound = bool((SURROGATES[name](T, 1.0) >= (T <= 0)).all())
    assert bound == (name != "sigmoid")
    assert bool((2 * SURROGATES[name](T, 1.0) >= (T <= 0)).all())


@pytest.mark.parametrize("name", NAMES)
def test_any_shape_and_type(name):
    for dtype in (torch.float32, torch.float64):
        gap = torch.randn(2, 3, 4).to(dtype)
        value = SURROGATES[name](gap, 0.7)
        assert value.shape == gap.shape
        assert value.dtype == dtype
