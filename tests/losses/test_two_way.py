import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles_losses import SURROGATES as SLOW
from oracles_losses import mean_over_labels, value_and_gradient
from oracles_partial import nested_cvar, region
from torch.nn import Identity

from aucmax.losses import MissingClassWarning, PairwiseAUCLoss
from aucmax.losses.partial import PartialAUCLoss
from aucmax.losses.two_way import TwoWayPartialAUCLoss
from aucmax.metrics import two_way_partial_auroc
from aucmax.surrogates import SURROGATES

NAN = float("nan")
NAMES = list(SURROGATES)
MONOTONE = [name for name in NAMES if name not in ("square", "barrier_hinge")]
CORNERS = [(0.01, 0.99), (0.1, 0.9), (0.3, 0.3), (0.5, 0.5), (1 / 3, 0.0), (1.0, 0.6), (1.0, 0.0)]

surrogates = pytest.mark.parametrize("name", NAMES)


@st.composite
def problems(draw):
    """Scores with many ties and a target with unknowns; at least one pair."""
    rows = draw(st.integers(2, 12))
    scores = draw(st.lists(st.integers(-3, 3), min_size=rows, max_size=rows))
    kinds = st.sampled_from([0.0, 1.0, 0.0, 1.0, NAN])
    targets = draw(st.lists(kinds, min_size=rows - 2, max_size=rows - 2))
    h = torch.tensor(scores, dtype=torch.float64) / 4
    return h, torch.tensor([0.0, 1.0, *targets], dtype=torch.float64)


def raw(max_fpr, min_tpr, name="squared_hinge", **options):
    return TwoWayPartialAUCLoss(max_fpr, min_tpr, surrogate=name, activation=Identity(), **options)


def labels(rows=20, count=3):
    target = (torch.arange(rows * count).reshape(rows, count) % 4 == 0).double()
    return torch.randn(rows, count).double(), target


@surrogates
@settings(max_examples=30, deadline=None)
@given(problems(), st.sampled_from(CORNERS), st.sampled_from([0.3, 1.1]))  # no gap on a kink
def test_value_and_gradient_equal_the_double_loop(name, problem, corner, margin):
    h, target = problem
    found = value_and_gradient(raw(*corner, name, margin=margin), h, target)

    def slow(h, target):
        return region(h, target, SLOW[name], margin, *corner)

    torch.testing.assert_close(found, value_and_gradient(slow, h, target), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", MONOTONE)
@settings(max_examples=20, deadline=None)
@given(problems(), st.sampled_from(CORNERS), st.sampled_from([0.3, 1.1]))
def test_value_equals_the_nested_minimum_with_ties(name, problem, corner, margin):
    expected = nested_cvar(*problem, SLOW[name], margin, *corner)
    found = raw(*corner, name, margin=margin)(*problem)
    torch.testing.assert_close(found, expected, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("name", MONOTONE)
@pytest.mark.parametrize("corner", CORNERS)
def test_gradient_equals_that_of_the_nested_minimum(name, corner):
    h, target = torch.randn(13).double(), (torch.arange(13) < 6).double()

    def slow(h, target):
        return nested_cvar(h, target, SLOW[name], 0.7, *corner)

    found = value_and_gradient(raw(*corner, name, margin=0.7), h, target)
    torch.testing.assert_close(found, value_and_gradient(slow, h, target), rtol=1e-8, atol=1e-8)


@surrogates
def test_labels_are_averaged(name):
    h, target = labels()
    target[:, 1], target[3, 0] = 1.0, NAN
    expected = mean_over_labels(h, target, lambda h, t, _: region(h, t, SLOW[name], 0.7, 0.4, 0.3))
    torch.testing.assert_close(raw(0.4, 0.3, name, margin=0.7)(h, target), expected)


@pytest.mark.parametrize("gamma", [1.0, 0.2])
@surrogates
def test_without_min_tpr_it_is_the_one_way_loss_to_the_last_bit(name, gamma):
    h, target = labels()
    options = {"num_labels": 3, "gamma": gamma, "surrogate": name}
    losses = PartialAUCLoss(0.3, **options), TwoWayPartialAUCLoss(0.3, 0.0, **options)
    whole = TwoWayPartialAUCLoss(1.0, 0.0, **options), PairwiseAUCLoss(name)
    for pair in (losses, whole):
        for shift in (0.0, 0.3, -0.2):
            one, other = (value_and_gradient(loss, h + shift, target) for loss in pair)
            torch.testing.assert_close(one, other, rtol=0, atol=0)


def step(gap, margin):
    """The 0-1 error, half for a tie."""
    return (gap < 0).to(gap.dtype) + 0.5 * (gap == 0).to(gap.dtype)


@settings(max_examples=100, deadline=None)
@given(
    st.permutations(range(30)),
    st.sampled_from([(0.1, 0.9), (0.3, 0.3), (0.5, 0.25), (0.33, 0.77), (0.07, 0.1), (1.0, 0.0)]),
)
def test_on_the_zero_one_error_it_is_the_two_way_metric(order, corner):
    h, target = torch.tensor(order).double(), (torch.arange(30) < 10).double()
    metric = two_way_partial_auroc(h.numpy(), target.numpy(), max_fpr=corner[0], min_tpr=corner[1])
    assert 1 - float(raw(*corner, step)(h, target)) == pytest.approx(metric, abs=1e-9)


def test_the_last_row_counts_in_part_in_loss_and_metric():
    h, target = torch.tensor([5.0, 1.0, 6.0, 4.0, 0.0]).double(), torch.tensor([1, 1, 0, 0, 0])
    metric = two_way_partial_auroc(h.numpy(), target.numpy(), max_fpr=0.5, min_tpr=0.25)
    value = raw(0.5, 0.25, step)(h, target)  # positives 1 and half of 5, negatives 6 and half of 4
    assert float(value) == pytest.approx(1 - 0.5 * 0.5 / 1.5**2)
    assert metric == pytest.approx(1 - float(value))


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from(["squared_hinge", "logistic", "square"]))
def test_only_rows_inside_the_corner_count(seed, name):
    torch.manual_seed(seed)
    h, target = torch.randn(30).double(), (torch.arange(30) < 10).double()
    value, gradient = value_and_gradient(raw(0.25, 0.6, name), h, target)
    low, high = h[:10].argsort()[:4], h[10:].argsort(descending=True)[:5] + 10
    inside = torch.zeros(30, dtype=torch.bool)
    inside[torch.cat([low, high])] = True
    assert gradient[~inside].eq(0).all()
    assert gradient[inside].ne(0).any()
    easier, harder = h.clone(), h.clone()
    easier[h[:10].argmax()] += 1.0
    harder[h[10:].argmax() + 10] += 2.0 + float(h.max() - h.min())
    torch.testing.assert_close(raw(0.25, 0.6, name)(easier, target), value, rtol=1e-12, atol=0)
    assert raw(0.25, 0.6, name)(harder, target) > value


@surrogates
def test_running_thresholds_divide_by_the_wanted_numbers(name):
    loss = raw(0.5, 0.5, name, gamma=0.5).eval()
    loss.negatives.running.average.value.fill_(1.0)
    loss.positives.running.average.value.fill_(-2.0)  # of negated scores: below 2
    h = torch.tensor([1.0, 1.9, 0.4, 3.0, 5.0, 1.2, 0.9, -1.0]).double()
    target = (torch.arange(8) < 4).double()
    pairs = [SLOW[name](x - y, 1.0) for x in h[:4] for y in h[4:] if x < 2 and y > 1]
    assert len(pairs) == 6
    assert float(loss(h, target)) == pytest.approx(float(sum(pairs)) / (0.5 * 4 * 0.5 * 4))


@surrogates
def test_a_batch_outside_the_running_corner_gives_nothing(name):
    loss, target = raw(0.5, 0.5, name, gamma=0.1), torch.tensor([1, 1, 0, 0])
    h = torch.tensor([2.0, 1.0, 1.5, 0.5])
    loss(h, target)
    for other in (h - 20, h + 20):
        value, gradient = value_and_gradient(loss.eval(), other, target)
        assert value == 0
        assert gradient.eq(0).all()


def test_a_saved_state_resumes_and_evaluation_leaves_it():
    (h, target), shifts = labels(), torch.randn(10).tolist()
    straight, first, second = (raw(0.3, 0.4, gamma=0.2, num_labels=3) for _ in range(3))
    expected = [straight(h + shift, target) for shift in shifts]
    found = [first(h + shift, target) for shift in shifts[:5]]
    first.eval()(h + 3, target)
    second.load_state_dict(first.state_dict())
    found += [second(h + shift, target) for shift in shifts[5:]]
    torch.testing.assert_close(found, expected, rtol=0, atol=0)


def test_a_batch_without_a_pair_warns():
    with pytest.warns(MissingClassWarning, match="this batch has no pair"):
        value, gradient = value_and_gradient(raw(0.5, 0.5), torch.randn(3), torch.ones(3))
    assert value == 0
    assert gradient.eq(0).all()


@pytest.mark.parametrize("min_tpr", [1.0, -0.1, 2.0, NAN])
def test_min_tpr_must_be_a_rate_below_one(min_tpr):
    message = (
        f"min_tpr, the lowest true-positive rate of interest, must lie in [0, 1), got {min_tpr}"
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        TwoWayPartialAUCLoss(0.5, min_tpr)


def test_what_is_shown():
    assert repr(TwoWayPartialAUCLoss(0.3, 0.5, gamma=0.2)).startswith(
        "TwoWayPartialAUCLoss(\n"
        "  max_fpr=0.3, min_tpr=0.5, gamma=0.2, surrogate='squared_hinge', margin=1.0\n"
    )
