"""PDSCA: its state saved, loaded, copied; its fast and its reference path; hooks."""

import copy
import pickle

import pytest
import torch
from oracles_pdsca import Task, problem
from torch import nn

from aucmax.optim import PESG
from aucmax.optim.pdsca import PDSCA

FULL = {"inner_lr": 0.4, "inner_average": 0.6, "momentum": 0.5, "epoch_decay": 0.1}
DTYPES = [torch.float64, torch.float32, torch.bfloat16]


def states_of(task):
    return {
        "model": task.model.state_dict(),
        "loss": task.loss.state_dict(),
        "optimizer": task.optimizer.state_dict(),
    }


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_resumed_is_uninterrupted(dtype, tmp_path):
    """Bit for bit, through a file read with weights_only, in the middle of a second stage."""
    task = Task(dtype=dtype, **FULL)
    task.run(5, stages=(3,))
    torch.save(states_of(task), tmp_path / "checkpoint.pt")
    stood = copy.deepcopy(task)
    expected = task.run(5, first=5, stages=(8,))
    saved, resumed = torch.load(tmp_path / "checkpoint.pt", weights_only=True), Task(dtype=dtype)
    resumed.model.load_state_dict(saved["model"])
    resumed.loss.load_state_dict(saved["loss"])
    resumed.optimizer.load_state_dict(saved["optimizer"])
    for a, b in zip(*(t.optimizer.state.values() for t in (stood, resumed)), strict=True):
        assert a.keys() == b.keys()
        assert all(a[key].dtype == b[key].dtype and torch.equal(a[key], b[key]) for key in a)
    assert torch.equal(resumed.run(5, first=5, stages=(8,)), expected)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("foreach", [True, False])
def test_weights_keep_their_dtype_and_averages_are_wide(dtype, foreach):
    task = Task(dtype=dtype, foreach=foreach, **FULL)
    task.run(2)
    (weight,) = task.model.parameters()
    assert weight.dtype == dtype
    assert task.optimizer.state[weight]["inner"].dtype == torch.promote_types(dtype, torch.float32)


def test_half_precision_is_near_float64():
    half, full = Task(dtype=torch.bfloat16, **FULL).run(15), Task(**FULL).run(15)
    torch.testing.assert_close(half.double(), full, rtol=0.03, atol=0.03)


def test_half_precision_averages_do_not_stall():
    """Of 0.01 of a small difference, bfloat16 would see nothing."""
    p = nn.Parameter(torch.ones(1, dtype=torch.bfloat16))
    optimizer = PDSCA([p], lr=0.0, inner_lr=0.01, inner_average=0.01)
    optimizer.step(lambda: p.sum().backward())
    with torch.no_grad():
        p.add_(0.25)
    for _ in range(400):
        optimizer.step(lambda: p.sum().backward())
    assert optimizer.state[p]["inner"].item() == pytest.approx(1.24, abs=0.01)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda t: pickle.loads(pickle.dumps(t))])
def test_copies_go_their_own_way(copied):
    task = Task(**FULL)
    task.run(3)
    twin = copied(task)
    expected = task.run(4, first=3, stages=(5,))
    assert torch.equal(twin.run(4, first=3, stages=(5,)), expected)


def test_loading_shares_nothing():
    task = Task(**FULL)
    task.run(3)
    state = task.optimizer.state_dict()
    frozen, other = copy.deepcopy(state), Task()
    other.optimizer.load_state_dict(state)
    other.run(3)
    for i, saved in frozen["state"].items():
        assert all(torch.equal(value, state["state"][i][key]) for key, value in saved.items())


def test_state_of_pesg_is_refused():
    state = Task(make=PESG).optimizer.state_dict()
    with pytest.raises(ValueError, match=r"not of a PDSCA: a group lacks inner_average, inner_lr"):
        Task().optimizer.load_state_dict(state)


def test_nothing_is_allocated_that_is_not_needed():
    weight, a = "model", "loss"
    for options, expected in (
        ({"inner_average": 1.0, "momentum": 0.0}, {weight: set(), a: set()}),
        ({}, {weight: {"inner", "velocity"}, a: {"velocity"}}),
    ):
        task = Task(**options)
        assert not task.optimizer.state
        task.run(2)
        assert set(task.optimizer.state[next(task.model.parameters())]) == expected[weight]
        assert set(task.optimizer.state[task.loss.auc.a]) == expected[a]


@pytest.mark.parametrize("inner_average", [1.0, 0.6, 0.3])
@pytest.mark.parametrize(
    "options", [{}, {"clip": 0.1}, {"lr": torch.tensor(0.1).double()}], ids=str
)
def test_fast_equals_reference(inner_average, options):
    """A network of many tensors, of two dtypes, stepped both ways."""
    found = []
    for foreach in (True, False):
        model = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 1))
        options = FULL | {"inner_average": inner_average, "foreach": foreach} | options
        task = Task(model=model, **options)
        extra = nn.Parameter(torch.ones(3))
        task.model.register_parameter("extra", extra)
        task.optimizer.add_param_group({"params": [extra]})
        closure = task.closure

        def with_extra(number, closure=closure, extra=extra):
            def evaluate():
                value = closure(number)()
                (extra * torch.arange(3.0)).square().sum().backward()
                return value

            return evaluate

        task.closure = with_extra
        torch.manual_seed(1)
        for p in task.model.parameters():
            p.data.uniform_(-0.5, 0.5)
        found.append(task.run(30, stages=(12,)))
    torch.testing.assert_close(*found, rtol=1e-6, atol=1e-7)


class Marked(nn.Parameter):
    """A tensor subclass, for which the fast paths are not known to work."""


def test_subclasses_take_the_reference_path(monkeypatch):
    found = []
    for kind in (nn.Parameter, Marked):
        task = Task()
        task.model.weight = kind(task.model.weight.detach())
        task.optimizer = PDSCA([task.model.weight, *task.loss.parameters()], **FULL)
        if kind is Marked:
            monkeypatch.setattr(task.optimizer, "_look_ahead_all", None)
        found.append(task.run(3))
    torch.testing.assert_close(*found)


def test_hooks_run_once_whatever_other_optimizers_have_been_made():
    Task(make=PESG).optimizer.step()
    task, calls = Task(), []
    task.optimizer.register_step_pre_hook(lambda *_: calls.append("before"))
    task.optimizer.register_step_post_hook(lambda *_: calls.append("after"))
    task.run(2)
    assert calls == ["before", "after"] * 2


def test_a_parameter_without_inner_gradient_stays_for_the_outer_call():
    task, seen = Task(**FULL), []
    bias = nn.Parameter(torch.zeros((), dtype=torch.float64))
    task.optimizer.add_param_group({"params": [bias]})

    def closure():
        x, y = problem(0)
        z = task.model(x).squeeze(1)
        seen.append(bias.item())
        value = task.loss(z if task.loss.next_is_inner else z + bias * y, y)
        value.backward()
        return value

    task.optimizer.step(closure)
    task.optimizer.step(closure)
    assert seen[0] == seen[1] == 0
    assert seen[2] == seen[3] != 0
