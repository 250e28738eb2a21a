import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from aucmax.metrics._quantiles import quantile, tail

freedoms = st.floats(1, 1e6)


@settings(deadline=None, max_examples=200)
@given(freedoms, st.floats(0.01, 0.9999))
def test_quantile_is_scipys(freedom, level):
    expected = stats.t.ppf((1 + level) / 2, freedom)
    assert quantile(level, freedom) == pytest.approx(expected, rel=1e-8)


@settings(deadline=None, max_examples=200)
@given(freedoms, st.floats(-60, 60))
def test_tail_is_scipys_far_out_too(freedom, statistic):
    expected = 2 * stats.t.sf(abs(statistic), freedom)
    assert tail(statistic, freedom) == pytest.approx(expected, rel=1e-6, abs=1e-300)


def test_infinite_freedom_is_the_normal_and_a_million_is_close():
    assert quantile(0.95) == pytest.approx(stats.norm.ppf(0.975), rel=1e-14)
    assert tail(3.0) == pytest.approx(2 * stats.norm.sf(3.0), rel=1e-14)
    assert quantile(0.95, 0.999e6) == pytest.approx(quantile(0.95, 1.001e6), rel=1e-5)


def test_edges():
    assert tail(0.0) == tail(0.0, 3) == 1
    assert tail(math.inf, 3) == tail(-math.inf) == 0
    assert quantile(0.5, 1) == pytest.approx(1, rel=1e-12)  # Cauchy's quartile
