"""What holds for every pooling: one table, and the tests that a new row inherits."""

import copy
import pickle

import pytest
import torch
from torch import nn

from aucmax import set_value_checks
from aucmax.bags import AttentionPooling, MaxPooling, MeanPooling, SmoothMaxPooling

BAGS, SIZE = 3, 5
INDEX = torch.tensor([6, 0, 3])


class Attended(nn.Module):
    """Attention pooling with an attention made of the scores, to be called like the others."""

    def __init__(self, *args, **options):
        super().__init__()
        self.pool = AttentionPooling(*args, **options)

    def forward(self, instances, mask=None, index=None):
        return self.pool(instances, torch.cos(3 * instances.nan_to_num()), mask, index)


EXACT = {
    "mean": MeanPooling,
    "max": MaxPooling,
    "smooth_max": lambda: SmoothMaxPooling(0.5),
    "attention": Attended,
}
PLAIN = {name: make for name, make in EXACT.items() if name != "attention"}
"""Those of one input; for the other see test_attention.py."""

AVERAGED = {
    "smooth_max": lambda **options: SmoothMaxPooling(0.5, 7, gamma=0.3, **options),
    "attention": lambda **options: Attended(7, gamma=0.3, **options),
}
WRONG = {
    "an array": (lambda x: x.numpy(), TypeError, "instances must be a floating-point .*ndarray"),
    "integers": (lambda x: x.long(), TypeError, "instances must be a floating-point .*int64"),
    "flat": (lambda x: x.flatten(), ValueError, r"instances must be .* got \(15,\); .*view"),
    "four dimensions": (lambda x: x[None, None], ValueError, r"got \(1, 1, 3, 5\)"),
    "no bag": (lambda x: x[:0], ValueError, r"none of them 0, got \(0, 5\)"),
    "no instance": (lambda x: x[:, :0], ValueError, r"none of them 0, got \(3, 0\)"),
    "NaN": (lambda x: x.index_fill(1, torch.tensor([2]), torch.nan), ValueError, "got 3 NaN"),
    "infinite": (lambda x: x / 0, ValueError, "finite where mask is True, got 15 NaN or infinite"),
}
WRONG_MASKS = {
    "numbers": (torch.ones(3, 5), TypeError, "True for real .* got torch.float32; .* mask == 1"),
    "a list": ([[True] * 5] * 3, TypeError, "booleans, True for real instances, got list"),
    "one short": (torch.ones(3, 4) > 0, ValueError, r"mask must be .* = \(3, 5\), got \(3, 4\)"),
    "an empty bag": (torch.tensor([[1], [0], [1]]).expand(3, 5) > 0, ValueError,
                     r"every bag an instance, got 1 empty bags, at positions \[1\]"),
}  # fmt: skip


def instances(*labels, dtype=torch.float64):
    return torch.randn(BAGS, SIZE, *labels, dtype=dtype)


def some():
    """A mask with a whole bag, a bag of one and one of three."""
    return torch.tensor([[1, 1, 1, 1, 1], [0, 0, 1, 0, 0], [1, 0, 1, 1, 0]]) > 0


@pytest.mark.parametrize("make", EXACT.values(), ids=EXACT)
class TestExact:
    @pytest.mark.parametrize("labels", [(), (1,), (4,)])
    def test_gradient_is_that_of_the_value(self, make, labels):
        x = instances(*labels).requires_grad_()
        assert torch.autograd.gradcheck(lambda x: make()(x, some()), x)

    def test_order_of_instances_is_nothing(self, make):
        x, order = instances(), torch.randperm(SIZE)
        torch.testing.assert_close(make()(x[:, order], some()[:, order]), make()(x, some()))

    def test_a_hidden_instance_is_an_absent_one(self, make):
        x = instances()
        hidden = x.masked_fill(~some(), torch.nan).requires_grad_()
        pooled = make()(hidden, some())
        for bag in range(BAGS):
            alone = make()(x[bag : bag + 1, some()[bag]])
            torch.testing.assert_close(pooled[bag : bag + 1], alone)
        pooled.sum().backward()
        assert hidden.grad.isfinite().all()
        assert (hidden.grad[~some()] == 0).all()

    def test_labels_are_pooled_each_on_its_own(self, make):
        x = instances(4)
        each = torch.stack([make()(x[:, :, label], some()) for label in range(4)], 1)
        torch.testing.assert_close(make()(x, some()), each)

    def test_one_label_needs_no_dimension(self, make):
        x = instances()
        assert torch.equal(make()(x[:, :, None]), make()(x))

    def test_a_bag_of_one_has_the_score_of_its_instance(self, make):
        x = instances()[:, :1]
        torch.testing.assert_close(make()(x), x[:, 0])

    def test_mode_and_index_change_nothing(self, make):
        x, pool = instances(), make()
        assert torch.equal(pool(x, some(), INDEX), pool.eval()(x, some()))

    @pytest.mark.parametrize("size", [1e4, -1e4])
    def test_extreme_scores(self, make, size):
        x = (size * instances(dtype=torch.float32)).requires_grad_()
        pooled = make()(x)
        pooled.sum().backward()
        inside = (pooled >= x.amin(1) - 1) & (pooled <= x.amax(1) + 1)
        assert inside.all()
        assert x.grad.isfinite().all()


@pytest.mark.parametrize("make", PLAIN.values(), ids=PLAIN)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(make, dtype):
    x = instances(dtype=dtype)
    assert torch.equal(make()(x), make()(x.float()))


@pytest.mark.parametrize("make", [*EXACT.values(), *AVERAGED.values()])
def test_autocast_changes_nothing(make):
    x = instances(dtype=torch.float32)
    plain = make()(x, some(), INDEX)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(make()(x, some(), INDEX), plain)


@pytest.mark.parametrize("make", [*EXACT.values(), *AVERAGED.values()])
def test_compiled_as_eager(make):
    pool = make()
    twin = torch.compile(copy.deepcopy(pool), backend="aot_eager", fullgraph=True)
    for _ in range(2):
        x = instances(dtype=torch.float32).requires_grad_()
        pooled, of_twin = pool(x, some(), INDEX), twin(x, some(), INDEX)
        torch.testing.assert_close(of_twin, pooled)
        gradients = [torch.autograd.grad(h.square().sum(), x)[0] for h in (pooled, of_twin)]
        torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("make", PLAIN.values(), ids=PLAIN)
@pytest.mark.parametrize(("spoil", "error", "message"), WRONG.values(), ids=WRONG)
def test_wrong_instances(make, spoil, error, message):
    with pytest.raises(error, match=message):
        make()(spoil(instances()))


@pytest.mark.parametrize("make", EXACT.values(), ids=EXACT)
@pytest.mark.parametrize(("mask", "error", "message"), WRONG_MASKS.values(), ids=WRONG_MASKS)
def test_wrong_masks(make, mask, error, message):
    with pytest.raises(error, match=message):
        make()(instances(), mask)


def test_values_need_not_be_checked():
    set_value_checks(cpu=False)
    try:
        x = instances().masked_fill(torch.tensor([[1], [0], [0]]) > 0, torch.nan)
        pool = MeanPooling()
        with pytest.raises(ValueError, match="instances must be finite"):  # the first is inspected
            pool(x)
        pool(instances())
        assert pool(x).isnan().tolist() == [True, False, False]
        assert pool(x, torch.zeros(BAGS, SIZE) > 0).isnan().all()
    finally:
        set_value_checks(cpu=True)


@pytest.mark.parametrize("make", AVERAGED.values(), ids=AVERAGED)
class TestAveraged:
    def state(self, pool):
        return {name: value.clone() for name, value in pool.state_dict().items()}

    def train(self, pool, batches):
        return [pool(x, some(), INDEX) for x in batches]

    def test_evaluation_is_exact_and_keeps_out_of_the_averages(self, make):
        pool, x = make(), instances()
        self.train(pool, [instances(), instances()])
        before = pickle.dumps(pool.state_dict())
        exact = EXACT["smooth_max" if isinstance(pool, SmoothMaxPooling) else "attention"]()
        assert torch.equal(pool.eval()(x, some()), exact(x, some()))
        assert pickle.dumps(pool.state_dict()) == before

    def test_the_first_visit_is_exact_too(self, make):
        x = instances(dtype=torch.float32)
        pool = make()
        y, z = x.clone().requires_grad_(), x.clone().requires_grad_()
        first, exact = pool(y, some(), INDEX), copy.deepcopy(pool).eval()(z, some())
        torch.testing.assert_close(first, exact)
        first.square().sum().backward()
        exact.square().sum().backward()
        torch.testing.assert_close(y.grad, z.grad)

    def test_only_the_bags_of_the_batch_are_kept(self, make):
        pool = make()
        self.train(pool, [instances()])
        for value in pool.state_dict().values():
            assert value.isnan().nonzero().flatten().tolist() == [1, 2, 4, 5]

    def test_resumed_as_uninterrupted(self, make):
        batches = [instances(dtype=torch.float32) for _ in range(10)]
        whole, first, second = make(), make(), make()
        expected = self.train(whole, batches)
        got = self.train(first, batches[:5])
        second.load_state_dict(first.state_dict())
        got += self.train(second, batches[5:])
        assert all(torch.equal(a, b) for a, b in zip(got, expected, strict=True))

    @pytest.mark.parametrize("twin", [copy.deepcopy, lambda p: pickle.loads(pickle.dumps(p))])
    def test_twins(self, make, twin):
        pool = make()
        self.train(pool, [instances()])
        other, x = twin(pool), instances()
        assert torch.equal(pool(x, some(), INDEX), other(x, some(), INDEX))

    def test_labels_have_averages_of_their_own(self, make):
        batches = [instances(2), instances(2)]
        both, each = make(num_labels=2).double(), [make().double() for _ in range(2)]
        for x in batches:
            columns = [pool(x[..., k], some(), INDEX) for k, pool in enumerate(each)]
            torch.testing.assert_close(both(x, some(), INDEX), torch.stack(columns, 1))

    @pytest.mark.parametrize("dtype", [torch.uint8, torch.int32])
    def test_any_integer_is_a_position(self, make, dtype):
        pool, twin = make(), make()
        for x in (instances(), instances()):
            assert torch.equal(pool(x, some(), INDEX), twin(x, some(), INDEX.to(dtype)))

    @pytest.mark.parametrize("size", [1e4, -1e4])
    def test_extreme_scores(self, make, size):
        pool = make()
        for scale in (1.0, size, -size, size):
            x = (scale * instances(dtype=torch.float32)).requires_grad_()
            pooled = pool(x, some(), INDEX)
            pooled.sum().backward()
            assert pooled.isfinite().all()
            assert x.grad.isfinite().all()

    @pytest.mark.parametrize(
        ("index", "message"),
        [
            (None, "index, the bags' positions .* call pool.*or leave num_bags out"),
            (torch.tensor([0, 1, 7]), "index must lie in 0 to num_bags - 1 = 6, got 0 to 7"),
            (torch.tensor([0, -1, 2]), "num_bags - 1 = 6, got -1 to 2"),
            (torch.tensor([0.0, 1.0, 2.0]), "tensor of integers, got torch.float32"),
            ([0, 1, 2], "tensor of integers, got list"),
            (torch.tensor([0, 1]), r"for each of 3 rows, got \(2,\)"),
        ],
    )
    def test_wrong_index(self, make, index, message):
        with pytest.raises(ValueError, match=message):
            make()(instances(), some(), index)

    def test_wrong_number_of_labels(self, make):
        with pytest.raises(ValueError, match="must have num_labels=None labels, got 2: pass num"):
            make()(instances(2), some(), INDEX)
        with pytest.raises(ValueError, match="must have num_labels=2 labels, got 1"):
            make(num_labels=2)(instances(), some(), INDEX)


@pytest.mark.parametrize("make", [SmoothMaxPooling, AttentionPooling])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_bags": 0}, "num_bags must be an integer >= 1, got 0"),
        ({"num_bags": True}, "num_bags must be an integer >= 1, got True"),
        ({"num_labels": 0}, "num_labels must be an integer >= 1, got 0"),
        ({"gamma": 0.0}, r"gamma, .* must lie in \(0, 1\], got 0.0"),
        ({"gamma": 1.5, "num_bags": 3}, r"gamma, .* must lie in \(0, 1\], got 1.5"),
    ],
)
def test_wrong_options(make, options, message):
    with pytest.raises(ValueError, match=message):
        make(**options)
