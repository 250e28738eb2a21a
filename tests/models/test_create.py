"""Networks by name, their last layer, and what their weights expect."""

import pytest
import timm
import torch

from aucmax.models import ResNetCIFAR, create, input_statistics, reset_head


@pytest.mark.parametrize("name", ["resnet20", "resnet32"])
def test_our_names_are_not_names_of_timm(name):
    assert not timm.is_model(name)
    model = create(name, channels=1, num_labels=3)
    assert isinstance(model, ResNetCIFAR)
    assert model(torch.rand(2, 1, 8, 8)).shape == (2, 3)


@pytest.mark.parametrize("name", ["test_resnet", "test_vit", "test_efficientnet"])
@pytest.mark.parametrize("channels", [1, 3])
def test_networks_of_timm(name, channels):
    model = create(name, channels=channels, num_labels=5).eval()
    x = torch.rand(2, channels, 160, 160)
    assert model(x).shape == (2, 5)
    reset_head(model, 2)
    assert model(x).shape == (2, 2)


def test_name_with_the_tag_of_its_weights():
    assert create("resnet18.a1_in1k", channels=3, num_labels=1).fc.out_features == 1


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("resnet21", r"no network 'resnet21' here or in timm .*; did you mean .*'resnet20'"),
        ("Densenet121", r"did you mean 'densenet121'"),
        ("zzzzzzz", r"no network 'zzzzzzz' here or in timm [\d.]+\S*$"),
        ("resnet18.zz", r"timm has no weights 'zz' for 'resnet18'; it has .*'a1_in1k'"),
    ],
)
def test_unknown_name(name, message):
    with pytest.raises(ValueError, match=message):
        create(name, channels=3, num_labels=1)


@pytest.mark.parametrize("argument", ["channels", "num_labels"])
def test_numbers_below_one(argument):
    with pytest.raises(ValueError, match=f"{argument} must be 1 or larger, got 0"):
        create("resnet18", **{"channels": 3, "num_labels": 1} | {argument: 0})


@pytest.mark.parametrize("name", ["resnet20", "test_resnet", "test_vit"])
def test_reset_head_changes_only_the_last_layer(name):
    model = create(name, channels=3, num_labels=2).to(torch.float64)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    reset_head(model, 2)
    changed = {k for k, v in model.state_dict().items() if not torch.equal(v, before[k])}
    head = {f"{k}.{p}" for k in ("fc", "head") for p in ("weight", "bias")}
    assert changed
    assert changed <= head
    assert all(v.dtype == before[k].dtype for k, v in model.state_dict().items())


def test_new_head_takes_the_type_of_the_old_one():
    class Model(torch.nn.Linear):
        def reset_classifier(self, num_labels):
            self.head = torch.nn.Linear(2, num_labels)

    model = Model(2, 2, dtype=torch.bfloat16)
    reset_head(model, 3)
    assert model.head.weight.dtype == torch.bfloat16


def test_reset_head_refuses():
    with pytest.raises(TypeError, match=r"reset_classifier\(num_labels\) .*, and Linear has none"):
        reset_head(torch.nn.Linear(2, 2), 1)
    for name in ("resnet20", "test_resnet"):
        with pytest.raises(ValueError, match="num_labels must be 1 or larger, got 0"):
            reset_head(create(name, channels=3, num_labels=1), 0)


def test_input_statistics():
    assert input_statistics("test_vit") == ((0.5,) * 3, (0.5,) * 3)
    mean, std = input_statistics("densenet121", channels=1)
    assert mean == pytest.approx([(0.485 + 0.456 + 0.406) / 3])
    assert std == pytest.approx([(0.229 + 0.224 + 0.225) / 3])
    grey = create("test_resnet", channels=1, num_labels=1)
    assert input_statistics(grey) == input_statistics("test_resnet", channels=1)
    colour = create("test_resnet", channels=3, num_labels=1)
    assert input_statistics(colour) == input_statistics("test_resnet")


def test_nothing_is_expected_without_pretrained_weights():
    assert input_statistics("resnet32") is None
    assert input_statistics(create("resnet20", channels=1, num_labels=1)) is None
    assert input_statistics("cspresnet50d") is None
    assert input_statistics(create("cspresnet50d", channels=3, num_labels=1)) is None
    with pytest.raises(ValueError, match="no network 'resnet21'"):
        input_statistics("resnet21")
