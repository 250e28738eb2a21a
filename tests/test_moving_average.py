import copy
import io
import pickle
import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from aucmax import set_value_checks
from aucmax._moving_average import LogMovingAverage, MovingAverage

NAN = float("nan")


def seen(average):
    """The state as a list in which None stands for rows that were not seen."""
    return [None if x != x else x for x in average.value.flatten().tolist()]


def test_nothing_has_been_seen_at_first():
    assert MovingAverage(3, 0.5).value.shape == (3,)
    assert MovingAverage(3, 0.5, num_labels=2).value.shape == (3, 2)
    assert MovingAverage(3, 0.5, num_labels=1).value.shape == (3,)
    assert MovingAverage(None, 0.5).value.shape == ()
    assert MovingAverage(None, 0.5, num_labels=2).value.shape == (2,)
    assert MovingAverage(3, 0.5, num_labels=2).value.isnan().all()


def test_the_first_visit_takes_the_estimate_as_it_is():
    average = MovingAverage(4, 0.125)
    assert average(torch.tensor([3.0, -7.0]), torch.tensor([2, 0])).tolist() == [3, -7]
    assert seen(average) == [-7, None, 3, None]


@settings(max_examples=30, deadline=None)
@given(st.data(), st.floats(0.01, 1.0), st.none() | st.integers(1, 3))
def test_the_recursion_equals_a_dictionary_of_floats(data, gamma, labels):
    average = MovingAverage(5, gamma, num_labels=labels).double()
    width, slow = labels or 1, {}
    for _ in range(6):
        index = data.draw(st.lists(st.integers(0, 4), min_size=1, max_size=5, unique=True))
        fresh = torch.randn(len(index), width, dtype=torch.float64)
        known = torch.rand(len(index), width) < 0.7
        expected = fresh.clone()
        for row, i in enumerate(index):
            for label in range(width):
                if known[row, label]:
                    new = float(fresh[row, label])
                    old = slow.get((i, label), new)
                    slow[i, label] = (1 - gamma) * old + gamma * new
                    expected[row, label] = slow[i, label]
        flat = (lambda x: x) if width > 1 else (lambda x: x.squeeze(1))
        found = average(flat(fresh), torch.tensor(index), flat(known).double())
        torch.testing.assert_close(found, flat(expected))
    expected = [slow.get((i, label)) for i in range(5) for label in range(width)]
    assert seen(average) == pytest.approx(expected)


def test_one_average_in_all_needs_no_index():
    average = MovingAverage(None, 0.25)
    found = [float(average(torch.tensor(x))) for x in (4.0, 8.0, 0.0)]
    assert found == [4, 5, 3.75]
    assert average(torch.tensor(3.75), torch.tensor([9, 9])) == 3.75  # an index is not looked at
    per_label = MovingAverage(None, 0.5, num_labels=2)
    per_label(torch.tensor([1.0, 2.0]), known=torch.tensor([1.0, 0.0]))
    assert seen(per_label) == [1, None]
    assert per_label(torch.tensor([3.0, 5.0])).tolist() == [2, 5]


def test_what_is_not_known_leaves_its_average_and_comes_back():
    average = MovingAverage(3, 0.5)
    average(torch.tensor([2.0]), torch.tensor([1]))
    fresh, known = torch.tensor([8.0, 8.0, 8.0]), torch.tensor([0.0, 0.0, 1.0])
    assert average(fresh, torch.tensor([0, 1, 2]), known).tolist() == [8, 8, 8]
    assert seen(average) == [None, 2, 8]


def test_of_a_row_named_twice_either_estimate_is_kept():
    average = MovingAverage(2, 0.5)
    average(torch.tensor([4.0]), torch.tensor([1]))
    found = average(torch.tensor([0.0, 8.0]), torch.tensor([1, 1]))
    assert found.tolist() == [2, 6]
    assert seen(average)[1] in (2, 6)


@pytest.mark.parametrize("kind", [MovingAverage, LogMovingAverage])
def test_gamma_of_one_forgets_exactly(kind):
    average, fresh = kind(None, 1.0), torch.tensor(0.1)
    average(torch.tensor(1e30))
    assert torch.equal(average(fresh), fresh)
    assert torch.equal(average.value, fresh)


@pytest.mark.parametrize("kind", [MovingAverage, LogMovingAverage])
def test_evaluation_returns_the_same_and_keeps_nothing(kind):
    average = kind(3, 0.5)
    average(torch.tensor([1.0, 2.0]), torch.tensor([0, 1]))
    twin, before = copy.deepcopy(average), pickle.dumps(average.eval())
    fresh, index = torch.tensor([5.0, 5.0, 5.0]), torch.tensor([0, 1, 2])
    found = [average(fresh, index), average(fresh, index)]
    assert torch.equal(*found)
    assert torch.equal(twin.train()(fresh, index), found[0])
    assert pickle.dumps(average) == before


def test_double_estimates_stay_double_over_a_single_buffer():
    average, third = MovingAverage(1, 0.5), torch.tensor([1 / 3], dtype=torch.float64)
    index = torch.tensor([0])
    assert torch.equal(average(third, index), third)
    kept = float(torch.tensor(1 / 3, dtype=torch.float32))
    assert average.value.dtype == torch.float32
    assert average.value.item() == kept
    found = average(torch.zeros_like(third), index)
    assert found.dtype == torch.float64
    assert found.item() == pytest.approx(kept / 2, rel=1e-15)


def test_single_estimates_over_a_half_or_double_buffer():
    for kind in (torch.float16, torch.bfloat16, torch.float64):
        average = MovingAverage(2, 0.5).to(kind)
        for x in (1.0, 3.0):
            found = average(torch.tensor([x]), torch.tensor([1]))
        assert found.dtype == torch.float32
        assert found.item() == 2
        assert average.value.dtype == kind
        assert seen(average) == [None, 2]


@pytest.mark.parametrize("kind", [torch.uint8, torch.int16, torch.int32, torch.int64])
def test_any_kind_of_integer_is_a_position(kind):
    average = MovingAverage(3, 0.5)
    average(torch.tensor([1.0, 2.0]), torch.tensor([2, 0], dtype=kind))
    assert seen(average) == [2, None, 1]


def test_no_gradient_comes_through():
    fresh = torch.tensor([1.0], requires_grad=True)
    average = MovingAverage(1, 0.5)
    assert not average(fresh * 2, torch.tensor([0])).requires_grad
    assert not average.value.requires_grad


@pytest.mark.parametrize("kind", [MovingAverage, LogMovingAverage])
def test_a_saved_state_goes_on_where_it_was(kind):
    steps = torch.randn(10, 4)
    whole, half, rest = kind(4, 0.3), kind(4, 0.3), kind(4, 0.3)
    index = torch.arange(4)
    for fresh in steps:
        whole(fresh, index)
    for fresh in steps[:5]:
        half(fresh, index)
    file = io.BytesIO()
    torch.save(half.state_dict(), file)
    file.seek(0)
    rest.load_state_dict(torch.load(file, weights_only=True))
    for fresh in steps[5:]:
        rest(fresh, index)
    assert torch.equal(rest.value, whole.value)


@pytest.mark.parametrize("kind", [MovingAverage, LogMovingAverage])
def test_compiled_equals_eager(kind):
    eager = kind(4, 0.3)
    torch.compiler.reset()
    compiled = copy.deepcopy(eager)
    run = torch.compile(compiled, fullgraph=True, backend="aot_eager")
    known = torch.tensor([1.0, 1.0, 0.0])
    for step in range(3):
        fresh, index = torch.randn(3), torch.tensor([3, step, 1 if step == 0 else 0])
        torch.testing.assert_close(run(fresh, index, known), eager(fresh, index, known))
    torch.testing.assert_close(compiled.value, eager.value, equal_nan=True)


@pytest.mark.parametrize("gamma", [0.0, -0.5, 1.5, NAN])
def test_gamma_must_be_a_weight(gamma):
    message = f"gamma, the weight of the new estimate, must lie in (0, 1], got {gamma}"
    with pytest.raises(ValueError, match=re.escape(message)):
        MovingAverage(3, gamma)


@pytest.mark.parametrize("size", [0, -1])
def test_there_must_be_rows(size):
    message = f"num_samples must be >= 1, the rows of the data, got {size}"
    with pytest.raises(ValueError, match=re.escape(message)):
        MovingAverage(size, 0.5)


WRONG = {
    "missing": (
        None,
        "index, the rows' positions in the data, must be given to a loss with num_samples: "
        "call loss(logits, target, index), or leave num_samples out",
    ),
    "list": ([0, 1], "index must be a tensor of integers, got list"),
    "floats": (torch.tensor([0.0, 1.0]), "index must be a tensor of integers, got torch.float32"),
    "mask": (torch.tensor([True, False]), "index must be a tensor of integers, got torch.bool"),
    "too few": (
        torch.tensor([0]),
        "index must be (B,), one position for each of 2 rows, got (1,)",
    ),
    "a column": (
        torch.tensor([[0], [1]]),
        "index must be (B,), one position for each of 2 rows, got (2, 1)",
    ),
    "too large": (
        torch.tensor([0, 3]),
        "index must lie in 0 to num_samples - 1 = 2, got 0 to 3",
    ),
    "negative": (torch.tensor([-1, 0]), "index must lie in 0 to num_samples - 1 = 2, got -1 to 0"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_index_is_refused_before_anything_is_kept(case):
    index, message = WRONG[case]
    average = MovingAverage(3, 0.5)
    with pytest.raises(ValueError, match=re.escape(message)):
        average(torch.tensor([1.0, 2.0]), index)
    assert seen(average) == [None] * 3


def test_positions_are_looked_at_only_where_values_are():
    average = MovingAverage(3, 0.5)
    set_value_checks(cpu=False)
    try:
        with pytest.raises(ValueError, match="index must lie in"):  # the first is always looked at
            average(torch.tensor([1.0]), torch.tensor([-1]))
        average(torch.tensor([2.0]), torch.tensor([0]))
        average(torch.tensor([1.0]), torch.tensor([-1]))
    finally:
        set_value_checks(cpu=True)
    assert seen(average) == [2, None, 1]


def test_what_is_shown():
    assert repr(MovingAverage(3, 0.5, num_labels=2)) == "MovingAverage((3, 2), gamma=0.5)"
