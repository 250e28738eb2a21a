import copy
import pickle

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles_losses import SURROGATES as SLOW
from oracles_losses import of_class, pairwise, variance
from torch.nn import Identity

from aucmax.losses import AUCMLoss, AUCSquareLoss

SCORES = st.lists(st.floats(-4, 4, width=32), min_size=2, max_size=12)


def two_classes(logits):
    """The logits as a tensor, every third row positive."""
    h = torch.tensor(logits, dtype=torch.float64)
    return h, (torch.arange(len(h)) % 3 == 0).double()


def at_the_saddle(loss, h, target):
    """The loss with a, b and alpha at their optima for the scores h."""
    loss = loss.double()
    mean1, mean0 = h[target == 1].mean(), h[target == 0].mean()
    best = loss.margin + mean0 - mean1
    loss.a.data.copy_(mean1), loss.b.data.copy_(mean0)
    loss.alpha.data[:] = best.clamp(min=0) if isinstance(loss, AUCMLoss) else best
    return loss


def optimizer_of(loss, model=None, lr=0.1):
    weights = [] if model is None else list(model.parameters())
    return torch.optim.SGD([*weights, *loss.parameters()], lr=lr)


@settings(max_examples=50, deadline=None)
@given(SCORES)
def test_at_its_saddle_it_is_the_mean_square_of_all_pairs(logits):
    z, target = two_classes(logits)
    h = torch.sigmoid(z)
    loss = at_the_saddle(AUCMLoss(), h, target)
    value = loss(z, target)
    torch.testing.assert_close(value, pairwise(h, target, SLOW["square"], 1.0))
    value.backward()
    for parameter in loss.parameters():
        assert parameter.grad.abs() < 1e-12


@settings(max_examples=50, deadline=None)
@given(SCORES, st.sampled_from([0.125, 1.0, 3.0]))
def test_without_a_b_and_alpha_it_is_spread_plus_squared_hinge_of_the_means(logits, margin):
    h, target = two_classes(logits)
    loss = at_the_saddle(AUCMLoss(margin, activation=Identity()), h, target)
    positives, negatives = of_class(h, target, 1), of_class(h, target, 0)
    mean1, mean0 = sum(positives) / len(positives), sum(negatives) / len(negatives)
    push = max(0 * mean1, margin + mean0 - mean1) ** 2
    expected = variance(positives) + variance(negatives) + push
    torch.testing.assert_close(loss(h, target), expected)


def test_descent_and_ascent_on_fixed_scores_find_the_saddle():
    h, target = two_classes([2.0, 0.1, -0.3, 1.0, 0.4, 0.0, 1.5, -0.7])
    loss = AUCMLoss(2.0, activation=Identity()).double()
    optimizer = optimizer_of(loss)
    for _ in range(150):
        optimizer.zero_grad()
        loss(h, target).backward()
        optimizer.step()
    best = at_the_saddle(copy.deepcopy(loss), h, target)
    for found, expected in zip(loss.parameters(), best.parameters(), strict=True):
        torch.testing.assert_close(found, expected)


def test_alpha_stays_at_zero_once_means_differ_by_more_than_the_margin():
    h, target = two_classes([5.0, 0.0, 1.0, 4.0, -1.0])
    loss, square = (cls(activation=Identity()).double() for cls in (AUCMLoss, AUCSquareLoss))
    for one in (loss, square):
        optimizer = optimizer_of(one)
        for _ in range(150):
            optimizer.zero_grad()
            one(h, target).backward()
            optimizer.step()
    loss(h, target)
    assert loss.alpha == 0
    assert float(square.alpha.detach()) == pytest.approx(1 + 0.0 - 4.5)
    spread = variance([5.0, 4.0]) + variance([0.0, 1.0, -1.0])
    assert loss(h, target).item() == pytest.approx(spread)
    assert square(h, target).item() == pytest.approx(spread + 3.5**2)


def test_with_sigmoid_scores_and_margin_one_it_trains_as_the_square_does():
    x, target = torch.randn(40, 3), (torch.rand(40) < 0.3).float()
    weights = []
    for loss in (AUCMLoss(), AUCSquareLoss()):
        torch.manual_seed(1)
        model = torch.nn.Linear(3, 1)
        optimizer = optimizer_of(loss, model, lr=0.5)
        for _ in range(60):
            optimizer.zero_grad()
            loss(model(x), target[:, None]).backward()
            optimizer.step()
        weights.append(
            torch.cat([p.detach().flatten() for p in (model.weight, *loss.parameters())])
        )
    assert torch.equal(*weights)


def test_alpha_is_projected_at_the_head_of_forward_in_training_mode():
    h, target = two_classes([0.5, -0.5, 0.2])
    loss = AUCMLoss().double()
    loss.started.fill_(True)  # all stay at 0
    at_zero = loss(h, target)
    loss.alpha.data.fill_(-1.0)
    torch.testing.assert_close(loss(h, target), at_zero)
    assert loss.alpha == 0
    loss(h, target).backward()
    assert loss.alpha.grad < 0  # it can rise again: an optimizer descends


def test_evaluation_uses_zero_for_a_negative_alpha_and_changes_no_state():
    h, target = two_classes([0.5, -0.5, 0.2])
    loss = AUCMLoss().double()
    loss.started.fill_(True)  # all stay at 0
    at_zero = loss(h, target)
    loss.alpha.data.fill_(-1.0)
    loss.eval()
    before, seen = copy.deepcopy(loss.state_dict()), loss.diagnostics()
    torch.testing.assert_close(loss(h, target), at_zero)
    torch.testing.assert_close(dict(loss.state_dict()), dict(before))
    torch.testing.assert_close(loss.diagnostics(), seen)


def test_two_forwards_before_one_backward():
    h, target = two_classes([0.5, -0.5, 0.2, 1.0, 0.1])
    loss = AUCMLoss().double()
    loss.alpha.data.fill_(0.4)
    apart = []
    for scores in (h, h.flip(0)):
        loss.zero_grad()
        loss(scores, target).backward()
        apart.append([p.grad.clone() for p in loss.parameters()])
    loss.zero_grad()
    (loss(h, target) + loss(h.flip(0), target)).backward()
    for parameter, one, other in zip(loss.parameters(), *apart, strict=True):
        torch.testing.assert_close(parameter.grad, one + other)


def test_copies_made_after_a_step_go_on_alike():
    h, target = two_classes([0.5, -0.5, 0.2, 1.0, 0.1])
    loss = AUCMLoss()
    loss(h.requires_grad_(), target).backward()
    for twin in (copy.deepcopy(loss), pickle.loads(pickle.dumps(loss))):
        assert torch.equal(twin(h, target), loss(h, target))
        assert twin.alpha is not loss.alpha
        torch.testing.assert_close(twin.diagnostics(), loss.diagnostics())


@pytest.mark.parametrize("prior", [None, 0.3])
def test_compiled_in_one_graph_for_any_batch_size(prior):
    loss = AUCMLoss(num_labels=2, prior=prior)
    twin = copy.deepcopy(loss)
    compiled = torch.compile(twin, fullgraph=True, dynamic=True, backend="aot_eager")
    for rows in (5, 8, 3):
        z, target = torch.randn(rows, 2), (torch.rand(rows, 2) < 0.5).float()
        target[0, 0] = torch.nan
        for one in (loss, twin):
            one.zero_grad()
            one.alpha.data.fill_(rows - 4.0)  # below zero at last
        expected, found = loss(z, target), compiled(z, target)
        torch.testing.assert_close(found, expected)
        expected.backward()
        found.backward()
        for a, b in zip(loss.parameters(), twin.parameters(), strict=True):
            torch.testing.assert_close(a, b)
            torch.testing.assert_close(a.grad, b.grad)
    assert twin.diagnostics()["auroc"].isnan()  # nothing is remembered in the graph
