import math
import re
import warnings

import oracles_losses
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles_losses import SURROGATES as SLOW
from oracles_losses import cubic, mean_over_labels, value_and_gradient
from oracles_partial import nested_cvar, region
from torch.nn import Identity

from aucmax.losses import MissingClassWarning, PairwiseAUCLoss
from aucmax.losses.partial import PartialAUCLoss
from aucmax.metrics import partial_auroc
from aucmax.surrogates import SURROGATES

NAN = float("nan")
NAMES = list(SURROGATES)
MONOTONE = [name for name in NAMES if name not in ("square", "barrier_hinge")]
SHARES = [0.01, 0.1, 0.25, 1 / 3, 0.5, 0.77, 1.0]

surrogates = pytest.mark.parametrize("name", NAMES)


@st.composite
def problems(draw):
    """Scores with many ties, targets with unknowns; at least one pair for the first label."""
    rows, labels = draw(st.integers(2, 9)), draw(st.none() | st.integers(1, 3))
    shape = (rows,) if labels is None else (rows, labels)
    size = torch.Size(shape).numel()
    scores = draw(st.lists(st.integers(-3, 3), min_size=size, max_size=size))
    targets = draw(st.lists(st.sampled_from([0.0, 0.0, 1.0, NAN]), min_size=size, max_size=size))
    h = torch.tensor(scores, dtype=torch.float64).reshape(shape) / 4
    target = torch.tensor(targets, dtype=torch.float64).reshape(shape)
    target[:2] = torch.tensor([0.0, 1.0]).reshape((2,) + (1,) * (target.ndim - 1))
    return h, target


def raw(max_fpr, name="squared_hinge", **options):
    return PartialAUCLoss(max_fpr, surrogate=name, activation=Identity(), **options)


def batch(rows=24, positives=7):
    return torch.randn(rows).double(), (torch.arange(rows) < positives).double()


@surrogates
@settings(max_examples=25, deadline=None)
@given(problems(), st.sampled_from(SHARES), st.sampled_from([0.3, 1.1]))  # no gap on a kink
def test_value_and_gradient_equal_the_double_loop(name, problem, max_fpr, margin):
    h, target = problem
    found = value_and_gradient(raw(max_fpr, name, margin=margin), h, target)

    def slow(h, target):
        return mean_over_labels(
            h, target, lambda h, t, _: region(h, t, SLOW[name], margin, max_fpr)
        )

    torch.testing.assert_close(found, value_and_gradient(slow, h, target), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", MONOTONE)
@settings(max_examples=15, deadline=None)
@given(problems(), st.sampled_from(SHARES), st.sampled_from([0.3, 1.1]))
def test_value_equals_the_minimum_over_thresholds_with_ties(name, problem, max_fpr, margin):
    h, target = problem
    expected = mean_over_labels(
        h, target, lambda h, t, _: nested_cvar(h, t, SLOW[name], margin, max_fpr)
    )
    found = raw(max_fpr, name, margin=margin)(h, target)
    torch.testing.assert_close(found, expected, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("name", MONOTONE)
@pytest.mark.parametrize("max_fpr", SHARES)
def test_gradient_equals_that_of_the_minimum_over_thresholds(name, max_fpr):
    h, target = batch(14, 5)

    def slow(h, target):
        return nested_cvar(h, target, SLOW[name], 0.7, max_fpr)

    found = value_and_gradient(raw(max_fpr, name, margin=0.7), h, target)
    torch.testing.assert_close(found, value_and_gradient(slow, h, target), rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("gamma", [1.0, 0.1])
@pytest.mark.parametrize("name", [*NAMES, cubic])
def test_all_negatives_make_the_pairwise_loss_to_the_last_bit(name, gamma):
    h, target = torch.randn(30, 3).double(), (torch.rand(30, 3) < 0.4).double()
    target[0], target[1:3] = NAN, torch.tensor([[0.0], [1.0]])
    loss = PartialAUCLoss(1.0, num_labels=3, gamma=gamma, surrogate=name, margin=0.7)
    for _ in range(2):
        found = value_and_gradient(loss, h, target)
        expected = value_and_gradient(PairwiseAUCLoss(name, 0.7), h, target)
        torch.testing.assert_close(found, expected, rtol=0, atol=0)
        h = h + 1


def step(gap, margin):
    """The 0-1 error, half for a tie."""
    return (gap < 0).to(gap.dtype) + 0.5 * (gap == 0).to(gap.dtype)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.integers(-4, 4), min_size=1, max_size=8),
    st.lists(st.integers(-4, 4), min_size=1, max_size=9),
    st.sampled_from(SHARES),
)
def test_on_the_zero_one_error_it_is_the_partial_auroc(positives, negatives, max_fpr):
    h = torch.tensor([*positives, *negatives]).double()
    target = (torch.arange(len(h)) < len(positives)).double()
    value = float(raw(max_fpr, step)(h, target))
    metric = partial_auroc(h.numpy(), target.numpy(), fpr=(0, max_fpr)).normalised
    # Positives tied with the negative at the threshold: the curve is slanted there, and its first
    # part lies lower than its middle.
    count = max_fpr * len(negatives)
    threshold = sorted(negatives, reverse=True)[math.ceil(count - 1e-9) - 1]
    tied = negatives.count(threshold)
    part = count - sum(score > threshold for score in negatives)
    below = part / count * positives.count(threshold) / len(positives) * (1 - part / tied) / 2
    assert 1 - value == pytest.approx(metric + below, abs=1e-9)


def test_the_sigmoid_of_a_tiny_margin_comes_close_to_the_partial_auroc():
    h, target = batch(40, 15)
    metric = partial_auroc(h.numpy(), target.numpy(), fpr=(0, 0.3)).normalised
    value = raw(0.3, "sigmoid", margin=1e-6)(h, target)
    assert 1 - float(value) == pytest.approx(metric, abs=1e-9)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from(["squared_hinge", "logistic", "square"]))
def test_only_negatives_inside_the_region_count(seed, name):
    torch.manual_seed(seed)
    h, target = batch(20, 5)
    loss = raw(0.4, name)  # the 6 highest of 15 negatives
    order = h[5:].argsort(descending=True) + 5
    value, gradient = value_and_gradient(loss, h, target)
    assert gradient[order[6:]].eq(0).all()
    assert gradient[order[:6]].ne(0).any()
    outside = h.clone()
    outside[order[-1]] = 0.5 * (h[order[5]] + h[order[6]])  # raised, and still outside
    torch.testing.assert_close(loss(outside, target), value, rtol=1e-12, atol=0)
    inside = h.clone()
    inside[order[2]] = h.max() + 10  # above all rows: far more wrong than any pair was
    assert loss(inside, target) > value


@surrogates
def test_a_label_without_a_pair_is_left_out(name):
    h, target = torch.randn(8, 3).double(), (torch.arange(24).reshape(8, 3) % 2).double()
    target[:, 1] = 0.0
    loss = raw(0.3, name)
    value, gradient = value_and_gradient(loss, h, target)
    expected, others = value_and_gradient(loss, h[:, [0, 2]], target[:, [0, 2]])
    torch.testing.assert_close(value, expected)
    torch.testing.assert_close(gradient[:, [0, 2]], others)
    assert gradient[:, 1].eq(0).all()


@surrogates
@pytest.mark.parametrize("gamma", [1.0, 0.5])
@pytest.mark.parametrize("target", [[1.0, 1.0, NAN], [0.0, 0.0, 0.0]])
def test_without_a_pair_the_value_is_zero_and_a_warning_says_so(name, gamma, target):
    loss = raw(0.3, name, gamma=gamma)
    with pytest.warns(MissingClassWarning, match="this batch has no pair") as caught:
        value, gradient = value_and_gradient(loss, torch.randn(3), torch.tensor(target))
    assert value == 0
    assert gradient.eq(0).all()
    assert caught[0].filename == oracles_losses.__file__  # where the loss is called


@surrogates
def test_a_batch_below_the_running_threshold_gives_nothing(name):
    loss = raw(0.5, name, gamma=0.1)
    h, target = torch.tensor([5.0, 4.0, 3.0, 1.0]), torch.tensor([1, 0, 0, 0])
    loss(h, target)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        value, gradient = value_and_gradient(loss, h - 20, target)
    assert value == 0
    assert gradient.eq(0).all()


@surrogates
def test_a_running_threshold_divides_by_the_wanted_number(name):
    loss = raw(0.5, name, gamma=0.5)
    loss.eval()
    loss.negatives.running.average.value.fill_(1.0)
    h = torch.tensor([2.0, 0.5, 3.0, 1.5, 1.2, 0.9, -1.0, -2.0]).double()
    target = (torch.arange(8) < 2).double()
    pairs = [SLOW[name](x - y, 1.0) for x in h[:2] for y in h[2:] if y > 1]  # 3 of 6 negatives
    assert float(loss(h, target)) == pytest.approx(float(sum(pairs)) / (2 * 0.5 * 6))
    h[5] = 1.1
    pairs = [SLOW[name](x - y, 1.0) for x in h[:2] for y in h[2:] if y > 1]  # 4 of 6 negatives
    assert float(loss(h, target)) == pytest.approx(float(sum(pairs)) / (2 * 0.5 * 6))


def test_the_running_estimate_is_unbiased_for_its_threshold():
    h, target = batch(60, 20)
    loss = raw(0.25, "logistic", gamma=0.1).eval()
    tenth = h[20:].sort(descending=True).values[9:11].mean()
    loss.negatives.running.average.value.copy_(tenth)
    whole, parts = loss(h, target), []
    for part in range(8):  # 8 batches of all positives and 5 negatives, each negative once
        rows = torch.cat([torch.arange(20), 20 + torch.arange(part, 40, 8)])
        parts.append(loss(h[rows], target[rows]))
    torch.testing.assert_close(torch.stack(parts).mean(), whole, rtol=1e-9, atol=0)
    torch.testing.assert_close(whole, raw(0.25, "logistic")(h, target), rtol=1e-9, atol=0)


def test_a_saved_state_resumes():
    batches = [torch.randn(12, 2).double() for _ in range(10)]
    target = (torch.arange(24).reshape(12, 2) % 3 == 0).double()
    straight, first, second = (raw(0.3, gamma=0.2, num_labels=2) for _ in range(3))
    expected = [straight(h, target) for h in batches]
    found = [first(h, target) for h in batches[:5]]
    second.load_state_dict(first.state_dict())
    found += [second(h, target) for h in batches[5:]]
    torch.testing.assert_close(found, expected, rtol=0, atol=0)


@surrogates
def test_saturated_scores_are_finite(name):
    target = (torch.arange(32) % 4 == 0).float()
    for logits in (torch.randn(32) * 1e4, torch.zeros(32), torch.full((32,), 1e4)):
        for gamma in (1.0, 0.5):
            loss = PartialAUCLoss(0.1, gamma=gamma, surrogate=name)
            for _ in range(2):
                value, gradient = value_and_gradient(loss, logits, target)
                assert value.isfinite()
                assert gradient.isfinite().all()


@pytest.mark.parametrize("max_fpr", [0.0, -0.1, 1.01, NAN])
def test_max_fpr_must_be_a_rate(max_fpr):
    message = (
        f"max_fpr, the highest false-positive rate of interest, must lie in (0, 1], got {max_fpr}"
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        PartialAUCLoss(max_fpr)


def test_other_arguments_are_checked():
    with pytest.raises(ValueError, match=re.escape("must lie in (0, 1], got 0")):
        PartialAUCLoss(0.3, gamma=0)
    with pytest.raises(ValueError, match="num_labels must be >= 1, or None for one label, got 0"):
        PartialAUCLoss(0.3, num_labels=0)
    with pytest.raises(ValueError, match="margin must be > 0"):
        PartialAUCLoss(0.3, margin=0)
    with pytest.raises(ValueError, match="surrogate must be one of"):
        PartialAUCLoss(0.3, surrogate="hing")


@pytest.mark.parametrize("options", [{"gamma": 0.5}, {"num_labels": 2}])
def test_running_thresholds_need_the_number_of_labels(options):
    loss, h = PartialAUCLoss(0.5, **options), torch.randn(4, 3)
    with pytest.raises(ValueError, match=r"columns?, got shape \(4, 3\)"):
        loss(h, (h > 0).float())


def test_without_memory_any_number_of_labels_will_do():
    loss, target = PartialAUCLoss(0.5), (torch.arange(12).reshape(4, 3) % 2).float()
    assert loss(torch.randn(4, 3), target) > 0
    assert loss(torch.randn(4), target[:, 0]) > 0
    assert loss.state_dict() == {}


def test_what_is_shown():
    assert repr(PartialAUCLoss(0.3)).startswith(
        "PartialAUCLoss(\n  max_fpr=0.3, gamma=1.0, surrogate='squared_hinge', margin=1.0\n"
    )
