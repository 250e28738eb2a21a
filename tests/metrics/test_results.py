import dataclasses

import pytest

from aucmax.metrics import Interval, PairedTest


def test_results_print_as_they_are_quoted():
    interval = Interval(0.9124, 0.8741, 0.9409, 0.95)
    assert str(interval) == "0.912 [0.874, 0.941]"
    assert str(PairedTest(interval, 2.0, 0.0455)) == "0.912 [0.874, 0.941], p = 0.045"
    assert str(Interval(*[float("nan")] * 3, 0.95)) == "nan [nan, nan]"


def test_results_cannot_be_changed():
    interval = Interval(0.5, 0.4, 0.6, 0.95)
    with pytest.raises(dataclasses.FrozenInstanceError):
        interval.low = 0.3
    assert interval == Interval(0.5, 0.4, 0.6, 0.95)
