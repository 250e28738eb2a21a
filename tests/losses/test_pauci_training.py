"""PAUCI's variables: their bounds, missing classes, and where training takes them."""

import copy
import math
import re

import pytest
import torch
from sklearn.datasets import load_digits
from torch.nn import Identity

from aucmax import metrics, param_groups
from aucmax.losses.pauci import PAUCILoss

NAN = float("nan")


def batch(shape=(40,)):
    """Scores without ties, and targets, every fourth positive."""
    target = (torch.arange(torch.Size(shape).numel()) % 4 == 0).double().reshape(shape)
    return torch.rand(shape, dtype=torch.float64), target


def raw(*args, **options):
    """The loss on scores themselves, in float64."""
    return PAUCILoss(*args, activation=Identity(), **options).double()


def set_variables(loss, **values):
    for name, value in values.items():
        parameter = getattr(loss, name)
        if parameter is not None:
            parameter.data = torch.as_tensor(value, dtype=parameter.dtype).expand_as(parameter)
            parameter.data = parameter.data.clone()
    return loss


OUTSIDE = {"a": 1.5, "b": -0.5, "alpha": -1.0, "s_positive": -3.0, "s_negative": 7.0}
BOUNDS = pytest.mark.parametrize(
    ("max_fpr", "min_tpr", "a", "b", "low"),
    [(0.3, 0.0, 0.1, 0.7, 0.7), (1.0, 0.5, 0.1, 0.7, 0.9), (0.3, 0.5, 0.6, 0.3, 0.4),
     (1.0, 0.0, 0.1, 0.7, 0.0)],
)  # fmt: skip


@BOUNDS
def test_variables_are_projected_at_the_head_of_forward_in_training(max_fpr, min_tpr, a, b, low):
    h, target = batch()
    loss = set_variables(raw(max_fpr, min_tpr), a=a, b=b, alpha=-1.0)
    loss(h, target).backward()
    assert loss.alpha.item() == pytest.approx(low)
    assert loss.alpha.grad != 0  # it can rise again
    set_variables(loss, alpha=5.0)(h, target)
    assert loss.alpha.item() == 2.0
    set_variables(loss, **OUTSIDE)(h, target)
    assert (loss.a.item(), loss.b.item()) == (1.0, 0.0)
    assert loss.s_positive is None or loss.s_positive.item() == 0.0
    assert loss.s_negative is None or loss.s_negative.item() == 1.0


def test_evaluation_projects_without_changing_anything():
    h, target = batch()
    loss = set_variables(raw(0.3, 0.5), **OUTSIDE)
    expected = copy.deepcopy(loss)(h, target)
    loss.eval()
    before = copy.deepcopy(loss.state_dict())
    torch.testing.assert_close(loss(h, target), expected)
    assert loss.diagnostics()["b"] == 0.0
    torch.testing.assert_close(dict(loss.state_dict()), dict(before))


def test_two_forwards_before_one_backward():
    h, target = batch()
    loss = raw(0.3, 0.5)
    apart = []
    for scores in (h, h.flip(0)):
        loss.zero_grad()
        loss(scores, target).backward()
        apart.append([p.grad.clone() for p in loss.parameters()])
    loss.zero_grad()
    (loss(h, target) + loss(h.flip(0), target)).backward()
    for parameter, one, other in zip(loss.parameters(), *apart, strict=True):
        torch.testing.assert_close(parameter.grad, one + other)


@pytest.mark.parametrize("missing", [0.0, 1.0])
def test_without_a_class_the_other_still_learns(missing):
    h = torch.rand(12, dtype=torch.float64, requires_grad=True)
    target = torch.full((12,), 1 - missing)
    loss = raw(0.5, 0.5)
    value = loss(h, target)
    value.backward()
    assert value.isfinite()
    assert h.grad.abs().sum() > 0
    gone, other = ("a", "s_positive"), ("b", "s_negative")
    for name in gone if missing else other:
        assert getattr(loss, name).grad == 0
    for name in other if missing else gone:
        assert getattr(loss, name).grad != 0
    before = copy.deepcopy(loss)
    loss.start_at(h.detach() ** 2, target)
    for name in gone if missing else other:
        assert torch.equal(getattr(loss, name), getattr(before, name))


def test_each_label_starts_by_itself():
    logits, target = torch.randn(30, 3), (torch.rand(30, 3) < 0.5).float()
    target[2:9, 1] = NAN
    loss = PAUCILoss(0.3, 0.4, num_labels=3)
    loss.start_at(logits, target)
    for label in range(3):
        single = PAUCILoss(0.3, 0.4)
        single.start_at(logits[:, label], target[:, label])
        for name, parameter in single.named_parameters():
            torch.testing.assert_close(getattr(loss, name)[label], parameter.detach()[0])


def test_diagnostics_tell_all_variables():
    loss = PAUCILoss(0.3, 0.4)
    names = {"auroc", "mean_positive", "mean_negative", "a", "b", "alpha"}
    assert loss.diagnostics().keys() == names | {"s_positive", "s_negative"}
    assert PAUCILoss(0.3).diagnostics().keys() == names | {"s_negative"}
    assert repr(loss) == (
        "PAUCILoss(max_fpr=0.3, min_tpr=0.4, num_labels=None, kappa=20.0, omega=0.0)"
    )


def test_all_variables_are_in_one_group():
    loss = PAUCILoss(0.3, 0.4)
    (variables,) = param_groups(loss)
    assert variables["params"] == [
        loss.a, loss.b, loss.alpha, loss.s_positive, loss.s_negative
    ]  # fmt: skip
    assert len(param_groups(PAUCILoss(0.3))[0]["params"]) == 4


def digits():
    """Eights (one in ten) against all other digits."""
    x, y = load_digits(return_X_y=True)
    return torch.tensor(x / 16, dtype=torch.float32), torch.tensor(y == 8).float()


def fit(loss, x, target):
    """Scores of a linear model after some steps of SGD on balanced batches, the last ones small."""
    model = torch.nn.Linear(x.shape[1], 1)
    torch.nn.init.zeros_(model.weight)
    optimizer = torch.optim.SGD(param_groups(model, loss), lr=0.1)
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, [300])
    rows = [(target == y).nonzero().squeeze(1) for y in (0, 1)]
    for _ in range(400):
        index = torch.cat([one[torch.randint(len(one), (32,))] for one in rows])
        optimizer.zero_grad()
        loss(model(x[index]), target[index][:, None]).backward()
        optimizer.step()
        scheduler.step()
    return torch.sigmoid(model(x).squeeze(1)).detach()


def saddle(h, target, max_fpr, min_tpr=0.0):
    """The exact loss, its variables at their best for the scores h."""
    loss = PAUCILoss(max_fpr, min_tpr, kappa=math.inf, activation=Identity())
    loss.start_at(h, target)
    return loss


@pytest.mark.parametrize(("max_fpr", "min_tpr", "below"), [(0.3, 0.0, 0.45), (0.3, 0.5, 0.65)])
@pytest.mark.parametrize(("kappa", "near"), [(20.0, 0.08), (math.inf, 0.04)])
def test_training_lowers_the_objective_and_finds_the_saddle(max_fpr, min_tpr, below, kappa, near):
    x, target = digits()
    loss = PAUCILoss(max_fpr, min_tpr, kappa=kappa)
    constant = torch.full_like(target, 0.5)
    assert saddle(constant, target, max_fpr, min_tpr)(constant, target).item() == 1.0
    h = fit(loss, x, target)
    best = saddle(h, target, max_fpr, min_tpr)
    assert best(h, target).item() < below
    assert metrics.partial_auroc(h, target, fpr=(0, max_fpr)).normalised > 0.85
    for name, parameter in loss.named_parameters():
        assert abs(parameter - getattr(best, name)) < near, name


def test_a_threshold_as_soft_as_kappa_2_holds_alpha_below_its_saddle():
    x, target = digits()
    loss = PAUCILoss(0.1, kappa=2.0)
    h = fit(loss, x, target)
    assert loss.alpha < saddle(h, target, 0.1).alpha - 0.2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"max_fpr": 0.0},
            "max_fpr, the highest false-positive rate of interest, must lie in (0, 1], got 0.0",
        ),
        (
            {"max_fpr": 1.1},
            "max_fpr, the highest false-positive rate of interest, must lie in (0, 1], got 1.1",
        ),
        (
            {"max_fpr": NAN},
            "max_fpr, the highest false-positive rate of interest, must lie in (0, 1], got nan",
        ),
        (
            {"min_tpr": 1.0},
            "min_tpr, the lowest true-positive rate of interest, must lie in [0, 1), got 1.0",
        ),
        (
            {"min_tpr": -0.1},
            "min_tpr, the lowest true-positive rate of interest, must lie in [0, 1), got -0.1",
        ),
        ({"num_labels": 0}, "num_labels must be >= 1, or None for one label, got 0"),
        ({"kappa": 0.0}, "kappa must be > 0 (inf is exact), got 0.0"),
        ({"kappa": NAN}, "kappa must be > 0 (inf is exact), got nan"),
        ({"omega": -1.0}, "omega must be >= 0 and finite, got -1.0"),
        ({"omega": math.inf}, "omega must be >= 0 and finite, got inf"),
    ],
)
def test_wrong_options_are_refused(options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        PAUCILoss(**{"max_fpr": 0.3} | options)


def test_scores_outside_the_unit_interval_are_refused():
    loss, target = PAUCILoss(0.3, activation=Identity()), torch.tensor([0, 1])
    for scores in (torch.tensor([0.5, 1.25]), torch.tensor([-0.5, 1.0])):
        message = f"[{scores.min():g}, {scores.max():g}]: keep activation=torch.sigmoid"
        for call in (loss, loss.start_at):
            with pytest.raises(ValueError, match=re.escape(message)):
                call(scores, target)


def test_a_wrong_number_of_labels_is_refused():
    for call in (PAUCILoss(0.3), PAUCILoss(0.3).start_at):
        with pytest.raises(ValueError, match="logits must have one column"):
            call(torch.zeros(4, 3), torch.ones(4, 3))
