import re

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles_losses import balanced_softmax, bce, focal, mean_of_known, vector_scaling

from aucmax.losses import BCELoss, FocalLoss, LogitAdjustedLoss

NAN = float("nan")


@st.composite
def batches(draw):
    """Logits (B, 2) and targets with unknowns, at least one known."""
    size = 2 * draw(st.integers(1, 6))
    z = draw(st.lists(st.floats(-15, 15), min_size=size, max_size=size))
    target = draw(st.lists(st.sampled_from([0.0, 1.0, NAN]), min_size=size, max_size=size))
    target[0] = draw(st.sampled_from([0.0, 1.0]))
    return (torch.tensor(x, dtype=torch.float64).reshape(-1, 2) for x in (z, target))


def close(found, expected):
    assert found.item() == pytest.approx(expected, rel=1e-6, abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(batches())
def test_values_equal_the_formulas_row_by_row(batch):
    z, target = batch
    weight, prior = [0.5, 8.0], [0.125, 0.75]

    def mean(one_row):
        return mean_of_known(z, target, one_row)

    close(BCELoss()(z, target), mean(lambda z, y, _: bce(z, y)))
    close(BCELoss(pos_weight=weight)(z, target), mean(lambda z, y, i: bce(z, y, weight[i])))
    close(FocalLoss()(z, target), mean(lambda z, y, _: focal(z, y, 2.0)))
    close(FocalLoss(gamma=0.5, alpha=0.25)(z, target), mean(lambda z, y, _: focal(z, y, 0.5, 0.25)))
    close(
        LogitAdjustedLoss(prior)(z, target),
        mean(lambda z, y, i: balanced_softmax(z, y, prior[i])),
    )
    close(
        LogitAdjustedLoss(prior, tau=0.7, gamma=0.3)(z, target),
        mean(lambda z, y, i: vector_scaling(z, y, prior[i], 0.7, 0.3)),
    )


@pytest.mark.parametrize("weight", [None, 3.0, [1.0, 2.0, 5.0]])
def test_bce_equals_that_of_torch_on_known_targets(weight):
    z, target = 5 * torch.randn(11, 3), (torch.rand(11, 3) < 0.4).float()
    pos_weight = None if weight is None else torch.tensor(weight)
    expected = F.binary_cross_entropy_with_logits(z, target, pos_weight=pos_weight)
    torch.testing.assert_close(BCELoss(pos_weight=weight)(z, target), expected)


@pytest.mark.parametrize(
    "loss",
    [BCELoss(pos_weight=2.0), FocalLoss(alpha=0.25), LogitAdjustedLoss(0.1, gamma=0.2)],
    ids=["bce", "focal", "vs"],
)
def test_unknown_targets_of_a_matrix_count_for_nothing(loss):
    z, target = torch.randn(7, 3).double(), (torch.rand(7, 3) < 0.5).double()
    target[torch.rand(7, 3) < 0.4] = NAN
    known = ~target.isnan()
    torch.testing.assert_close(loss(z, target), loss(z[known], target[known]))
    z.requires_grad_()
    (gradient,) = torch.autograd.grad(loss(z, target), z)
    assert gradient.ne(0).equal(known)


def test_relatives_reduce_to_cross_entropy():
    z, target = 3 * torch.randn(20).double(), (torch.rand(20) < 0.3).double()
    expected = BCELoss()(z, target)
    torch.testing.assert_close(FocalLoss(gamma=0.0)(z, target), expected)
    torch.testing.assert_close(LogitAdjustedLoss(0.5, gamma=2.0)(z, target), expected)
    torch.testing.assert_close(LogitAdjustedLoss(0.01, tau=0.0)(z, target), expected)


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_focal_gradient_is_finite_however_sure_the_model_is(gamma, dtype):
    z = torch.tensor([50.0, -50.0, 1e4, -1e4, 17.0, -17.0, 0.0], dtype=dtype, requires_grad=True)
    for y, sure_and_wrong in ((0.0, [0, 2]), (1.0, [1, 3])):
        loss = FocalLoss(gamma=gamma)
        value = loss(z, torch.full_like(z, y))
        (gradient,) = torch.autograd.grad(value, z)
        assert value.isfinite()
        assert gradient.isfinite().all()
        slope = 1 - 2 * y  # far on the wrong side the loss is linear, as cross-entropy is
        expected = torch.full((2,), slope / len(z), dtype=dtype)
        torch.testing.assert_close(gradient[sure_and_wrong], expected)


def test_focal_is_accurate_where_the_model_is_sure():
    value = FocalLoss(gamma=1.0)(torch.tensor([15.0]), torch.tensor([1.0]))
    assert value.item() == pytest.approx(focal(15.0, 1, 1.0), rel=1e-4, abs=0)


@pytest.mark.parametrize("prior", [0.25, [0.25]])
@pytest.mark.parametrize("shape", [(5,), (5, 1)])
def test_one_label_is_one_number_or_a_list_of_one(prior, shape):
    z, target = torch.randn(shape), torch.tensor([1, 0, 0, 1, 0]).reshape(shape)
    adjusted = F.binary_cross_entropy_with_logits(z - torch.tensor(3.0).log(), target.float())
    torch.testing.assert_close(LogitAdjustedLoss(prior)(z, target), adjusted)
    weighted = F.binary_cross_entropy_with_logits(z, target.float(), pos_weight=torch.tensor(0.25))
    torch.testing.assert_close(BCELoss(pos_weight=prior)(z, target), weighted)


WRONG = [
    (lambda: BCELoss(pos_weight=0), "pos_weight must be one number > 0, or one for each label"),
    (lambda: BCELoss(pos_weight=[1, NAN]), "one for each label, got [1, nan]"),
    (lambda: BCELoss(pos_weight=[[1.0]]), "one for each label, got [[1.0]]"),
    (lambda: FocalLoss(gamma=-1), "gamma must be >= 0, got -1"),
    (lambda: FocalLoss(gamma=NAN), "gamma must be >= 0, got nan"),
    (lambda: FocalLoss(alpha=1.0), "alpha, the weight of positives, must lie in (0, 1), got 1.0"),
    (lambda: LogitAdjustedLoss(0.0), "prior must be one number > 0, or one for each label, got 0"),
    (lambda: LogitAdjustedLoss(1.0), "prior, the share of positives, must lie in (0, 1), got 1.0"),
    (lambda: LogitAdjustedLoss([0.1, 3]), "must lie in (0, 1), got [0.1, 3]"),
    (lambda: LogitAdjustedLoss(0.1, tau=-1), "tau and gamma must be >= 0, got tau=-1, gamma=0.0"),
    (lambda: LogitAdjustedLoss(0.1, gamma=-1), "tau and gamma must be >= 0, got tau=1.0, gamma=-1"),
]


@pytest.mark.parametrize(("make", "message"), WRONG)
def test_constructor_messages(make, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        make()


@pytest.mark.parametrize("shape", [(3,), (3, 1), (3, 2), (4, 2)])
def test_one_number_for_each_label_is_never_taken_for_one_for_each_row(shape):
    z = torch.zeros(shape)
    flat = (3,) if shape == (3, 1) else shape
    rest = f" holds 3 numbers, one for each label, so logits must be (B, 3), got shape {flat}"
    with pytest.raises(ValueError, match=re.escape("pos_weight" + rest)):
        BCELoss(pos_weight=[1.0, 2.0, 3.0])(z, z)
    with pytest.raises(ValueError, match=re.escape("prior" + rest)):
        LogitAdjustedLoss([0.1, 0.2, 0.3])(z, z)
