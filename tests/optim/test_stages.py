"""StageLR: milestones of the learning rate and of the reference points."""

import warnings

import numpy as np
import pytest
import torch
from oracles_optim import CASES, parameters, run
from torch.optim.lr_scheduler import ChainedScheduler, LinearLR, MultiStepLR, SequentialLR

from aucmax.optim import PESG, StageLR


class Counting(PESG):
    """Notes how many steps had been taken at each new stage."""

    def __init__(self, params):
        super().__init__(params, lr=0.1, epoch_decay=0.1)
        self.steps, self.stages = 0, []

    def step(self, closure=None):
        self.steps += 1
        return super().step(closure)

    def next_stage(self):
        self.stages.append(self.steps)
        super().next_stage()


def epochs(optimizer, scheduler, count):
    rates = []
    for _ in range(count):
        rates.append(optimizer.param_groups[0]["lr"])
        run(optimizer, 1)
        scheduler.step()
    return rates


def test_stages_end_at_milestones():
    optimizer = Counting(parameters())
    epochs(optimizer, StageLR(optimizer, [2, 3, 7]), 9)
    assert optimizer.stages == [2, 3, 7]


@pytest.mark.parametrize("gamma", [0.1, 0.5, 1.0, 2.0])
def test_rates_are_those_of_multi_step(gamma):
    ours, theirs = Counting(parameters()), torch.optim.SGD(parameters(), lr=0.1)
    mine = epochs(ours, StageLR(ours, [2, 5], gamma=gamma), 8)
    other = epochs(theirs, MultiStepLR(theirs, [2, 5], gamma=gamma), 8)
    np.testing.assert_allclose(mine, other, rtol=0)


def test_stages_follow_the_oracle():
    case = CASES["PESG"]
    p = parameters((4,))
    optimizer = case(p)
    scheduler = StageLR(optimizer, [3, 5], gamma=1.0)
    start, grads, path = p[0].detach().numpy().copy(), [], []
    for number in range(8):
        path.append(run(optimizer, 1, first=number)[0].numpy())
        grads.append(p[0].grad.numpy().copy())
        scheduler.step()
    expected = case.oracle(start, grads, stages=(3, 5), **case.options)
    np.testing.assert_allclose(np.stack(path), expected, rtol=1e-12)


def test_other_optimizers_get_plain_multi_step():
    optimizer = torch.optim.SGD(parameters(), lr=0.1)
    assert epochs(optimizer, StageLR(optimizer, [1]), 2) == pytest.approx([0.1, 0.01])


def test_constructor_and_loading_run_no_stage():
    optimizer = Counting(parameters())
    scheduler = StageLR(optimizer, [2])
    epochs(optimizer, scheduler, 4)
    assert optimizer.stages == [2]
    again = Counting(parameters())
    resumed = StageLR(again, [2])
    resumed.load_state_dict(scheduler.state_dict())
    again.load_state_dict(optimizer.state_dict())
    epochs(again, resumed, 4)
    assert again.stages == []


@pytest.mark.parametrize("at", [1, 2, 3, 4])
def test_resumed_is_uninterrupted(at, tmp_path):
    def build():
        optimizer = CASES["PESG"](parameters())
        return optimizer, StageLR(optimizer, [2, 3])

    whole, scheduler = build()
    epochs(whole, scheduler, at)
    state = [whole.state_dict(), scheduler.state_dict(), whole.param_groups[0]["params"]]
    torch.save(state, tmp_path / "state.pt")
    epochs(whole, scheduler, 5)

    half, later = build()
    saved = torch.load(tmp_path / "state.pt", weights_only=True)
    with torch.no_grad():
        for p, value in zip(half.param_groups[0]["params"], saved[2], strict=True):
            p.copy_(value)
    later.load_state_dict(saved[1])
    half.load_state_dict(saved[0])
    epochs(half, later, 5)
    pairs = zip(whole.param_groups[0]["params"], half.param_groups[0]["params"], strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


def test_chained_after_a_warm_up():
    optimizer = Counting(parameters())
    warm = LinearLR(optimizer, 0.1, total_iters=3)
    scheduler = SequentialLR(optimizer, [warm, StageLR(optimizer, [2, 4])], milestones=[3])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some versions of torch warn of their own call step(0)
        epochs(optimizer, scheduler, 9)
    assert optimizer.stages == [5, 7]


def test_chained_with_another():
    optimizer = Counting(parameters())
    both = ChainedScheduler([LinearLR(optimizer, 0.5, total_iters=2), StageLR(optimizer, [3])])
    epochs(optimizer, both, 5)
    assert optimizer.stages == [3]


def test_a_jump_over_milestones_ends_one_stage():
    optimizer = Counting(parameters())
    scheduler = StageLR(optimizer, [2, 4])
    run(optimizer, 1)
    with pytest.warns(UserWarning, match="epoch parameter"):
        scheduler.step(5)
    assert optimizer.stages == [1]
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.001)


def test_milestones_may_be_numpy_integers_or_none_at_all():
    optimizer = Counting(parameters())
    epochs(optimizer, StageLR(optimizer, np.array([1, 2])), 3)
    assert optimizer.stages == [1, 2]
    assert epochs(optimizer, StageLR(optimizer, []), 1)


@pytest.mark.parametrize("milestones", [[0], [-1, 2], [3, 3], [5, 2]])
def test_milestones_must_increase_from_one(milestones):
    with pytest.raises(ValueError, match=r"integers >= 1, each greater .*, got \[") as error:
        StageLR(Counting(parameters()), milestones)
    assert str(milestones) in str(error.value)


@pytest.mark.parametrize("milestones", [[1.5], [2.0], ["2"], [None]])
def test_milestones_must_be_integers(milestones):
    with pytest.raises(TypeError, match="milestones must be integers"):
        StageLR(Counting(parameters()), milestones)


@pytest.mark.parametrize("gamma", [0.0, -1.0, float("inf"), float("nan")])
def test_gamma_must_be_positive(gamma):
    with pytest.raises(ValueError, match="gamma must be a finite number > 0"):
        StageLR(Counting(parameters()), [1], gamma=gamma)
