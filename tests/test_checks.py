import re
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from aucmax import _checks, set_value_checks
from aucmax._checks import ValueChecks, mean_weights, per_label, squeeze_label

NAN, INF = float("nan"), float("inf")


def check_batch(logits, target, checks=None):
    """A batch for a module that has seen none before."""
    return _checks.check_batch(logits, target, checks or ValueChecks())


SHAPES = "logits and target must have the same shape, (B,), (B, 1) or (B, L) with B and L > 0, got "

WRONG = {
    "logits no tensor": (
        [0.0],
        torch.ones(1),
        TypeError,
        "logits must be a torch.Tensor, got list",
    ),
    "target no tensor": (torch.ones(1), 1, TypeError, "target must be a torch.Tensor, got int"),
    "swapped": (
        torch.tensor([0, 1]),
        torch.tensor([0.3, 0.2]),
        TypeError,
        "logits must be floating point (raw model outputs), got torch.int64; "
        "are logits and target swapped?",
    ),
    "length": (torch.ones(3), torch.ones(2), ValueError, SHAPES + "logits (3,) and target (2,)"),
    "transposed": (
        torch.ones(1, 3),
        torch.ones(3, 1),
        ValueError,
        SHAPES + "logits (1, 3) and target (3, 1)",
    ),
    "broadcast": (
        torch.ones(3, 2),
        torch.ones(3, 1),
        ValueError,
        SHAPES + "logits (3, 2) and target (3, 1)",
    ),
    "scalar": (torch.tensor(0.0), torch.tensor(1), ValueError, SHAPES + "logits () and target ()"),
    "images": (
        torch.ones(2, 2, 2),
        torch.ones(2, 2, 2),
        ValueError,
        SHAPES + "logits (2, 2, 2) and target (2, 2, 2)",
    ),
    "empty": (torch.ones(0), torch.ones(0), ValueError, SHAPES + "logits (0,) and target (0,)"),
    "no label": (
        torch.ones(4, 0),
        torch.ones(4, 0),
        ValueError,
        SHAPES + "logits (4, 0) and target (4, 0)",
    ),
    "NaN logits": (
        torch.tensor([NAN, 1.0, NAN]),
        torch.tensor([0, 1, 1]),
        ValueError,
        "logits must be finite, got 2 NaN or infinite of 3: the model has diverged (try a smaller "
        "lr, or clip gradients) or its input holds NaN",
    ),
    "infinite logits": (
        torch.tensor([INF, -INF]),
        torch.tensor([0, 1]),
        ValueError,
        "logits must be finite, got 2 NaN or infinite of 2",
    ),
    "labels -1 and 1": (
        torch.ones(3),
        torch.tensor([-1, 1, -1]),
        ValueError,
        "target must be 0, 1 or NaN (unknown), got -1; map labels -1/1 to 0/1 with "
        "(target + 1) / 2",
    ),
    "soft labels": (
        torch.ones(3),
        torch.tensor([0.1, 0.9, NAN]),
        ValueError,
        "target must be 0, 1 or NaN (unknown), got 0.1, 0.9",
    ),
    "an almost hard label": (
        torch.ones(2),
        torch.tensor([1e-30, 1.0]),
        ValueError,
        "target must be 0, 1 or NaN (unknown), got 1e-30",
    ),
    "class numbers": (
        torch.ones(7),
        torch.tensor([0, 1, 2, 3, 4, 5, 6]),
        ValueError,
        "target must be 0, 1 or NaN (unknown), got 2, 3, 4, 5, 6",
    ),
    "infinite target": (
        torch.ones(2),
        torch.tensor([INF, 0.0]),
        ValueError,
        "target must be 0, 1 or NaN (unknown), got inf",
    ),
    "all unknown": (
        torch.ones(2),
        torch.tensor([NAN, NAN]),
        ValueError,
        "target must hold at least one known value (0 or 1), got NaN alone: leave rows without "
        "any label out of the training set",
    ),
}


@pytest.fixture
def _no_value_checks():
    set_value_checks(cpu=False)
    yield
    set_value_checks(cpu=True, accelerator=False)


@pytest.mark.parametrize("case", WRONG)
def test_every_message(case):
    logits, target, error, message = WRONG[case]
    with pytest.raises(error, match=re.escape(message)) as caught:
        check_batch(logits, target)
    assert "; map" not in str(caught.value) or "-1" in message


@pytest.mark.parametrize("checks", [True, False])
@pytest.mark.parametrize("shape", [(6,), (6, 1), (3, 2)])
@settings(max_examples=30, deadline=None)
@given(values=st.lists(st.sampled_from([0.0, 1.0, NAN]), min_size=6, max_size=6))
def test_masks_are_the_same_with_and_without_value_checks(shape, checks, values):
    target = torch.tensor([*values[:-1], 1.0]).reshape(shape)
    logits = torch.randn(shape)
    set_value_checks(cpu=checks)
    try:
        flat, positive, negative = check_batch(logits, target)
    finally:
        set_value_checks(cpu=True)
    wanted = target if shape == (3, 2) else target.reshape(6)
    assert positive.tolist() == (wanted == 1).float().tolist()
    assert negative.tolist() == (wanted == 0).float().tolist()
    assert flat.shape == positive.shape == negative.shape == wanted.shape


@pytest.mark.parametrize("dtype", [torch.bool, torch.int8, torch.int64, torch.float16])
def test_targets_of_any_type(dtype):
    _, positive, negative = check_batch(torch.zeros(3), torch.tensor([0, 1, 1]).to(dtype))
    assert positive.tolist() == [0, 1, 1]
    assert negative.tolist() == [1, 0, 0]


@pytest.mark.parametrize(
    ("given_type", "kept"),
    [(torch.float16, torch.float32), (torch.bfloat16, torch.float32)]
    + [(same, same) for same in (torch.float32, torch.float64)],
)
def test_logits_are_float32_or_float64(given_type, kept):
    found = check_batch(torch.zeros(2, dtype=given_type), torch.tensor([0, 1]))
    assert [x.dtype for x in found] == [kept] * 3


def test_large_finite_logits_whose_sum_overflows_are_accepted():
    check_batch(torch.full((4,), 3e38), torch.tensor([0, 1, 0, 1]))


def test_target_and_logits_are_left_as_they_are():
    logits, target = torch.randn(3), torch.tensor([0.0, 1.0, NAN])
    before = logits.clone(), target.clone()
    check_batch(logits, target)
    assert torch.equal(logits, before[0])
    assert torch.equal(target.nan_to_num(7), before[1].nan_to_num(7))


@pytest.mark.usefixtures("_no_value_checks")
def test_after_a_first_batch_values_pass_unseen_where_checks_are_off_but_shapes_do_not():
    checks, odd = ValueChecks(), (torch.tensor([NAN, 1.0]), torch.tensor([3.0, 0.0]))
    for _ in range(2):
        with pytest.raises(ValueError, match="logits must be finite"):
            check_batch(*odd, checks)
    check_batch(torch.zeros(2), torch.tensor([0, 1]), checks)
    _, positive, negative = check_batch(*odd, checks)
    assert (positive.tolist(), negative.tolist()) == ([0, 0], [0, 1])
    with pytest.raises(ValueError, match="must have the same shape"):
        check_batch(torch.ones(2), torch.ones(3), checks)
    set_value_checks(cpu=True)
    with pytest.raises(ValueError, match="logits must be finite"):
        check_batch(torch.tensor([NAN, 1.0]), torch.tensor([1.0, 0.0]), checks)


def on(device):
    """What the checks ask of a tensor on a device that this machine may not have."""
    return SimpleNamespace(**{f"is_{kind}": device == kind for kind in ("cpu", "cuda", "meta")})


def inspected(device, batches):
    """Which of so many batches on a device are inspected, all of them right."""
    checks, found = ValueChecks(), []
    for number in range(batches):
        if checks.begin(on(device)):
            found.append(number)
        checks.passed()
    return found


@pytest.mark.parametrize("device", ["cuda", "mps", "xpu"])
def test_on_accelerators_the_first_batch_and_one_in_1000_are_inspected(device):
    assert inspected(device, 2001) == [0, 1000, 2000]
    assert inspected("meta", 3) == []
    assert inspected("cpu", 3) == [0, 1, 2]


@pytest.mark.usefixtures("_no_value_checks")
def test_each_switch_turns_its_own_kind_of_device():
    set_value_checks(cpu=True)

    def states():
        return [len(inspected(name, 3)) == 3 for name in ("cpu", "cuda", "mps")]

    assert states() == [True, False, False]
    set_value_checks(accelerator=True)
    assert states() == [True, True, True]
    set_value_checks(cpu=False)
    assert states() == [False, True, True]
    set_value_checks()
    assert states() == [False, True, True]


CURES = {
    "softmax": (torch.zeros(4, 2), torch.zeros(4), "pass logits[:, 1] - logits[:, 0]"),
    "classes": (torch.zeros(4, 3), torch.zeros(4), "for class numbers use OneVsRestLoss"),
    "-1/1": (torch.zeros(2), torch.tensor([-1.0, 1.0]), "with (target + 1) / 2"),
    "0/255": (torch.zeros(2), torch.tensor([0, 255]), "with target / 255"),
    "numbers": (torch.zeros(3), torch.tensor([0, 1, 2]), "for class numbers use OneVsRestLoss"),
    "soft": (torch.zeros(2), torch.tensor([0.05, 0.95]), "lam * loss(logits, y_a) + (1 - lam) *"),
}


@pytest.mark.parametrize("case", CURES)
def test_the_message_names_the_cure(case):
    logits, target, cure = CURES[case]
    with pytest.raises(ValueError, match=re.escape(cure)):
        check_batch(logits, target)


def test_squeeze_label():
    shapes = [(3,), (3, 1), (1, 3), (1, 1), (3, 2)]
    found = [tuple(squeeze_label(torch.zeros(shape)).shape) for shape in shapes]
    assert found == [(3,), (3,), (1, 3), (1,), (3, 2)]


def test_mean_weights():
    assert mean_weights(torch.tensor(3.0)).item() == 1
    assert mean_weights(torch.tensor(0.0)).item() == 0
    assert mean_weights(torch.tensor([4.0, 0.0, 1.0, 9.0])).tolist() == pytest.approx(
        [1 / 3, 0, 1 / 3, 1 / 3]
    )
    assert mean_weights(torch.zeros(2)).tolist() == [0, 0]


def test_per_label():
    assert per_label("margin", 0.5, None).shape == per_label("margin", 0.5, 3).shape == ()
    assert per_label("margin", [0.5], 1).shape == ()
    assert per_label("margin", [1, 2], 2).tolist() == [1, 2]
    message = "margin must be one number or 3 of them (num_labels=3), got [1, 2]"
    with pytest.raises(ValueError, match=re.escape(message)):
        per_label("margin", [1, 2], 3)
    message = "margin must be one number (num_labels=None), got [1, 2]"
    with pytest.raises(ValueError, match=re.escape(message)):
        per_label("margin", [1, 2], None)
