import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles_metrics import pairwise_auc
from sklearn.datasets import load_digits
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.metrics import roc_auc_score

from aucmax.metrics import (
    UndefinedMetricWarning,
    auroc,
    bootstrap_interval,
    class_pair_auroc,
    macro_auroc,
    macro_auroc_interval,
    one_vs_one_auroc,
    one_vs_rest_auroc,
)

BOTH = {"ovr": one_vs_rest_auroc, "ovo": one_vs_one_auroc}
every = pytest.mark.parametrize("function", [*BOTH.values(), class_pair_auroc])
quick = settings(deadline=None, max_examples=60)


@st.composite
def problems(draw):
    """Scores of a few values, so that ties abound; at least two of the classes have rows."""
    n, classes = draw(st.integers(2, 14)), draw(st.integers(2, 4))
    scores = draw(st.lists(st.integers(-2, 2), min_size=n * classes, max_size=n * classes))
    labels = st.lists(st.integers(0, classes - 1), min_size=n, max_size=n)
    target = draw(labels.filter(lambda y: len(set(y)) > 1))
    return np.array(scores, float).reshape(n, classes), np.array(target)


def quietly(function, *arguments):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UndefinedMetricWarning)
        return function(*arguments)


def slow_pair(scores, target, j, k):
    """A(j|k) by a loop over all pairs of rows; nan without one."""
    rows = [(s[j], y == j) for s, y in zip(scores, target, strict=True) if y in (j, k)]
    held = {y for _, y in rows}
    return pairwise_auc(*zip(*rows, strict=True)) if len(held) == 2 and j != k else np.nan


@quick
@given(problems())
def test_pairs_of_classes_are_what_loops_over_rows_count(case):
    scores, target = case
    classes = range(scores.shape[1])
    expected = [[slow_pair(scores, target, j, k) for k in classes] for j in classes]
    np.testing.assert_allclose(quietly(class_pair_auroc, *case), expected, rtol=0, atol=1e-14)
    value = quietly(one_vs_one_auroc, *case)
    assert value == pytest.approx(np.nanmean(expected), abs=1e-14)


@quick
@given(problems())
def test_one_against_the_rest_is_the_macro_average_of_one_hot_labels(case):
    scores, target = case
    parts = [pairwise_auc(scores[:, c], target == c) for c in set(target)]
    assert quietly(one_vs_rest_auroc, *case) == pytest.approx(np.mean(parts), abs=1e-14)
    one_hot = np.eye(scores.shape[1])[target]
    assert quietly(macro_auroc, scores, one_hot) == pytest.approx(np.mean(parts), abs=1e-14)


@quick
@given(problems(), st.randoms(use_true_random=False))
def test_order_of_rows_names_of_classes_and_scale_of_columns_are_of_no_account(case, random):
    scores, target = case
    n, classes = scores.shape
    rows = random.sample(range(n), n)
    names = np.array(random.sample(range(classes), classes))
    for function in BOTH.values():
        expected = quietly(function, *case)
        assert quietly(function, scores[rows], target[rows]) == pytest.approx(expected)
        assert quietly(function, np.exp(scores) * 3 - 1, target) == pytest.approx(expected)
        renamed = quietly(function, scores[:, names], np.argsort(names)[target])
        assert renamed == pytest.approx(expected)


@quick
@given(problems())
def test_two_opposite_columns_give_the_auroc(case):
    score, target = case[0][:, 0], (case[1] == case[1][0]).astype(int)
    for function in BOTH.values():
        value = function(np.column_stack([-score, score]), target)
        assert value == pytest.approx(auroc(score, target), abs=1e-14)


@pytest.mark.parametrize("multi_class", BOTH)
@pytest.mark.parametrize("decimals", [1, 12])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_probabilities_as_sklearn_judges_them(multi_class, decimals, dtype):
    rng = np.random.default_rng(decimals)
    target = rng.choice(5, size=5000, p=[0.5, 0.3, 0.1, 0.08, 0.02])
    raw = np.exp(np.round(rng.normal(size=(5000, 5)) + np.eye(5)[target], decimals))
    scores = (raw / raw.sum(axis=1, keepdims=True)).astype(dtype)
    expected = roc_auc_score(target, scores.astype(float), multi_class=multi_class, average="macro")
    assert BOTH[multi_class](scores, target) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("multi_class", BOTH)
def test_digits_as_sklearn_judges_them(multi_class):
    x, y = load_digits(return_X_y=True)
    x = x[:, x[:300].std(axis=0) > 0]
    model = LinearDiscriminantAnalysis().fit(x[:300], y[:300])
    scores = model.predict_proba(x[300:])
    expected = roc_auc_score(y[300:], scores, multi_class=multi_class)
    assert BOTH[multi_class](scores, y[300:]) == pytest.approx(expected, abs=1e-12)


@quick
@given(problems(), st.data())
def test_rows_of_unknown_class_are_dropped(case, data):
    scores, target = case
    extra = data.draw(st.integers(0, len(target)))
    padded = np.insert(target.astype(float), extra, np.nan)
    noise = np.insert(scores, extra, 99.0, axis=0)
    one_hot = np.eye(scores.shape[1])[target]
    holed = np.insert(one_hot, extra, np.nan, axis=0)
    for function in BOTH.values():
        expected = quietly(function, *case)
        assert quietly(function, noise, padded) == expected
        assert quietly(function, noise, holed) == expected
        assert quietly(function, scores, one_hot) == expected


@every
def test_every_kind_of_input_gives_the_same_number(function):
    scores = [[5, 1, 2], [2, 3, 0], [1, 4, 1], [3, 0, 4], [0, 2, 3], [4, 5, 1]]
    target = [0, 1, 1, 2, 2, 0]
    expected = function(scores, target)
    one_hot = np.eye(3)[target]
    forms = [np.array(target, kind) for kind in (np.uint8, np.int32, np.uint64, np.float16)]
    forms += [torch.tensor(target), np.array(target)[:, None], one_hot, one_hot.astype(bool)]
    for form in forms:
        np.testing.assert_array_equal(function(torch.tensor(scores).half(), form), expected)
    two = np.array(scores)[:, :2]
    binary = np.array(target) == 1
    np.testing.assert_array_equal(function(two, binary), function(two, binary.astype(int)))


def test_infinite_scores_are_ranked_like_any_other():
    scores = np.array([[np.inf, 0], [1, -np.inf], [np.inf, 2], [-np.inf, 3.0]])
    # class 0: inf and 1 against inf and -inf; class 1: 2 and 3 against 0 and -inf
    expected = [[np.nan, (0.5 + 1 + 0 + 1) / 4], [1.0, np.nan]]
    np.testing.assert_array_equal(class_pair_auroc(scores, [0, 0, 1, 1]), expected)


@every
def test_a_class_without_rows_is_left_out_with_a_warning(function):
    rng = np.random.default_rng(0)
    scores, target = rng.normal(size=(20, 4)), rng.choice([0, 2, 3], size=20)
    with pytest.warns(UndefinedMetricWarning, match=r"classes \[1\] have no row") as caught:
        value = function(scores, target)
    assert caught[0].filename == __file__
    kept = scores[:, [0, 2, 3]]
    expected = function(kept, np.searchsorted([0, 2, 3], target))
    if function is class_pair_auroc:
        assert np.isnan(value[1]).all()
        assert np.isnan(value[:, 1]).all()
        value = value[np.ix_([0, 2, 3], [0, 2, 3])]
    np.testing.assert_array_equal(value, expected)


def test_intervals_come_from_one_hot_targets():
    rng = np.random.default_rng(0)
    target = rng.choice(3, size=150)
    scores, one_hot = rng.normal(size=(150, 3)) + np.eye(3)[target], np.eye(3)[target]
    rest = bootstrap_interval(one_vs_rest_auroc, scores, one_hot, replicates=300)
    delong = macro_auroc_interval(scores, one_hot)
    assert rest.estimate == pytest.approx(delong.estimate)
    assert rest.high - rest.low == pytest.approx(delong.high - delong.low, rel=0.2)
    ones = bootstrap_interval(one_vs_one_auroc, scores, one_hot, replicates=300)
    assert ones.estimate == one_vs_one_auroc(scores, target)
    assert ones.low < ones.estimate < ones.high
    assert ones.high - ones.low == pytest.approx(rest.high - rest.low, rel=0.2)


Z = np.zeros((3, 3))
WRONG = [
    ([], [], ValueError, "scores is empty"),
    ([[0, np.nan]], [0], ValueError, "scores must not hold NaN, got 1 of 2"),
    ([0.1, 0.2], [0, 1], ValueError, "scores must be (n, C) with C >= 2 classes, got (2,)"),
    (np.zeros((3, 1)), [0, 1, 0], ValueError, "with C >= 2 classes, got (3, 1)"),
    (Z, [0, 1], ValueError, "one-hot (n, C) for scores (3, 3), got (2,)"),
    (Z, np.zeros((3, 2)), ValueError, "for scores (3, 3), got (3, 2)"),
    (Z, ["cat", "dog", "cat"], TypeError, "class numbers, got dtype <U3; numpy.unique(target, re"),
    (Z, [0, 1, 3], ValueError, "class numbers 0 to C - 1 = 2, or NaN (unknown), got 3"),
    (Z, [-1, 1, 2], ValueError, "or NaN (unknown), got -1"),
    (Z, [0.5, np.inf, 2], ValueError, "or NaN (unknown), got 0.5, inf"),
    (Z, [1, 1, 1], ValueError, "target must hold at least two classes, got class 1 only"),
    (Z, [2, np.nan, 2], ValueError, "at least two classes, got class 2 only"),
    (Z, [np.nan] * 3, ValueError, "at least two classes, got no known class"),
    (Z, Z, ValueError, "got [0.0, 0.0, 0.0] in row 0; where several labels may hold at once, use"),
    (Z, [[1, 0, 0], [0, 1, 1], [0, 0, 1]], ValueError, "else 0, or NaN alone (unknown), got [0, 1"),
    (Z, [[1, 0, 0], [0, 1, 0], [0, 1, np.nan]], ValueError, "got [0.0, 1.0, nan] in row 2"),
    (Z, np.eye(3) / 2, ValueError, "target must hold 0, 1 or NaN (unknown), got 0.5"),
]


@every
@pytest.mark.parametrize(("scores", "target", "error", "message"), WRONG)
def test_wrong_inputs_are_refused_with_their_reason(function, scores, target, error, message):
    with pytest.raises(error) as caught:
        function(scores, target)
    assert message in str(caught.value)


def test_arguments_are_left_alone():
    scores, target = np.random.default_rng(0).normal(size=(9, 3)), np.arange(9.0) % 3
    target[4] = np.nan
    copies = scores.copy(), target.copy()
    for function in (*BOTH.values(), class_pair_auroc):
        function(scores, target)
    np.testing.assert_array_equal(scores, copies[0])
    np.testing.assert_array_equal(target, copies[1])
