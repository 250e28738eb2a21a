import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles_pauci import mean_of, worst, worst_rows

from aucmax.losses.regions.worst_share import worst_mean, worst_region

UNIT = st.floats(0, 1)
GRID = st.integers(0, 4).map(lambda i: i / 4)
SIDES = pytest.mark.parametrize("sign", [1, -1], ids=["highest", "lowest"])


def number(x):
    return torch.tensor(x, dtype=torch.float64)


def of_class(h, share, kappa=math.inf, **own):
    """The mean over a class whose rows are h."""
    own = {name: None if x is None else number(x) for name, x in own.items()}
    count = number(float(len(h)))
    return worst_mean(
        number(h), mask=torch.ones(len(h)).double(), count=count, share=share, kappa=kappa, **own
    )


@SIDES
@settings(max_examples=30, deadline=None)
@given(st.lists(GRID | UNIT, min_size=1, max_size=9), UNIT, UNIT, st.floats(0.05, 0.95))
def test_the_least_of_it_over_the_threshold_is_the_mean_of_the_worst_rows(sign, h, c, more, share):
    alpha = sign * (c + more if sign > 0 else 1 - c + more)
    x = [(score - c) ** 2 + 2 * alpha * score for score in h]
    expected = mean_of(worst_rows(x, share, highest=True))
    found = [
        float(of_class(h, share, centre=c, threshold=s, alpha=alpha).value)
        for s in [*h, *torch.linspace(0, 1, 11).tolist()]
    ]
    assert min(found) == pytest.approx(expected, abs=1e-12)
    every = torch.ones(len(h)).double()
    mean, end = worst_region(sign * number(h), every, share)
    at_end = of_class(h, share, centre=c, threshold=sign * float(end), alpha=alpha)
    assert float(at_end.value) == pytest.approx(expected, abs=1e-12)
    assert abs(at_end.threshold) < 1e-12
    rows = worst_rows(h, share, highest=sign > 0)
    assert sign * float(mean) == pytest.approx(mean_of(rows), abs=1e-12)


@SIDES
@settings(max_examples=30, deadline=None)
@given(st.lists(UNIT, min_size=1, max_size=6), UNIT, UNIT, UNIT, st.floats(0.05, 1.0))
@pytest.mark.parametrize("kappa", [0.5, 20.0])
def test_gradients_are_those_of_the_sum_over_rows(kappa, sign, h, c, more, s, share):
    own = {"centre": c, "threshold": s, "alpha": sign * (c + more if sign > 0 else 1 - c + more)}
    leaf = {name: number(x).requires_grad_() for name, x in ({"h": h} | own).items()}

    def x_of(score):
        return (score - leaf["centre"]) ** 2 + 2 * leaf["alpha"] * score

    level = x_of(leaf["threshold"])
    expected = worst([x_of(score) for score in leaf["h"]], level, share, kappa)
    own["threshold"] = None if share == 1 else s
    found = of_class(h, share, kappa, **own)
    torch.testing.assert_close(found.value, expected.detach())
    gradients = torch.autograd.grad(expected, list(leaf.values()), materialize_grads=True)
    for name, gradient in zip(leaf, gradients, strict=True):
        torch.testing.assert_close(getattr(found, name), gradient, atol=1e-9, rtol=1e-7)


def test_rows_on_the_threshold_share_what_is_left():
    h = [0.9, 0.5, 0.5, 0.5, 0.1]
    found = of_class(h, 0.4, centre=0.0, threshold=0.5, alpha=1.0)  # 2 of 5: 1 above, 1/3 of each
    third = 1 / 3
    weight = torch.tensor([1.0, third, third, third, 0.0]).double() / 2
    torch.testing.assert_close(found.h, weight * 2 * (number(h) + 1.0))
    assert abs(found.threshold) < 1e-12


def test_a_class_without_rows_is_its_centre_held_fixed():
    none, c = torch.zeros(3).double(), number(0.25)
    for threshold in (None, number(0.7)):
        for kappa in (3.0, math.inf):
            found = worst_mean(
                torch.rand(3).double(), c, threshold, number(0.5), none, none.sum(), 0.3, kappa
            )
            assert found.value == 2 * 0.5 * 0.25
            assert found.alpha == 0.5
            assert found.h.eq(0).all()
            assert found.centre == found.threshold == 0


def test_smoothing_neither_overflows_nor_loses_digits():
    h = torch.linspace(0, 1, 7)
    for kappa in (1e-3, 1.0, 1e3, 1e8, 1e30):
        args = (number(0.2), number(0.6), number(0.9), torch.ones(7).double(), number(7.0), 0.5)
        double = worst_mean(h.double(), *args, kappa)
        args = (*(x.float() for x in args[:-1]), args[-1])
        single = worst_mean(h, *args, kappa)
        for x, y in zip(single, double, strict=True):
            torch.testing.assert_close(x, y.float(), rtol=1e-5, atol=1e-5)
    exact = of_class(h.double().tolist(), 0.5, centre=0.2, threshold=0.6, alpha=0.9)
    torch.testing.assert_close(double.value, exact.value)


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.7, 1.0])
@pytest.mark.parametrize("size", [1, 3, 10])
def test_the_region_of_any_size_leaves_out_what_is_masked(share, size):
    h, mask = torch.rand(2 * size, 2), torch.zeros(2 * size, 2)
    mask[:size, 0], mask[::2, 1] = 1.0, 1.0
    mean, end = worst_region(h, mask, share)
    for label in range(2):
        scores = h[:, label][mask[:, label] > 0].tolist()
        rows = worst_rows(scores, share, highest=True)
        assert float(mean[label]) == pytest.approx(mean_of(rows), rel=1e-5)
        above = sum(score > float(end[label]) for score in scores)
        not_below = sum(score >= float(end[label]) for score in scores)
        assert above <= share * size + 1e-5
        assert not_below >= share * size - 1e-5
