"""Pretrained weights: from the cache, or an error in seconds."""

import time

import huggingface_hub
import pytest
import timm
import torch
from huggingface_hub.errors import EntryNotFoundError
from safetensors.torch import save_file

from aucmax.models import create

NAME, REPOSITORY = "test_resnet.r160_in1k", "models--timm--test_resnet.r160_in1k"


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache, and a server that refuses every connection."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(
        "huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE",
        "http://127.0.0.1:9/{repo_id}/resolve/{revision}/{filename}",
    )
    return tmp_path


def test_no_network_is_an_error_within_seconds(cache):
    start = time.perf_counter()
    with pytest.raises(FileNotFoundError) as caught:
        create(NAME, channels=3, num_labels=1, pretrained=True)
    assert time.perf_counter() - start < 10
    for words in (NAME, "Run once with a network", "HF_HOME", "pretrained=False"):
        assert words in str(caught.value)
    assert type(caught.value.__cause__).__name__ in str(caught.value)


def test_weights_in_the_cache_need_no_network(cache):
    torch.manual_seed(1)
    trained = timm.create_model("test_resnet")
    folder = cache / REPOSITORY
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text("0" * 40)
    (folder / "snapshots" / ("0" * 40)).mkdir(parents=True)
    save_file(trained.state_dict(), folder / "snapshots" / ("0" * 40) / "model.safetensors")
    model = create(NAME, channels=3, num_labels=2, pretrained=True)
    kept = trained.state_dict()
    for name, value in model.state_dict().items():
        assert name.startswith("fc.") or torch.equal(value, kept[name]), name
    assert model.fc.out_features == 2
    grey = create(NAME, channels=1, num_labels=2, pretrained=True)
    torch.testing.assert_close(
        grey.state_dict()["conv1.0.weight"], kept["conv1.0.weight"].sum(1, keepdim=True)
    )


def test_the_server_is_asked_for_both_kinds_of_file(cache, monkeypatch):
    asked = []

    def absent(url, **_):
        asked.append(url.rpartition("/")[2])
        raise EntryNotFoundError("404")

    monkeypatch.setattr(huggingface_hub, "get_hf_file_metadata", absent)
    with pytest.raises(FileNotFoundError, match="the server has no file of weights there"):
        create(NAME, channels=3, num_labels=1, pretrained=True)
    assert asked == ["model.safetensors", "pytorch_model.bin"]


def test_a_download_that_breaks(cache, monkeypatch):
    def breaks(*_, **__):
        raise ConnectionResetError("reset by peer")

    monkeypatch.setattr(huggingface_hub, "get_hf_file_metadata", lambda *_, **__: None)
    monkeypatch.setattr(timm, "create_model", breaks)
    with pytest.raises(FileNotFoundError, match="ConnectionResetError: reset by peer"):
        create(NAME, channels=3, num_labels=1, pretrained=True)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("resnet20", "pretrained: 'resnet20' has no pretrained weights; set pretrained=False"),
        ("cspresnet50d", "pretrained: timm has no weights for 'cspresnet50d'; set pretrained="),
    ],
)
def test_networks_without_weights(name, message):
    with pytest.raises(ValueError, match=message):
        create(name, channels=3, num_labels=1, pretrained=True)
