import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles_refit import best_weights, problem, standardised
from sklearn.metrics import roc_auc_score
from torch import nn

import aucmax
from aucmax import refit_head


def head_of(old, bias=True):
    head = nn.Linear(old.shape[-1], 1 if old.ndim == 1 else len(old), bias=bias).double()
    with torch.no_grad():
        head.weight.copy_(torch.as_tensor(old).reshape(head.weight.shape))
    return head


def refitted(x, target, old, **options):
    head = head_of(np.asarray(old))
    result = refit_head(head, torch.as_tensor(x), torch.as_tensor(target), **options)
    return head, result


def scores(head, x):
    return head(torch.as_tensor(x)).detach().numpy()


def test_the_weights_are_those_of_least_loss_for_the_features_as_they_are():
    x, target, old = problem(0)
    head, result = refitted(x, target, old, l2=0.3)
    expected = best_weights(standardised(x), target, old * x.std(0), 0.3) / x.std(0)
    found = head.weight.detach().numpy()[0]
    assert found / np.linalg.norm(found) == pytest.approx(
        expected / np.linalg.norm(expected), abs=1e-6
    )
    fact = result.outputs[0]
    assert (fact.positives, fact.negatives) == (target.sum(), 40 - target.sum())
    assert fact.auroc_before == pytest.approx(roc_auc_score(target, x @ old))
    assert fact.auroc_after == pytest.approx(roc_auc_score(target, scores(head, x)[:, 0]))
    assert fact.l2 == 0.3
    assert fact.cross_validation == {}


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), l2=st.sampled_from([0.0, 0.1, 3.0, math.inf]))
def test_loss_never_rises_and_probabilities_have_the_mean_of_the_classes(seed, l2):
    x, target, old = problem(seed, signal=0.5)
    head, result = refitted(x, target, old, l2=l2)
    fact = result.outputs[0]
    assert result.converged
    assert fact.loss_after <= fact.loss_before + 1e-12
    assert fact.auroc_after > 0.5 or l2 == math.inf
    probability = 1 / (1 + np.exp(-scores(head, x)))
    positives, negatives = target.sum(), (1 - target).sum()
    platts = positives * (positives + 1) / (positives + 2) + negatives / (negatives + 2)
    assert probability.mean() == pytest.approx(platts / 40, abs=1e-6)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), l2=st.sampled_from([None, 0.1, 10.0, math.inf]))
def test_units_of_the_features_do_not_matter(seed, l2):
    x, target, old = problem(seed)
    rng = np.random.default_rng(seed)
    unit, shift = rng.uniform(0.1, 10, 4) * rng.choice([-1, 1], 4), rng.normal(size=4) * 5
    a, facts_a = refitted(x, target, old, l2=l2, folds=2)
    b, facts_b = refitted(x * unit + shift, target, old / unit, l2=l2, folds=2)
    assert scores(a, x) == pytest.approx(scores(b, x * unit + shift), abs=1e-4)
    assert facts_a.outputs[0].l2 == facts_b.outputs[0].l2


@pytest.mark.parametrize("l2", [0.05, math.inf])
def test_order_of_rows_does_not_matter(l2):
    x, target, old = problem(2)
    order = np.random.default_rng(0).permutation(40)
    a, _ = refitted(x, target, old, l2=l2)
    b, _ = refitted(x[order], target[order], old, l2=l2)
    assert a.weight.detach().numpy() == pytest.approx(b.weight.detach().numpy(), rel=1e-5)


def test_each_output_is_a_fit_by_itself():
    x, first, old = problem(3, n=80)
    second = np.roll(first, 3)
    second[::4] = np.nan
    both = np.stack([first, second, np.full(80, np.nan)], 1)
    heads, result = refitted(x, both, np.stack([old, -old, old]))
    assert [fact.output for fact in result.outputs] == [0, 1]
    known = ~np.isnan(second)
    for output, rows in ((0, known | True), (1, known)):
        one, alone = refitted(x[rows], both[rows, output], (old, -old)[output])
        assert torch.equal(heads.weight[output], one.weight[0])
        assert heads.bias[output] == one.bias[0]
        assert result.outputs[output].l2 == alone.outputs[0].l2
        assert result.outputs[output].cross_validation == alone.outputs[0].cross_validation
    assert heads.weight[2].tolist() == old.tolist()  # nothing is known of it


def test_infinite_strength_keeps_the_ranking():
    x, target, old = problem(4)
    old[0] += 5
    head, result = refitted(x, target, old, l2=math.inf)
    ratio = head.weight.detach().numpy()[0] / old
    assert ratio == pytest.approx(ratio[0])
    assert ratio[0] > 0
    fact = result.outputs[0]
    assert (fact.auroc_after, fact.loss_after) == (fact.auroc_before, fact.loss_before)


def test_constant_features_keep_their_part():
    x, target, old = problem(5)
    x[:, 2] = 4.0
    varies = np.array([0, 1, 3])
    head, _ = refitted(x, target, old, l2=0.5)
    alone, _ = refitted(x[:, varies], target, old[varies], l2=0.5)
    assert scores(head, x) == pytest.approx(scores(alone, x[:, varies]))
    z_old, weight = old[varies] * x[:, varies].std(0), alone.weight.detach().numpy()[0]
    length = weight * x[:, varies].std(0) @ z_old / (z_old @ z_old)
    assert head.weight[0, 2].item() == pytest.approx(length * old[2])


def test_groups_change_the_folds():
    rng = np.random.default_rng(0)
    person = np.repeat(np.arange(30), 10)
    x = rng.normal(size=(30, 20))[person] + 0.1 * rng.normal(size=(300, 20))
    target = (rng.random(30) < 0.4).astype(float)[person]  # no signal but who it is
    old = rng.normal(size=20)
    _, rows = refitted(x, target, old)
    _, groups = refitted(x, target, old, groups=[f"person {p}" for p in person])
    assert rows.outputs[0].cross_validation[0.001] > 0.85
    assert groups.outputs[0].cross_validation[0.001] < 0.7


def test_nothing_else_changes():
    model = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Linear(3, 1, bias=False))
    model.train()
    model[1].eval()
    model[2].weight.grad = torch.ones(1, 3)
    weight = model[2].weight
    before = {key: value.clone() for key, value in model.state_dict().items()}
    x = torch.randn(100, 3, requires_grad=True)
    with torch.no_grad():
        refit_head(model, x, x[:, 0] > 0.5, l2=1.0)
        assert not torch.is_grad_enabled()
    changed = [key for key, v in model.state_dict().items() if not torch.equal(v, before[key])]
    assert changed == ["2.weight"]
    assert [module.training for module in model] == [True, False, True]
    assert model[2].weight is weight
    assert weight.requires_grad
    assert torch.equal(weight.grad, torch.ones(1, 3))
    assert x.grad is None


def test_the_same_under_inference_mode_and_in_every_call():
    x, target, old = problem(6)
    a, _ = refitted(x, target, old)
    b, _ = refitted(x, target, old)
    c = head_of(old)
    with torch.inference_mode():
        refit_head(c, torch.tensor(x), torch.tensor(target))
    assert torch.equal(a.weight, b.weight)
    assert torch.equal(a.weight, c.weight)


def test_helps_a_head_that_fell_behind_its_features():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2000, 20))
    target = (x[:, :3].sum(1) + 2 * rng.normal(size=2000) > 4).astype(float)
    head, result = refitted(x[:1000], target[:1000], rng.normal(size=20))
    fact = result.outputs[0]
    assert fact.auroc_after > fact.auroc_before + 0.2
    left_out = roc_auc_score(target[1000:], scores(head, x[1000:])[:, 0])
    assert left_out == pytest.approx(fact.cross_validation[fact.l2], abs=0.05)
    assert str(result).startswith(f"output 0: l2 {fact.l2:g}, loss")
    assert str(result).endswith("on left-out folds")


def test_a_search_that_was_cut_short_is_reported():
    x, target, old = problem(7)
    with pytest.warns(RuntimeWarning, match=r"output 0 stopped after 1 .* raise max_iterations"):
        _, result = refitted(x, target, old, l2=0.1, max_iterations=1)
    assert not result.converged
    assert result.outputs[0].gradient > 1e-6


@pytest.mark.parametrize("l2", [1.0, math.inf])
def test_weights_of_zero_are_refused(l2):
    x, target = torch.tensor([[-1.0], [1], [-1], [1]]), torch.tensor([0.0, 0, 1, 1])
    with pytest.raises(ValueError, match=r"output 0: the best weights are all zero"):
        refitted(x.double(), target, np.zeros(1), l2=l2)


def test_public_names():
    assert aucmax.refit_head is aucmax.refit.refit_head
    assert aucmax.collect_features is aucmax.refit.collect_features
