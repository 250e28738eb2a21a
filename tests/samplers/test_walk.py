from collections import Counter

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles_samplers import visits_differ_by_one, walks

from aucmax.samplers._walk import walk


@st.composite
def sizes(draw):
    count = draw(st.integers(1, 40) | st.integers(60, 70))  # short and long passes
    return count, draw(st.integers(1, count)), draw(st.integers(0, 60))


@settings(max_examples=150, deadline=None)
@given(sizes(), st.integers(0, 2**31))
def test_no_batch_repeats_a_row_and_every_prefix_is_fair(size, seed):
    count, take, batches = size
    steps = walk(count, take, batches, torch.Generator().manual_seed(seed))
    assert steps.shape == (batches, take)
    flat = steps.flatten().tolist()
    assert all(len(set(step)) == take for step in steps.tolist())
    for begin in range(0, len(flat), count):  # pass by pass: no row twice before all came once
        one_pass = flat[begin : begin + count]
        assert len(set(one_pass)) == len(one_pass)
    assert not flat or visits_differ_by_one(flat, range(count))


def check_uniform(found, possible):
    """Pearson's test: all possible outcomes come, equally often."""
    count = Counter(found)
    assert set(count) <= set(possible)
    expected = len(found) / len(possible)
    chi_square = sum((count[walk] - expected) ** 2 / expected for walk in possible)
    free = len(possible) - 1
    assert expected > 50
    assert chi_square < free + 4 * (2 * free) ** 0.5  # four standard deviations


def test_all_walks_are_equally_likely_when_drawn_side_by_side():
    period = 3  # batches of 2 out of 3: two passes, then all begins anew
    steps = walk(3, 2, period * 6000, torch.Generator().manual_seed(1))
    check_uniform([tuple(x) for x in steps.view(6000, -1).tolist()], walks(3, 2, period))


def test_all_walks_are_equally_likely_when_drawn_alone():
    generator = torch.Generator().manual_seed(2)
    found = [tuple(walk(4, 3, 2, generator).flatten().tolist()) for _ in range(12000)]
    check_uniform(found, [w for w in set(walks(4, 3, 2)) if w])


def test_only_the_given_generator_is_used():
    before = torch.get_rng_state()
    one = walk(7, 3, 20, torch.Generator().manual_seed(5))
    assert torch.equal(before, torch.get_rng_state())
    assert torch.equal(one, walk(7, 3, 20, torch.Generator().manual_seed(5)))
    assert not torch.equal(one, walk(7, 3, 20, torch.Generator().manual_seed(6)))
