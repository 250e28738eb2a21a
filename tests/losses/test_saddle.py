"""Variables of min-max losses: any optimizer trains them, and they start by themselves."""

import copy
import io
import warnings

import pytest
import torch
from sklearn.metrics import roc_auc_score
from torch import nn

import aucmax
from aucmax.losses import AUCMLoss, AUCSquareLoss, CompositionalAUCLoss, OneVsRestLoss, PAUCILoss

NAN = float("nan")
KINDS = {
    "AUCM": AUCMLoss,
    "AUC square": AUCSquareLoss,
    "PAUCI": lambda **options: PAUCILoss(0.5, **options),
    "PAUCI two-way": lambda **options: PAUCILoss(0.5, 0.3, **options),
}
every = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)


def task(rows=1500):
    """Gaussian features, one row in nine positive."""
    torch.manual_seed(0)
    x = torch.randn(rows, 8)
    return x, (x[:, 0] + 0.8 * torch.randn(rows) > 1.6).float()


def trained(loss, make, *, clear=None, epochs=3, held=True):
    """AUROC of a linear model on all rows after training by an optimizer over plain parameters."""
    x, target = task()
    model = nn.Linear(8, 1)
    parameters = [*model.parameters(), *(loss.parameters() if held else ())]
    optimizer = make(parameters)
    for epoch in range(epochs):
        for rows in aucmax.BalancedBatches(target, 50, 0.3, seed=epoch):
            (clear or optimizer.zero_grad)() if clear is None else clear(model, optimizer)
            loss(model(x[rows]).squeeze(1), target[rows]).backward()
            optimizer.step()
    return roc_auc_score(target, model(x).detach().squeeze(1))


class Signless(torch.optim.SGD):
    """Descends all it is given and knows no ``maximize``, as most third-party optimizers do."""

    def __init__(self, params):
        super().__init__(params, lr=0.1)


OPTIMIZERS = {
    "SGD": lambda p: torch.optim.SGD(p, lr=0.1),
    "Adam": lambda p: torch.optim.Adam(p, lr=0.01),
    "AdamW": lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.01),
    "RMSprop": lambda p: torch.optim.RMSprop(p, lr=0.003),
    "Adagrad": lambda p: torch.optim.Adagrad(p, lr=0.05),
    "PESG": lambda p: aucmax.PESG(p, lr=0.1, epoch_decay=1e-3),
    "PESGAdam": lambda p: aucmax.PESGAdam(p, lr=0.01),
    "signless": Signless,
}


@every
@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_any_optimizer_over_plain_parameters_trains_them(kind, make):
    loss = kind()
    assert trained(loss, make) > 0.9
    assert 0 < loss.alpha.item() < 1.5


@every
@pytest.mark.parametrize("name", ["lamb", "adabelief", "adan", "sgdp", "lion", "madgrad"])
def test_so_do_optimizers_of_timm_that_ignore_maximize(kind, name):
    optim = pytest.importorskip("timm.optim")
    lr = 0.1 if name == "sgdp" else 0.02
    make = optim.create_optimizer_v2
    assert trained(kind(), lambda p: make(p, opt=name, lr=lr, weight_decay=0.0), epochs=4) > 0.9


@every
def test_the_variables_need_no_optimizer(kind):
    loss = kind()
    assert trained(loss, OPTIMIZERS["Adam"], held=False) > 0.9


@pytest.mark.parametrize("epochs", [1, 2])
def test_training_does_not_start_inverted(epochs):
    """From zeros, Adam at 1e-3 ranked worse than chance after each of the first epochs."""
    assert trained(AUCMLoss(), lambda p: torch.optim.Adam(p, lr=1e-3), epochs=epochs) > 0.6


@every
def test_alpha_gets_its_gradient_with_the_opposite_sign(kind):
    x, target = task(64)
    loss, logits = kind(), x[:, 0]
    loss.start_at(logits, target)
    loss.alpha.data += 0.05
    loss(logits, target).backward()
    here = loss.eval()(logits, target).item()
    for name in loss.loss_variables:
        parameter = getattr(loss, name)
        if parameter is None or parameter.grad.abs() < 1e-3:
            continue
        moved = copy.deepcopy(loss)
        getattr(moved, name).data -= 1e-3 * parameter.grad.sign()
        change = moved(logits, target).item() - here
        assert change >= -1e-7 if name == "alpha" else change <= 1e-6


@every
@pytest.mark.parametrize("labels", [None, 3])
def test_the_first_batch_starts_them_at_its_saddle(kind, labels):
    x, target = task(64)
    logits = x[:, 0] if labels is None else x[:, :labels]
    target = target if labels is None else torch.stack([target, 1 - target, target], 1)
    loss, twin = kind(num_labels=labels), kind(num_labels=labels)
    twin.start_at(logits, target)
    assert not loss.started.any()
    value = loss(logits, target)
    assert loss.started.all()
    for own, other in zip(loss.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(own, other)
    assert value == twin(logits, target)
    before = [p.clone() for p in loss.parameters()]
    loss(logits - 1, 1 - target)
    assert all(a.equal(b) for a, b in zip(before, loss.parameters(), strict=True))


def test_they_start_at_the_means_by_hand():
    loss = AUCMLoss(0.5, activation=nn.Identity()).double()
    h = torch.tensor([0.9, 0.1, 0.4, 0.2, 7.0], dtype=torch.float64)
    loss(h, torch.tensor([1.0, 1.0, 0.0, 0.0, NAN]))
    assert [p.item() for p in loss.parameters()] == pytest.approx([0.5, 0.3, 0.3])


def test_a_class_that_comes_later_starts_later():
    loss = AUCMLoss(num_labels=2)
    logits = torch.randn(4, 2)
    loss(logits, torch.tensor([[0.0, NAN], [0.0, 1.0], [0.0, 1.0], [NAN, 1.0]]))
    assert loss.started.tolist() == [[False, True], [True, False]]
    assert loss.alpha.tolist() == [0, 0]
    first = logits[:3, 0].sigmoid().mean()
    assert loss.b[0].item() == pytest.approx(first.item())
    others, target = torch.randn(4, 2), torch.tensor([[1.0, 0], [0, 0], [0, 0], [0, 0]])
    loss(others, target)
    assert loss.started.all()
    assert loss.b[0].item() == pytest.approx(first.item())  # not a second time
    assert loss.a[0].item() == pytest.approx(others[0, 0].sigmoid().item())
    assert loss.b[1].item() == pytest.approx(others[:, 1].sigmoid().mean().item())
    torch.testing.assert_close(loss.alpha, 1 + loss.b - loss.a)


@every
def test_variables_set_by_hand_or_loaded_are_kept(kind):
    x, target = task(64)
    loss = kind()
    loss.a.data.fill_(0.61)
    loss(x[:, 0], target)
    assert loss.a.item() == pytest.approx(0.61)
    file = io.BytesIO()
    torch.save(loss.state_dict(), file)
    file.seek(0)
    other = kind()
    other.load_state_dict(torch.load(file, weights_only=True))
    other(x[:, 1], 1 - target)
    assert other.a.item() == pytest.approx(0.61)


@every
def test_evaluation_starts_nothing(kind):
    x, target = task(64)
    loss = kind().eval()
    before = copy.deepcopy(loss.state_dict())
    loss(x[:, 0], target)
    torch.testing.assert_close(dict(loss.state_dict()), dict(before))


@pytest.mark.parametrize(
    "loss", [CompositionalAUCLoss(), aucmax.CrossEntropyAUCLoss(AUCMLoss())], ids=["turns", "sum"]
)
def test_a_part_of_another_loss_starts_as_well(loss):
    x, target = task(64)
    for _ in range(2):
        loss(x[:, 0], target)
    assert loss.auc.started.all()


def test_so_does_the_loss_of_classes():
    loss = OneVsRestLoss(AUCMLoss(num_labels=3))
    loss(torch.randn(12, 3), torch.arange(12) % 3)
    assert loss.loss.started.all()


def never_cleared(model, optimizer):
    model.zero_grad()


@every
def test_gradients_that_are_never_cleared_are_reported_once(kind):
    with pytest.warns(UserWarning, match=r"never cleared.*call optimizer.zero_grad\(\)") as caught:
        trained(kind(), OPTIMIZERS["SGD"], clear=never_cleared, epochs=1)
    assert len(caught) == 1


@every
@pytest.mark.parametrize(
    "clear",
    [
        None,
        lambda model, optimizer: optimizer.zero_grad(set_to_none=False),
    ],
    ids=["to None", "to zero"],
)
def test_cleared_ones_are_not_reported(kind, clear):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trained(kind(), OPTIMIZERS["SGD"], clear=clear, epochs=1)
        trained(kind(), OPTIMIZERS["SGD"], clear=never_cleared, epochs=1, held=False)


@pytest.mark.parametrize("steps", [2, 3, 5])
@pytest.mark.parametrize("to_none", [True, False])
def test_gradients_accumulated_on_purpose_are_not_reported(steps, to_none):
    x, target = task(60)
    model, loss = nn.Linear(8, 1), AUCMLoss()
    optimizer = torch.optim.SGD([*model.parameters(), *loss.parameters()], lr=0.1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for number in range(60):
            (loss(model(x).squeeze(1), target) / steps).backward()
            if number % steps == steps - 1:
                optimizer.step()
                optimizer.zero_grad(set_to_none=to_none)


@every
def test_averages_of_weights_keep_what_has_started(kind):
    x, target = task(64)
    module = nn.ModuleList([nn.Linear(8, 1), kind()])
    average = torch.optim.swa_utils.AveragedModel(module, use_buffers=True)
    for _ in range(3):
        module[1](module[0](x).squeeze(1), target)
        average.update_parameters(module)
    assert average.module[1].started.all()
