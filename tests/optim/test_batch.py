"""The fast paths: buckets, layouts in memory, autograd's version counters, compiled steps."""

import pytest
import torch
from oracles_optim import CASES, parameters, run
from torch import nn
from torch._dynamo.testing import CompileCounter

from aucmax.optim import _batch

every = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def batch(params):
    return _batch.Batch(params, [p + 1 for p in params], [], params, params, [params])


def test_buckets_hold_each_parameter_once_up_to_their_size(monkeypatch):
    monkeypatch.setattr(_batch, "_BUCKET", 10)
    sizes = [4, 4, 3, 25, 1, 2, 8, 0, 3]
    params = [torch.full((n,), float(i)) for i, n in enumerate(sizes)]
    params[4] = params[4].double()
    buckets = list(batch(params).buckets())
    found = [p for bucket in buckets for p in bucket.params]
    assert sorted(map(id, found)) == sorted(map(id, params))
    for bucket in buckets:
        assert len({p.dtype for p in bucket.params}) == 1
        assert len(bucket.params) == 1 or sum(p.numel() for p in bucket.params) <= 10
        assert bucket.steps == []
        for p, grad, moment in zip(bucket.params, bucket.grads, bucket.moments[0], strict=True):
            assert torch.equal(grad, p + 1)
            assert moment is p


@every
def test_size_of_buckets_does_not_matter(case, monkeypatch):
    expected = run(case(parameters()), 5, stages=(3,))
    monkeypatch.setattr(_batch, "_BUCKET", 1)
    for a, b in zip(run(case(parameters()), 5, stages=(3,)), expected, strict=True):
        assert torch.equal(a, b)


@every
def test_mixed_dtypes_and_groups(case):
    def step_all(foreach):
        params = [*parameters((3,)), *parameters((3,), dtype=torch.float32), *parameters(())]
        groups = [{"params": params[:2]}, {"params": params[2:], "maximize": True, "clip": 0.1}]
        return run(case(groups, foreach=foreach), 20, stages=(9,))

    for a, b in zip(step_all(True), step_all(False), strict=True):
        torch.testing.assert_close(a, b)


@every
@pytest.mark.parametrize("layout", ["channels_last", "transposed", "gap", "gradient", "expanded"])
def test_layout_in_memory_does_not_matter(case, layout):
    """torch's fused kernels mix up coordinates here, silently: they must not be used."""
    draw = torch.Generator().manual_seed(0)
    start = torch.randn(2, 3, 4, 5, generator=draw)
    grads = [torch.randn(2, 3, 4, 5, generator=draw) for _ in range(4)]
    plain = nn.Parameter(start.clone())
    p = {
        "channels_last": lambda: start.to(memory_format=torch.channels_last, copy=True),
        "transposed": lambda: start.transpose(0, 2).contiguous().transpose(0, 2),
        "gap": lambda: torch.stack([start, start], dim=-1)[..., 0],
    }.get(layout, start.clone)()
    p = nn.Parameter(p)
    ours, theirs = case([p]), case([plain], foreach=False)
    for grad in grads:
        other = grad.transpose(1, 3).contiguous().transpose(1, 3)
        p.grad = other if layout == "gradient" else torch.empty_like(p).copy_(grad)
        plain.grad = grad.clone()
        if layout == "expanded":
            p.grad = torch.ones(()).expand(2, 3, 4, 5)
            plain.grad = torch.ones(2, 3, 4, 5)
        ours.step()
        theirs.step()
        torch.testing.assert_close(p, plain)


def test_fused_kernels_take_one_dtype_and_a_plain_rate():
    options = {"lr": 0.1}
    params = parameters()
    assert _batch.fusable(options, batch(params))
    assert not _batch.fusable({"lr": torch.tensor(0.1)}, batch(params))
    assert not _batch.fusable(options, batch(parameters(dtype=torch.bfloat16)))
    other = [p.float() for p in params]
    assert not _batch.fusable(options, batch(params)._replace(grads=other))


@every
@pytest.mark.parametrize("foreach", [True, False])
def test_autograd_notices_the_step(case, foreach):
    """A graph built before a step must not be run backward through the changed parameters."""
    (p,) = parameters((3,))
    optimizer = case([p], foreach=foreach)
    loss = p.square().sum()
    loss.backward(retain_graph=True)
    optimizer.step()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


class Marked(nn.Parameter):
    """A tensor subclass, for which the fast paths are not known to work."""


@every
def test_subclasses_take_the_reference_path(case, monkeypatch):
    expected = run(case(parameters((3,)), foreach=False), 3)
    optimizer = case([Marked(p.detach()) for p in parameters((3,))])
    monkeypatch.setattr(optimizer, "_advance_all", None)
    assert torch.equal(run(optimizer, 3)[0], expected[0])


OPTIONS = [{}, {"epoch_decay": 0.0}, {"lr": torch.tensor(0.05, dtype=torch.float64)}]


@every
@pytest.mark.parametrize("foreach", [True, False])
@pytest.mark.parametrize("options", OPTIONS, ids=["full", "plain", "tensor_lr"])
def test_traced_equals_eager_without_retracing(case, foreach, options):
    torch._dynamo.reset()
    eager = run(case(parameters(), foreach=foreach, **options), 6, stages=(3,))
    optimizer, counter = case(parameters(), foreach=foreach, **options), CompileCounter()
    traced = torch.compile(optimizer.step, backend=counter)
    for a, b in zip(run(optimizer, 6, stages=(3,), step=traced), eager, strict=True):
        torch.testing.assert_close(a, b)
    assert counter.frame_count == 1


@every
def test_tensor_rate_changes_without_retracing(case):
    torch._dynamo.reset()
    rate = torch.tensor(0.05, dtype=torch.float64)
    optimizer, counter = case(parameters(), lr=rate), CompileCounter()
    traced = torch.compile(optimizer.step, backend=counter)
    eager = case(parameters(), lr=rate)
    for number in range(4):
        rate.fill_(0.05 / (1 + number))
        compiled = run(optimizer, 1, first=number, step=traced)
        for a, b in zip(compiled, run(eager, 1, first=number), strict=True):
            torch.testing.assert_close(a, b)
    assert counter.frame_count == 1


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Skipping serialization")  # torch 2.6 warns of its own settings
@every
def test_compiled_equals_eager(case):
    torch._dynamo.reset()
    eager = run(case(parameters(dtype=torch.float32)), 6, stages=(3,))
    optimizer = case(parameters(dtype=torch.float32))
    compiled = run(optimizer, 6, stages=(3,), step=torch.compile(optimizer.step))
    for a, b in zip(compiled, eager, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5)
