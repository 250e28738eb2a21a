"""What PDSCA refuses: values, loops without a closure, calls out of turn."""

import math

import pytest
import torch
from oracles_pdsca import Task, problem
from torch import nn

from aucmax.losses import AUCMLoss, PairwiseAUCLoss
from aucmax.optim import param_groups
from aucmax.optim.pdsca import PDSCA

FULL = {"inner_lr": 0.4, "inner_average": 0.6, "momentum": 0.5, "epoch_decay": 0.1}


@pytest.mark.parametrize(
    ("name", "values", "rule"),
    [
        ("inner_lr", [-1, math.nan, math.inf, "0.1", torch.ones(2)], "None or a finite number"),
        ("inner_average", [0, -0.1, 1.1, math.nan, None, "x"], r"a number in \(0, 1\]"),
        ("lr", [-1], "a finite number"),
        ("momentum", [1], "a number in"),
    ],
)
def test_values_out_of_range_are_refused(name, values, rule):
    p = nn.Parameter(torch.zeros(2))
    for value in values:
        with pytest.raises(ValueError, match=rf"PDSCA: {name} must be {rule}.*, got "):
            PDSCA([p], **{name: value})
        with pytest.raises(ValueError, match=rf"PDSCA, group 0: {name} must be {rule}.*, got "):
            PDSCA([{"params": [p], name: value}])


def test_unknown_options_and_modules_are_refused():
    model = nn.Linear(2, 1)
    with pytest.raises(ValueError, match="no option 'inner_rl': did you mean 'inner_lr'"):
        PDSCA([{"params": model.parameters(), "inner_rl": 0.1}])
    with pytest.raises(TypeError, match=r"PDSCA: params must be .* got a module"):
        PDSCA(model)
    with pytest.raises(TypeError, match="positional"):
        PDSCA(model.parameters(), 0.1, 0.1)


def test_a_step_needs_a_closure():
    task = Task()
    task.closure(0)()
    before = task.values()
    with pytest.raises(
        TypeError, match=r"needs a closure .* called twice: optimizer.step\(closure"
    ):
        task.optimizer.step()
    assert torch.equal(task.values(), before)


def test_grad_scaler_passes_none():
    task, scaler = Task(), torch.amp.GradScaler("cpu")
    scaler.scale(task.loss(task.model(problem(0)[0]).squeeze(1), problem(0)[1])).backward()
    with pytest.raises(TypeError, match="GradScaler passes none: train in bfloat16 or float32"):
        scaler.step(task.optimizer)


def test_a_loss_called_elsewhere_is_noticed_and_the_next_step_is_in_turn():
    task, other = Task(**FULL), Task(**FULL)
    x, y = problem(0)
    for one in (task, other):
        one.loss.start_at(one.model(x).squeeze(1), y)
    task.loss(task.model(x).squeeze(1), y)  # in training mode: takes the inner turn
    with pytest.raises(RuntimeError, match=r"first call .* variable of the AUC loss: .*reset\("):
        task.optimizer.step(task.closure(0))
    assert torch.equal(task.run(3), other.run(3))


def test_a_call_in_evaluation_mode_takes_no_turn():
    task, other = Task(**FULL), Task(**FULL)
    x, y = problem(0)
    task.loss.eval()(task.model(x).squeeze(1), y)
    task.loss.train()
    assert torch.equal(task.run(3), other.run(3))


def test_a_loss_that_takes_no_turns_is_refused():
    task = Task()
    task.loss = AUCMLoss().double()
    task.optimizer = PDSCA(param_groups(task.model, task.loss))
    with pytest.raises(RuntimeError, match="must be a CompositionalAUCLoss"):
        task.run(1)


def test_an_outer_call_without_gradient_for_the_maximized_is_refused():
    task = Task()
    before = task.values()
    closure = task.closure(0)

    def reset():
        task.loss.reset()
        return closure()

    with pytest.raises(
        RuntimeError, match=r"second call .* no gradient to the variables of the AUC"
    ):
        task.optimizer.step(reset)
    assert torch.equal(task.values(), before)


def test_a_closure_without_backward_updates_nothing_and_a_warning_says_so():
    task = Task(auc=PairwiseAUCLoss())
    before = task.values()
    with pytest.warns(UserWarning, match="left no gradient of any parameter, so nothing was upda"):
        assert task.optimizer.step(lambda: torch.zeros(())) == 0
    assert torch.equal(task.values(), before)


def test_only_with_rates_of_zero_is_no_closure_needed():
    """As torch.distributed.checkpoint makes the state into which it loads."""
    task = Task(**FULL)
    before = task.values()
    for group in task.optimizer.param_groups:
        group["lr"] = 0.0
    for p in [*task.model.parameters(), *task.loss.parameters()]:
        p.grad = torch.zeros_like(p)
    task.optimizer.step()
    assert torch.equal(task.values(), before)
    other = Task(**FULL)
    other.run(1)
    made = [sorted(s) for s in task.optimizer.state.values()]
    assert made[: len(list(task.model.parameters()))] == [
        sorted(other.optimizer.state[p]) for p in other.model.parameters()
    ]


def test_a_step_broken_off_leaves_w_and_can_be_repeated_after_reset():
    task, calls = Task(inner_lr=0.5, inner_average=1.0), []
    before, closure = task.values(), task.closure(0)

    def breaking():
        calls.append(1)
        if len(calls) == 2:
            raise MemoryError
        return closure()

    with pytest.raises(MemoryError):
        task.optimizer.step(breaking)
    assert torch.equal(task.values(), before)
    task.loss.reset()
    assert torch.equal(task.run(2), Task(inner_lr=0.5, inner_average=1.0).run(2))


def test_sparse_gradients_are_refused():
    table = nn.Embedding(4, 2, sparse=True)
    optimizer = PDSCA(table.parameters())
    with pytest.raises(ValueError, match=r"no sparse gradients: build .* sparse=False"):
        optimizer.step(lambda: table(torch.tensor([1])).sum().backward())
