"""PDSCA: the formula, its limits, the two calls of a step."""

import math

import numpy as np
import pytest
import torch
from oracles_pdsca import Oracle, Task, auc_gradients, cross_entropy_gradient, problem
from sklearn.datasets import load_digits
from sklearn.metrics import roc_auc_score
from torch import nn

from aucmax.losses import AUCMLoss, BCELoss, PairwiseAUCLoss
from aucmax.losses.compositional import CompositionalAUCLoss
from aucmax.optim import PESG, StageLR, param_groups
from aucmax.optim.pdsca import PDSCA

FULL = {
    "lr": 0.2,
    "inner_lr": 0.7,
    "inner_average": 0.6,
    "momentum": 0.5,
    "weight_decay": 0.02,
    "epoch_decay": 0.1,
    "clip": 0.15,
}
both_paths = pytest.mark.parametrize("foreach", [True, False])


@both_paths
@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"inner_lr": None},
        {"inner_average": 1.0},
        {"inner_average": 0.05},
        {"momentum": 0.0},
        {"clip": math.inf},
        {"weight_decay": 0.0, "epoch_decay": 0.0},
    ],
    ids=str,
)
def test_follows_the_oracle(foreach, changed):
    """20 steps, with dual ascent, decays and the end of a stage, against plain Python."""
    task = Task(foreach=foreach, **FULL | changed)
    oracle = Oracle(task.model.weight.flatten().tolist(), **FULL | changed)
    for number in range(20):
        if number == 9:
            task.optimizer.next_stage()
            oracle.next_stage()
        found = task.run(1, first=number)
        oracle.step(*(part.tolist() for part in problem(number)))
        np.testing.assert_allclose(found, oracle.values(), rtol=1e-10, atol=1e-10)
    assert task.loss.auc.alpha > 0.1


def test_the_rate_of_the_inner_step_follows_the_schedule_of_lr():
    followed, fixed = Task(lr=0.2), Task(lr=0.2, inner_lr=0.2)
    for task in (followed, fixed):
        schedule = StageLR(task.optimizer, [2], gamma=0.1)
        for number in range(4):
            task.run(1, first=number)
            schedule.step()
    by_hand = Task(lr=0.2)
    by_hand.run(2)
    by_hand.optimizer.next_stage()
    by_hand.optimizer.param_groups[0]["inner_lr"] = 0.02
    for group in by_hand.optimizer.param_groups:
        group["lr"] = 0.02
    torch.testing.assert_close(followed.values(), by_hand.run(2, first=2), rtol=0, atol=1e-15)
    assert not torch.allclose(followed.values(), fixed.values())


@both_paths
def test_without_an_inner_step_it_is_pesg(foreach):
    """Bit for bit, over two stages."""
    options = {"lr": 0.1, "momentum": 0.9, "epoch_decay": 0.1, "clip": 0.3, "foreach": foreach}
    task = Task(inner_lr=0.0, inner_average=1.0, **options)
    plain = Task(make=PESG, **options)
    plain.loss = plain.loss.auc
    for number in range(20):
        found, expected = (t.run(1, first=number, stages=(8,)) for t in (task, plain))
        assert torch.equal(found, expected)


def test_without_inner_step_momentum_and_decays_it_is_sgd():
    task = Task(auc=PairwiseAUCLoss(), inner_lr=0.0, inner_average=1.0, momentum=0.0)
    plain = Task(auc=PairwiseAUCLoss(), make=torch.optim.SGD, lr=0.1)
    plain.loss = plain.loss.auc
    torch.testing.assert_close(task.run(20), plain.run(20), rtol=0, atol=1e-14)


def test_the_direction_is_the_gradient_of_the_objective_but_for_the_hessian():
    """What is dropped, as in the paper, is inner_lr H grad: of first order in inner_lr."""
    x, y = (part.tolist() for part in problem(0))
    start = Task().model.weight.flatten().tolist()

    def objective(w, eta):
        pairs = zip(w, cross_entropy_gradient(w, x, y), strict=True)
        logits = problem(0)[0] @ torch.tensor(
            [wi - eta * gi for wi, gi in pairs], dtype=torch.float64
        )
        return PairwiseAUCLoss("square")(logits, problem(0)[1]).item()

    def gradient(eta, h=1e-5):
        shifted = [[w + (i == j) * h for i, w in enumerate(start)] for j in range(len(start))]
        back = [[w - (i == j) * h for i, w in enumerate(start)] for j in range(len(start))]
        pairs = zip(shifted, back, strict=True)
        return np.array([(objective(p, eta) - objective(m, eta)) / (2 * h) for p, m in pairs])

    def direction(eta):
        task = Task(auc=PairwiseAUCLoss("square"), lr=1.0, inner_lr=eta, momentum=0.0)
        return np.array(start) - task.run(1).numpy()

    np.testing.assert_allclose(direction(0.0), gradient(0.0), atol=1e-8)
    errors = {}
    for eta in (0.4, 0.02, 0.01):
        d = direction(eta)
        there, back = (
            cross_entropy_gradient([w + h * di for w, di in zip(start, d, strict=True)], x, y)
            for h in (1e-5, -1e-5)
        )
        hessian_times_d = (np.array(there) - np.array(back)) / 2e-5
        np.testing.assert_allclose(d - gradient(eta), eta * hessian_times_d, atol=1e-8)
        errors[eta] = np.abs(d - gradient(eta)).max()
    assert errors[0.02] / errors[0.01] == pytest.approx(2.0, abs=0.05)
    assert errors[0.01] > 1e-3


def test_as_many_inner_as_outer_evaluations_each_at_its_own_weights():
    class Counted(BCELoss):
        seen = 0

        def forward(self, logits, target, index=None):
            type(self).seen += 1
            return super().forward(logits, target, index)

    class CountedAUC(AUCMLoss):
        seen = 0

        def forward(self, logits, target, index=None):
            type(self).seen += 1
            return super().forward(logits, target, index)

    task = Task()
    task.loss = CompositionalAUCLoss(CountedAUC(), cross_entropy=Counted()).double()
    task.optimizer = PDSCA(param_groups(task.model, task.loss), inner_lr=0.5)
    alpha = [float(task.run(1, first=n)[-1]) for n in range(100)]
    assert (Counted.seen, CountedAUC.seen) == (100, 100)
    assert len(set(alpha)) == 100  # each step has moved alpha
    assert task.loss.next_is_inner


def test_the_outer_loss_is_returned_and_w_is_what_the_caller_sees():
    task, seen = Task(inner_lr=0.5, inner_average=1.0, lr=0.0), []
    before = task.values()[:4]
    closure = task.closure(0)

    def watched():
        seen.append(task.model.weight.detach().clone())
        return closure()

    with torch.no_grad():
        value = task.optimizer.step(watched)
    assert torch.equal(task.values()[:4], before)
    assert torch.equal(seen[0].flatten(), before)
    assert (seen[1] - seen[0]).abs().min() > 1e-4
    x, y = problem(0)
    expected = AUCMLoss()(x @ seen[1].flatten(), y)  # at the saddle of this batch
    torch.testing.assert_close(value.detach(), expected.detach())
    own = task.values()[4:].tolist()  # a, b, alpha, which have started at that saddle
    grads = auc_gradients(seen[1].flatten().tolist(), *own, x.tolist(), y.tolist())
    np.testing.assert_allclose(task.model.weight.grad[0], grads[:4])


@pytest.mark.parametrize("clearing", [None, {}, {"set_to_none": False}], ids=str)
@pytest.mark.parametrize("late", [False, True])
def test_the_closure_may_clear_gradients_or_leave_it(clearing, late):
    """At its head, between forward and backward as Lightning does, or not at all."""
    expected, task = Task(**FULL).run(6), Task(**FULL)
    for number in range(6):
        x, y = problem(number)

        def closure(x=x, y=y):
            if clearing is not None and not late:
                task.optimizer.zero_grad(**clearing)
            value = task.loss(task.model(x).squeeze(1), y)
            if clearing is not None and late:
                task.optimizer.zero_grad(**clearing)
            value.backward()
            return value

        task.optimizer.step(closure)
    assert torch.equal(task.values(), expected)


def test_variables_that_a_closure_sets_stay_set():
    """Classifiers start a, b and alpha at the first batch, inside the closure."""
    task = Task(lr=0.0, inner_lr=0.5)
    x, y = problem(0)
    closure = task.closure(0)

    def starting():
        task.loss.start_at(task.model(x).squeeze(1), y)
        return closure()

    task.optimizer.step(starting)
    assert all(p.abs() > 0.1 for p in task.loss.parameters())


def test_running_statistics_take_in_a_batch_twice():
    task = Task(model=nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 1)))
    task.run(3)
    assert task.model[0].num_batches_tracked == 6


@pytest.mark.parametrize("auc", [AUCMLoss, PairwiseAUCLoss])
def test_learns_a_rare_digit(auc):
    images, digit = load_digits(return_X_y=True)
    x, y = torch.tensor(images / 16, dtype=torch.float32), torch.tensor(digit == 8).float()
    train, test = torch.arange(len(y)) < 1200, torch.arange(len(y)) >= 1200
    train &= (y == 0) | (torch.arange(len(y)) % 4 == 0)  # a fortieth of the rows are positive
    x_train, y_train = x[train], y[train]
    torch.manual_seed(0)
    model, loss = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 1)), auc()
    loss = CompositionalAUCLoss(loss)
    optimizer = PDSCA(param_groups(model, loss))
    for _ in range(150):

        def closure():
            value = loss(model(x_train).squeeze(1), y_train)
            value.backward()
            return value

        optimizer.step(closure)
    assert roc_auc_score(y[test], model(x[test]).detach().squeeze(1)) > 0.9
