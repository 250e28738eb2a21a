"""What holds for every proximal optimizer: one table, common tests."""

import copy
import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles_optim import CASES, parameters, run
from torch import nn

every = pytest.mark.parametrize("case", CASES.values(), ids=CASES)
both_paths = pytest.mark.parametrize("foreach", [True, False])


def assert_same(left, right):
    assert len(left) == len(right)
    assert all(torch.equal(a, b) for a, b in zip(left, right, strict=True))


@every
@both_paths
@settings(max_examples=40, deadline=None)
@given(
    lr=st.floats(1e-4, 0.3),
    weight_decay=st.sampled_from([0.0, 0.03]) | st.floats(0, 0.5),
    epoch_decay=st.sampled_from([0.0, 0.2]) | st.floats(0, 1.0),
    clip=st.sampled_from([math.inf, 0.5]),
    maximize=st.booleans(),
    inertia=st.integers(0, 5),
    stages=st.sets(st.integers(0, 12)),
    missing=st.sets(st.integers(0, 11)),
)
def test_follows_the_oracle(case, foreach, inertia, stages, missing, **options):
    """Iterates over stages, with gradients missing now and then, are those of the formula."""
    options |= case.inertia[inertia % len(case.inertia)]
    draw = np.random.default_rng(0)
    grads = [None if t in missing else draw.normal(size=(2, 3)) for t in range(12)]
    p = nn.Parameter(torch.from_numpy(draw.normal(size=(2, 3))))
    expected = case.oracle(p.detach().numpy().copy(), grads, stages=stages, **options)
    optimizer = case.make([p], foreach=foreach, **options)
    for number, grad in enumerate(grads):
        if number in stages:
            optimizer.next_stage()
        p.grad = None if grad is None else torch.from_numpy(grad)
        optimizer.step()
        np.testing.assert_allclose(p.detach().numpy(), expected[number], rtol=1e-9, atol=1e-9)


@every
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("lr", [0.05, torch.tensor(0.05, dtype=torch.float64)], ids=str)
def test_fast_equals_reference(case, dtype, lr):
    """100 random steps under all combinations of the options."""
    switches = ((0.0, 0.02), (0.0, 0.2), (math.inf, 0.5), (False, True), case.inertia)
    for near, far, clip, maximize, inertia in itertools.product(*switches):
        options = {"weight_decay": near, "epoch_decay": far, "clip": clip, "maximize": maximize}
        fast, slow = (
            run(
                case(parameters(dtype=dtype), foreach=foreach, **options | inertia | {"lr": lr}),
                100,
                stages=(40, 70),
            )
            for foreach in (True, False)
        )
        tolerance = {torch.float64: 1e-10, torch.float32: 2e-4}[dtype]
        for a, b in zip(fast, slow, strict=True):
            torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)


@every
@both_paths
@pytest.mark.parametrize("inertia", range(2))
def test_stock_optimizer_without_epoch_decay(case, foreach, inertia):
    options = {"lr": 0.05, "weight_decay": 0.03, "maximize": True, **case.inertia[inertia]}
    ours = case.make(parameters(), foreach=foreach, **options)
    theirs = case.stock(parameters(), **options)
    for number in range(30):
        for a, b in zip(run(ours, 1, first=number), run(theirs, 1, first=number), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)


@every
@both_paths
def test_gradients_stay_as_they_are(case, foreach):
    for maximize in (False, True):
        params = parameters()
        optimizer = case(params, foreach=foreach, maximize=maximize)
        run(optimizer, 2)
        before = [(p.grad, p.grad.clone()) for p in params]
        optimizer.step()
        assert all(p.grad is grad for p, (grad, _) in zip(params, before, strict=True))
        assert_same([p.grad for p in params], [value for _, value in before])


@every
@both_paths
def test_clipping_is_by_coordinate(case, foreach):
    """Gradients beyond the bound act like gradients at the bound; NaN is not hidden."""
    paths = []
    for scale in (2.0, 1000.0):
        (p,) = parameters((4,))
        optimizer = case([p], clip=0.5, foreach=foreach)
        grad = [-scale, scale, 0.1, 0.5 + scale]
        p.grad = torch.tensor(grad, dtype=torch.float64)
        optimizer.step()
        paths.append(p.detach())
    torch.testing.assert_close(*paths)
    p.grad = torch.full((4,), math.nan, dtype=torch.float64)
    optimizer.step()
    assert p.isnan().all()


@every
def test_reference_starts_where_the_parameter_stood(case):
    (p,) = parameters((3,))
    optimizer = case([p], epoch_decay=1.0)
    with torch.no_grad():
        p.add_(1.0)  # a checkpoint loaded after the optimizer was made
    stood = p.detach().clone()
    run(optimizer, 5)
    assert torch.equal(optimizer.state[p]["reference"], stood)


@every
def test_constructor_draws_no_random_numbers(case):
    before = torch.get_rng_state()
    run(case(parameters()), 2)
    assert torch.equal(torch.get_rng_state(), before)


@every
@pytest.mark.parametrize("epoch_decay", [0.0, 0.2])
def test_next_stage_without_steps_changes_nothing(case, epoch_decay):
    once, often = (case(parameters(), epoch_decay=epoch_decay) for _ in range(2))
    for _ in range(3):
        often.next_stage()  # before any step
    for first in (0, 6):
        run(once, 6, first=first)
        run(often, 6, first=first)
        once.next_stage()
        for _ in range(3):
            often.next_stage()  # in a row
    assert_same(run(once, 3), run(often, 3))


@every
def test_mean_counts_own_steps_only(case):
    """Gradient there in every second step: the mean is over those steps."""
    (p,) = parameters((3,))
    optimizer, visited = case([p]), []
    for number in range(10):
        p.grad = torch.ones_like(p) if number % 2 else None
        optimizer.step()
        if number % 2:
            visited.append(p.detach().clone())
    optimizer.next_stage()
    torch.testing.assert_close(optimizer.state[p]["reference"], torch.stack(visited).mean(0))


@every
def test_epoch_decay_switched_on_later(case):
    (p,) = parameters((3,))
    optimizer = case([p], epoch_decay=0.0)
    run(optimizer, 4)
    assert set(optimizer.state[p]) == case.moments
    optimizer.param_groups[0]["epoch_decay"] = 0.5
    stood = p.detach().clone()
    visited = [run(optimizer, 1, first=number)[0] for number in range(4, 8)]
    assert torch.equal(optimizer.state[p]["reference"], stood)
    optimizer.next_stage()
    torch.testing.assert_close(optimizer.state[p]["reference"], torch.stack(visited).mean(0))


@every
def test_mean_of_a_long_stage_in_float32(case):
    """The mean is kept of p - r, not of p: thousands of steps do not wear it down."""
    p = nn.Parameter(torch.full((1,), 1000.0))
    optimizer, total, steps = case([p], lr=1e-3, weight_decay=0.0), 0.0, 3000
    for _ in range(steps):
        p.grad = torch.ones_like(p)
        optimizer.step()
        total += p.item()
    optimizer.next_stage()
    assert optimizer.state[p]["reference"].item() == pytest.approx(total / steps, rel=2e-7)


@every
def test_rosenbrock_is_descended(case):
    xy = nn.Parameter(torch.tensor([-1.5, 2.0], dtype=torch.float64))
    optimizer = case.make([xy], lr=1e-3 if "momentum" in case.options else 0.02)
    for _ in range(5000):
        optimizer.zero_grad()
        loss = (1 - xy[0]) ** 2 + 100 * (xy[1] - xy[0] ** 2) ** 2
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.05


@every
def test_saddle_of_a_quadratic_is_reached(case):
    """min over x, max over y of x^2 + x y - y^2 + x - y: solve both gradients for 0."""
    x, y = (nn.Parameter(torch.zeros((), dtype=torch.float64)) for _ in range(2))
    groups = [{"params": [x]}, {"params": [y], "maximize": True}]
    optimizer = case.make(groups, lr=0.01)
    for _ in range(2000):
        optimizer.zero_grad()
        (x**2 + x * y - y**2 + x - y).backward()
        optimizer.step()
    saddle = np.linalg.solve([[2, 1], [1, -2]], [-1, 1])
    np.testing.assert_allclose([x.item(), y.item()], saddle, atol=1e-3)


@every
def test_groups_have_their_own_settings(case):
    first, second = parameters((2,), (3,))
    group = {"params": [second], "lr": 0.0}
    optimizer = case([{"params": [first]}, group])
    before = [p.detach().clone() for p in (first, second)]
    run(optimizer, 3)
    assert not torch.equal(first, before[0])
    assert torch.equal(second, before[1])


@every
def test_group_added_later_starts_afresh(case):
    early, late = parameters((2,), (3,))
    optimizer = case([early])
    run(optimizer, 4)
    optimizer.add_param_group({"params": [late], "epoch_decay": 0.7})
    start = late.detach().clone()
    run(optimizer, 2, first=4)
    assert torch.equal(optimizer.state[late]["reference"], start)
    optimizer.next_stage()
    run(optimizer, 2, first=6)
    alone = case([nn.Parameter(start)], epoch_decay=0.7)
    assert optimizer.param_groups[1]["epoch_decay"] == 0.7
    assert optimizer.state[late].keys() == (run(alone, 1), *alone.state.values())[1].keys()


@every
def test_repr_is_short(case):
    optimizer = case(parameters((300, 300)))
    run(optimizer, 2)
    assert len(repr(optimizer)) < 250
    assert "tensor" not in repr(optimizer)


@every
def test_deepcopy_goes_its_own_way(case):
    optimizer = case(parameters())
    run(optimizer, 3)
    twin = copy.deepcopy(optimizer)
    expected = run(optimizer, 4, first=3, stages=(5,))
    assert_same(run(twin, 4, first=3, stages=(5,)), expected)


@every
def test_closure_is_called_with_gradients_on(case):
    (p,) = parameters((3,))
    optimizer, calls = case([p]), []

    def closure():
        optimizer.zero_grad()
        loss = p.square().sum()
        loss.backward()
        calls.append(loss.item())
        return loss

    with torch.no_grad():
        first, second = optimizer.step(closure), optimizer.step(closure)
    assert [first.item(), second.item()] == calls
    assert second < first
