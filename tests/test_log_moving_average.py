from decimal import Decimal, localcontext

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from aucmax._moving_average import LogMovingAverage, MovingAverage


def exact(logs, gamma):
    """Logarithm of the moving average of exp(logs), in 60 digits and an unlimited exponent."""
    with localcontext() as context:
        context.prec, context.Emax, context.Emin = 60, 10**17, -(10**17)
        average, weight = Decimal(logs[0]).exp(), Decimal(gamma)
        for log in logs[1:]:
            average = (1 - weight) * average + weight * Decimal(log).exp()
        return float(average.ln())


sequences = st.lists(st.integers(-40, 40), min_size=1, max_size=5)


@settings(max_examples=60, deadline=None)
@given(sequences, st.sampled_from([1e-6, 0.1, 0.5, 0.999]), st.sampled_from([0.1, 1, 1e3, 1e6]))
def test_equals_exact_arithmetic_at_any_magnitude(steps, gamma, scale):
    logs = [float(step * scale) for step in steps]
    average = LogMovingAverage(None, gamma).double()
    for log in logs:
        found = average(torch.tensor(log, dtype=torch.float64))
    assert float(found) == pytest.approx(exact(logs, gamma), rel=1e-13, abs=1e-13)


@pytest.mark.parametrize("log", [-1e30, -1e4, -88.0, 0.1, 89.0, 1e4, 1e30])
@pytest.mark.parametrize("gamma", [1e-3, 0.1, 0.9])
def test_what_never_changes_stays_in_single_precision(log, gamma):
    average = LogMovingAverage(None, gamma)
    for _ in range(50):
        found = average(torch.tensor(log))
    assert float(found) == pytest.approx(log, rel=1e-6, abs=1e-6)


def test_equals_the_average_of_the_numbers_where_those_are_ordinary():
    logs, plain = LogMovingAverage(3, 0.3, num_labels=2), MovingAverage(3, 0.3, num_labels=2)
    for _ in range(6):
        fresh, index = torch.rand(2, 2) + 0.1, torch.randperm(3)[:2]
        known = (torch.rand(2, 2) < 0.8).float()
        found = logs(fresh.log(), index, known)
        torch.testing.assert_close(found.exp(), plain(fresh, index, known))
    torch.testing.assert_close(logs.value.exp(), plain.value, equal_nan=True)


def test_the_logarithm_of_zero_is_a_number_too():
    average = LogMovingAverage(None, 0.5)
    zero = torch.tensor(-torch.inf)
    assert average(zero) == average(zero) == -torch.inf
    assert average(torch.tensor(0.0)).exp() == 0.5
    assert average(zero).exp() == 0.25
