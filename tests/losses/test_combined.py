"""CrossEntropyAUCLoss: the sum of its parts, and what it hands on."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles_losses import bce, mean_of_known, mean_over_labels, saddle
from torch import nn

import aucmax
from aucmax.distributed import AllGather
from aucmax.losses import AUCMLoss, AUCSquareLoss, BCELoss, FocalLoss, PairwiseAUCLoss
from aucmax.losses.combined import CrossEntropyAUCLoss
from aucmax.losses.compositional import CompositionalAUCLoss

BOTH = [CrossEntropyAUCLoss, CompositionalAUCLoss]
both = pytest.mark.parametrize("kind", BOTH)


def batch(rows=9, labels=None, seed=0):
    draw = torch.Generator().manual_seed(seed)
    shape = (rows,) if labels is None else (rows, labels)
    logits = torch.randn(shape, generator=draw, dtype=torch.float64)
    target = (torch.rand(shape, generator=draw) < 0.4).double()
    target[:2] = torch.tensor([0.0, 1.0]).reshape((2,) + (1,) * (len(shape) - 1))
    return logits, target


@settings(max_examples=30, deadline=None)
@given(
    weight=st.floats(0, 10),
    labels=st.sampled_from([None, 3]),
    unknown=st.booleans(),
    seed=st.integers(0, 10),
)
def test_value_is_that_of_slow_loops(weight, labels, unknown, seed):
    logits, target = batch(labels=labels, seed=seed)
    if unknown:
        target[-3:] = torch.nan
    loss = CrossEntropyAUCLoss(AUCMLoss(num_labels=labels).double(), weight=weight)
    a, b, alpha = (p.data.fill_(i / 8) for i, p in enumerate(loss.parameters(), start=1))

    def one_label(h, y, label):
        own = (x if labels is None else x[label] for x in (a, b, alpha))
        return saddle(list(h), y, *own, margin=1.0)

    expected = mean_of_known(logits, target, lambda z, y, _: bce(z, y))
    expected += weight * float(mean_over_labels(torch.sigmoid(logits), target, one_label))
    assert loss(logits, target).item() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("auc", [AUCMLoss, AUCSquareLoss, PairwiseAUCLoss])
@pytest.mark.parametrize("cross_entropy", [BCELoss, FocalLoss])
@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0, 4.0])
def test_gradients_are_the_sum_of_the_parts(auc, cross_entropy, weight):
    logits, target = batch()
    logits.requires_grad_()
    loss = CrossEntropyAUCLoss(auc(), weight=weight, cross_entropy=cross_entropy()).double()
    for i, parameter in enumerate(loss.parameters(), start=1):
        parameter.data.fill_(i / 8)
    wanted = [logits, *loss.parameters()]
    found = torch.autograd.grad(loss(logits, target), wanted)
    parts = torch.autograd.grad(loss.auc(logits, target), wanted)
    (first,) = torch.autograd.grad(cross_entropy()(logits, target), [logits])
    torch.testing.assert_close(found[0], first + weight * parts[0])
    torch.testing.assert_close(found[1:], tuple(weight * part for part in parts[1:]))


def test_defaults_are_cross_entropy_and_all_pairs_of_raw_scores_with_equal_weight():
    logits, target = batch()
    loss = CrossEntropyAUCLoss()
    hinges = [
        (1 - p + n).clamp(min=0) ** 2 for p in logits[target == 1] for n in logits[target == 0]
    ]
    expected = BCELoss()(logits, target) + sum(hinges) / len(hinges)
    torch.testing.assert_close(loss(logits, target), expected)
    assert "weight=1.0" in repr(loss)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_gradients_of_half_precision_are_added_in_float32(dtype):
    logits, target = batch(50)
    half = logits.to(dtype).requires_grad_()
    full = half.detach().float().requires_grad_()
    for z in (half, full):
        CrossEntropyAUCLoss(PairwiseAUCLoss(), weight=0.3)(z, target).backward()
    assert torch.equal(half.grad, full.grad.to(dtype))


@both
def test_groups_find_the_variables_of_the_auc_part(kind):
    loss, model = kind(AUCMLoss()), nn.Linear(3, 1)
    weights, variables = aucmax.param_groups(model, AllGather(loss))
    assert len(weights["params"]) == 2
    own = [loss.auc.a, loss.auc.b, loss.auc.alpha]
    assert [id(p) for p in variables["params"]] == [id(p) for p in own]
    assert len(aucmax.param_groups(model, kind(PairwiseAUCLoss()))) == 1


def test_it_trains_with_an_ordinary_optimizer():
    logits, target = batch(40)
    model, loss = nn.Linear(1, 1), CrossEntropyAUCLoss(AUCMLoss())
    optimizer = torch.optim.SGD(aucmax.param_groups(model, loss), lr=0.3)
    x = (logits + target).float()[:, None]
    for _ in range(100):
        optimizer.zero_grad()
        loss(model(x).squeeze(1), target).backward()
        optimizer.step()
    assert model.weight > 0.3
    assert loss.auc.alpha > 0.1


@both
def test_diagnostics_forget_and_start_are_those_of_the_auc_part(kind):
    logits, target = batch()
    loss, auc = kind(AUCMLoss()), AUCMLoss()
    loss.start_at(logits, target)
    auc.start_at(logits, target)
    torch.testing.assert_close(loss.auc.state_dict(), auc.state_dict(), rtol=0, atol=0)
    assert loss.auc.alpha != 0
    for _ in range(2):
        loss(logits, target)
    auc(logits, target)
    found, expected = loss.diagnostics(), auc.diagnostics()
    assert found.keys() == expected.keys() >= {"auroc", "alpha"}
    if kind is CrossEntropyAUCLoss:
        auc(logits, target)
    torch.testing.assert_close(found, auc.diagnostics())
    assert AllGather(loss).diagnostics().keys() == expected.keys()
    loss.forget()
    assert loss.diagnostics()["auroc"].isnan()


@both
def test_a_part_that_remembers_nothing_has_nothing_to_tell(kind):
    loss = kind(BCELoss())
    before = loss.state_dict()
    assert loss.diagnostics() == {}
    loss.forget()
    loss.start_at(*batch())
    assert loss.state_dict() == before


@both
def test_index_reaches_both_parts(kind):
    class Indexed(BCELoss):
        def forward(self, logits, target, index=None):
            seen.append(index)
            return super().forward(logits, target)

    seen, index = [], torch.arange(9)
    loss = kind(Indexed(), cross_entropy=Indexed())
    for _ in range(2):
        loss(*batch(), index)
    assert len(seen) == (4 if kind is CrossEntropyAUCLoss else 2)
    assert all(given is index for given in seen)


@pytest.mark.parametrize("weight", [-1e-9, math.nan, math.inf])
def test_weight_out_of_range_is_refused(weight):
    with pytest.raises(ValueError, match=r"weight, that of the AUC part, must be finite and >= 0"):
        CrossEntropyAUCLoss(weight=weight)


@both
@pytest.mark.parametrize(
    ("part", "came"),
    [
        (AUCMLoss, "the class AUCMLoss"),
        (nn.BCEWithLogitsLoss(), "BCEWithLogitsLoss; AllGather goes around the whole"),
        (AllGather(AUCMLoss()), "got AllGather; AllGather goes around the whole, not around a"),
        ("AUCMLoss", "got str"),
    ],
    ids=["class", "torch", "gathered", "name"],
)
def test_parts_must_be_losses(kind, part, came):
    with pytest.raises(TypeError, match=rf"auc must be a loss, .*{came}"):
        kind(part)
    with pytest.raises(TypeError, match=rf"cross_entropy must be a loss, .*{came}"):
        kind(cross_entropy=part)
