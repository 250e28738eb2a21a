import copy
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score
from torch.nn import Identity

from aucmax.losses import AUCMLoss, AUCSquareLoss, PairwiseAUCLoss
from aucmax.losses.base import RECENT


def seen(sizes, shape=()):
    """A loss and the batches that it has seen: raw scores with many ties, 0/1 targets."""
    loss = PairwiseAUCLoss("square", activation=Identity())
    batches = [
        (torch.randint(-5, 5, (n, *shape)).float() / 4, torch.randint(0, 2, (n, *shape)))
        for n in sizes
    ]
    for h, target in batches:
        target[:2] = torch.tensor([0, 1]).reshape((2,) + (1,) * len(shape))
        loss(h, target)
    return loss, batches


def check(found, h, target):
    """Compare with scikit-learn and numpy on one label."""
    h, target = h.double().numpy(), target.numpy()
    known = ~np.isnan(target.astype(float))
    expected = {
        "auroc": roc_auc_score(target[known], h[known]),
        "mean_positive": h[target == 1].mean(),
        "mean_negative": h[target == 0].mean(),
    }
    assert {name: float(found[name]) for name in expected} == pytest.approx(expected, rel=1e-5)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(2, 40), min_size=1, max_size=5))
def test_auroc_and_means_of_all_that_was_seen(sizes):
    loss, batches = seen(sizes)
    check(loss.diagnostics(), *(torch.cat(part) for part in zip(*batches, strict=True)))


@pytest.mark.parametrize(
    ("sizes", "kept"),
    [
        ([RECENT, 5], 2),  # without the first, 5 rows are too few
        ([5, RECENT], 1),
        ([5, RECENT - 1, 2], 2),
        ([RECENT - 1, 5, 7], 3),
        ([3 * RECENT, 3 * RECENT], 1),
        ([300] * 20, 7),
    ],
)
def test_the_fewest_whole_batches_that_hold_enough_rows_are_remembered(sizes, kept):
    loss, batches = seen(sizes)
    recent = batches[-kept:]
    rows = [len(target) for _, target in recent]
    assert sum(rows) >= RECENT > sum(rows[1:])
    check(loss.diagnostics(), *(torch.cat(part) for part in zip(*recent, strict=True)))


def test_each_label_by_itself_and_unknowns_ignored():
    loss = AUCMLoss(num_labels=3)
    z, target = torch.randn(30, 3), torch.randint(0, 2, (30, 3)).float()
    target[:10, 1] = torch.nan
    loss(z, target)
    found = loss.diagnostics(per_label=True)
    for i in range(3):
        own = {name: value[i] for name, value in found.items()}
        check(own, torch.sigmoid(z[:, i]), target[:, i])


def test_a_class_that_was_not_seen_gives_nan():
    loss = AUCMLoss(num_labels=2)
    target = torch.tensor([[1.0, 0.0], [0.0, 0.0]])
    loss(torch.tensor([[2.0, 1.0], [1.0, 0.0]]), target)
    found = loss.diagnostics(per_label=True)
    assert found["auroc"][0] == 1
    assert [bool(found[name][1].isnan()) for name in ("auroc", "mean_positive")] == [True, True]
    assert found["mean_negative"].isfinite().all()


def test_they_are_scalars_for_loggers_the_mean_over_the_labels_that_have_one():
    loss = AUCMLoss(num_labels=3)
    target = torch.tensor([[1.0, 0.0, 1.0], [0.0, 0.0, 0.0], [1.0, 0.0, 1.0]])
    loss(torch.randn(3, 3), target)
    found, each = loss.diagnostics(), loss.diagnostics(per_label=True)
    assert found.keys() == each.keys()
    for name, value in found.items():
        assert value.shape == ()
        known = [x for x in each[name].tolist() if x == x]
        assert value.item() == pytest.approx(sum(known) / len(known))


@pytest.mark.parametrize("activation", [Identity(), torch.sigmoid, torch.nn.Flatten(0)])
def test_the_callers_tensors_are_neither_kept_alive_nor_read_again(activation):
    loss = PairwiseAUCLoss("square", activation=activation)
    output, target = torch.randn(8, 1000), torch.arange(8) % 2
    logits = output[:, 7]
    loss(logits, target)
    before = loss.diagnostics()
    logits.neg_()
    target.copy_(1 - target)
    assert loss.diagnostics() == before
    for kept in loss._recent.batches[0]:
        assert kept.untyped_storage().nbytes() <= 8 * 8


def test_nan_before_the_first_batch():
    found = PairwiseAUCLoss().diagnostics()
    assert list(found) == ["auroc", "mean_positive", "mean_negative"]
    assert all(value.isnan() for value in found.values())


@pytest.mark.parametrize("loss_class", [AUCMLoss, AUCSquareLoss])
def test_min_max_losses_add_copies_of_their_variables(loss_class):
    loss = loss_class(num_labels=2)
    for value, parameter in enumerate(loss.parameters(), start=1):
        parameter.data.fill_(value)
    found = loss.diagnostics(per_label=True)
    assert [found[name].tolist() for name in ("a", "b", "alpha")] == [[1, 1], [2, 2], [3, 3]]
    found["a"].fill_(9)
    assert loss.a.tolist() == [1, 1]
    loss.alpha.data.fill_(-1)
    used = 0 if loss_class is AUCMLoss else -1
    assert loss.eval().diagnostics(per_label=True)["alpha"].tolist() == [used, used]


def test_evaluation_mode_remembers_nothing():
    loss, batches = seen([20])
    h, target = batches[0]
    loss.eval()(-h, target)
    check(loss.diagnostics(), h, target)


def test_another_number_of_labels_starts_afresh():
    loss, _ = seen([20])
    h, target = torch.randn(10, 2), torch.randint(0, 2, (10, 2))
    target[:2] = torch.tensor([[0], [1]])
    loss(h, target)
    found = loss.diagnostics(per_label=True)
    check({name: value[1] for name, value in found.items()}, h[:, 1], target[:, 1])


def test_columns_and_vectors_of_any_type_are_the_same_label():
    loss = PairwiseAUCLoss("square", activation=Identity())
    h, target = torch.randn(12), torch.arange(12) % 3 == 0
    loss(h[:6], target[:6])
    loss(h[6:, None].double(), target[6:, None].float())
    check(loss.diagnostics(), h, target.long())


def test_copies_keep_what_was_seen_and_the_original_does_not_notice():
    loss, _ = seen([20, 30])
    before = loss.diagnostics()
    for twin in (copy.deepcopy(loss), pickle.loads(pickle.dumps(loss))):
        assert twin.diagnostics() == before
        twin(torch.randn(9), torch.arange(9) % 2)
        assert twin.diagnostics() != before
    assert loss.diagnostics() == before


def test_nothing_of_the_graph_is_kept_alive():
    loss = PairwiseAUCLoss("square", activation=Identity())
    h = torch.randn(6, requires_grad=True)
    loss(h, torch.arange(6) % 2).backward()
    assert not any(value.requires_grad for value in loss.diagnostics().values())
    assert not any(h.requires_grad for h, _ in loss._recent.batches)
