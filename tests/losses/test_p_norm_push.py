import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles_average_precision import p_norm_push
from oracles_losses import SURROGATES as SLOW
from oracles_losses import cubic, mean_over_labels, problems, value_and_gradient
from torch.nn import Identity

from aucmax.losses import PairwiseAUCLoss
from aucmax.losses.missing import MissingClassWarning
from aucmax.losses.p_norm_push import PNormPushLoss
from aucmax.surrogates import SURROGATES

NAN = float("nan")
SLOW_OF = {**SLOW, "cubic": lambda t, m: max(0 * t, m - t) ** 3}
FAST = {**SURROGATES, "cubic": cubic}
every = pytest.mark.parametrize("name", FAST)


@every
@settings(max_examples=25, deadline=None)
@given(
    problems(every_label=False), st.sampled_from([0.3, 1.1]), st.sampled_from([1.0, 1.5, 2.0, 8.0])
)
def test_value_and_gradient_equal_the_loops(name, problem, margin, p):
    h, target = problem
    loss = PNormPushLoss(p, surrogate=FAST[name], margin=margin, activation=Identity())
    slow = lambda h, t, _: p_norm_push(h, t, SLOW_OF[name], margin, p)  # noqa: E731
    expected = value_and_gradient(lambda h, t: mean_over_labels(h, t, slow), h, target)
    found = value_and_gradient(loss, h, target)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)


@every
def test_a_power_of_one_is_the_pairwise_loss(name):
    h, target = torch.randn(40, 2).double(), (torch.rand(40, 2) < 0.3).double()
    push, pairwise = (kind(surrogate=FAST[name]) for kind in (PNormPushLoss, PairwiseAUCLoss))
    push.p = 1.0
    expected = value_and_gradient(pairwise, h, target)
    found = value_and_gradient(push, h, target)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-14)


def test_the_highest_negatives_decide_more_the_larger_the_power():
    h = torch.tensor([1.0, 0.9, 0.5, 0.0], dtype=torch.float64)
    target = torch.tensor([1, 0, 0, 0])
    shares = []
    for p in (1.0, 2.0, 8.0, 32.0):
        _, gradient = value_and_gradient(PNormPushLoss(p, activation=Identity()), h, target)
        pushes = gradient[1:]
        assert (pushes[:-1] > pushes[1:]).all()
        shares.append(float(pushes[0] / pushes.sum()))
    assert shares == sorted(shares)
    assert shares[0] < 0.7 < 0.99 < shares[-1]


@every
@pytest.mark.parametrize("y", [0.0, 1.0])
def test_without_a_pair_the_value_is_zero_and_a_warning_says_so(name, y):
    loss, h, target = PNormPushLoss(surrogate=FAST[name]), torch.randn(4), torch.full((4,), y)
    with pytest.warns(MissingClassWarning, match="has no pair of a positive and a negative"):
        value, gradient = value_and_gradient(loss, h, target)
    assert value == 0
    assert gradient.eq(0).all()
    assert loss.eval()(h, target) == 0


@every
@pytest.mark.parametrize("p", [1.0, 1.5, 16.0])
def test_saturated_scores_in_single_precision(name, p):
    h = torch.tensor([1e4, 1e4, -1e4, 0.0, -1e4, 1e4, 3.0])
    target = torch.tensor([1, 0, 1, 0, 0, 1, 1])
    loss = PNormPushLoss(p, surrogate=FAST[name])
    found = value_and_gradient(loss, h, target)
    exact = value_and_gradient(loss, h.double(), target)
    for x, y in zip(found, exact, strict=True):
        assert x.isfinite().all()
        assert (x - y).abs().max() <= 1e-4 * y.abs().max()


def test_a_power_of_63_is_the_most_that_single_precision_bears():
    h, target = torch.tensor([-1e4, 1e4]), torch.tensor([1, 0])
    assert PNormPushLoss(63.0)(h, target) == 2.0**126
    assert PNormPushLoss(64.0)(h, target) == torch.inf


@pytest.mark.parametrize("name", ["hinge", "squared_hinge", "cubic"])
@pytest.mark.parametrize("p", [1.0, 1.5, 3.0])
def test_a_negative_that_no_positive_is_near_rests(name, p):
    h, target = torch.tensor([3.0, 2.5, 0.0, 0.2]), torch.tensor([1, 1, 0, 0])
    loss = PNormPushLoss(p, surrogate=FAST[name], activation=Identity())
    value, gradient = value_and_gradient(loss, h, target)
    assert value == 0
    assert gradient.eq(0).all()


@pytest.mark.parametrize("p", [0.5, -1.0, float("inf"), NAN])
def test_the_power_must_be_at_least_one(p):
    message = f"p, the power of each negative, must be >= 1 and finite, got {p}"
    with pytest.raises(ValueError, match=re.escape(message)):
        PNormPushLoss(p)


def test_surrogate_and_margin_are_checked():
    with pytest.raises(ValueError, match="surrogate must be one of"):
        PNormPushLoss(surrogate="squared-hinge")
    with pytest.raises(ValueError, match="margin must be > 0, in units of the score, got 0"):
        PNormPushLoss(margin=0.0)


def test_what_is_shown():
    assert repr(PNormPushLoss(3.0, margin=0.5)) == (
        "PNormPushLoss(p=3.0, surrogate='squared_hinge', margin=0.5)"
    )
