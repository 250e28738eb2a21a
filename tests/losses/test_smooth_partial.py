import copy
import math
import pickle
import re
import warnings

import oracles_losses
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles_losses import SURROGATES as SLOW
from oracles_losses import cubic, mean_over_labels, of_class, problems, value_and_gradient
from oracles_smooth import ByHand, one_way
from torch.nn import Identity

from aucmax import MissingClassWarning, set_value_checks
from aucmax.losses import PairwiseAUCLoss
from aucmax.losses.partial import PartialAUCLoss
from aucmax.losses.smooth_partial import SmoothPartialAUCLoss
from aucmax.surrogates import SURROGATES, squared_hinge

NAN = float("nan")
NAMES = list(SURROGATES)
MONOTONE = ["squared_hinge", "hinge", "logistic", "sigmoid", "exponential"]


def batch(rows=12, labels=None, share=3):
    """Logits in float64; every label has positives and negatives, in other rows each."""
    turn = torch.arange(rows)[:, None] + torch.arange(labels or 1)
    target = (turn % share == 0).double()
    z = torch.randn(target.shape, dtype=torch.float64)
    return (z, target) if labels else (z.squeeze(1), target.squeeze(1))


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=15, deadline=None)
@given(problems(), st.sampled_from([0.3, 1.1]), st.sampled_from([0.05, 1.0, 20.0]))
def test_value_and_gradient_equal_the_formula(name, problem, margin, temperature):
    h, target = problem
    loss = SmoothPartialAUCLoss(temperature, surrogate=name, margin=margin, activation=Identity())
    found, h = value_and_gradient(loss, h, target), h.clone().requires_grad_()
    value = mean_over_labels(
        h, target, lambda h, t, _: one_way(h, t, SLOW[name], margin, temperature)
    )
    expected = (value.detach(), *torch.autograd.grad(value, h))
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("temperature", [0.05, 1.0])
def test_the_gradient_passes_through_the_activation(temperature):
    z, target = batch()
    found, z = value_and_gradient(SmoothPartialAUCLoss(temperature), z, target), z.requires_grad_()
    value = one_way(torch.sigmoid(z), target, SLOW["squared_hinge"], 1.0, temperature)
    torch.testing.assert_close(found, (value.detach(), *torch.autograd.grad(value, z)))


def test_a_surrogate_of_your_own_is_shown_and_used():
    h, target = batch()
    own = SmoothPartialAUCLoss(0.5, surrogate=cubic, margin=0.7)
    assert "surrogate='cubic', margin=0.7" in repr(own)
    expected = one_way(torch.sigmoid(h), target, lambda t, m: max(0 * t, m - t) ** 3, 0.7, 0.5)
    torch.testing.assert_close(own(h, target), expected)


@pytest.mark.parametrize("labels", [None, 2])
@pytest.mark.parametrize("name", MONOTONE)
def test_towards_temperature_zero_the_highest_negative_alone_counts(name, labels):
    h, target = batch(labels=labels)
    negatives = int((target == 0).sum(0).max())
    loss = SmoothPartialAUCLoss(1e-3, surrogate=name, margin=0.8)
    exact = PartialAUCLoss(1 / negatives, surrogate=name, margin=0.8)
    found, limit = value_and_gradient(loss, h, target), value_and_gradient(exact, h, target)
    assert limit[0] - 1e-3 * math.log(negatives) - 1e-9 <= found[0] <= limit[0] + 1e-9
    torch.testing.assert_close(found[1], limit[1], rtol=0, atol=1e-4)
    worst = mean_over_labels(torch.sigmoid(h), target, lambda h, t, _: hardest(h, t, name))
    torch.testing.assert_close(limit[0], worst)


def hardest(h, target, name):
    """Mean over positives of the largest loss of a pair of one label."""
    negatives = of_class(h, target, 0)
    worst = [max(SLOW[name](x - y, 0.8) for y in negatives) for x in of_class(h, target, 1)]
    return sum(worst) / len(worst)


@pytest.mark.parametrize("name", NAMES)
def test_towards_temperature_infinity_all_pairs_count_alike(name):
    h, target = batch(labels=2)
    loss, mean = SmoothPartialAUCLoss(1e6, surrogate=name), PairwiseAUCLoss(name)
    found, expected = value_and_gradient(loss, h, target), value_and_gradient(mean, h, target)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


@settings(max_examples=25, deadline=None)
@given(problems(), st.floats(0.01, 50), st.floats(1.01, 10))
def test_the_value_falls_as_the_temperature_rises(problem, temperature, factor):
    h, target = problem
    low, high = (
        SmoothPartialAUCLoss(t, activation=Identity())(h, target)
        for t in (temperature, temperature * factor)
    )
    assert high <= low + 1e-9
    assert high >= PairwiseAUCLoss(activation=Identity())(h, target) - 1e-9


@pytest.mark.parametrize("temperature", [0.02, 1.0])
@pytest.mark.parametrize("gamma", [0.3, 1.0])
def test_the_averages_follow_the_recursion_of_the_paper(temperature, gamma):
    loss = SmoothPartialAUCLoss(temperature, 30, gamma=gamma, margin=0.7).double()
    slow = ByHand(temperature, gamma)
    for step in range(5):
        z, target = batch(share=2 + step % 2)
        index = torch.randperm(30)[:12]
        target = (index % 3 == 0).double()
        target[:2] = torch.tensor([0.0, 1.0])
        found = value_and_gradient(loss, z, target, index)
        z.requires_grad_()
        value, terms = slow(torch.sigmoid(z), target, index, SLOW["squared_hinge"], 0.7)
        torch.testing.assert_close(float(found[0]), value, rtol=1e-9, atol=1e-9)
        torch.testing.assert_close(found[1], *torch.autograd.grad(terms, z), rtol=1e-9, atol=1e-9)
    seen = loss.average.value
    assert set(slow.u) == set((~seen.isnan()).nonzero().squeeze(1).tolist())
    for i, u in slow.u.items():
        assert seen[i].exp().item() == pytest.approx(u)


def test_evaluation_leaves_the_averages_and_gives_the_same_value():
    loss = SmoothPartialAUCLoss(0.5, 12, gamma=0.3)
    z, target = batch()
    loss(z, target, torch.arange(12))
    before = pickle.dumps(loss.eval())
    twin = copy.deepcopy(loss).train()
    assert torch.equal(loss(-z, target, torch.arange(12)), twin(-z, target, torch.arange(12)))
    assert pickle.dumps(loss) == before


def test_ten_steps_equal_five_saved_and_five():
    def steps(loss, numbers):
        values = []
        for number in numbers:
            torch.manual_seed(number)
            z, target = batch(labels=2)
            values.append(loss(z, target, torch.randperm(20)[:12]))
        return values

    def make():
        return SmoothPartialAUCLoss(0.5, 20, num_labels=2, gamma=0.3)

    whole, first, second = make(), make(), make()
    values = steps(whole, range(10))
    begun = steps(first, range(5))
    second.load_state_dict(first.state_dict())
    torch.testing.assert_close(begun + steps(second, range(5, 10)), values, rtol=0, atol=0)
    torch.testing.assert_close(
        second.average.value, whole.average.value, rtol=0, atol=0, equal_nan=True
    )


def test_a_label_without_a_pair_keeps_its_averages_and_is_left_out():
    loss = SmoothPartialAUCLoss(0.5, 12, num_labels=3, gamma=0.3)
    z, target = batch(labels=3)
    target[:, 1] = 1.0
    value, grad = value_and_gradient(loss, z, target, torch.arange(12))
    assert loss.average.value[:, 1].isnan().all()
    assert grad[:, 1].eq(0).all()
    alone = SmoothPartialAUCLoss(0.5)
    expected, others = value_and_gradient(alone, z[:, [0, 2]], target[:, [0, 2]])
    torch.testing.assert_close((value, grad[:, [0, 2]]), (expected, others))


@pytest.mark.parametrize("num_samples", [None, 3])
@pytest.mark.parametrize("target", [[1.0, 1.0, NAN], [0.0, 0.0, 0.0]])
def test_without_a_pair_the_value_is_zero_and_a_warning_says_so(target, num_samples):
    h, target, index = torch.randn(3), torch.tensor(target), torch.arange(3)
    loss = SmoothPartialAUCLoss(num_samples=num_samples)
    with pytest.warns(MissingClassWarning, match="no pair of a positive and a negative") as seen:
        value, gradient = value_and_gradient(loss, h, target, index)
    assert seen[0].filename == oracles_losses.__file__  # where the loss is called
    assert value == 0
    assert gradient.eq(0).all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert loss.eval()(h, target, index) == 0


@pytest.mark.parametrize("temperature", [1e-3, 0.05, 1.0])
@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_float32_is_stable(temperature, scale):
    z, target = torch.linspace(-1, 1, 200) * scale, (torch.arange(200) % 3 == 0).float()
    for name in ("square", "squared_hinge", "hinge", "logistic"):
        for activation in (torch.sigmoid, Identity()):
            loss = SmoothPartialAUCLoss(
                temperature, 200, gamma=0.3, surrogate=name, activation=activation
            )
            for sign in (1, -1, 1):  # averages far above and far below what comes
                value, grad = value_and_gradient(loss, sign * z, target, torch.arange(200))
                assert value.isfinite()
                assert grad.isfinite().all()
                assert grad.abs().sum() <= 4 * 3 * (1 + 2 * scale) / 0.3


@pytest.mark.parametrize("temperature", [0.1, 1.0, 10.0])
def test_float32_equals_float64(temperature):
    z, target = torch.randn(500), (torch.arange(500) % 3 == 0).float()
    found = value_and_gradient(SmoothPartialAUCLoss(temperature), z, target)
    expected = value_and_gradient(SmoothPartialAUCLoss(temperature), z.double(), target)
    torch.testing.assert_close(found[0].double(), expected[0], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(found[1].double(), expected[1], rtol=1e-4, atol=1e-8)


def test_without_a_graph_and_without_value_checks():
    z, target = batch()
    loss = SmoothPartialAUCLoss()
    expected = loss(z, target)
    assert not expected.requires_grad
    set_value_checks(cpu=False)
    try:
        assert torch.equal(loss(z, target), expected)
    finally:
        set_value_checks(cpu=True)


def test_descent_ranks_the_positives_first():
    z = torch.linspace(2, -2, 20).requires_grad_()
    target = (torch.arange(20) >= 14).float()
    loss, step = SmoothPartialAUCLoss(0.3, 20), torch.optim.SGD([z], lr=5.0)
    for _ in range(100):
        step.zero_grad()
        loss(z, target, torch.arange(20)).backward()
        step.step()
    assert z[14:].min() > z[:14].max()


@pytest.mark.parametrize("temperature", [0.0, -1.0, NAN, math.inf])
def test_the_temperature_must_be_positive(temperature):
    message = "temperature must be > 0 and finite, in units of the loss of a pair, got "
    with pytest.raises(ValueError, match=re.escape(f"{message}{temperature}")):
        SmoothPartialAUCLoss(temperature)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"gamma": 0.0}, "gamma, the weight of the new estimate, must lie in (0, 1], got 0.0"),
        ({"num_samples": 0}, "num_samples must be >= 1, the rows of the data, got 0"),
        ({"num_labels": 0}, "num_labels must be >= 1, or None for one label, got 0"),
        ({"margin": 0.0}, "margin must be > 0, in units of the score, got 0.0"),
        ({"surrogate": "cubic"}, "surrogate must be one of"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        SmoothPartialAUCLoss(**arguments)


def test_wrong_calls_are_refused():
    z, target = batch(labels=2)
    with pytest.raises(ValueError, match="one column, got shape"):
        SmoothPartialAUCLoss(num_samples=12)(z, target, torch.arange(12))
    with pytest.raises(ValueError, match="num_labels=3 columns, got shape"):
        SmoothPartialAUCLoss(num_labels=3)(z, target)
    with pytest.raises(ValueError, match="index, the rows' positions in the data, must be given"):
        SmoothPartialAUCLoss(num_samples=12, num_labels=2)(z, target)


def test_what_is_shown():
    loss = SmoothPartialAUCLoss(0.5, 9, num_labels=2, surrogate=squared_hinge)
    assert loss.extra_repr() == (
        "temperature=0.5, num_samples=9, num_labels=2, gamma=0.1, "
        "surrogate='squared_hinge', margin=1.0"
    )
