"""How methods train: one cycle, losses that change, batches of their own size, chosen rates."""

import math
from dataclasses import replace

import pytest
import torch
from cells import ABLATED, DEVELOPMENT, REPORTED, ablations, cells
from changing import ChangingLoss
from methods import METHODS, copies, decaying, recipe, smooth, stages
from parts import draw
from plan import Scope, choosing, chosen, units
from pretraining import fresh
from running import Request
from smooth import factor
from store import Store
from torch import nn

from aucmax import BCELoss, PairwiseAUCLoss
from aucmax.models import AveragedCopies

RECIPE = METHODS["smooth, last quarter pairwise"]


def rates(make, steps: int) -> list[float]:
    """The learning rate of each step of a run with a peak of 2."""
    weight = nn.Parameter(torch.zeros(()))
    optimizer = decaying([{"params": [weight]}], 2.0)
    scheduler = make(optimizer, cells()["catdog-10"], steps)
    found = []
    for _ in range(8 * steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return found


def test_one_cycle_goes_up_in_a_line_and_down_along_a_cosine():
    found = rates(smooth, 10)
    assert found == pytest.approx([2 * factor(step, 80) for step in range(80)])
    assert found[:8] == pytest.approx([2 * (step + 1) / 9 for step in range(8)])
    assert found[8:] == pytest.approx(
        [1 + math.cos(math.pi * (step - 8) / 72) for step in range(8, 80)]
    )


def test_stages_fall_to_a_tenth_after_half_and_three_quarters():
    assert rates(stages, 5) == pytest.approx([2.0] * 20 + [0.2] * 10 + [0.02] * 10)


def test_a_loss_changes_after_its_calls_and_a_copy_goes_on_from_its_state():
    logits, target = torch.tensor([0.3, -0.4, 0.2]), torch.tensor([1.0, 0.0, 0.0])
    first, then = BCELoss(), PairwiseAUCLoss(activation=nn.Identity())
    loss = ChangingLoss(first, then, 3)
    found = [float(loss(logits, target)) for _ in range(2)]
    again = ChangingLoss(first, then, 3)
    again.load_state_dict(loss.state_dict())
    found += [float(again(logits, target)) for _ in range(3)]
    a, b = float(first(logits, target)), float(then(logits, target))
    assert a != b
    assert found == [a, a, a, b, b]


@pytest.mark.parametrize("name", ["catdog-10", "catdog-10-batch8"])
def test_smaller_batches_are_as_many_more(name):
    cell = cells()[name]
    own = RECIPE.adapted(cell)
    assert own.batch == min(16, cell.batch)
    assert own.batch * own.total_steps == cell.batch * cell.total_steps == 400 * 64
    assert METHODS["CE"].adapted(cell) == cell


def test_ablations_take_the_rates_of_the_plain_cell(tmp_path):
    store, plain = Store(tmp_path), cells()[ABLATED]
    for lr, value in zip(METHODS["CE"].rates, (0.5, 0.7, 0.6), strict=True):
        key = (plain.name, "CE", "choosing", lr, 100, plain.total_steps)
        store.rows[key] = {"best_val": str(value), "ema_val": "0.5"}
    scope = Scope((0, 1), choosing=(100,))
    for cell in ablations():
        assert chosen(store, cell, "CE", scope.choosing) == METHODS["CE"].rates[1]
        assert choosing(Request(cell, "CE", 0.0, 0, tmp_path), scope) == []


def test_main_methods_come_first_and_ablations_are_asked_for():
    found = units(Scope((0,)))
    assert {cell.name for cell, _ in found} == {c.name for c in [*DEVELOPMENT, *REPORTED]}
    assert METHODS[found[0][1]].main
    more = units(Scope((0,), ablate=True))
    assert {cell.name for cell, _ in more[len(found) :]} == {cell.name for cell in ablations()}


COPIED = [name for name, method in METHODS.items() if method.copies]


@pytest.mark.parametrize("name", COPIED)
def test_copies_are_scored_by_the_rates_of_the_same_method_without(name, tmp_path):
    method, plain = METHODS[name], METHODS[METHODS[name].like]
    assert not plain.copies
    own = ("copies", "like", "main", "family", "loss", "then")
    same = {key: value for key, value in vars(method).items() if key not in own}
    assert same == {key: vars(plain)[key] for key in same}
    request = Request(cells()["catdog-10"], name, 0.0, 0, tmp_path)
    assert choosing(request, Scope((0,))) == []
    store = Store(tmp_path)
    keys = [("catdog-10", method.like, "choosing", lr, 100, 400) for lr in (0.01, 0.03, 0.1)]
    for key, value in zip(keys, (0.5, 0.7, 0.6), strict=True):
        store.rows[key] = {"best_val": str(value), "ema_val": "0"}
    assert chosen(store, request.cell, name, (100,)) == 0.03


def test_copies_are_moved_as_far_as_training_rows_may_be():
    task = cells()["catdog-10"].spec
    averaged = copies(task, (32, 32, 3))(nn.Identity())
    assert isinstance(averaged, AveragedCopies)
    assert (averaged.flip, averaged.shift) == (True, task.shift / 32)
    digits = copies(cells()["digits-05"].spec, (8, 8, 1))(nn.Identity())
    assert isinstance(digits, AveragedCopies)
    assert (digits.flip, digits.shift) == (False, 1 / 8)


def test_fingerprints_have_no_copies():
    model = nn.Linear(64, 1)
    assert copies(cells()["hiv-all"].spec, (64,))(model) is model


def test_a_recipe_scores_copies_if_its_method_says_so(tmp_path):
    cell = replace(cells()["digits-05"], steps=16, rounds=2)
    data = draw(cell, 0, tmp_path, torch.device("cpu"))
    model = fresh(cell, 0, data)
    for name in COPIED:
        averaged = recipe(METHODS[name], 0.01, 0, cell, data, model).scoring(model)
        assert isinstance(averaged, AveragedCopies)
        without = recipe(METHODS[METHODS[name].like], 0.01, 0, cell, data, model)
        assert without.scoring(model) is model
