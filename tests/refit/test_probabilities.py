import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from aucmax.refit._probabilities import platt


def test_is_logistic_regression_on_platts_targets():
    rng = np.random.default_rng(0)
    positive = np.arange(300) < 20
    scores = 1e3 + 50 * (rng.normal(size=300) + positive)
    slope, intercept = platt(torch.from_numpy(scores), torch.from_numpy(positive).double())
    target = np.where(positive, 21 / 22, 1 / 282)
    doubled = np.concatenate([scores, scores])[:, None]  # each row as both classes, with weights
    weights = np.concatenate([target, 1 - target])
    z = (doubled - 1e3) / 50
    other = LogisticRegression(C=1e12, tol=1e-10, max_iter=1000)
    other.fit(z, np.repeat([1, 0], 300), sample_weight=weights)
    expected = other.coef_[0, 0] / 50
    assert slope == pytest.approx(expected, rel=1e-3)
    assert intercept == pytest.approx(other.intercept_[0] - 1e3 * expected, rel=1e-3)
    mean = 1 / (1 + np.exp(-(slope * scores + intercept)))
    assert mean.mean() == pytest.approx(target.mean(), abs=1e-7)


def test_classes_that_do_not_overlap_give_finite_numbers():
    scores = torch.tensor([0.0, 1, 2, 3], dtype=torch.float64)
    slope, intercept = platt(scores, (scores > 1.5).double())
    assert 0 < slope < 10
    assert -intercept / slope == pytest.approx(1.5)


def test_scores_that_rank_backwards_get_a_negative_slope():
    scores = torch.arange(10, dtype=torch.float64)
    assert platt(scores, (scores < 3).double())[0] < 0
