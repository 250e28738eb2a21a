"""Names and ranges of options."""

import math

import pytest
import torch
from oracles_optim import CASES, parameters

from aucmax.optim import PESG, PESGAdam
from aucmax.optim._options import check_values, refuse_unknown

BAD = {
    "lr": [-1, math.nan, math.inf, "0.1", None, torch.tensor(-1.0), torch.ones(2)],
    "weight_decay": [-1e-9, math.nan, math.inf, None],
    "epoch_decay": [-2e-3, math.nan, math.inf],
    "clip": [0, -1, math.nan, None],
    "maximize": ["no", 1, None],
    "foreach": ["yes", 0],
}
OWN = {
    PESG: {"momentum": [5, 1, -0.1, math.nan, None]},
    PESGAdam: {"betas": [(0.9, 1), (-0.1, 0.9), 0.9, (0.9,), (0.9, 0.9, 0.9)], "eps": [-1e-8]},
}


@pytest.mark.parametrize("make", [case.make for case in CASES.values()])
def test_values_out_of_range_are_refused(make):
    for name, values in (BAD | OWN[make]).items():
        for value in values:
            with pytest.raises(ValueError, match=rf"{make.__name__}: {name} must be .*, got "):
                make(parameters(), **{name: value})


@pytest.mark.parametrize("make", [case.make for case in CASES.values()])
def test_bounds_of_ranges_are_allowed(make):
    edges = {"lr": 0, "weight_decay": 0, "epoch_decay": 0, "clip": 1e-9, "foreach": None}
    own = {PESG: {"momentum": 0}, PESGAdam: {"betas": [0, 0.999], "eps": 0}}
    assert make(parameters(), **edges, **own[make])
    assert make(parameters(), torch.tensor(0.1))


def test_message_tells_name_rule_and_value():
    message = r"PESG: momentum must be a number in \[0, 1\), got 5"
    with pytest.raises(ValueError, match=message):
        PESG(parameters(), momentum=5)


def test_second_positional_argument_is_the_rate():
    assert PESG(parameters(), 0.3).param_groups[0]["lr"] == 0.3
    with pytest.raises(TypeError, match="positional"):
        PESG(parameters(), 0.3, 0.9)


def test_names_without_a_rule_pass():
    check_values("someone", {"name": "head", "lr_scale": -3})


def test_unknown_name_lists_the_known():
    refuse_unknown("someone", ["a"], ["a", "b"])
    with pytest.raises(ValueError, match="someone has no option 'zzz': known are a, b"):
        refuse_unknown("someone", ["a", "zzz"], ["b", "a"])
