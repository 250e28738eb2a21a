"""What optimizers refuse: names and values of options, kinds of parameters."""

import math

import pytest
import torch
from oracles_optim import CASES, parameters
from torch import nn

from aucmax.optim import PESG, PESGAdam
from aucmax.optim._options import check_values, refuse_misspelled

every = pytest.mark.parametrize("case", CASES.values(), ids=CASES)
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


def test_names_that_look_like_an_option_are_refused():
    assert refuse_misspelled("someone", ["lr", "zzz"], ["lr", "clip"]) == ["zzz"]
    for name in ("LR", "Clip", "clipp", "weight-decay", "weightdecay"):
        with pytest.raises(ValueError, match=f"someone has no option '{name}': did you mean"):
            refuse_misspelled("someone", [name], ["lr", "clip", "weight_decay"])
    with pytest.raises(ValueError, match="someone has no option 'zzz': known are a, b"):
        refuse_misspelled("someone", ["a", "zzz"], ["b", "a"], strict=True)


@every
def test_sparse_gradients_are_refused(case):
    table = nn.Embedding(4, 2, sparse=True)
    table(torch.tensor([1])).sum().backward()
    with pytest.raises(ValueError, match=r"no sparse gradients: build .* sparse=False"):
        case(table.parameters()).step()


@every
def test_complex_parameters_are_refused(case):
    with pytest.raises(ValueError, match=r"parameters must be real, got torch.complex64"):
        case([nn.Parameter(torch.zeros(2, dtype=torch.complex64))])


@every
def test_a_module_is_no_list_of_parameters(case):
    with pytest.raises(TypeError, match=r"got a module: pass aucmax.param_groups"):
        case(nn.Linear(2, 1))


@every
def test_unknown_options_are_refused(case):
    with pytest.raises(TypeError, match="epoch_decy"):
        case(parameters(), epoch_decy=5)
    groups = [{"params": parameters((2,))}, {"params": parameters((3,)), "epoch_decy": 5}]
    with pytest.raises(ValueError, match="group 1 has no option 'epoch_decy': did you mean"):
        case(groups)
    with pytest.raises(TypeError, match="must be a dict"):
        case(parameters()).add_param_group(parameters())


@every
def test_foreign_keys_of_a_group_are_let_in(case):
    groups = [{"params": parameters((2,)), "initial_lr": 0.3, "name": "head", "lr_scale": 0.5}]
    assert case(groups).param_groups[0]["name"] == "head"
    named = case(nn.Linear(2, 1).named_parameters())
    assert named.param_groups[0]["param_names"] == ["weight", "bias"]


@every
def test_keys_of_wrappers_and_tags_are_let_in(case):
    tags = ("rho", "adaptive", "layer_id", "lr_mult", "group_name", "tag", "no_decay", "fused",
            "capturable", "differentiable", "decoupled_weight_decay")  # fmt: skip
    group = {"params": parameters((2,))} | dict.fromkeys(tags, False)
    optimizer = case([group])
    for p in optimizer.param_groups[0]["params"]:
        p.grad = torch.ones_like(p)
    optimizer.step()
    assert optimizer.param_groups[0].keys() >= set(tags)


@every
def test_other_keys_are_kept_with_a_warning(case):
    with pytest.warns(UserWarning, match=r"group 0 does not use 'gamma_value'; its options are"):
        optimizer = case([{"params": parameters((2,)), "gamma_value": 3}])
    assert optimizer.param_groups[0]["gamma_value"] == 3


@every
def test_values_of_groups_are_checked(case):
    with pytest.raises(ValueError, match=r"group 0: clip must be a number > 0.*, got -1"):
        case([{"params": parameters(), "clip": -1}])
    optimizer = case(parameters((2,)))
    with pytest.raises(ValueError, match=r"group 1: lr must be a finite number >= 0, got nan"):
        optimizer.add_param_group({"params": parameters((3,)), "lr": math.nan})
