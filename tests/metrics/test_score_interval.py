import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles_metrics import hanley_mcneil_variance
from scipy import stats

from aucmax.metrics import wilson_interval
from aucmax.metrics.score_interval import effective_size, rate_interval, score_limits


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


def slow_size(hits, groups, level):
    """The formula of the docstring, group by group."""
    n, p, names = len(hits), np.mean(hits), sorted(set(groups))
    counts = [(sum(h for h, g in zip(hits, groups, strict=True) if g == name), groups.count(name))
              for name in names]  # fmt: skip
    alike = n**2 / sum(size**2 for _, size in counts)
    if p in (0, 1) or len(names) == 1:
        return alike
    variance = sum((found - p * size) ** 2 for found, size in counts) / n**2
    q = (1 + level) / 2
    doubt = (stats.t.ppf(q, n - 1) / stats.t.ppf(q, len(names) - 1)) ** 2
    return min(max(p * (1 - p) / variance * doubt, alike), n) if variance else n


@settings(deadline=None, max_examples=80)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=2, max_size=40))
def test_the_effective_size_is_that_of_its_formula(rows):
    hits, groups = [h for h, _ in rows], [g for _, g in rows]
    codes = np.unique(groups, return_inverse=True)[1]
    found = effective_size(np.array(hits), codes, 0.95)
    assert found == pytest.approx(slow_size(hits, groups, 0.95), rel=1e-9)
    interval = rate_interval(np.array(hits), codes, 0.95)
    assert 0 <= interval.low <= interval.estimate <= interval.high <= 1
    assert interval.high - interval.low > 0.05


@pytest.mark.parametrize("hits", [17, 0, 30])
def test_copies_of_rows_and_groups_of_one_row_change_no_rate(hits):
    plain = wilson_interval(hits, 30)
    once = np.arange(30) < hits
    for copies in (1, 2, 10):
        found = rate_interval(np.repeat(once, copies), np.repeat(np.arange(30), copies), 0.95)
        assert (found.low, found.high) == pytest.approx((plain.low, plain.high), abs=1e-12)


def test_one_group_says_as_much_as_one_row():
    found = rate_interval(np.arange(50) < 30, np.zeros(50, int), 0.95)
    assert found.high - found.low > 0.75
    assert np.isnan(rate_interval(np.zeros(0, bool), None, 0.95).low)
