import numpy as np
import pytest
from hypothesis import given, settings
from oracles_metrics import rankings, rates_at, slow_average_precision
from sklearn.metrics import average_precision_score
from sklearn.metrics import precision_recall_curve as sklearn_curve

from aucmax.metrics import UndefinedMetricWarning, average_precision, precision_recall_curve

quick = settings(deadline=None, max_examples=80)


@quick
@given(rankings())
def test_average_precision_by_its_definition_and_by_sklearn(case):
    scores, target = case
    value = average_precision(scores, target)
    assert value == pytest.approx(slow_average_precision(scores, target), abs=1e-13)
    assert value == pytest.approx(average_precision_score(target, scores), abs=1e-13)


@quick
@given(rankings())
def test_curve_counts_every_distinct_threshold(case):
    scores, target = case
    curve = precision_recall_curve(scores, target)
    assert curve.thresholds.tolist() == sorted(set(scores), reverse=True)
    for precision, recall, threshold in zip(
        curve.precision, curve.recall, curve.thresholds, strict=True
    ):
        assert (recall, precision) == rates_at(scores, target, threshold)[1:]


def test_curve_is_sklearns_reversed_and_without_its_invented_point():
    rng = np.random.default_rng(0)
    target = rng.integers(0, 2, 300)
    scores = np.round(rng.normal(size=300) + target, 1)
    precision, recall, thresholds = sklearn_curve(target, scores)
    curve = precision_recall_curve(scores, target)
    np.testing.assert_allclose(curve.precision, precision[:-1][::-1])
    np.testing.assert_allclose(curve.recall, recall[:-1][::-1])
    np.testing.assert_allclose(curve.thresholds, thresholds[::-1])


def test_labels_are_judged_one_by_one():
    rng = np.random.default_rng(0)
    scores, target = rng.normal(size=(50, 3)), rng.integers(0, 2, (50, 3)).astype(float)
    target[:10, 1] = np.nan
    target[:, 2] = 1
    with pytest.warns(UndefinedMetricWarning):
        values = average_precision(scores, target)
    assert values[0] == pytest.approx(average_precision_score(target[:, 0], scores[:, 0]))
    assert values[1] == pytest.approx(average_precision_score(target[10:, 1], scores[10:, 1]))
    assert np.isnan(values[2])


def test_real_scores_of_molhiv(shared_data):
    for split, expected in (("valid", 0.30448), ("test", 0.19758)):
        path = shared_data / "molhiv" / f"ogbg-molhiv_graph_{split}.csv"
        scores, target = np.loadtxt(path, delimiter=",", skiprows=1).T
        assert average_precision(scores, target) == pytest.approx(expected, abs=5e-6)
