"""Second derivatives: right or an error, never silently wrong; and torch.func."""

import pytest
import torch
from oracles_loss_table import LOSSES, PAIRS, batch, make
from torch import nn

from aucmax.bags import AttentionPooling, SmoothMaxPooling
from aucmax.losses import APLoss, PairwiseAUCLoss, PartialAUCLoss, TwoWayPartialAUCLoss

every = pytest.mark.parametrize("name", LOSSES)
EXACT = {
    "BCE",
    "BCE weighted",
    "focal",
    "focal balanced",
    "logit adjusted",
    "vector scaling",
    "AUM",
}
EXACT |= {f"pairwise {name}" for name in ("square", "hinge", "exponential")}
"""Losses whose second derivatives are right."""
LEAVES = torch.randn(8, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def penalty(loss, w, target):
    """A function of the first gradient, as in a gradient penalty."""
    (g,) = torch.autograd.grad(loss((LEAVES @ w).tanh(), target), w, create_graph=True)
    return g, (g * torch.arange(1.0, 5.0)).sum()


@every
def test_second_derivatives_are_right_or_raise(name):
    _, target = batch((8,))
    loss = make(name).double()
    loss((LEAVES[:, 0]).tanh(), target)
    w = torch.linspace(-1, 1, 4, dtype=torch.float64, requires_grad=True)
    g, value = penalty(loss, w, target)
    plain = torch.autograd.grad(loss((LEAVES @ w).tanh(), target), w)[0]
    torch.testing.assert_close(g.detach(), plain)
    if name not in EXACT:
        with pytest.raises(RuntimeError, match="this loss can be differentiated once"):
            torch.autograd.grad(value, w)
        return
    (found,) = torch.autograd.grad(value, w)
    step, expected = 1e-6, []
    for i in range(4):
        ends = []
        for sign in (1, -1):
            moved = w.detach().clone()
            moved[i] += sign * step
            ends.append(penalty(loss, moved.requires_grad_(), target)[1].item())
        expected.append((ends[0] - ends[1]) / (2 * step))
    torch.testing.assert_close(found, torch.tensor(expected).double(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "loss",
    [
        APLoss(8, surrogate="square"),
        APLoss(surrogate="square"),
        PartialAUCLoss(0.5, surrogate="squared_hinge"),
        TwoWayPartialAUCLoss(0.5, 0.5, surrogate="logistic"),
    ],
    ids=str,
)
def test_losses_whose_gradient_is_not_that_of_the_value_raise_with_any_surrogate(loss):
    logits, target = batch((8,))
    logits.requires_grad_()
    value = loss.double()(logits, target, torch.arange(8))
    (g,) = torch.autograd.grad(value, logits, create_graph=True)
    with pytest.raises(RuntimeError, match="this loss can be differentiated once"):
        g.square().sum().backward()


@pytest.mark.parametrize("kind", [SmoothMaxPooling, AttentionPooling])
def test_poolings_with_averages_raise(kind):
    x = torch.randn(3, 5, requires_grad=True)
    pool = SmoothMaxPooling(0.5, 3) if kind is SmoothMaxPooling else AttentionPooling(3)
    inputs = (x,) if kind is SmoothMaxPooling else (x, x.cos())
    (g,) = torch.autograd.grad(pool(*inputs, index=torch.arange(3)).sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="this loss can be differentiated once"):
        g.square().sum().backward()


def test_a_graph_that_is_not_differentiated_again_is_no_error():
    logits, target = batch((8,))
    logits.requires_grad_()
    value = PairwiseAUCLoss()(logits, target)
    (expected,) = torch.autograd.grad(value, logits, retain_graph=True)
    (found,) = torch.autograd.grad(value, logits, create_graph=True)
    torch.testing.assert_close(found.detach(), expected)


@every
def test_the_gradient_of_torch_func_is_that_of_autograd(name):
    logits, target = batch((8,))
    loss = make(name)
    leaf = logits.clone().requires_grad_()
    (expected,) = torch.autograd.grad(loss(leaf, target), leaf)
    found = torch.func.grad(lambda z: loss(z, target))(logits)
    torch.testing.assert_close(found.detach(), expected)
    found, value = torch.func.grad_and_value(lambda z: loss(z, target))(logits)
    torch.testing.assert_close(value.detach(), loss(logits, target).detach())


@every
def test_a_second_torch_func_gradient_is_right_or_raises(name):
    logits, target = batch((8,))
    loss = make(name)
    loss(logits, target)
    first = torch.func.grad(lambda z: loss(z, target))

    def second():
        return torch.func.grad(lambda z: first(z).square().sum())(logits)

    if name in EXACT:
        assert second().isfinite().all()
    else:
        with pytest.raises(RuntimeError, match="this loss can be differentiated once"):
            second()


@every
@pytest.mark.filterwarnings("ignore:There is a performance drop")  # torch's own, of vmap
def test_ensembles_are_trained_by_vmap(name):
    """Where no shape depends on the data; else torch says so."""
    if name in PAIRS | {"AP prior"}:
        pytest.skip("pairs are chosen by their values")
    logits, target = batch((8,))
    loss = make(name)
    loss(logits, target)
    many = torch.stack([logits, -logits, logits.flip(0)])
    found = torch.func.vmap(torch.func.grad(lambda z: loss(z, target)))(many)
    for z, g in zip(many, found, strict=True):
        z = z.clone().requires_grad_()
        torch.testing.assert_close(g.detach(), torch.autograd.grad(loss(z, target), z)[0])


def test_an_unstarted_loss_has_its_saddle_inside_torch_func_and_changes_nothing():
    logits, target = batch((8,))
    model, loss = nn.Linear(1, 1).double(), make("AUCM")
    for p in loss.parameters():
        p.data.zero_()
    found = torch.func.grad(lambda z: loss(z, target))(logits)
    assert not loss.started.any()
    leaf = logits.clone().requires_grad_()
    (expected,) = torch.autograd.grad(loss(leaf, target), leaf)
    torch.testing.assert_close(found.detach(), expected)
    parameters = dict(model.named_parameters())

    def value(parameters):
        scores = torch.func.functional_call(model, parameters, (logits[:, None],))
        return loss(scores, target[:, None])

    found = torch.func.grad(value)(parameters)
    value(parameters).backward()
    for name, p in parameters.items():
        torch.testing.assert_close(found[name].detach(), p.grad)
