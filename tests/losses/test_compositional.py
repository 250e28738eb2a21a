"""CompositionalAUCLoss: whose turn it is, and that nothing else changes it."""

import copy
import io
import pickle

import pytest
import torch
from torch import nn

import aucmax
from aucmax.losses import AUCMLoss, BCELoss, FocalLoss, PairwiseAUCLoss
from aucmax.losses.compositional import CompositionalAUCLoss


def batch():
    torch.manual_seed(0)
    return torch.randn(8, dtype=torch.float64), torch.tensor([1.0, 0, 0, 1, 0, 0, 0, 0])


@pytest.mark.parametrize("auc", [AUCMLoss, PairwiseAUCLoss])
@pytest.mark.parametrize("cross_entropy", [BCELoss, FocalLoss])
def test_turns_in_training_the_auc_loss_alone_in_evaluation(auc, cross_entropy):
    logits, target = batch()
    loss = CompositionalAUCLoss(auc(), cross_entropy=cross_entropy())
    loss.start_at(logits, target)
    inner, outer = cross_entropy()(logits, target), auc()(logits, target)
    assert inner != outer
    for number in range(5):
        assert loss.next_is_inner == (number % 2 == 0)
        for _ in range(3):
            assert torch.equal(loss.eval()(logits, target), outer)
        assert torch.equal(loss.train()(logits, target), outer if number % 2 else inner)


def test_defaults():
    loss = CompositionalAUCLoss()
    assert isinstance(loss.auc, AUCMLoss)
    assert isinstance(loss.cross_entropy, BCELoss)
    assert loss.next_is_inner


def test_an_inner_call_gives_no_gradient_to_the_variables_of_the_auc_loss():
    logits, target = batch()
    loss = CompositionalAUCLoss()
    logits.requires_grad_()
    loss(logits, target).backward()
    assert logits.grad is not None
    assert all(p.grad is None for p in loss.parameters())
    loss(logits, target).backward()
    assert all(p.grad is not None for p in loss.parameters())


def test_a_refused_batch_takes_no_turn():
    logits, target = batch()
    loss = CompositionalAUCLoss()
    for turn in (True, False):
        assert loss.next_is_inner is turn
        with pytest.raises(ValueError, match="logits must be finite"):
            loss(logits * torch.inf, target)
        assert loss.next_is_inner is turn
        loss(logits, target)


def test_reset_makes_the_next_call_an_inner_one():
    loss = CompositionalAUCLoss()
    for calls in (0, 1, 2):
        for _ in range(calls):
            loss(*batch())
        loss.reset()
        assert torch.equal(loss(*batch()), BCELoss()(*batch()))
        loss.reset()


@pytest.mark.parametrize("calls", [0, 1, 2, 3])
def test_copies_and_saved_states_take_the_same_turns(calls):
    loss, fresh, file = CompositionalAUCLoss(), CompositionalAUCLoss(), io.BytesIO()
    for _ in range(calls):
        loss(*batch())
    torch.save(loss.state_dict(), file)
    file.seek(0)
    fresh(*batch()) if calls % 2 == 0 else None
    fresh.load_state_dict(torch.load(file, weights_only=True))
    twins = [fresh, copy.deepcopy(loss), pickle.loads(pickle.dumps(loss))]
    for _ in range(2):
        expected = loss(*batch())
        assert all(torch.equal(twin(*batch()), expected) for twin in twins)


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")
def test_compiled_takes_the_same_turns():
    logits, target = batch()
    loss, eager = CompositionalAUCLoss(), CompositionalAUCLoss()
    torch.compiler.reset()
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    for _ in range(5):
        torch.testing.assert_close(compiled(logits, target), eager(logits, target))
        assert loss.next_is_inner == eager.next_is_inner


@pytest.mark.parametrize(
    "make", [torch.optim.SGD, torch.optim.Adam, aucmax.PESG, aucmax.PESGAdam], ids=str
)
def test_with_an_ordinary_optimizer_steps_alternate(make):
    """Two separate losses, stepped by turns by hand, give the same weights."""
    x, target = batch()
    x = x[:, None]
    found = []
    for by_hand in (False, True):
        torch.manual_seed(1)
        model = nn.Linear(1, 1).double()
        loss = CompositionalAUCLoss().double()
        optimizer = make(aucmax.param_groups(model, loss), lr=0.1)
        parts = loss.cross_entropy, loss.auc
        for number in range(10):
            optimizer.zero_grad()
            before = [p.detach().clone() for p in loss.parameters()]
            value = parts[number % 2] if by_hand else loss
            value(model(x).squeeze(1), target).backward()
            optimizer.step()
            moved = any(
                not torch.equal(p, q) for p, q in zip(loss.parameters(), before, strict=True)
            )
            assert moved == (number % 2 == 1)
        found.append(
            torch.cat([p.detach().flatten() for p in (*model.parameters(), loss.auc.a[None])])
        )
    assert torch.equal(*found)
