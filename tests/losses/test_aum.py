import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles_aum import aum, balanced_hinge
from oracles_losses import mean_over_labels

from aucmax import MissingClassWarning
from aucmax.losses.aum import AUMLoss

NAN = float("nan")
GRID = st.integers(-3, 3).map(float)
ROWS = st.lists(st.tuples(GRID | st.floats(-4, 4), st.booleans()), min_size=1, max_size=8)


def both_classes(rows):
    """Scores and targets in float64, with at least one row of each class."""
    rows = [*rows, (0.0, True), (1.0, False)]
    h, target = zip(*rows, strict=True)
    return torch.tensor(h, dtype=torch.float64), torch.tensor(target).double()


def gradient(h, target, loss=None):
    h = h.clone().requires_grad_()
    loss = AUMLoss() if loss is None else loss
    return torch.autograd.grad(loss(h, target), h)[0]


@settings(max_examples=100, deadline=None)
@given(ROWS)
def test_it_is_the_area_by_a_loop_over_thresholds(rows):
    h, target = both_classes(rows)
    torch.testing.assert_close(AUMLoss()(h, target), aum(h, target))


@settings(max_examples=50, deadline=None)
@given(ROWS)
def test_it_is_the_balanced_hinge_at_the_best_threshold(rows):
    h, target = both_classes(rows)
    best = min(balanced_hinge(h, target, c) for c in h)
    torch.testing.assert_close(AUMLoss()(h, target), best)
    assert all(balanced_hinge(h, target, c) >= best - 1e-9 for c in torch.linspace(-5, 5, 21))


@pytest.mark.parametrize("positives", [1, 7, 10, 13])  # 10: FPR and FNR meet between two rows
def test_without_ties_the_gradient_is_that_of_the_loop_and_of_finite_differences(positives):
    h = torch.randn(20, dtype=torch.float64, requires_grad=True)
    target = (torch.arange(20) < positives).double()
    expected = torch.autograd.grad(aum(h, target), h)[0]
    torch.testing.assert_close(gradient(h.detach(), target), expected)
    assert torch.autograd.gradcheck(lambda z: AUMLoss()(z, target), h)


def orders_of_ties(h, target, steps=200):
    """Gradients of the loop for scores whose ties are broken at random, hardly moved."""
    for _ in range(steps):
        near = (h + 1e-9 * torch.rand_like(h)).requires_grad_()
        yield torch.autograd.grad(aum(near, target), near)[0]


@pytest.mark.parametrize("positives", [1, 2, 3, 5])
@pytest.mark.parametrize("others", [[], [0.0, 2.0], [0.0, 0.0, 2.0, 2.0, 2.0]])
def test_at_ties_it_lies_among_the_gradients_around_it(positives, others):
    h = torch.tensor([1.0] * 6 + others, dtype=torch.float64)
    target = (torch.arange(len(h)) % 6 < positives).double()
    around = torch.stack(list(orders_of_ties(h, target)))
    found = gradient(h, target)
    group = torch.arange(len(h)) < 6
    for y in (0, 1):  # what the rows of a class share lies between the extremes of their sum
        rows = group & (target == y)
        sums = around[:, rows].sum(1)
        assert sums.min() - 1e-9 <= found[rows].sum() <= sums.max() + 1e-9
        assert found[rows].unique().numel() == 1
    torch.testing.assert_close(found[~group], around[0][~group])


@settings(max_examples=60, deadline=None)
@given(ROWS, ROWS)
def test_the_gradient_is_a_subgradient_of_a_convex_function(rows, more):
    h, target = both_classes(rows)
    other = torch.zeros_like(h)
    moved = torch.tensor([score for score, _ in more[: len(h)]], dtype=torch.float64)
    other[: len(moved)] = moved
    tangent = AUMLoss()(h, target) + gradient(h, target) @ (other - h)
    assert AUMLoss()(other, target) >= tangent - 1e-9


@settings(max_examples=60, deadline=None)
@given(ROWS, st.floats(0.1, 100), st.floats(-100, 100))
def test_shift_and_scale(rows, scale, shift):
    h, target = both_classes(rows)
    value, slope = AUMLoss()(h, target), gradient(h, target)
    moved = AUMLoss()(scale * h + shift, target)
    torch.testing.assert_close(moved, scale * value, atol=1e-9, rtol=1e-7)
    torch.testing.assert_close(slope.sum(), torch.zeros_like(value), atol=1e-12, rtol=0)
    torch.testing.assert_close(slope @ h, value, atol=1e-12, rtol=1e-7)  # Euler: degree one
    torch.testing.assert_close(AUMLoss()(-h, 1 - target), value)


@settings(max_examples=60, deadline=None)
@given(*[st.lists(GRID, min_size=1, max_size=4)] * 2, st.integers(0, 6))
def test_it_is_zero_if_and_only_if_no_positive_lies_below_a_negative(positives, negatives, lift):
    positives = [score + lift for score in positives]
    h = torch.tensor(positives + negatives)
    target = (torch.arange(len(h)) < len(positives)).float()
    assert bool(AUMLoss()(h, target) > 0) == (min(positives) < max(negatives))


def test_equal_scores_are_the_least_but_are_drawn_apart():
    target = torch.tensor([1.0, 0.0, 0.0, 1.0, 0.0])
    h = torch.zeros(5)
    assert AUMLoss()(h, target) == 0
    slope = gradient(h, target)
    torch.testing.assert_close(slope, torch.where(target == 1, -0.5 / 2, 0.5 / 3))
    assert AUMLoss()(h - slope, target) == 0


def test_labels_are_averaged_over_those_that_have_a_pair():
    h, target = torch.randn(20, 4, dtype=torch.float64), (torch.rand(20, 4) < 0.4).double()
    target[:, 1], target[3:7, 0], target[:, 3] = 0.0, NAN, NAN
    target[0, 3] = 1.0
    h.requires_grad_()

    def one_label(scores, targets, label):
        known = ~targets.isnan()
        return aum(scores[known], targets[known])

    expected = mean_over_labels(h, target, one_label)
    torch.testing.assert_close(AUMLoss()(h, target), expected)
    wanted = torch.autograd.grad(expected, h)[0]
    torch.testing.assert_close(gradient(h.detach(), target), wanted)


@pytest.mark.parametrize("y", [0.0, 1.0])
def test_a_batch_without_a_pair_gives_zero_and_a_warning(y):
    logits, target = torch.randn(4), torch.full((4,), y)
    target[0] = NAN
    with pytest.warns(MissingClassWarning):
        assert gradient(logits, target).eq(0).all()
    assert AUMLoss().eval()(logits, target) == 0


def test_scores_are_raw_unless_an_activation_is_given():
    h, target = torch.randn(12), (torch.arange(12) % 3 == 0).float()
    expected = AUMLoss()(torch.sigmoid(h), target)
    torch.testing.assert_close(AUMLoss(activation=torch.sigmoid)(h, target), expected)
    assert AUMLoss()(h, target) != expected


def test_in_float32_a_common_offset_costs_no_more_digits_than_the_scores_have():
    h, target = torch.randn(65_536), (torch.rand(65_536) < 0.01).float()
    for offset in (0.0, 1e4):
        moved = h + offset
        exact = AUMLoss()(moved.double(), target.double())
        torch.testing.assert_close(AUMLoss()(moved, target), exact.float())
        wanted = gradient(moved.double(), target.double()).float()
        torch.testing.assert_close(gradient(moved, target), wanted)


def test_descent_ranks_what_a_line_can_separate():
    x = torch.randn(200, 5)
    target = (x[:, 0] - x[:, 1] > 0.8).float()
    model, loss = torch.nn.Linear(5, 1), AUMLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    values = []
    for _ in range(200):
        optimizer.zero_grad()
        value = loss(model(x), target[:, None])
        value.backward()
        optimizer.step()
        values.append(value.item())
    assert values[-1] < 0.02 * values[0]
    assert model.bias.grad.abs() < 1e-6  # the threshold is free
    assert loss.diagnostics()["auroc"] > 0.99


def test_compiled_in_one_graph_for_any_batch_size():
    loss = AUMLoss()
    compiled = torch.compile(copy.deepcopy(loss), fullgraph=True, dynamic=True, backend="aot_eager")
    for rows in (9, 12, 5):
        z, target = torch.randn(rows, 2), (torch.arange(2 * rows) % 3 == 0).float().view(rows, 2)
        target[0, 0] = NAN
        torch.testing.assert_close(compiled(z, target), loss(z, target))
        torch.testing.assert_close(gradient(z, target, compiled), gradient(z, target))
