import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles_average_precision import pair_sums as slow
from oracles_losses import SURROGATES as SLOW
from oracles_losses import LargestTensor, cubic
from oracles_losses import columns as labels_of

from aucmax.losses.pairs import sums as module
from aucmax.losses.pairs.means import blockwise_mean
from aucmax.losses.pairs.sums import pair_sums
from aucmax.surrogates import SURROGATES

SLOW_OF = {**SLOW, "cubic": lambda t, m: max(0 * t, m - t) ** 3}
FAST = {**SURROGATES, "cubic": cubic}
every = pytest.mark.parametrize("name", FAST)


@st.composite
def problems(draw):
    """Scores with many ties, 0/1 rows, fractional column weights; any of them may be all 0."""
    rows, labels = draw(st.integers(1, 7)), draw(st.none() | st.integers(1, 3))
    shape = (rows,) if labels is None else (rows, labels)

    def tensor(values):
        size = torch.Size(shape).numel()
        drawn = draw(st.lists(values, min_size=size, max_size=size))
        return torch.tensor(drawn, dtype=torch.float64).reshape(shape)

    h, wanted = tensor(st.integers(-3, 3)) / 4, tensor(st.sampled_from([0.0, 1.0]))
    return h, wanted, tensor(st.sampled_from([0.0, 0.25, 1.0, 2.5])), tensor(st.integers(-2, 2))


def value_and_gradient(sums, h, upstream):
    h = h.clone().requires_grad_()
    value = sums(h)
    return value, *torch.autograd.grad((upstream * value).sum(), h)


def by_loops(h, rows, columns, surrogate, margin):
    parts = zip(*map(labels_of, (h, rows, columns)), strict=True)
    return torch.stack([slow(*part, surrogate, margin) for part in parts], -1).reshape(h.shape)


def batch(rows, labels=None, dtype=torch.float64):
    """Random scores, rows, weights (half of them 0) and upstream gradients."""
    shape = (rows,) if labels is None else (rows, labels)
    h, upstream = torch.randn(2, *shape, dtype=dtype)
    wanted, weights = (torch.rand(2, *shape) < 0.5).to(dtype)
    return h, wanted, weights * torch.rand(shape, dtype=dtype), upstream


@every
@settings(max_examples=25, deadline=None)
@given(problems(), st.sampled_from([0.3, 1.1]))  # no gap of the grid lies on a kink
def test_sums_and_gradient_equal_the_double_loop(name, problem, margin):
    h, rows, columns, upstream = problem
    found = value_and_gradient(
        lambda h: pair_sums(h, rows, columns, margin, FAST[name]), h, upstream
    )
    expected = value_and_gradient(
        lambda h: by_loops(h, rows, columns, SLOW_OF[name], margin), h, upstream
    )
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)


@every
@pytest.mark.parametrize("labels", [None, 2])
def test_gradient_equals_finite_differences(name, labels):
    h, rows, columns, _ = batch(9, labels)
    function = lambda h: pair_sums(h, rows, columns, 0.7, FAST[name])  # noqa: E731
    assert torch.autograd.gradcheck(function, h.requires_grad_())


@pytest.mark.parametrize("name", SURROGATES)
@pytest.mark.parametrize("labels", [None, 3])
def test_closed_forms_equal_what_any_function_gets(monkeypatch, name, labels):
    monkeypatch.setattr(module, "BLOCK_PAIRS", 1000)
    h, rows, columns, upstream = batch(150, labels)
    surrogate = SURROGATES[name]
    found = value_and_gradient(lambda h: pair_sums(h, rows, columns, 0.5, surrogate), h, upstream)
    expected = value_and_gradient(
        lambda h: pair_sums(h, rows, columns, 0.5, lambda t, m: surrogate(t, m)), h, upstream
    )
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("block", [1, 7, 10**9])
@pytest.mark.parametrize("name", ["logistic", "sigmoid", "barrier_hinge", "cubic"])
def test_blocks_of_any_size_agree(monkeypatch, name, block):
    h, rows, columns, upstream = batch(23, 2)
    sums = lambda h: pair_sums(h, rows, columns, 0.7, FAST[name])  # noqa: E731
    expected = value_and_gradient(sums, h, upstream)
    monkeypatch.setattr(module, "BLOCK_PAIRS", block)
    torch.testing.assert_close(value_and_gradient(sums, h, upstream), expected)


@every
def test_no_matrix_of_pairs_is_made_or_kept(monkeypatch, name):
    monkeypatch.setattr(module, "BLOCK_PAIRS", 4000)
    rows = 3000
    h = torch.randn(rows, requires_grad=True)
    few = (torch.arange(rows) < 30).float()
    kept = {}

    def pack(tensor):
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with LargestTensor() as largest:
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x):
            sums = pair_sums(h, few, 1 - few, 0.7, FAST[name])
        sums.sum().backward()
    assert rows <= largest.elements <= 9003 < 30 * 2970  # three sums of all rows
    assert 0 < sum(kept.values()) <= 64 * rows
    assert h.grad.isfinite().all()


@every
def test_a_weight_of_zero_hides_a_row_whatever_its_score(name):
    h, rows, columns, upstream = batch(12)
    far, out = h.clone(), (rows == 0) & (columns == 0)
    assert out.any()
    far[out] = 1e30
    sums = lambda h: pair_sums(h, rows, columns, 0.7, FAST[name])  # noqa: E731
    if name in ("square", "squared_hinge", "hinge"):  # centred by all rows: not beyond reason
        far[out] = 1e3
    found, expected = (value_and_gradient(sums, x, upstream) for x in (far, h))
    torch.testing.assert_close(found, expected, rtol=1e-8, atol=1e-8)


@every
@pytest.mark.parametrize("offset", [0.0, 1e3])
def test_single_precision_is_kept(name, offset):
    h, rows, columns, upstream = (x.float() for x in batch(500))
    h = h + offset
    sums = lambda h: pair_sums(h, rows.to(h), columns.to(h), 0.7, FAST[name])  # noqa: E731
    found = value_and_gradient(sums, h, upstream)
    exact = value_and_gradient(sums, h.double(), upstream.double())
    for x, y in zip(found, exact, strict=True):
        assert x.dtype == torch.float32
        error = (x.double() - y).abs().max()
        assert error < 1e-5 * y.abs().max()


def test_small_sums_at_the_top_survive_large_ones_below():
    h = torch.tensor([1e4, 1e4 - 0.5, *[-1e4] * 1000])
    ones = torch.ones_like(h)
    sums = pair_sums(h, ones, ones, 1.0, SURROGATES["squared_hinge"])
    torch.testing.assert_close(sums[:2], torch.tensor([1 + 0.25, 1 + 2.25]), rtol=1e-6, atol=0)


def test_exponential_overflows_only_where_the_sum_does():
    h = torch.tensor([1e4, 9.99e3, -1e4])
    top, all_rows = torch.tensor([1.0, 1, 0]), torch.ones(3)
    sums, gradient = value_and_gradient(
        lambda h: pair_sums(h, top, all_rows, 1.0, SURROGATES["exponential"]), h, torch.ones(3)
    )
    expected = torch.tensor([1 + torch.e**-10, 1 + torch.e**10, 0.0]) * torch.e
    expected[2] = 0
    torch.testing.assert_close(sums, expected, rtol=1e-5, atol=0)
    assert gradient.isfinite().all()


@every
def test_autocast_changes_nothing(name):
    h, rows, columns, upstream = (x.float() for x in batch(40))
    sums = lambda h: pair_sums(h, rows, columns, 0.7, FAST[name])  # noqa: E731
    expected = value_and_gradient(sums, h, upstream)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = value_and_gradient(sums, h, upstream)
    torch.testing.assert_close(found, expected, rtol=0, atol=0)


@pytest.mark.parametrize("name", ["hinge", "squared_hinge"])
def test_a_gap_of_exactly_the_margin_is_at_rest(name):
    h = torch.tensor([1.0, 0.0, 0.0])
    rows, columns = torch.tensor([1.0, 0, 0]), torch.tensor([0.0, 1, 1])
    value, gradient = value_and_gradient(
        lambda h: pair_sums(h, rows, columns, 1.0, SURROGATES[name]), h, torch.ones(3)
    )
    assert value.eq(0).all()
    assert gradient.eq(0).all()


@every
@settings(max_examples=15, deadline=None)
@given(problems(), st.sampled_from([0.3, 1.1]))
def test_the_mean_over_pairs_takes_weights_of_both_sides(name, problem, margin):
    h, rows, columns, upstream = problem
    p = rows * (1 + upstream.abs()) / 3
    found = value_and_gradient(
        lambda h: blockwise_mean(h, p, columns, margin, FAST[name]), h, torch.ones(())
    )

    def loops(h):
        total = p.sum(0) * columns.sum(0)
        sums = (p * by_loops(h, rows, columns, SLOW_OF[name], margin)).sum(0)
        return torch.where(total > 0, sums / total.clamp(min=1e-9), 0)

    expected = value_and_gradient(loops, h, torch.ones(()))
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)
