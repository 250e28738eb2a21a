"""param_groups: which parameters are variables of a loss, and with which options they come."""

import inspect
import math

import pytest
import torch
from oracles_optim import CASES, Saddle
from torch import nn

from aucmax.optim import param_groups

OWN = {"weight_decay": 0.0, "epoch_decay": 0.0, "clip": math.inf, "loss_variables": True}
STOCK = [torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW]


class Lightning(nn.Module):
    """A module that holds both model and loss, as Lightning's do."""

    def __init__(self):
        super().__init__()
        self.net = nn.Linear(3, 1)
        self.loss = Saddle()


class Wrapper(nn.Module):
    """A loss around a loss."""

    def __init__(self, loss):
        super().__init__()
        self.loss = loss


def ids(group):
    return [id(p) for p in group["params"]]


def options(group):
    return {key: value for key, value in group.items() if key != "params"}


def test_two_groups():
    model, loss = nn.Linear(3, 1), Saddle()
    weights, variables = param_groups(model, loss)
    assert ids(weights) == [id(model.weight), id(model.bias)]
    assert ids(variables) == [id(loss.a), id(loss.b), id(loss.alpha)]
    assert options(weights) == {}
    assert options(variables) == OWN


def test_options_reach_the_group_of_variables_alone():
    weights, variables = param_groups(nn.Linear(3, 1), Saddle(), lr=0.5, weight_decay=0.1)
    assert options(variables) == OWN | {"weight_decay": 0.1, "lr": 0.5}
    assert options(weights) == {}


@pytest.mark.parametrize("wrap", [lambda loss: loss, Wrapper, nn.DataParallel])
def test_finds_losses_inside_modules(wrap):
    module = Lightning()
    loss = module.loss
    module.loss = wrap(loss)
    weights, variables = param_groups(module)
    assert ids(weights) == [id(p) for p in module.net.parameters()]
    assert ids(variables) == [id(loss.a), id(loss.b), id(loss.alpha)]


def test_shared_parameters_come_once():
    module = Lightning()
    groups = param_groups(module, module.loss, module.net, Wrapper(module.loss))
    found = [i for group in groups for i in ids(group)]
    assert len(found) == len(set(found)) == 5


def test_order_of_modules_does_not_matter():
    model, loss = nn.Linear(3, 1), Saddle()
    assert [set(ids(g)) for g in param_groups(loss, model)] == [
        set(ids(g)) for g in param_groups(model, loss)
    ]


def test_frozen_parameters_are_left_out():
    model, loss = nn.Linear(3, 1), Saddle()
    model.weight.requires_grad_(False)
    loss.alpha.requires_grad_(False)
    weights, variables = param_groups(model, loss)
    assert ids(weights) == [id(model.bias)]
    assert ids(variables) == [id(loss.a), id(loss.b)]


def test_a_loss_without_parameters_leaves_one_group():
    (only,) = param_groups(nn.Linear(3, 1), nn.BCEWithLogitsLoss(), lr=0.5)
    assert options(only) == {}


@pytest.mark.parametrize("names", ["alpha", ("alfa",), ("margin",)])
def test_declaration_must_name_parameters(names):
    loss = Saddle()
    loss.loss_variables = names
    with pytest.raises(ValueError, match=r"Saddle.loss_variables must be a tuple of names"):
        param_groups(loss)


def test_a_variable_that_a_loss_lacks_is_passed_over():
    loss = Saddle()
    loss.loss_variables = ("a", "threshold")
    loss.register_parameter("threshold", None)
    assert ids(param_groups(loss)[-1]) == [id(loss.a)]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("epoch_decy", "did you mean 'epoch_decay'"),
        ("LR", "did you mean 'lr'"),
        ("maximize", "known are"),
    ],
)
def test_unknown_option_is_refused(name, hint):
    with pytest.raises(ValueError, match=f"group of loss variables has no option '{name}': {hint}"):
        param_groups(nn.Linear(3, 1), Saddle(), **{name: 1})


def test_only_modules_are_taken():
    with pytest.raises(TypeError, match=r"takes modules \(model, loss_fn\), got one generator"):
        param_groups(nn.Linear(3, 1).parameters())


@pytest.mark.parametrize("make", STOCK + [case.make for case in CASES.values()])
def test_every_option_is_known(make):
    names = set(inspect.signature(make).parameters) - {"params", "maximize"}
    assert "lr" in names
    for name in names:
        assert name in param_groups(Saddle(), **{name: None})[-1]


@pytest.mark.parametrize("make", STOCK + [case.make for case in CASES.values()])
def test_saddle_of_the_loss_is_reached(make):
    """At the saddle a = E+h, b = E-h, alpha = margin + b - a, whichever optimizer walks there."""
    scores = torch.tensor([0.9, 0.3, 0.4, 0.1, 0.2])
    target = torch.tensor([1, 1, 0, 0, 0])
    loss_fn = Saddle()
    optimizer = make(param_groups(loss_fn, lr=0.02), lr=0.02)
    for _ in range(600):
        optimizer.zero_grad()
        loss_fn(scores, target).backward()
        optimizer.step()
    pos, neg = scores[target == 1], scores[target == 0]
    torch.testing.assert_close(loss_fn.a.detach(), pos.mean(), atol=2e-3, rtol=0)
    torch.testing.assert_close(loss_fn.b.detach(), neg.mean(), atol=2e-3, rtol=0)
    alpha = 1 + neg.mean() - pos.mean()
    torch.testing.assert_close(loss_fn.alpha.detach(), alpha, atol=2e-3, rtol=0)
    pairwise = (1 - pos[:, None] + neg).square().mean()
    torch.testing.assert_close(loss_fn(scores, target).detach(), pairwise, atol=2e-3, rtol=0)


def test_weights_decay_and_scalars_of_the_loss_do_not():
    model, loss = nn.Linear(2, 1, bias=False), Saddle()
    with torch.no_grad():
        for p in (model.weight, loss.a, loss.b, loss.alpha):
            p.fill_(1.0)
            p.grad = torch.zeros_like(p)
    for case in CASES.values():
        case.make(param_groups(model, loss), lr=0.1, weight_decay=1.0).step()
    assert (model.weight < 0.95).all()
    assert loss.a.item() == loss.b.item() == loss.alpha.item() == 1.0


def test_groups_may_serve_two_optimizers():
    """torch.optim writes its options into the groups it is given; ours do not."""
    groups = param_groups(nn.Linear(2, 1), Saddle())
    for case in CASES.values():
        case(groups)
    assert all(len(group) <= 5 for group in groups)
