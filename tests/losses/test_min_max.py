"""What AUCMLoss and AUCSquareLoss share: value, gradient, forms, labels, missing classes."""

import itertools
import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles_losses import mean_over_labels, saddle
from torch.func import functional_call
from torch.nn import Identity

from aucmax.losses import AUCMLoss, AUCSquareLoss, MinMaxAUCLoss

NAN = float("nan")
both = pytest.mark.parametrize("loss_class", [AUCMLoss, AUCSquareLoss])
NUMBERS = st.floats(-2, 2, width=32)
SHARES = st.sampled_from([0.0625, 0.25, 0.75])


def prepared(loss_class, a=0.3, b=-0.2, alpha=0.7, **options):
    """A loss on raw float64 scores, its variables set."""
    loss = loss_class(**{"activation": Identity(), **options}).double()
    for parameter, value in zip((loss.a, loss.b, loss.alpha), (a, b, alpha), strict=True):
        parameter.data.copy_(torch.as_tensor(value))
    loss.started.fill_(True)
    return loss


def value_and_gradients(loss, h, target):
    """The gradient of alpha with its own sign: the loss hands it over negated."""
    h = h.clone().requires_grad_()
    value = loss(h, target)
    on_h, *own = torch.autograd.grad(value, (h, loss.a, loss.b, loss.alpha))
    on_a, on_b, on_alpha = own if loss.num_labels else [x.squeeze(0) for x in own]
    return value, (on_h, on_a, on_b, -on_alpha)


@st.composite
def problems(draw):
    """Scores, targets with unknowns and missing classes, variables, margin and prior."""
    rows, labels = draw(st.integers(1, 7)), draw(st.none() | st.integers(2, 3))
    shape, own = ((rows,), ()) if labels is None else ((rows, labels), (labels,))

    def tensor(elements, shape):
        size = torch.Size(shape).numel()
        values = draw(st.lists(elements, min_size=size, max_size=size))
        return torch.tensor(values, dtype=torch.float64).reshape(shape)

    h, target = tensor(NUMBERS, shape), tensor(st.sampled_from([0.0, 1.0, NAN]), shape)
    target.view(-1)[0] = draw(st.sampled_from([0.0, 1.0]))
    variables = tensor(NUMBERS, own), tensor(NUMBERS, own), tensor(st.floats(0, 2), own)
    margin = tensor(st.sampled_from([0.25, 1.0, 2.5]), draw(st.sampled_from([(), own])))
    prior = draw(st.none() | st.just(True)) and tensor(SHARES, draw(st.sampled_from([(), own])))
    return labels, h, target, variables, margin, prior


@both
@settings(max_examples=60, deadline=None)
@given(problems())
def test_value_and_gradients_equal_the_formula(loss_class, problem):
    labels, h, target, variables, margin, prior = problem
    options = {"margin": margin.tolist(), "prior": None if prior is None else prior.tolist()}
    loss = prepared(loss_class, *variables, num_labels=labels, **options)
    value, gradients = value_and_gradients(loss, h, target)
    leaves = [x.clone().requires_grad_() for x in (h, *variables)]

    def one_label(h, target, label):
        own = [x if x.ndim == 0 else x[label] for x in (*leaves[1:], margin)]
        share = prior if prior is None or prior.ndim == 0 else prior[label]
        return saddle(h, target, *own, share)

    expected = mean_over_labels(leaves[0], target, one_label)
    torch.testing.assert_close(value, expected, rtol=1e-12, atol=1e-12)
    found = torch.autograd.grad(expected, leaves, allow_unused=True, materialize_grads=True)
    torch.testing.assert_close(gradients, found, rtol=1e-12, atol=1e-12)


@both
@pytest.mark.parametrize("prior", [None, 0.2])
@pytest.mark.parametrize("labels", [None, 2])
def test_gradient_equals_finite_differences(loss_class, prior, labels):
    loss = prepared(loss_class, num_labels=labels, prior=prior)
    shape = (6,) if labels is None else (6, labels)
    target = (torch.arange(6 * (labels or 1)) % 3 == 0).double().reshape(shape)
    target.view(-1)[1] = NAN
    names = [name for name, _ in loss.named_parameters()]
    leaves = [torch.randn(shape).double()] + [p.detach() for p in loss.parameters()]

    def function(h, *parameters):
        given = dict(zip(names, parameters, strict=True))
        # The gradient of alpha comes negated: here it is negated once more.
        given["alpha"] = 2 * given["alpha"].detach() - given["alpha"]
        return functional_call(loss, given, (h, target))

    assert torch.autograd.gradcheck(function, [x.clone().requires_grad_() for x in leaves])


@both
@pytest.mark.parametrize("size", [1, 2, 3])
def test_the_prior_form_is_unbiased_over_all_batches(loss_class, size):
    h, target = torch.randn(6).double(), torch.tensor([1.0, 0, 0, 1, 0, 0])
    loss = prepared(loss_class, prior=1 / 3)
    batches = [list(rows) for rows in itertools.combinations(range(6), size)]
    parts = [value_and_gradients(loss, h[rows], target[rows]) for rows in batches]
    value, (_, *gradients) = value_and_gradients(loss, h, target)
    conditional = value_and_gradients(prepared(loss_class), h, target)
    torch.testing.assert_close(value, conditional[0], rtol=1e-6, atol=1e-6)
    mean = torch.stack([part for part, _ in parts]).mean()
    torch.testing.assert_close(mean, value, rtol=1e-6, atol=1e-6)
    for i, gradient in enumerate(gradients, start=1):
        mean = torch.stack([part[i] for _, part in parts]).mean()
        torch.testing.assert_close(mean, gradient, rtol=1e-6, atol=1e-6)


@both
def test_class_means_of_small_batches_are_biased_which_is_why_there_is_a_prior(loss_class):
    h, target = torch.randn(6).double(), torch.tensor([1.0, 0, 0, 1, 0, 0])
    loss = prepared(loss_class)
    batches = [list(rows) for rows in itertools.combinations(range(6), 2)]
    mean = torch.stack([loss(h[rows], target[rows]) for rows in batches]).mean()
    assert (mean - loss(h, target)).detach().abs() > 1e-3


@both
@pytest.mark.parametrize("missing", [0, 1])
def test_a_missing_class_keeps_its_estimate_and_the_other_learns(loss_class, missing):
    h, a, b, alpha = torch.tensor([0.5, 1.25, 2.0]).double(), 0.3, -0.2, 0.7
    loss = prepared(loss_class, a, b, alpha)
    value, (on_h, on_a, on_b, on_alpha) = value_and_gradients(
        loss, h, torch.full((3,), 1 - missing)
    )
    centre, mean1, mean0 = (b, a, h.mean()) if missing else (a, h.mean(), b)
    by_hand = ((h - centre) ** 2).mean() + 2 * alpha * (1 + mean0 - mean1) - alpha**2
    torch.testing.assert_close(value, by_hand, rtol=1e-6, atol=1e-6)
    of_missing, of_other = (on_a, on_b) if missing else (on_b, on_a)
    assert of_missing == 0
    assert float(of_other) == pytest.approx(-2 * float((h - centre).mean()))
    assert float(on_alpha) == pytest.approx(2 * float(1 + mean0 - mean1 - alpha))
    assert bool((on_h != 0).all())


@both
@pytest.mark.parametrize("y", [0.0, 1.0])
def test_batches_of_one_class_are_finite_with_a_prior(loss_class, y):
    loss = prepared(loss_class, prior=0.01)
    value, gradients = value_and_gradients(loss, torch.randn(4).double(), torch.full((4,), y))
    assert all(bool(x.isfinite().all()) for x in (value, *gradients))
    assert gradients[1 if y else 2] != 0
    assert gradients[2 if y else 1] == 0


@both
@pytest.mark.parametrize("prior", [None, 0.3])
def test_a_label_without_known_target_is_left_out(loss_class, prior):
    h, target = torch.randn(5, 3).double(), (torch.rand(5, 3) < 0.5).double()
    target[:, 1] = NAN
    value, gradients = value_and_gradients(
        prepared(loss_class, num_labels=3, prior=prior), h, target
    )
    rest = prepared(loss_class, num_labels=2, prior=prior)
    expected, others = value_and_gradients(rest, h[:, [0, 2]], target[:, [0, 2]])
    torch.testing.assert_close(value, expected)
    for gradient, other in zip(gradients, others, strict=True):
        assert gradient[..., 1].eq(0).all()
        torch.testing.assert_close(gradient[..., [0, 2]], other)


@both
@pytest.mark.parametrize("labels", [None, 1])
def test_columns_of_one_label_mean_the_same_as_vectors(loss_class, labels):
    h, target = torch.randn(8).double(), (torch.arange(8) % 3 == 0).long()
    loss = prepared(loss_class, num_labels=labels, margin=0.75 if labels is None else [0.75])
    value, gradients = value_and_gradients(loss, h, target)
    column, others = value_and_gradients(loss, h[:, None], target[:, None])
    torch.testing.assert_close(value, column)
    torch.testing.assert_close(gradients, (others[0][:, 0], *others[1:]))
    assert value.shape == ()
    assert loss.a.shape == loss.alpha.shape == (1,)  # FSDP2 shards no scalars


@both
def test_many_labels_are_the_mean_of_the_losses_of_each(loss_class):
    h, target = torch.randn(9, 4).double(), (torch.rand(9, 4) < 0.4).double()
    margin, prior = [0.25, 0.5, 1.0, 2.0], [0.125, 0.25, 0.5, 0.75]
    own = torch.rand(3, 4).double()
    together = prepared(loss_class, *own, num_labels=4, margin=margin, prior=prior)
    apart = [
        prepared(loss_class, *own[:, i], margin=margin[i], prior=prior[i])(h[:, i], target[:, i])
        for i in range(4)
    ]
    torch.testing.assert_close(together(h, target), sum(apart) / 4)


@both
def test_state_dict_holds_the_variables_and_whether_they_have_started(loss_class):
    loss = loss_class([0.5, 1.0], num_labels=2, prior=0.3)
    assert list(loss.state_dict()) == ["a", "b", "alpha", "started", "shift"]
    assert [tuple(p.shape) for p in loss.parameters()] == [(2,)] * 3
    assert loss.loss_variables == ("a", "b", "alpha")


WRONG = [
    ({"margin": 0.0}, "margin must be > 0, in units of the score, got 0.0"),
    ({"margin": NAN}, "margin must be > 0, in units of the score, got nan"),
    (
        {"margin": [1, -1], "num_labels": 2},
        "margin must be > 0, in units of the score, got [1, -1]",
    ),
    ({"margin": [1.0, 1.0]}, "margin must be one number (num_labels=None), got [1.0, 1.0]"),
    ({"num_labels": 0}, "num_labels must be >= 1, or None for one label, got 0"),
    ({"prior": 0.0}, "prior, the share of positives, must lie in (0, 1), got 0.0"),
    ({"prior": 1.0}, "prior, the share of positives, must lie in (0, 1), got 1.0"),
    ({"prior": [0.1], "num_labels": 2}, "prior must be one number or 2 of them (num_labels=2)"),
]


@both
@pytest.mark.parametrize(("options", "message"), WRONG)
def test_constructor_messages(loss_class, options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        loss_class(**options)


@pytest.mark.parametrize(("labels", "columns"), [(None, 3), (1, 3), (2, 3), (3, 1)])
def test_columns_must_match_num_labels(labels, columns):
    wanted = "one column" if labels in (None, 1) else f"num_labels={labels} columns"
    message = (
        f"logits must have {wanted}, got shape (4, {columns}): "
        "pass num_labels=L to the loss for logits (B, L)"
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        AUCMLoss(num_labels=labels)(torch.zeros(4, columns), torch.ones(4, columns))


@both
def test_what_is_shown(loss_class):
    shown = repr(loss_class(0.5, num_labels=2, prior=[0.25, 0.5]))
    assert shown == f"{loss_class.__name__}(margin=0.5, num_labels=2, prior=[0.25, 0.5])"
    assert issubclass(loss_class, MinMaxAUCLoss)
