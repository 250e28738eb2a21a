import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles_metrics import pairwise_auc, rankings, rates_at
from sklearn.metrics import roc_auc_score
from sklearn.metrics import roc_curve as sklearn_roc_curve

from aucmax.metrics import auroc, roc_curve

floats = st.floats(allow_nan=False, width=64)
quick = settings(deadline=None, max_examples=80)


@quick
@given(rankings())
def test_auroc_is_the_mean_over_pairs_ties_half(case):
    scores, target = case
    assert auroc(scores, target) == pytest.approx(pairwise_auc(scores, target), abs=1e-14)


@quick
@given(rankings(floats))
def test_auroc_of_any_float64_infinities_and_subnormals_included(case):
    scores, target = case
    assert auroc(scores, target) == pytest.approx(pairwise_auc(scores, target), abs=1e-14)


@quick
@given(rankings(st.floats(allow_nan=False, width=32)))
def test_auroc_of_any_float32(case):
    scores, target = np.array(case[0], dtype=np.float32), case[1]
    assert auroc(scores, target) == pytest.approx(pairwise_auc(scores, target), abs=1e-14)


@quick
@given(rankings())
def test_negated_scores_give_the_complement(case):
    scores, target = np.array(case[0]), case[1]
    assert auroc(-scores, target) == pytest.approx(1 - auroc(scores, target), abs=1e-14)


@quick
@given(rankings(st.integers(-30, 30).map(float)), st.randoms(use_true_random=False))
def test_monotone_maps_and_permutations_change_nothing(case, random):
    scores, target = np.array(case[0]), np.array(case[1])
    expected = auroc(scores, target)
    assert auroc(np.exp(scores / 10), target) == expected
    assert auroc(scores**3 + scores, target) == expected
    order = random.sample(range(len(scores)), len(scores))
    assert auroc(scores[order], target[order]) == expected


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("decimals", [1, 3, 12])
@pytest.mark.parametrize("prevalence", [0.5, 0.01])
def test_auroc_equals_sklearn_on_large_arrays(dtype, decimals, prevalence):
    rng = np.random.default_rng(decimals)
    target = rng.random(20_000) < prevalence
    scores = np.round(rng.normal(size=20_000) + target, decimals).astype(dtype)
    assert auroc(scores, target) == pytest.approx(roc_auc_score(target, scores), abs=1e-12)


@pytest.mark.parametrize(
    "scores",
    [
        [-np.inf, -1.0, 0.0, -0.0, np.inf, np.inf],  # infinities on both sides: dense ranks
        [-1e308, 1e-320, -1e-320, 0.0, 1e308, 5e-324],  # no power of two fits: dense ranks
        [-3.0, -2.0, -1.0, 1.0, 2.0, 3.0],  # scaled by a power of two
        [-1.0, 1.0, np.nextafter(1.0, 2), 1.0, 0.0, -0.0],  # neighbours differ in the last bit
        [0, 2**53 - 1, 2**53, 5, 5, 7],
        [True, False, True, True, False, False],
    ],
)
def test_auroc_at_the_edges_of_its_integer_keys(scores):
    for bits in range(1, 63):
        target = [(bits >> k) & 1 for k in range(6)]
        assert auroc(scores, target) == pytest.approx(pairwise_auc(scores, target), abs=1e-14)


def test_neighbouring_float64_scores_are_not_ties():
    scores = np.nextafter(0.7, 1) - np.array([0.0, 1.1e-16])
    assert scores[0] != scores[1]
    assert auroc(scores, [1, 0]) == 1.0


def test_real_scores_of_molhiv(shared_data):
    for split, expected in (("valid", 0.82087), ("test", 0.75690)):
        path = shared_data / "molhiv" / f"ogbg-molhiv_graph_{split}.csv"
        scores, target = np.loadtxt(path, delimiter=",", skiprows=1).T
        assert auroc(scores, target) == pytest.approx(expected, abs=5e-6)
        assert auroc(scores, target) == pytest.approx(roc_auc_score(target, scores), abs=1e-12)


def test_unknown_targets_are_dropped_rows_label_by_label():
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(60, 3))
    target = rng.integers(0, 2, size=(60, 3)).astype(float)
    target[rng.random((60, 3)) < 0.3] = np.nan
    values = auroc(scores, target)
    assert values.shape == (3,)
    for k in range(3):
        known = ~np.isnan(target[:, k])
        assert values[k] == pairwise_auc(scores[known, k], target[known, k])
        assert auroc(scores[:, k], target[:, k]) == values[k]


def test_every_kind_of_input_gives_the_same_number():
    scores, target = [0.25, 0.5, 0.375, 0.75], [0, 0, 1, 1]
    column = np.array(scores)[:, None]
    tensor = torch.tensor(scores, requires_grad=True)
    for s in (scores, tuple(scores), column, tensor, tensor.bfloat16(), tensor.half()):
        for t in (
            target,
            np.array(target, bool),
            torch.tensor(target),
            torch.tensor(target).bfloat16(),
        ):
            assert auroc(s, t) == 0.75
    assert isinstance(auroc(column, np.array(target)[:, None]), float)
    assert auroc(torch.tensor(scores).to("cpu"), [[0], [0], [1], [1]]) == 0.75


@quick
@given(rankings())
def test_roc_curve_has_one_vertex_per_distinct_score(case):
    scores, target = case
    curve = roc_curve(scores, target)
    assert curve.thresholds.tolist() == [np.inf, *sorted(set(scores), reverse=True)]
    for fpr, tpr, threshold in zip(curve.fpr, curve.tpr, curve.thresholds, strict=True):
        assert (fpr, tpr) == rates_at(scores, target, threshold)[:2]
    assert np.trapezoid(curve.tpr, curve.fpr) == pytest.approx(auroc(scores, target), abs=1e-14)


def test_roc_curve_equals_sklearn_with_nothing_dropped():
    rng = np.random.default_rng(1)
    target = rng.integers(0, 2, 500)
    scores = np.round(rng.normal(size=500) + target, 1)
    curve = roc_curve(scores, target)
    for ours, theirs in zip(
        (curve.fpr, curve.tpr, curve.thresholds),
        sklearn_roc_curve(target, scores, drop_intermediate=False),
        strict=True,
    ):
        np.testing.assert_allclose(ours, theirs, atol=1e-15)


def test_roc_curve_leaves_its_arguments_alone():
    scores, target = np.array([0.0, -0.0, 3.0, -5.0]), np.array([0, 1, 1, 0])
    copies = scores.copy(), target.copy()
    for function in (auroc, roc_curve):
        function(scores, target)
    assert (np.signbit(scores) == np.signbit(copies[0])).all()
    assert (scores == copies[0]).all()
    assert (target == copies[1]).all()
