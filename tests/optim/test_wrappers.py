"""Optimizers of the library inside others' wrappers: states, stages, groups."""

import copy
import pickle
import warnings

import pytest
import torch
from oracles_optim import CASES, parameters, run
from torch import nn

import aucmax
from aucmax.optim import PDSCA, PESG, StageLR

every = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


@every
@pytest.mark.parametrize("copied", ["itself", "deepcopy", "pickle"])
def test_a_state_can_be_loaded_as_often_as_one_likes(case, copied):
    optimizer = case(parameters())
    run(optimizer, 3)
    state = copy.deepcopy(optimizer.state_dict())
    made = {
        "itself": lambda: optimizer,
        "deepcopy": lambda: copy.deepcopy(optimizer),
        "pickle": lambda: pickle.loads(pickle.dumps(optimizer)),
    }[copied]()
    for _ in range(3):
        made.load_state_dict(state)
        made.load_state_dict(made.state_dict())
    twin = case(parameters())
    run(twin, 3)
    for group in made.param_groups:
        for p, q in zip(group["params"], twin.param_groups[0]["params"], strict=True):
            p.data.copy_(q.data)
    for found, expected in zip(run(made, 4, first=3), run(twin, 4, first=3), strict=True):
        torch.testing.assert_close(found, expected, rtol=0, atol=0)


def test_pdsca_loads_as_often_too():
    optimizer = PDSCA(parameters())
    for _ in range(2):
        optimizer.load_state_dict(optimizer.state_dict())


@every
def test_a_state_of_another_optimizer_is_still_refused(case):
    with pytest.raises(ValueError, match="a group lacks"):
        case(parameters()).load_state_dict(torch.optim.SGD(parameters(), lr=0.1).state_dict())


class SAM(torch.optim.Optimizer):
    """Sharpness-aware minimization, as its usual wrapper is written."""

    def __init__(self, params, base, rho=0.05, **options):
        super().__init__(params, {"rho": rho, **options})
        self.base_optimizer = base(self.param_groups, **options)
        self.param_groups = self.base_optimizer.param_groups

    def step(self, closure=None):
        self.base_optimizer.step()


class Lookahead:
    """A wrapper that is no optimizer itself and keeps the real one as ``optimizer``."""

    def __init__(self, optimizer):
        self.optimizer = optimizer


class Hiding(torch.optim.Optimizer):
    """One that keeps the real optimizer out of sight."""

    def __init__(self, optimizer):
        super().__init__(optimizer.param_groups[0]["params"], {"lr": 0.1, "epoch_decay": 0.1})
        self.state_of_mine = {"inside": optimizer}


@pytest.mark.parametrize("base", [PESG, aucmax.PESGAdam])
def test_wrappers_that_put_keys_into_groups(base):
    optimizer = SAM(parameters(), base, lr=0.1)
    run(optimizer, 2)
    assert optimizer.param_groups[0]["rho"] == 0.05


def starts(optimizer):
    return [float(state["start"]) for state in optimizer.state.values()]


def wrapped_by(name, optimizer):
    if name == "accelerate":
        accelerate = pytest.importorskip("accelerate")
        accelerate.state.AcceleratorState._reset_state(True)
        return accelerate.Accelerator(cpu=True).prepare(optimizer)
    if name == "timm":
        return pytest.importorskip("timm.optim").Lookahead(optimizer)
    if name == "twice":
        return wrapped_by("timm", wrapped_by("timm", optimizer))
    return optimizer


@pytest.mark.parametrize("name", ["none", "timm", "twice", "accelerate"])
def test_stages_end_inside_wrappers(name):
    optimizer = PESG(parameters(), lr=0.1, epoch_decay=0.01)
    wrapped = wrapped_by(name, optimizer)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scheduler = StageLR(wrapped, [1])
    for step in range(2):
        run(optimizer, 1, first=step, step=wrapped.step)
        scheduler.step()
    assert starts(optimizer) == [1, 1, 1]
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.01)


def test_stages_end_inside_sam():
    optimizer = SAM(parameters(), PESG, lr=0.1, epoch_decay=0.01)
    scheduler = StageLR(optimizer, [1])
    run(optimizer, 1)
    scheduler.step()
    assert starts(optimizer.base_optimizer) == [1, 1, 1]


def test_a_wrapper_that_cannot_be_looked_through_is_reported():
    with pytest.warns(UserWarning, match="StageLR cannot end the stages of Hiding, whose groups"):
        StageLR(Hiding(PESG(parameters(), epoch_decay=0.1)), [1])


def test_optimizers_without_stages_are_no_reason_for_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        groups = aucmax.param_groups(nn.Linear(2, 1), aucmax.AUCMLoss())
        StageLR(torch.optim.SGD(groups, lr=0.1), [1])


@every
def test_distributed_checkpoint_saves_and_loads(case):
    from torch.distributed.checkpoint.state_dict import get_state_dict, set_state_dict

    def make():
        torch.manual_seed(0)
        model = nn.Linear(3, 2)
        return model, case(model.parameters())

    model, optimizer = make()
    run(optimizer, 3)
    weights, state = get_state_dict(model, optimizer)
    weights, state = copy.deepcopy((weights, state))
    other, fresh = make()
    set_state_dict(other, fresh, model_state_dict=weights, optim_state_dict=state)
    for found, expected in zip(run(fresh, 2, first=3), run(optimizer, 2, first=3), strict=True):
        torch.testing.assert_close(found, expected, rtol=0, atol=0)


def test_distributed_checkpoint_of_pdsca_and_a_compositional_loss():
    from oracles_pdsca import Task
    from torch.distributed.checkpoint.state_dict import get_state_dict, set_state_dict

    task, other, whole = (Task(inner_lr=0.4, inner_average=0.6, epoch_decay=0.1) for _ in range(3))
    expected = whole.run(6)
    task.run(3)
    modules = [nn.ModuleList([one.model, one.loss]) for one in (task, other)]
    weights, state = copy.deepcopy(get_state_dict(modules[0], task.optimizer))
    set_state_dict(modules[1], other.optimizer, model_state_dict=weights, optim_state_dict=state)
    torch.testing.assert_close(other.run(3, first=3), expected, rtol=0, atol=0)


def test_averages_over_a_state_dict_find_tensors_alone():
    module = nn.ModuleList([nn.Linear(2, 1), aucmax.CompositionalAUCLoss()])
    assert all(isinstance(x, torch.Tensor) for x in module.state_dict().values())
    ema = pytest.importorskip("timm.utils").ModelEmaV2(module)
    ema.update(module)
    for turn in (True, False):
        module[1].next_is_inner = turn
        twin = aucmax.CompositionalAUCLoss()
        twin.load_state_dict(module[1].state_dict())
        assert twin.next_is_inner is turn
