import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from aucmax.models import create
from aucmax.refit import collect_features


def images(n=13, labels=()):
    return TensorDataset(
        torch.randn(n, 1, 8, 8), torch.randint(2, (n, *labels)).float(), torch.arange(n)
    )


class Siamese(nn.Module):
    """Runs its layers in an order of its own."""

    def __init__(self, *order):
        super().__init__()
        self.order = order
        self.first, self.second = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x):
        for name in self.order:
            x = getattr(self, name)(x)
        return x


@pytest.mark.parametrize("name", ["resnet20", "resnet18"])
def test_the_head_of_the_features_is_the_model(name):
    pytest.importorskip("timm")
    model = create(name, channels=1, num_labels=3)
    data = images(labels=(3,))
    features, target = collect_features(model, DataLoader(data, batch_size=5))
    assert features.dtype == target.dtype == torch.float32
    assert torch.equal(target, data.tensors[1])
    with torch.no_grad():
        logits = model.eval()(data.tensors[0])
        assert torch.allclose(model.get_classifier()(features), logits, atol=1e-5)


def test_a_batch_of_graphs_has_a_vector_for_each_graph():
    graphs = pytest.importorskip("aucmax.models.graphs")
    made = pytest.importorskip("aucmax.molecules.making").featurised
    molecules = made(["CCO", "c1ccccc1", "C", "CC(=O)N", "ClCCl"], progress=False).graphs
    model = graphs.DeeperGCN(2, 8)
    target = torch.tensor([0.0, 1, 0, 1, 0])
    loader = [(molecules.batch(rows), target[rows]) for rows in ([0, 1, 2], [3, 4])]
    features, found = collect_features(model, loader)
    assert torch.equal(found, target)
    with torch.no_grad():
        logits = model.eval()(molecules.batch(range(5)))
    assert torch.allclose(model.get_classifier()(features), logits, atol=1e-6)
    with pytest.raises(ValueError, match="one vector for each of its 2 rows"):
        collect_features(model, [(molecules.batch([0, 1, 2]), target[:2])])


def test_nothing_of_the_model_changes():
    model = nn.Sequential(
        nn.Flatten(), nn.Linear(64, 6), nn.BatchNorm1d(6), nn.Dropout(), nn.Linear(6, 1)
    )
    model.train()
    model[2].eval()  # a frozen part keeps its own mode
    model[1].weight.grad = torch.ones(6, 64)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    features, _ = collect_features(model, DataLoader(images(), batch_size=4))
    assert [module.training for module in model] == [True, True, False, True, True]
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert torch.equal(model[1].weight.grad, torch.ones(6, 64))
    assert all(p.requires_grad for p in model.parameters())
    assert not any(module._forward_pre_hooks for module in model)
    assert torch.is_grad_enabled()
    assert not features.requires_grad
    again, _ = collect_features(model, DataLoader(images(), batch_size=4), head=model[4])
    assert again.shape == (13, 6)


def test_mode_and_hooks_are_restored_after_an_error():
    model = nn.Sequential(nn.Flatten(), nn.Linear(63, 1))
    with pytest.raises(RuntimeError, match="shapes"):
        collect_features(model, DataLoader(images()))
    assert model.training
    assert not model[1]._forward_pre_hooks


def test_heads_in_half_precision_give_float32():
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 1)).bfloat16()
    batches = [(torch.randn(3, 8, 8).bfloat16(), torch.tensor([0, 1, 1]))]
    features, target = collect_features(model, batches)
    assert features.dtype == target.dtype == torch.float32


def test_a_layer_that_runs_last_must_be_named_if_it_is_not_registered_last():
    batches = [(torch.randn(3, 4), torch.zeros(3))]
    model = Siamese("second", "first")
    with pytest.raises(ValueError, match=r"'second' was taken for the last .* but 'first' runs"):
        collect_features(model, batches)
    features, _ = collect_features(model, batches, head="first")
    assert torch.equal(features, model.second(batches[0][0]))
    early, _ = collect_features(model, batches, head="second")
    assert torch.equal(early, batches[0][0])


@pytest.mark.parametrize(
    ("order", "head", "shape", "seen"),
    [
        (("second", "second"), "second", (3, 4), r"\[\(3, 4\), \(3, 4\)\]"),
        (("first",), "second", (3, 4), r"\[\]"),
        (("second",), "second", (3, 5, 4), r"\[\(3, 5, 4\)\]"),
    ],
)
def test_each_row_must_be_seen_once(order, head, shape, seen):
    batches = [(torch.randn(shape), torch.zeros(3))]
    with pytest.raises(ValueError, match=rf"one vector for each of its 3 rows, but it saw {seen}"):
        collect_features(Siamese(*order), batches, head=head)


@pytest.mark.parametrize(
    ("batch", "error", "message"),
    [
        (torch.zeros(3, 4), TypeError, r"tuples \(inputs, target, \.\.\.\) of tensors, got Tensor"),
        ((torch.zeros(3, 4),), TypeError, r"got tuple \['Tensor'\]"),
        (({"x": 1}, torch.zeros(3)), TypeError, r"got tuple \['dict', 'Tensor'\]; wrap"),
        ((torch.zeros(3, 4), torch.zeros(2)), ValueError, r"as many .* \(3, 4\) and \(2,\)"),
        ((torch.zeros(3, 4), torch.tensor(1)), ValueError, r"as many .* \(3, 4\) and \(\)"),
    ],
)
def test_odd_batches(batch, error, message):
    with pytest.raises(error, match=message):
        collect_features(nn.Linear(4, 1), [batch])


def test_an_empty_loader():
    with pytest.raises(ValueError, match="loader must hold at least one batch"):
        collect_features(nn.Linear(4, 1), [])
