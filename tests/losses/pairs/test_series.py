import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from aucmax.losses.pairs import series as pair_series
from aucmax.losses.pairs import softmax as pair_softmax
from aucmax.losses.pairs.series import MAX_EXPONENT, Ends, Series
from aucmax.losses.pairs.softmax import Blocks
from aucmax.surrogates import square, squared_hinge


@pytest.mark.parametrize("surrogate", [square, squared_hinge])
@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=6),
    st.lists(st.floats(0, 1), min_size=1, max_size=6),
    st.floats(0.04, 100),
    st.floats(1, 3),
)
def test_the_series_equals_the_pairs(surrogate, ones, zeros, temperature, margin):
    h1, h0 = (torch.tensor(x, dtype=torch.float64) for x in (ones, zeros))
    ends = Ends(min(ones), max(ones), min(zeros), max(zeros))
    series = Series(h1, h0, ends, margin, temperature)
    of_pairs = pair_softmax._AnySurrogate(h0, surrogate, margin, temperature)
    blocks = Blocks(h1, h0, of_pairs)
    weight = torch.linspace(0.1, 1, len(h1), dtype=torch.float64)
    torch.testing.assert_close(series.log_means, blocks.log_means, rtol=1e-10, atol=1e-12)
    found, expected = series.gradient(weight), blocks.gradient(weight)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)


@settings(max_examples=60, deadline=None)
@given(st.floats(0, MAX_EXPONENT), st.sampled_from([1e-8, 1e-16]))
def test_the_series_of_exp_is_long_enough_and_no_longer(x, accuracy):
    count = pair_series._count(x, accuracy)
    left = sum(math.exp(k * math.log(x or 1e-300) - math.lgamma(k + 1)) for k in range(count, 400))
    assert left <= accuracy * math.exp(x)
    assert count <= 150
