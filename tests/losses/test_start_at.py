"""Starting at the saddle of the first batch: where a, b and alpha are, and what it is good for."""

import pytest
import torch
from torch.nn import Identity

from aucmax.losses import AUCMLoss, AUCSquareLoss

NAN = float("nan")
both = pytest.mark.parametrize("loss_class", [AUCMLoss, AUCSquareLoss])


@both
def test_variables_are_the_means_and_the_gap(loss_class):
    loss = loss_class(0.5, activation=Identity()).double()
    h = torch.tensor([0.9, 0.1, 0.4, 0.2, 7.0], dtype=torch.float64)
    loss.start_at(h, torch.tensor([1.0, 1.0, 0.0, 0.0, NAN]))
    assert loss.a.item() == pytest.approx(0.5)
    assert loss.b.item() == pytest.approx(0.3)
    assert loss.alpha.item() == pytest.approx(0.5 + 0.3 - 0.5)


@both
def test_value_and_gradient_are_those_of_the_mean_over_all_pairs(loss_class):
    h = torch.randn(30, dtype=torch.float64, requires_grad=True)
    target = (torch.arange(30) % 4 == 0).double()
    loss = loss_class(activation=Identity()).double()
    loss.margin.fill_(9.0)  # beyond any gap: alpha > 0
    loss.start_at(h, target)
    value = loss(h, target)
    gap = h[target == 1][:, None] - h[target == 0]
    expected = ((9.0 - gap) ** 2).mean()
    assert value.item() == pytest.approx(expected.item())
    ours, theirs = (torch.autograd.grad(v, h)[0] for v in (value, expected))
    torch.testing.assert_close(ours, theirs)


@both
@pytest.mark.parametrize("missing", [0.0, 1.0])
def test_the_variable_of_a_missing_class_stays(loss_class, missing):
    loss = loss_class()
    with torch.no_grad():
        loss.a.fill_(0.7)
        loss.b.fill_(0.2)
    loss.start_at(torch.zeros(4), torch.full((4,), 1 - missing))
    assert loss.a.item() == pytest.approx(0.7 if missing else 0.5)
    assert loss.b.item() == pytest.approx(0.5 if missing else 0.2)


def test_each_label_starts_by_itself():
    logits, target = torch.randn(12, 3), (torch.rand(12, 3) < 0.5).float()
    target[0], target[1], target[2, 1] = 1.0, 0.0, NAN
    loss = AUCMLoss((0.5, 1.0, 2.0), num_labels=3)
    loss.start_at(logits, target)
    for label, margin in enumerate((0.5, 1.0, 2.0)):
        single = AUCMLoss(margin)
        single.start_at(logits[:, label], target[:, label])
        for name in ("a", "b", "alpha"):
            torch.testing.assert_close(getattr(loss, name)[label], getattr(single, name)[0])


def test_alpha_below_zero_counts_as_zero_in_the_margin_loss():
    loss = AUCMLoss(0.5, activation=Identity())
    h, target = torch.tensor([3.0, 0.0]), torch.tensor([1.0, 0.0])
    loss.start_at(h, target)  # the gap of 3 is beyond the margin
    assert loss(h, target).item() == 0.0
    assert loss.alpha.item() == 0.0


def test_wrong_batches_are_refused():
    with pytest.raises(ValueError, match="target must be 0, 1 or NaN"):
        AUCMLoss().start_at(torch.zeros(2), torch.tensor([-1.0, 1.0]))


def steps(start, lr=0.05, count=12):
    """Separable features, a fresh head, a few steps of SGD; the AUROC of what they lead to."""
    generator = torch.Generator().manual_seed(3)
    target = (torch.arange(64) % 4 == 0).float()
    x = 0.3 * torch.randn(64, 20, generator=generator)
    x[:, 0] += target
    head = torch.nn.Linear(20, 1)
    torch.nn.init.uniform_(head.weight, -0.2, 0.2, generator=generator)
    torch.nn.init.zeros_(head.bias)
    loss = AUCMLoss()
    if start:
        loss.start_at(head(x), target)
    else:
        loss.started.fill_(True)  # they stay at 0
    optimizer = torch.optim.SGD([*head.parameters(), *loss.parameters()], lr=lr)
    for _ in range(count):
        optimizer.zero_grad()
        loss(head(x), target).backward()
        optimizer.step()
    h = head(x).detach().squeeze(1)
    return (h[target == 1][:, None] > h[target == 0]).float().mean().item()


def test_the_first_steps_rank_better_than_from_zeros():
    assert steps(start=True) > steps(start=False)
