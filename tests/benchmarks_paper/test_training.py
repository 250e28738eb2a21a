"""What the loop of training counts for itself: AUC, batches, milestones, averaged weights."""

import math

import numpy as np
import pytest
import torch
from averaging import Average
from budget import batches_per_round, positives_per_batch
from cells import Cell, cells
from hypothesis import given, settings
from hypothesis import strategies as st
from parts import Data, Part
from torch import nn
from training import auc, milestones, natural

SCORES = st.lists(st.integers(-3, 3), min_size=2, max_size=12)


@settings(max_examples=30, deadline=None)
@given(positive=SCORES, negative=SCORES)
def test_auc_counts_pairs(positive, negative):
    pairs = [(p > n) + (p == n) / 2 for p in positive for n in negative]
    scores = np.array([*positive, *negative], np.float32)
    target = np.repeat([1, 0], [len(positive), len(negative)])
    assert auc(scores, target) == pytest.approx(sum(pairs) / len(pairs))


def test_a_model_that_is_lost_has_no_auc():
    assert auc(np.array([math.nan, 1.0]), np.array([0, 1])) == 0


@settings(max_examples=30, deadline=None)
@given(rows=st.integers(5, 300), batches=st.integers(1, 30), number=st.integers(0, 3))
def test_natural_batches_pass_through_rows_once_before_any_comes_twice(rows, batches, number):
    cell = Cell("x", "digits", batch=16)
    found = [index.tolist() for index in natural(cell, rows, 0, batches)(number)]
    size = min(16, rows)
    assert [len(index) for index in found] == [size] * batches
    per_pass = rows // size
    for start in range(0, batches, per_pass):
        rows_of_pass = [row for index in found[start : start + per_pass] for row in index]
        assert len(set(rows_of_pass)) == len(rows_of_pass)
    assert found == [index.tolist() for index in natural(cell, rows, 0, batches)(number)]


def test_rates_fall_at_half_and_three_quarters():
    assert milestones(8) == [4, 6]
    assert milestones(20) == [10, 15]


@pytest.mark.parametrize("batch", [8, 16, 64])
def test_every_batch_size_sees_as_many_rows(batch):
    assert Cell("x", "catdog", batch=batch).total_steps * batch == 400 * 64


def test_two_stages_and_two_passes_share_the_budget():
    cell = cells()["catdog-10"]
    whole = batches_per_round(cell) * cell.rounds
    assert whole == cell.total_steps
    assert 2 * batches_per_round(cell, share=0.5) * cell.rounds == whole
    assert 2 * batches_per_round(cell, forwards=2) * cell.rounds == whole


@pytest.mark.parametrize(
    ("share", "positives", "wanted"),
    [(0, 10, 0), (0.5, 100, 32), (0.5, 20, 20), (0.2, 100, 13), (0.2, 900, 58)],
)
def test_positives_in_a_batch(share, positives, wanted):
    target = torch.zeros(1000)
    target[:positives] = 1
    part = Part(torch.zeros(1000, 1), target)
    assert positives_per_batch(share, Cell("x", "catdog"), Data(part, part, part)) == wanted


def test_the_average_is_the_recursion_step_by_step():
    model = nn.Linear(1, 1)
    average, expected = Average(model, 100), model.weight.item()
    for count in range(1, 31):
        with torch.no_grad():
            model.weight.fill_(math.sin(count))
        average.update()
        decay = min(1 - 1 / 10, (1 + count) / (10 + count))
        expected = decay * expected + (1 - decay) * math.sin(count)
        assert average.model.weight.item() == pytest.approx(expected, rel=1e-5)  # pyright: ignore[reportAttributeAccessIssue]
    again = Average(nn.Linear(1, 1), 100)
    again.load_state_dict(average.state_dict())
    average.update()
    with torch.no_grad():
        again._pairs[1] = average._pairs[1]
    again.update()
    assert torch.equal(again.model.weight, average.model.weight)  # pyright: ignore[reportArgumentType, reportAttributeAccessIssue]
