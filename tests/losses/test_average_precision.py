import io
import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles_average_precision import Soap, average_precision_loss
from oracles_losses import SURROGATES as SLOW
from oracles_losses import cubic, mean_over_labels, problems, value_and_gradient
from sklearn.metrics import average_precision_score
from torch.nn import Identity

from aucmax.losses.average_precision import APLoss
from aucmax.losses.missing import MissingClassWarning
from aucmax.surrogates import SURROGATES

NAN = float("nan")
SLOW_OF = {**SLOW, "cubic": lambda t, m: max(0 * t, m - t) ** 3}
FAST = {**SURROGATES, "cubic": cubic}
every = pytest.mark.parametrize("name", FAST)


def raw(labels=None, **options):
    """A loss of the scores themselves, its buffers in float64."""
    return APLoss(num_labels=labels, activation=Identity(), **options).double()


def labels_of(h):
    return h.shape[1] if h.ndim == 2 else None


@every
@settings(max_examples=20, deadline=None)
@given(
    problems(every_label=False),
    st.sampled_from([0.3, 1.1]),
    st.none() | st.sampled_from([1 / 32, 0.75]),
)
def test_value_and_gradient_equal_the_exact_objective(name, problem, margin, prior):
    h, target = problem
    slow = lambda h, t, _: average_precision_loss(h, t, SLOW_OF[name], margin, prior)  # noqa: E731
    expected = value_and_gradient(lambda h, t: mean_over_labels(h, t, slow), h, target)
    options = {"surrogate": FAST[name], "margin": margin, "prior": prior}
    for rows, gamma in ((None, 0.1), (len(h), 1.0)):  # without averages, and with none of the past
        loss = raw(labels_of(h), num_samples=rows, gamma=gamma, **options)
        loss(torch.randn_like(h), target, torch.arange(len(h)))
        found = value_and_gradient(loss, h, target, torch.arange(len(h)).flip(0))
        torch.testing.assert_close(found, expected, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("prior", [None, 0.125])
def test_with_the_error_itself_the_value_is_one_minus_average_precision(prior):
    for _ in range(20):
        h, target = torch.randint(0, 8, (30,)).double(), (torch.rand(30) < 0.3).double()
        loss = raw(surrogate=lambda gap, margin: (gap <= 0).to(gap.dtype), prior=prior)
        n1, n0 = target.sum(), (1 - target).sum()
        weights = None if prior is None else torch.where(target == 1, prior / n1, (1 - prior) / n0)
        expected = average_precision_score(target, h, sample_weight=weights)
        assert float(loss(h, target)) == pytest.approx(1 - expected)


def test_a_prior_for_each_label():
    h, target = torch.randn(9, 2).double(), (torch.rand(9, 2) < 0.4).double()
    both = raw(2, prior=[0.1, 0.6])(h, target)
    parts = [raw(prior=p)(h[:, i], target[:, i]) for i, p in enumerate((0.1, 0.6))]
    torch.testing.assert_close(both, sum(parts) / 2, rtol=1e-6, atol=0)


@pytest.mark.parametrize("prior", [None, 0.125])
@pytest.mark.parametrize("labels", [None, 2])
@pytest.mark.parametrize("name", ["squared_hinge", "square", "logistic"])
def test_every_step_equals_the_algorithm_of_the_paper(name, labels, prior):
    loss = raw(labels, num_samples=20, gamma=0.3, surrogate=name, margin=0.6, prior=prior)
    slow = [Soap(0.3, SLOW[name], 0.6, prior) for _ in range(labels or 1)]
    data = (torch.arange(20 * (labels or 1)) % 3 == 0).double().reshape(20, labels or 1)
    for _ in range(6):
        index = torch.randperm(20)[:8]
        h, target = torch.randn(8, labels or 1).double(), data[index]
        steps = [s.step(h[:, i], target[:, i], index) for i, s in enumerate(slow)]
        expected = torch.stack([gradient for _, gradient in steps], 1) / len(steps)
        found = value_and_gradient(loss, h, target, index)
        torch.testing.assert_close(found[0].item(), sum(v for v, _ in steps) / len(steps))
        torch.testing.assert_close(found[1], expected)
    for label, s in enumerate(slow):
        kept = [loss.of_positives.value, loss.of_negatives.value]
        kept1, kept0 = (x.reshape(20, -1)[:, label] for x in kept)
        seen = sorted(s.u_pos)
        assert (~kept1.isnan()).nonzero().flatten().tolist() == seen
        torch.testing.assert_close(kept1[seen], torch.tensor([s.u_pos[i] for i in seen]).double())
        both = torch.tensor([s.u_all[i] for i in seen]).double()
        torch.testing.assert_close((kept1 + kept0)[seen], both)


def test_averages_remove_the_bias_of_ratios_over_small_batches():
    rows, size = 40, 8
    h, target = torch.randn(rows).double(), (torch.arange(rows) % 4 == 0).double()
    loss = torch.relu(1 - h[:, None] + h) ** 2
    # In the batches that hold row i it has its share 1 / size, any other row what is left for it.
    share = torch.full_like(loss, (size - 1) / (rows - 1)).fill_diagonal_(1.0) / size
    g1, g0 = (share * loss) @ target, (share * loss) @ (1 - target)
    expected = float((g0 / (g1 + g0))[target == 1].mean())
    alone, averaged = raw(), raw(num_samples=rows, gamma=0.03)
    ratios, positives = 0.0, 0.0
    for _ in range(100):
        for index in torch.randperm(rows).split(size):
            n1 = float(target[index].sum())
            if n1:
                averaged(h[index], target[index], index)
                ratios += n1 * float(alone(h[index], target[index]))
                positives += n1
    u1, u0 = averaged.of_positives.value, averaged.of_negatives.value
    bias = abs(ratios / positives - expected)
    assert bias > 0.03
    assert abs(float((u0 / (u1 + u0))[target == 1].mean()) - expected) < bias / 3


def test_a_label_without_a_pair_is_left_out_and_keeps_its_averages():
    loss = raw(2, num_samples=6)
    h, target = torch.randn(6, 2).double(), (torch.arange(12) % 2).reshape(6, 2).double()
    target[:, 0] = torch.tensor([1.0, 0, 1, 0, NAN, 0])
    value, gradient = value_and_gradient(loss, h, target, torch.arange(6))
    expected, alone = value_and_gradient(raw(), h[:, 0], target[:, 0])
    torch.testing.assert_close(value, expected)
    torch.testing.assert_close(gradient[:, 0], alone)
    assert gradient[:, 1].eq(0).all()
    assert loss.of_positives.value[:, 1].isnan().all()
    assert (~loss.of_negatives.value[:, 0].isnan()).tolist() == [True, False, True] + [False] * 3


@every
@pytest.mark.parametrize("y", [0.0, 1.0])
def test_without_a_pair_the_value_is_zero_and_a_warning_says_so(name, y):
    loss, h = APLoss(4, surrogate=FAST[name]), torch.randn(4)
    target, index = torch.full((4,), y), torch.arange(4)
    with pytest.warns(MissingClassWarning, match="has no pair of a positive and a negative"):
        value, gradient = value_and_gradient(loss, h, target, index)
    assert value == 0
    assert gradient.eq(0).all()
    assert loss.of_positives.value.isnan().all()
    assert loss.eval()(h, target, index) == 0


def test_evaluation_gives_the_value_at_the_averages_and_keeps_them():
    loss, index = raw(num_samples=8, gamma=0.5), torch.arange(8)
    target = (index % 2).double()
    loss(torch.randn(8).double(), target, index)
    before = {name: value.clone() for name, value in loss.state_dict().items()}
    h = torch.randn(8).double()
    values = [loss.eval()(h, target, index) for _ in range(2)]
    torch.testing.assert_close(dict(loss.state_dict()), before, rtol=0, atol=0, equal_nan=True)
    assert torch.equal(values[0], values[1])
    assert torch.equal(loss.train()(h, target, index), values[0])


def test_a_saved_state_goes_on_where_it_was():
    def steps(loss, numbers):
        for number in numbers:
            generator = torch.Generator().manual_seed(number)
            index = torch.randperm(12, generator=generator)[:6]
            h = torch.randn(6, generator=generator)
            value = loss(h, (index % 3 == 0).float(), index)
        return value

    whole, half, rest = (APLoss(12) for _ in range(3))
    expected = steps(whole, range(10))
    steps(half, range(5))
    file = io.BytesIO()
    torch.save(half.state_dict(), file)
    file.seek(0)
    rest.load_state_dict(torch.load(file, weights_only=True))
    assert torch.equal(steps(rest, range(5, 10)), expected)
    assert not APLoss().state_dict()


@every
@pytest.mark.parametrize("temperature", [1.0, 1e-3])
def test_saturated_scores_in_single_precision(name, temperature):
    h = torch.tensor([1e4, 1e4, -1e4, 0.0, -1e4, 1e4, 3.0])
    target = torch.tensor([1, 0, 1, 0, 0, 1, 1])
    loss = APLoss(surrogate=FAST[name], activation=lambda z: torch.sigmoid(z / temperature))
    found = value_and_gradient(loss, h, target)
    exact = value_and_gradient(loss, h.double(), target)
    for x, y in zip(found, exact, strict=True):
        assert x.isfinite().all()
        torch.testing.assert_close(x.double(), y, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["squared_hinge", "hinge", "logistic", "barrier_hinge", "cubic"])
def test_large_raw_scores_in_single_precision(name):
    h, target = torch.randn(40) * 1e4, torch.arange(40) % 2
    loss = APLoss(surrogate=FAST[name], activation=Identity())
    found, exact = (value_and_gradient(loss, x, target) for x in (h, h.double()))
    for x, y in zip(found, exact, strict=True):
        assert (x - y).abs().max() < 1e-4 * y.abs().max()


def test_a_positive_beyond_every_pair_is_precise():
    def rest(gap, margin):
        return torch.relu(-gap)  # 0 for the row itself, so that nothing remains to divide by

    h, target = torch.tensor([2.0, 1.0, 0.0, 0.5]), torch.tensor([1, 0, 0, 1])
    loss = APLoss(surrogate=rest, activation=Identity())
    value, gradient = value_and_gradient(loss, h, target)
    # The second positive: 1.5 of positives above it, 0.5 of negatives; the first: nothing.
    assert value.item() == pytest.approx((0 + 0.5 / 2) / 2)
    assert gradient.isfinite().all()
    assert gradient.abs().sum() > 0
    value, gradient = value_and_gradient(loss, h, torch.tensor([1, 0, 0, 0]))
    assert value == 0
    assert gradient.eq(0).all()


def test_no_averages_are_kept_without_num_samples():
    loss, h, target = APLoss(), torch.randn(8), torch.arange(8) % 2
    assert not list(loss.buffers())
    assert torch.equal(loss(h, target), loss(h, target, torch.arange(8)))
    three = loss(h[:, None].expand(8, 3), target[:, None].expand(8, 3))
    torch.testing.assert_close(three, loss(h, target))


WRONG = {
    "gamma": ({"gamma": 1.5}, "gamma, the weight of the new estimate, must lie in (0, 1], got 1.5"),
    "samples": ({"num_samples": 0}, "num_samples must be >= 1, the rows of the data, got 0"),
    "labels": ({"num_labels": 0}, "num_labels must be >= 1, or None for one label, got 0"),
    "margin": ({"margin": 0.0}, "margin must be > 0, in units of the score, got 0.0"),
    "surrogate": ({"surrogate": "ap"}, f"surrogate must be one of {list(SURROGATES)}, got 'ap'"),
    "prior": ({"prior": 1.0}, "prior, the share of positives, must lie in (0, 1), got 1.0"),
    "priors": (
        {"prior": [0.1, 0.0], "num_labels": 2},
        "prior, the share of positives, must lie in (0, 1), got [0.1, 0.0]",
    ),
    "one prior": ({"prior": [0.1, 0.2]}, "prior must be one number (num_labels=None), got [0.1"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_argument_is_refused(case):
    options, message = WRONG[case]
    with pytest.raises(ValueError, match=re.escape(message)):
        APLoss(**options)


def test_with_averages_an_index_and_the_right_labels_are_needed():
    h, target = torch.zeros(2), torch.tensor([0, 1])
    with pytest.raises(ValueError, match="index, the rows' positions in the data, must be given"):
        APLoss(2)(h, target)
    with pytest.raises(ValueError, match=re.escape("index must lie in 0 to num_samples - 1 = 1")):
        APLoss(2)(h, target, torch.tensor([1, 2]))
    message = "logits must have one column, got shape (2, 3)"
    with pytest.raises(ValueError, match=re.escape(message)):
        APLoss(2)(torch.zeros(2, 3), torch.ones(2, 3), torch.arange(2))
    with pytest.raises(ValueError, match="logits must have num_labels=2 columns"):
        APLoss(num_labels=2)(h, target)


def test_what_is_shown():
    assert repr(APLoss(9, prior=0.5)).splitlines()[1:3] == [
        "  num_samples=9, num_labels=None, gamma=0.1, surrogate='squared_hinge', margin=1.0, "
        "prior=0.5",
        "  (of_positives): MovingAverage((9,), gamma=0.1)",
    ]
