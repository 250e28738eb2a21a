import copy
import pickle
import re
import warnings

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles_losses import SURROGATES as SLOW
from oracles_losses import mean_over_labels, problems, value_and_gradient
from oracles_smooth import ByHand, log_mean_exp, rows_of_pairs, two_way
from torch.nn import Identity

from aucmax import MissingClassWarning
from aucmax.losses.smooth_partial import SmoothPartialAUCLoss
from aucmax.losses.smooth_two_way import SmoothTwoWayPartialAUCLoss
from aucmax.surrogates import SURROGATES

NAN = float("nan")
NAMES = list(SURROGATES)
TEMPERATURES = st.sampled_from([(0.05, 0.4), (1.0, 1.0), (2.0, 0.1), (3.0, 50.0)])


def batch(rows=12, labels=None):
    """Logits in float64; every label has positives and negatives, in other rows each."""
    turn = torch.arange(rows)[:, None] + torch.arange(labels or 1)
    target = (turn % 3 == 0).double()
    z = torch.randn(target.shape, dtype=torch.float64)
    return (z, target) if labels else (z.squeeze(1), target.squeeze(1))


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=15, deadline=None)
@given(problems(every_label=False), st.sampled_from([0.3, 1.1]), TEMPERATURES)
def test_value_and_gradient_equal_the_formula(name, problem, margin, temperatures):
    h, target = problem
    loss = SmoothTwoWayPartialAUCLoss(
        *temperatures, surrogate=name, margin=margin, activation=Identity()
    )
    found, h = value_and_gradient(loss, h, target), h.clone().requires_grad_()
    value = mean_over_labels(
        h, target, lambda h, t, _: two_way(h, t, SLOW[name], margin, *temperatures)
    )
    expected = (value.detach(), *torch.autograd.grad(value, h))
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("temperature", [0.05, 1.0, 7.0])
def test_equal_temperatures_make_one_soft_maximum_over_all_pairs(temperature):
    z, target = batch()
    loss = SmoothTwoWayPartialAUCLoss(temperature, temperature)
    rows = rows_of_pairs(torch.sigmoid(z), target, SLOW["squared_hinge"], 1.0)
    pairs = [pair / temperature for row in rows for pair in row]
    torch.testing.assert_close(loss(z, target), temperature * log_mean_exp(pairs))


@pytest.mark.parametrize("name", NAMES)
def test_towards_positive_temperature_infinity_it_is_one_way(name):
    z, target = batch(labels=2)
    loss = SmoothTwoWayPartialAUCLoss(0.5, 1e6, surrogate=name)
    one_way = SmoothPartialAUCLoss(0.5, surrogate=name)
    found, expected = value_and_gradient(loss, z, target), value_and_gradient(one_way, z, target)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_towards_zero_temperatures_the_worst_pair_alone_counts():
    z, target = batch()
    value, grad = value_and_gradient(SmoothTwoWayPartialAUCLoss(1e-3, 1e-3), z, target)
    h = torch.sigmoid(z)
    worst = (1 - h[target == 1].min() + h[target == 0].max()) ** 2
    assert worst - 1e-3 * 4 <= value <= worst
    moved = grad.nonzero().squeeze(1)[grad[grad != 0].abs() > 1e-6]
    assert len(moved) == 2
    assert h[moved].max() == h[target == 0].max()
    assert h[moved].min() == h[target == 1].min()


@pytest.mark.parametrize("temperatures", [(0.1, 0.3), (1.0, 1.0), (0.6, 0.2)])
@pytest.mark.parametrize("gamma", [0.3, 1.0])
def test_the_averages_follow_the_recursion_of_the_paper(temperatures, gamma):
    temperature, positive_temperature = temperatures
    loss = SmoothTwoWayPartialAUCLoss(*temperatures, 30, gamma=gamma, margin=0.7).double()
    slow = ByHand(temperature, gamma, positive_temperature)
    for _ in range(5):
        z, _target = batch()
        index = torch.randperm(30)[:12]
        target = (index % 3 == 0).double()
        target[:2] = torch.tensor([0.0, 1.0])
        found = value_and_gradient(loss, z, target, index)
        z.requires_grad_()
        value, terms = slow(torch.sigmoid(z), target, index, SLOW["squared_hinge"], 0.7)
        torch.testing.assert_close(float(found[0]), value, rtol=1e-9, atol=1e-9)
        torch.testing.assert_close(found[1], *torch.autograd.grad(terms, z), rtol=1e-9, atol=1e-9)
    for i, u in slow.u.items():
        assert loss.average.value[i].exp().item() == pytest.approx(u)
    assert loss.average_over_positives.value.exp().item() == pytest.approx(slow.v)


def test_every_label_has_averages_of_its_own():
    joint = SmoothTwoWayPartialAUCLoss(0.5, 0.7, 12, num_labels=2, gamma=0.3)
    single = [SmoothTwoWayPartialAUCLoss(0.5, 0.7, 12, gamma=0.3) for _ in range(2)]
    for _ in range(3):
        z, target = batch(labels=2)
        index = torch.randperm(12)
        value, grad = value_and_gradient(joint, z, target, index)
        parts = [
            value_and_gradient(one, z[:, i], target[:, i], index) for i, one in enumerate(single)
        ]
        torch.testing.assert_close(value, (parts[0][0] + parts[1][0]) / 2)
        torch.testing.assert_close(grad, torch.stack([part[1] / 2 for part in parts], dim=1))


def test_a_label_without_a_pair_keeps_its_averages_and_is_left_out():
    loss = SmoothTwoWayPartialAUCLoss(0.5, 0.7, 12, num_labels=3, gamma=0.3)
    z, target = batch(labels=3)
    target[:, 1] = 0.0
    value, grad = value_and_gradient(loss, z, target, torch.arange(12))
    assert loss.average_over_positives.value.isnan().tolist() == [False, True, False]
    assert loss.average.value[:, 1].isnan().all()
    assert grad[:, 1].eq(0).all()
    alone = SmoothTwoWayPartialAUCLoss(0.5, 0.7)
    expected = value_and_gradient(alone, z[:, [0, 2]], target[:, [0, 2]])
    torch.testing.assert_close((value, grad[:, [0, 2]]), expected)


def test_evaluation_leaves_the_averages_and_gives_the_same_value():
    loss = SmoothTwoWayPartialAUCLoss(0.5, 0.7, 12, gamma=0.3)
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
            z, target = batch()
            values.append(loss(z, target, torch.randperm(20)[:12]))
        return values

    whole, first, second = (SmoothTwoWayPartialAUCLoss(0.5, 0.7, 20) for _ in range(3))
    values = steps(whole, range(10))
    begun = steps(first, range(5))
    second.load_state_dict(first.state_dict())
    torch.testing.assert_close(begun + steps(second, range(5, 10)), values, rtol=0, atol=0)


@pytest.mark.parametrize("temperatures", [(1e-3, 1e-3), (1e-3, 1.0), (1.0, 1e-3), (1.0, 1.0)])
@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_float32_is_stable(temperatures, scale):
    z, target = torch.linspace(-1, 1, 200) * scale, (torch.arange(200) % 3 == 0).float()
    for activation in (torch.sigmoid, Identity()):
        loss = SmoothTwoWayPartialAUCLoss(*temperatures, 200, gamma=0.3, activation=activation)
        for sign in (1, -1, 1):  # averages far above and far below what comes
            value, grad = value_and_gradient(loss, sign * z, target, torch.arange(200))
            assert value.isfinite()
            assert grad.isfinite().all()


@pytest.mark.parametrize("num_samples", [None, 3])
@pytest.mark.parametrize("target", [[1.0, 1.0, NAN], [0.0, 0.0, 0.0]])
def test_without_a_pair_the_value_is_zero_and_a_warning_says_so(target, num_samples):
    h, target, index = torch.randn(3), torch.tensor(target), torch.arange(3)
    loss = SmoothTwoWayPartialAUCLoss(num_samples=num_samples)
    with pytest.warns(MissingClassWarning, match="no pair of a positive and a negative"):
        value, gradient = value_and_gradient(loss, h, target, index)
    assert value == 0
    assert gradient.eq(0).all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert loss.eval()(h, target, index) == 0


@pytest.mark.parametrize("temperature", [0.0, -1.0, NAN, float("inf")])
def test_temperatures_must_be_positive(temperature):
    message = "temperature must be > 0 and finite, in units of the loss of a pair, got "
    with pytest.raises(ValueError, match=re.escape(f"{message}{temperature}")):
        SmoothTwoWayPartialAUCLoss(temperature)
    with pytest.raises(ValueError, match=re.escape(f"positive_{message}{temperature}")):
        SmoothTwoWayPartialAUCLoss(1.0, temperature)


def test_a_missing_index_changes_nothing():
    loss = SmoothTwoWayPartialAUCLoss(num_samples=12)
    with pytest.raises(ValueError, match="index, the rows' positions in the data, must be given"):
        loss(*batch())
    assert loss.average_over_positives.value.isnan()


def test_what_is_shown():
    assert repr(SmoothTwoWayPartialAUCLoss(0.5, 2.0, gamma=0.3)) == (
        "SmoothTwoWayPartialAUCLoss(temperature=0.5, num_samples=None, num_labels=None, "
        "gamma=0.3, surrogate='squared_hinge', margin=1.0, positive_temperature=2.0)"
    )
