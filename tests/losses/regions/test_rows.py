import copy
import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles_partial import highest

from aucmax.losses.regions.rows import HighestRows, RunningThreshold

SHARES = st.sampled_from([0.01, 0.1, 0.25, 0.3, 1 / 3, 0.5, 0.7, 1 - 0.9, 0.999, 1.0])


def ones(h):
    return torch.ones_like(h)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(-3, 3), min_size=1, max_size=12), SHARES, st.randoms())
def test_weights_are_those_found_group_by_group(scores, share, random):
    h = torch.tensor(scores, dtype=torch.float64)
    rows = torch.tensor([float(random.random() < 0.7) for _ in scores], dtype=torch.float64)
    weights, count = HighestRows(share)(h, rows)
    chosen = rows > 0
    torch.testing.assert_close(weights[chosen].tolist(), highest(h[chosen], share))
    assert weights[~chosen].eq(0).all()
    assert float(weights.sum()) == pytest.approx(share * float(rows.sum()))
    assert float(count) == pytest.approx(share * float(rows.sum()))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("rows", [10, 30, 70, 1000, 100_000])
def test_a_whole_number_of_rows_is_not_missed_by_a_rounding_error(rows, dtype):
    h = torch.randperm(rows).to(dtype)
    for share, tenths in ((1 - 0.9, 1), (0.3, 3), (0.7, 7), (1 - 0.3, 7)):
        weights, count = HighestRows(share)(h, ones(h))
        assert count == tenths * rows // 10
        assert torch.equal(weights, (h >= rows - tenths * rows // 10).to(dtype))


def test_labels_are_told_apart_whatever_their_number_of_rows():
    h, rows = torch.randn(40, 4), (torch.rand(40, 4) < torch.tensor([0.2, 0.9, 0.0, 0.5])).float()
    weights, count = HighestRows(0.3)(h, rows)
    for label in range(4):
        alone, alone_count = HighestRows(0.3)(h[:, label], rows[:, label])
        assert torch.equal(weights[:, label], alone)
        assert count[label] == alone_count
    assert weights[:, 2].eq(0).all()


def test_all_rows_are_the_mask_itself():
    rows = torch.tensor([1.0, 0.0, 1.0])
    for gamma in (1.0, 0.1):
        weights, count = HighestRows(1.0, gamma)(torch.randn(3), rows)
        assert weights is rows
        assert count == 2


def by_hand(batches, share, gamma):
    """The running threshold after each batch, where every batch holds half a row or more."""
    threshold, found = None, []
    for h in batches:
        ordered = sorted(h.tolist(), reverse=True)
        place = min(share * len(ordered) + 0.5, len(ordered))
        k, part = int(place), place - int(place)
        fresh = ordered[k - 1] + (part * (ordered[k] - ordered[k - 1]) if part else 0)
        threshold = fresh if threshold is None else (1 - gamma) * threshold + gamma * fresh
        found.append(threshold)
    return found


@pytest.mark.parametrize("share", [0.1, 0.25, 0.33, 0.9])
def test_the_running_threshold_follows_the_recursion(share):
    batches = [torch.randn(9) for _ in range(6)]
    rows = HighestRows(share, 0.3)
    for step, (h, threshold) in enumerate(zip(batches, by_hand(batches, share, 0.3), strict=True)):
        weights, count = rows(h, ones(h))
        assert float(rows.running.average.value) == pytest.approx(threshold, abs=1e-6)
        assert float(count) == pytest.approx(share * 9)
        if step:
            assert torch.equal(weights, (h > rows.running.average.value).float())


def test_the_first_batch_counts_its_own_highest_rows():
    h = torch.tensor([0.0, 1.0, 1.0, 2.0, 3.0, -1.0])
    for share in (0.01, 0.1, 0.4, 0.5, 0.75):
        first, alone = HighestRows(share, 0.1), HighestRows(share)
        assert torch.equal(first(h, ones(h))[0], alone(h, ones(h))[0])


@pytest.mark.parametrize("count", [2, 3, 2.5])
def test_the_same_batch_twice_has_the_same_weights(count):
    h = torch.tensor([0.5, 0.1, 0.3, 0.3, 0.9, 0.9]).double()
    rows = HighestRows(count / 6, 0.1)
    weights, _ = rows(h, ones(h))
    assert torch.equal(rows(h, ones(h))[0], weights)
    assert torch.equal(rows.eval()(h, ones(h))[0], weights)


def test_scores_that_are_all_tied_at_the_threshold_share_the_sum():
    rows, h = HighestRows(0.25, 0.1), torch.full((8,), 1.0)
    for _ in range(5):
        assert rows(h, ones(h))[0].tolist() == [0.25] * 8


def test_small_batches_are_taken_together():
    running = RunningThreshold(0.5)
    tops, counts = [3.0, 5.0, 4.0, 1.0, 2.0, 9.0], [0.2, 0.2, 0.2, 0.2, 0.2, 0.0]
    kept = []
    for top, count in zip(tops, counts, strict=True):
        running(torch.tensor(top), torch.tensor(0.0), torch.tensor(count))
        kept.append(float(running.average.value.nan_to_num(-1.0)))
    # 0.6 rows after three batches: their highest score, and 0.1 row is kept for the next two.
    assert kept == [-1.0, -1.0, 5.0, 5.0, 3.5, 3.5]


@pytest.mark.parametrize(("share", "rows"), [(0.05, 16), (0.1, 32), (0.3, 32), (0.01, 16)])
def test_in_the_long_run_the_wanted_share_is_chosen(share, rows):
    module, chosen, wanted = HighestRows(share, 0.1), 0.0, 0.0
    generator = torch.Generator().manual_seed(0)
    for step in range(1500):
        h = torch.randn(rows, generator=generator)
        weights, count = module(h, ones(h))
        if step >= 500:
            chosen, wanted = chosen + float(weights.sum()), wanted + float(count)
    assert 0.85 < chosen / wanted < (1.15 if share * rows > 0.5 else 1.5)


def test_a_label_without_rows_leaves_its_threshold_and_the_others_move():
    rows, both = HighestRows(0.5, 0.5, num_labels=2), torch.ones(4, 2)
    h = torch.arange(8.0).reshape(4, 2)
    rows(h, both)
    before = rows.running.average.value.clone()
    rows(h + 8, torch.tensor([[1.0, 0.0]]).expand(4, 2))
    assert torch.equal(rows.running.average.value, before + torch.tensor([4.0, 0.0]))
    rows(h, both)
    assert rows.running.average.value.isfinite().all()


def test_evaluation_leaves_the_state_and_uses_it():
    rows, h = HighestRows(0.5, 0.5), torch.arange(4.0)
    rows(h, ones(h))
    state = copy.deepcopy(rows.eval().state_dict())
    assert rows(h + 10, ones(h))[0].tolist() == [1.0] * 4
    assert rows(h - 10, ones(h))[0].tolist() == [0.0] * 4
    assert all(torch.equal(value, state[name]) for name, value in rows.state_dict().items())


def test_a_saved_state_resumes():
    batches = [torch.randn(6) for _ in range(10)]
    for share in (0.05, 0.3):  # with and without batches that are taken together
        straight, first = HighestRows(share, 0.2), HighestRows(share, 0.2)
        expected = [straight(h, ones(h))[0] for h in batches]
        found = [first(h, ones(h))[0] for h in batches[:5]]
        second = HighestRows(share, 0.2)
        second.load_state_dict(first.state_dict())
        found += [second(h, ones(h))[0] for h in batches[5:]]
        assert all(torch.equal(a, b) for a, b in zip(expected, found, strict=True))


def test_without_memory_there_is_no_buffer():
    assert HighestRows(0.5).state_dict() == {}
    assert len(HighestRows(0.5, 0.9).state_dict()) == 3


@pytest.mark.parametrize("gamma", [0.0, -0.1, 1.5, float("nan")])
def test_gamma_must_be_a_weight(gamma):
    message = f"gamma, the weight of the new estimate, must lie in (0, 1], got {gamma}"
    with pytest.raises(ValueError, match=re.escape(message)):
        HighestRows(0.5, gamma)


def test_what_is_shown():
    assert repr(HighestRows(0.5)) == "HighestRows(share=0.5)"
