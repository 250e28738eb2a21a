import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles_metrics import hanley_mcneil_variance
from scipy import stats

from aucmax.metrics import wilson_interval
from aucmax.metrics.score_interval import score_error, score_limits


@settings(deadline=None, max_examples=80)
@given(st.integers(0, 60), st.integers(1, 60), st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_wilson_is_scipys(successes, total, level):
    successes = min(successes, total)
    expected = stats.binomtest(successes, total).proportion_ci(level, method="wilson")
    interval = wilson_interval(successes, total, level=level)
    assert interval.estimate == successes / total
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert 0 <= interval.low <= interval.estimate <= interval.high <= 1


def test_wilson_checks_its_counts():
    for successes, total in ((-1, 3), (4, 3), (0, 0)):
        with pytest.raises(ValueError, match=f"0 <= successes <= total >= 1, got {successes} of"):
            wilson_interval(successes, total)
    with pytest.raises(ValueError, match="level must lie in"):
        wilson_interval(1, 2, level=2)


@settings(deadline=None, max_examples=80)
@given(st.floats(0, 1), st.integers(1, 100), st.integers(1, 100), st.sampled_from([0.8, 0.95]))
def test_score_limits_are_where_the_observed_value_is_just_not_contradicted(auc, m, n, level):
    z = stats.norm.ppf((1 + level) / 2)
    low, high = score_limits(auc, m, n, level)
    assert 0 <= low <= auc <= high <= 1
    for limit in (low, high):
        if limit not in (0, 1):
            spread = z * np.sqrt(hanley_mcneil_variance(limit, m, n))
            assert abs(auc - limit) == pytest.approx(spread, abs=1e-8)


def test_score_limits_reach_the_end_that_was_observed_and_not_the_other():
    assert score_limits(1.0, 3, 20, 0.95)[1] == 1
    assert 0.2 < score_limits(1.0, 3, 20, 0.95)[0] < 0.9
    assert score_limits(0.0, 3, 20, 0.95)[0] == 0
    assert score_limits(1.0, 300, 2000, 0.95)[0] > 0.99


def test_score_error_is_the_farther_limits_distance_over_its_quantile():
    low, high = score_limits(0.8, 5, 40, 0.95)
    assert 0.8 - low > high - 0.8
    assert score_error(0.8, 5, 40) == pytest.approx((0.8 - low) / 1.959963984540054)
    assert score_error(0.2, 5, 40) == pytest.approx(score_error(0.8, 5, 40))
