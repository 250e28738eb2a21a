"""State of proximal optimizers: saved, loaded, copied, in half precision."""

import copy
import pickle

import pytest
import torch
from oracles_optim import CASES, parameters, run
from torch.optim import lr_scheduler

every = pytest.mark.parametrize("case", CASES.values(), ids=CASES)
dtypes = pytest.mark.parametrize(
    "dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16], ids=str
)


def restart(case, values, state):
    """A new optimizer on parameters of the given values, with the given state."""
    params = [torch.nn.Parameter(value.clone()) for value in values]
    optimizer = case(params)
    optimizer.load_state_dict(state)
    return optimizer


@every
@dtypes
def test_resumed_is_uninterrupted(case, dtype, tmp_path):
    """Bit for bit, through a file read with weights_only, in the middle of a second stage."""
    optimizer = case(parameters(dtype=dtype))
    values = run(optimizer, 7, stages=(4,))
    torch.save({"values": values, "state": optimizer.state_dict()}, tmp_path / "checkpoint.pt")
    expected = run(optimizer, 7, first=7, stages=(10,))
    saved = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    resumed = restart(case, saved["values"], saved["state"])
    for a, b in zip(run(resumed, 7, first=7, stages=(10,)), expected, strict=True):
        assert torch.equal(a, b)


@every
@dtypes
def test_parameters_keep_their_dtype_and_means_are_wide(case, dtype):
    optimizer = case(parameters(dtype=dtype))
    run(optimizer, 3, stages=(2,))
    wide = torch.promote_types(dtype, torch.float32)
    for p, state in optimizer.state.items():
        assert p.dtype == dtype
        assert state["reference"].dtype == state["total"].dtype == wide
        moments = case.moments - {"step"}
        assert all(state[name].dtype == dtype for name in moments)


@every
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("foreach", [True, False])
def test_half_precision_is_near_float64(case, dtype, foreach):
    options = {"lr": 0.02, "foreach": foreach, "clip": 0.8, "weight_decay": 1e-3}
    half = run(case(parameters(dtype=dtype), **options), 20, stages=(8,))
    full = run(case(parameters(), **options), 20, stages=(8,))
    for a, b in zip(half, full, strict=True):
        torch.testing.assert_close(a.double(), b, rtol=0.02, atol=0.04)


@every
def test_mean_in_half_precision_does_not_stall(case):
    """1000 iterates summed in bfloat16 would stop growing after some hundred."""
    (p,) = parameters((4,), dtype=torch.bfloat16)
    optimizer, visited = case([p]), []
    visited = [run(optimizer, 1, first=number)[0].double() for number in range(1000)]
    optimizer.next_stage()
    expected = torch.stack(visited).mean(0)
    reference = optimizer.state[p]["reference"].double()
    torch.testing.assert_close(reference, expected, rtol=1e-5, atol=1e-5)


@every
def test_nothing_is_allocated_that_is_not_needed(case):
    for options, expected in (
        ({"epoch_decay": 0.0}, case.moments),
        ({"epoch_decay": 0.1}, case.moments | {"step", "start", "reference", "total"}),
    ):
        optimizer = case(parameters(), **options)
        assert not optimizer.state
        run(optimizer, 2)
        optimizer.next_stage()
        assert all(set(state) == expected for state in optimizer.state.values())


@every
def test_parameters_without_gradient_have_no_state(case):
    used, unused = parameters((2,), (3,))
    before = unused.detach().clone()
    optimizer = case([used, unused])
    used.grad = torch.ones_like(used)
    optimizer.step()
    optimizer.next_stage()
    assert set(optimizer.state) == {used}
    assert torch.equal(unused, before)


@every
def test_pickle(case):
    optimizer = case(parameters())
    run(optimizer, 3)
    twin = pickle.loads(pickle.dumps(optimizer))
    for a, b in zip(run(optimizer, 3, first=3), run(twin, 3, first=3), strict=True):
        assert torch.equal(a, b)


@every
def test_loading_shares_nothing_and_leaves_the_argument_alone(case):
    optimizer = case(parameters())
    values = run(optimizer, 3)
    state = optimizer.state_dict()
    frozen = copy.deepcopy(state)
    run(restart(case, values, state), 5, first=3, stages=(4,))
    assert state["param_groups"] == frozen["param_groups"]
    for i, saved in frozen["state"].items():
        assert saved.keys() == state["state"][i].keys()
        assert all(torch.equal(value, state["state"][i][key]) for key, value in saved.items())


@every
def test_state_of_another_optimizer_is_refused(case):
    other = torch.optim.Adadelta(parameters())
    run(other, 1)
    with pytest.raises(ValueError, match=r"not of a PESG(Adam)?: a group lacks .*epoch_decay"):
        case(parameters()).load_state_dict(other.state_dict())


@every
@pytest.mark.parametrize(
    "schedule",
    [
        lambda o: lr_scheduler.StepLR(o, 2, gamma=0.5),
        lambda o: lr_scheduler.CosineAnnealingLR(o, 5),
        lambda o: lr_scheduler.OneCycleLR(o, 0.1, total_steps=10),
        lambda o: lr_scheduler.LambdaLR(o, lambda epoch: 0.0 if epoch == 0 else 1.0),
    ],
)
def test_schedulers_set_the_rate(case, schedule):
    """Each step is taken with the rate that the schedule shows; warm-up from 0 included."""
    scheduled, by_hand = case(parameters()), case(parameters())
    scheduler, rates = schedule(scheduled), set()
    for number in range(9):
        for key in by_hand.defaults:
            by_hand.param_groups[0][key] = scheduled.param_groups[0][key]
        moved = zip(run(scheduled, 1, first=number), run(by_hand, 1, first=number), strict=True)
        assert all(torch.equal(a, b) for a, b in moved)
        rates.add(float(scheduled.param_groups[0]["lr"]))
        scheduler.step()
    assert len(rates) > 1
    state = scheduled.state_dict()
    restart(case, run(scheduled, 0), state)  # the keys that schedulers add do no harm


@every
def test_grad_scaler_unscales_and_skips(case):
    """Scaled gradients give the plain step; a step with an overflow is left out."""
    scaled, plain = case(parameters((3,))), case(parameters((3,)))
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0, growth_interval=1)
    for number in range(4):
        (p,), (q,) = (o.param_groups[0]["params"] for o in (scaled, plain))
        scaled.zero_grad()
        plain.zero_grad()
        factor = float("inf") if number == 2 else 1.0
        scaler.scale((p * factor).square().sum()).backward()
        before = p.detach().clone()
        scaler.step(scaled)
        scaler.update()
        if number == 2:
            assert torch.equal(p, before)
        else:
            q.square().sum().backward()
            plain.step()
    torch.testing.assert_close(p, q)
    assert all(state["step"] == 3 for state in scaled.state.values())
