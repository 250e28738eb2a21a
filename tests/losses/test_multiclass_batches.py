"""What the losses for several classes take, what they hand on, and what they refuse."""

import re

import pytest
import torch

from aucmax import set_value_checks
from aucmax.losses import BCELoss, Loss, PairwiseAUCLoss
from aucmax.losses.multiclass import MultiClassLoss, OneVsOneLoss, OneVsRestLoss

NAN, INF = float("nan"), float("inf")
both = pytest.mark.parametrize("wrapper", [OneVsRestLoss, OneVsOneLoss])


@both
@pytest.mark.parametrize("inner", [BCELoss(), PairwiseAUCLoss("logistic")])
def test_every_form_of_the_target_is_the_same(wrapper, inner):
    logits, target, loss = torch.randn(8, 3), torch.arange(8) % 3, wrapper(inner)
    expected, one_hot = loss(logits, target), torch.eye(3)[target]
    forms = [target.to(d) for d in (torch.uint8, torch.int32, torch.float16, torch.float64)]
    forms += [target[:, None], one_hot, one_hot.double(), one_hot.bool(), one_hot.int()]
    for form in forms:
        assert loss(logits, form).equal(expected)
    two, binary = logits[:, :2], target.clamp(max=1)
    assert loss(two, binary.bool()).equal(loss(two, binary))


class Recorder(Loss):
    """Keeps what it is called with."""

    def forward(self, logits, target, index=None):
        self.seen = logits, target, index
        return logits.sum()


@both
def test_the_index_reaches_the_inner_loss(wrapper):
    logits, target = torch.randn(8, 3), torch.arange(8) % 3
    recorder, index = Recorder(), torch.arange(8)
    wrapper(recorder)(logits, target, index)
    assert recorder.seen[2] is index
    wrapper(recorder)(logits, target)
    assert recorder.seen[2] is None
    assert wrapper(recorder).diagnostics() == {}


Z = torch.zeros(2, 3)
HOT = torch.tensor([[0.0, 1, 0], [1, 0, 0]])
OF_SHAPES = {
    "list": (TypeError, [[0.0, 1.0]], torch.tensor([0]), "logits must be a torch.Tensor, got list"),
    "array": (TypeError, Z, [0, 1], "target must be a torch.Tensor, got list"),
    "integers": (TypeError, Z.long(), HOT, "logits must be floating point (raw model outputs)"),
    "vector": (ValueError, torch.zeros(3), torch.zeros(3), "C >= 2 classes, got (3,); for one"),
    "column": (ValueError, torch.zeros(3, 1), torch.zeros(3), "C >= 2 classes, got (3, 1)"),
    "empty": (ValueError, torch.zeros(0, 3), torch.zeros(0), "with B > 0 rows and C >= 2 classes"),
    "rows": (ValueError, Z, torch.zeros(3), "one-hot (B, C) for logits (2, 3), got (3,)"),
    "columns": (ValueError, Z, torch.zeros(2, 2), "for logits (2, 3), got (2, 2)"),
}
OF_VALUES = {
    "NaN logits": (ValueError, torch.full((2, 3), NAN), HOT, "logits must be finite, got 6 NaN"),
    "inf logits": (ValueError, Z - INF, torch.tensor([0, 1]), "logits must be finite, got 6 NaN"),
    "too high": (ValueError, Z, torch.tensor([0, 3]), "class numbers 0 to C - 1 = 2, or NaN (unkn"),
    "negative": (ValueError, Z, torch.tensor([-1, 1]), "in a tensor of floats, got -1"),
    "broken": (ValueError, Z, torch.tensor([0.5, INF]), "in a tensor of floats, got 0.5, inf"),
    "unknown": (ValueError, Z, torch.full((2,), NAN), "at least one known class, got NaN alone"),
    "all rows": (ValueError, Z, torch.full((2, 3), NAN), "at least one known class, got NaN alone"),
    "two": (ValueError, Z, HOT + torch.tensor([[0, 0, 0], [0, 1, 0]]), "got [1.0, 1.0, 0.0] in ro"),
    "none": (ValueError, Z, HOT * 0, "one 1 and else 0, or NaN alone (unknown), got [0.0, 0.0, 0"),
    "soft": (ValueError, Z, HOT / 2, "got [0.0, 0.5, 0.0] in row 0; where several labels may hold"),
    "half": (ValueError, Z, HOT / torch.tensor([[1], [0]]), "got [inf, nan, nan] in row 1; where"),
}


@both
@pytest.mark.parametrize("case", [*OF_SHAPES, *OF_VALUES])
def test_a_wrong_batch_is_refused(wrapper, case):
    error, logits, target, message = (OF_SHAPES | OF_VALUES)[case]
    with pytest.raises(error, match=re.escape(message)):
        wrapper(BCELoss())(logits, target)


@both
@pytest.mark.parametrize("case", OF_VALUES)
@pytest.mark.filterwarnings("ignore::aucmax.MissingClassWarning")
def test_value_checks_can_be_switched_off(wrapper, case):
    _, logits, target, _ = OF_VALUES[case]
    good = torch.randn(8, 3), torch.arange(8) % 3
    expected = wrapper(BCELoss())(*good)
    set_value_checks(cpu=False)
    try:
        loss = wrapper(BCELoss())
        with pytest.raises(ValueError, match="must"):  # the first batch is always inspected
            loss(logits, target)
        assert loss(*good).equal(expected)
        assert loss(logits, target).shape == ()
    finally:
        set_value_checks(cpu=True)


@both
@pytest.mark.parametrize(
    ("loss", "kind"),
    [
        (PairwiseAUCLoss, "PairwiseAUCLoss itself"),
        (torch.nn.BCEWithLogitsLoss(), "BCEWithLogitsLoss"),
        ("AUCMLoss", "str"),
    ],
)
def test_only_losses_can_be_wrapped(wrapper, loss, kind):
    message = f"loss must be an aucmax.losses.Loss, such as PairwiseAUCLoss(), got {kind}"
    with pytest.raises(TypeError, match=re.escape(message)):
        wrapper(loss)
    with pytest.raises(TypeError, match="abstract"):
        MultiClassLoss(PairwiseAUCLoss())
