import re
import warnings

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles_losses import SURROGATES as SLOW
from oracles_losses import cubic, mean_over_labels, pairwise, problems, value_and_gradient
from torch.nn import Identity

from aucmax import set_value_checks
from aucmax.losses import MissingClassWarning, PairwiseAUCLoss
from aucmax.losses.pairs import sums as pair_sums
from aucmax.surrogates import SURROGATES

NAN = float("nan")
NAMES = list(SURROGATES)


def by_loops(h, target, surrogate, margin):
    h = h.clone().requires_grad_()
    value = mean_over_labels(h, target, lambda h, t, _: pairwise(h, t, surrogate, margin))
    return value, *torch.autograd.grad(value, h)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=25, deadline=None)
@given(problems(), st.sampled_from([0.3, 1.1]))  # no gap of the grid lies on a kink
def test_value_and_gradient_equal_the_double_loop(name, problem, margin):
    h, target = problem
    loss = PairwiseAUCLoss(name, margin, activation=Identity())
    found, expected = value_and_gradient(loss, h, target), by_loops(h, target, SLOW[name], margin)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("block", [1, 7, 10**9])
@pytest.mark.parametrize("name", [name for name in NAMES if "square" not in name])
def test_blocks_of_any_size_agree(monkeypatch, name, block):
    h, target = torch.randn(23, 2).double(), (torch.rand(23, 2) < 0.4).double()
    loss = PairwiseAUCLoss(name)
    expected = value_and_gradient(loss, h, target)
    monkeypatch.setattr(pair_sums, "BLOCK_PAIRS", block)
    torch.testing.assert_close(value_and_gradient(loss, h, target), expected)


@pytest.mark.parametrize("name", ["hinge", "squared_hinge"])
def test_a_gap_of_exactly_the_margin_is_at_rest(name):
    h, target = torch.tensor([1.0, 0.0, 0.0]).double(), torch.tensor([1, 0, 0])
    value, gradient = value_and_gradient(PairwiseAUCLoss(name, activation=Identity()), h, target)
    assert value == 0
    assert gradient.eq(0).all()


def test_a_surrogate_of_your_own():
    h, target = torch.randn(9).double(), torch.tensor([0, 1, 1, 0, 0, 1, 0, 0, 1])
    loss = PairwiseAUCLoss(cubic, 0.7, activation=Identity())
    expected = by_loops(h, target, lambda t, m: max(0 * t, m - t) ** 3, 0.7)
    torch.testing.assert_close(value_and_gradient(loss, h, target), expected)
    assert repr(PairwiseAUCLoss(cubic, 0.7)) == "PairwiseAUCLoss(surrogate='cubic', margin=0.7)"


def test_the_functions_of_the_library_take_their_fast_paths_too():
    h, target = torch.randn(9).double(), torch.tensor([0, 1, 1, 0, 0, 1, 0, 0, 1])
    for name, function in SURROGATES.items():
        by_name, by_function = PairwiseAUCLoss(name), PairwiseAUCLoss(function)
        assert torch.equal(by_name(h, target), by_function(h, target))


@pytest.mark.parametrize("name", [*NAMES, cubic])
@pytest.mark.parametrize("target", [[1.0, 1.0, NAN], [0.0, 0.0, 0.0]])
def test_without_a_pair_the_value_is_zero_and_a_warning_says_so(name, target):
    h, target = torch.randn(3), torch.tensor(target)
    loss = PairwiseAUCLoss(name)
    message = (
        "this batch has no pair of a positive and a negative, so its loss is 0: "
        "draw batches with aucmax.BalancedBatches, or make them larger"
    )
    with pytest.warns(MissingClassWarning, match=re.escape(message)):
        value, gradient = value_and_gradient(loss, h, target)
    assert value == 0
    assert gradient.eq(0).all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert loss.eval()(h, target) == 0
        set_value_checks(cpu=False)
        try:
            loss.train()(torch.randn(2), torch.tensor([0, 1]))  # the first batch is inspected
            assert loss(h, target) == 0
        finally:
            set_value_checks(cpu=True)


@pytest.mark.parametrize("name", NAMES)
def test_a_label_without_a_pair_is_left_out(name):
    h, target = torch.randn(6, 3).double(), (torch.arange(18).reshape(6, 3) % 2).double()
    target[:, 1] = 1.0
    loss = PairwiseAUCLoss(name)
    value, gradient = value_and_gradient(loss, h, target)
    expected, others = value_and_gradient(loss, h[:, [0, 2]], target[:, [0, 2]])
    torch.testing.assert_close(value, expected)
    torch.testing.assert_close(gradient[:, [0, 2]], others)
    assert gradient[:, 1].eq(0).all()


@pytest.mark.parametrize("margin", [0.0, -1.0, NAN])
def test_margin_must_be_positive(margin):
    message = f"margin must be > 0, in units of the score, got {margin}"
    with pytest.raises(ValueError, match=re.escape(message)):
        PairwiseAUCLoss(margin=margin)


def test_an_unknown_name_is_answered_with_the_known_ones():
    message = f"surrogate must be one of {NAMES}, got 'squared-hinge'"
    with pytest.raises(ValueError, match=re.escape(message)):
        PairwiseAUCLoss("squared-hinge")


def test_what_is_shown():
    assert repr(PairwiseAUCLoss()) == "PairwiseAUCLoss(surrogate='squared_hinge', margin=1.0)"
