import pytest
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from aucmax.models import create
from aucmax.refit._heads import find_head


class WithClassifier(nn.Module):
    """Its head is registered first."""

    def __init__(self, classifier):
        super().__init__()
        self.classifier = classifier
        self.inner = nn.Linear(3, 3)

    def get_classifier(self):
        return self.classifier


def test_the_last_linear_layer():
    model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 1), nn.Identity())
    assert find_head(model, None) is model[2]
    assert find_head(model, "0") is model[0]
    assert find_head(model, model[0]) is model[0]
    assert find_head(model[0], None) is model[0]


def test_a_model_knows_its_head():
    model = WithClassifier(nn.Linear(3, 1))
    assert find_head(model, None) is model.classifier
    model = WithClassifier(nn.Identity())
    assert find_head(model, None) is model.inner
    network = create("resnet20", channels=1, num_labels=2)
    assert find_head(network, None) is network.fc


def test_errors():
    model = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 1))
    with pytest.raises(ValueError, match=r"head must name .* one of '0', '1', got 'fc'"):
        find_head(model, "fc")
    with pytest.raises(ValueError, match=r"head must be a torch\.nn\.Linear inside the model, one"):
        find_head(model, nn.Linear(3, 1))
    with pytest.raises(ValueError, match=r"of which it has none, got 'fc'"):
        find_head(nn.ReLU(), "fc")
    with pytest.raises(ValueError, match=r"one of the model itself, got 'fc'"):
        find_head(nn.Linear(2, 1), "fc")
    many = nn.Sequential(*(nn.Linear(1, 1) for _ in range(9)))
    with pytest.raises(ValueError, match=r"one of \.\.\., '5', '6', '7', '8', got 'fc'"):
        find_head(many, "fc")
    with pytest.raises(ValueError, match=r"model must have a linear layer, and ReLU has no"):
        find_head(nn.ReLU(), None)
    with pytest.raises(TypeError, match=r"model must be a torch\.nn\.Module, got str"):
        find_head("resnet20", None)  # pyright: ignore[reportArgumentType]


def test_a_computed_weight_cannot_be_set():
    with pytest.raises(ValueError, match=r"weight as a parameter.*remove_parametrizations"):
        find_head(nn.Sequential(nn.ReLU(), weight_norm(nn.Linear(3, 1))), None)
