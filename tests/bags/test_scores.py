"""Models on bags: padding never reaches them, and whole bags in pieces score as in one."""

import pytest
import torch
from torch import nn

from aucmax.bags import (
    AttentionPooling,
    Bags,
    GatedAttention,
    MaxPooling,
    MeanPooling,
    SmoothMaxPooling,
    bag_scores,
    collate_bags,
    score_instances,
)


class TwoHeads(nn.Module):
    """Scores and attention on shared features."""

    def __init__(self, labels=1):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Dropout(0.5))
        self.head, self.gate = nn.Linear(8, labels), GatedAttention(8, 4)

    def forward(self, x):
        features = self.body(x)
        return self.head(features), self.gate(features)


def some_bags(**options):
    sizes = [1, 9, 4, 13]
    return Bags(
        torch.randn(27, 3),
        torch.arange(4).repeat_interleave(torch.tensor(sizes)),
        [0, 1, 1, 0],
        **options,
    )


@pytest.mark.parametrize("chunk", [1, 4, 100])
@pytest.mark.parametrize("pool", [MeanPooling(), MaxPooling(), SmoothMaxPooling(0.3, 4)])
def test_in_pieces_as_in_one(pool, chunk):
    model, bags = nn.Linear(3, 1), some_bags(sample=2)
    parts = [torch.cat(list(bags.chunks(bag, 100))) for bag in range(4)]
    whole = torch.cat([pool.eval()(model(part).T) for part in parts])
    torch.testing.assert_close(bag_scores(model, pool, bags, chunk=chunk), whole)


@pytest.mark.parametrize("labels", [1, 2])
def test_two_outputs_and_several_labels(labels):
    model, pool, bags = TwoHeads(labels), AttentionPooling(4, num_labels=labels), some_bags()
    got = bag_scores(model, pool, bags, chunk=5)
    model.eval()
    pool.eval()
    for bag in range(4):
        scores, attention = model(bags[bag][0])
        torch.testing.assert_close(got[bag], pool(scores[None], attention[None])[0])
    assert got.shape == ((4,) if labels == 1 else (4, 2))
    assert not got.requires_grad


def test_modes_come_back_and_no_state_changes():
    model, pool = TwoHeads(), AttentionPooling(4)
    model.body.eval()  # a frozen part
    modes = [part.training for part in model.modules()]
    before = {name: value.clone() for name, value in model.state_dict().items()}
    bag_scores(model, pool, some_bags())
    assert [part.training for part in model.modules()] == modes
    assert pool.training
    assert pool.average.ratio.isnan().all()
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    with pytest.raises(RuntimeError, match="mat1"):
        bag_scores(model, pool, Bags(torch.zeros(2, 7), [0, 0], [1]))
    assert [part.training for part in model.modules()] == modes


def test_padding_does_not_reach_the_model():
    instances, mask, _, _ = collate_bags(list(some_bags()))
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))
    scores = score_instances(model, instances.masked_fill(~mask[..., None], 1e6), mask)
    assert scores.shape == mask.shape
    assert (scores[~mask] == 0).all()
    torch.testing.assert_close(scores[mask], model(instances[mask]).squeeze(1))


def test_scores_of_instances_carry_gradients():
    _, mask, _, _ = collate_bags(list(some_bags()))
    weight = torch.randn(3, requires_grad=True)
    instances = torch.randn(4, 13, 3)
    score_instances(lambda x: x @ weight, instances, mask).sum().backward()
    torch.testing.assert_close(weight.grad, instances[mask].sum(0))


def test_a_tuple_in_a_tuple_out():
    instances, mask, _, _ = collate_bags(list(some_bags()))
    scores, attention = score_instances(TwoHeads(2), instances, mask)
    assert (scores.shape, attention.shape) == ((4, 13, 2), (4, 13))


def test_wrong_outputs():
    instances, mask, _, _ = collate_bags(list(some_bags()))
    with pytest.raises(ValueError, match=r"model must give .* m = 27 instances, got \(54,\)"):
        score_instances(lambda x: torch.zeros(54), instances, mask)
    with pytest.raises(ValueError, match=r"for m = 27 instances, got \(27, 3, 1\)"):
        score_instances(lambda x: x[..., None], instances, mask)
    with pytest.raises(ValueError, match="chunk must be an integer >= 1, got 0"):
        bag_scores(nn.Linear(3, 1), MeanPooling(), some_bags(), chunk=0)
