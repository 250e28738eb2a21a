"""A network by its name."""

from difflib import get_close_matches
from typing import Any

from torch import nn

from aucmax.models._weights import check_weights, unreachable
from aucmax.models.graphs.create import GRAPH_NETWORKS
from aucmax.models.resnet_cifar import resnet20, resnet32

_OURS = {"resnet20": resnet20, "resnet32": resnet32}


def create(name: str, *, channels: int, num_labels: int, pretrained: bool = False) -> nn.Module:
    """A network that maps (B, C, H, W) images to (B, L) logits.

    Args:
        name: "resnet20" or "resnet32" for the small networks of
            :mod:`aucmax.models.resnet_cifar` (timm has none of these names), or any name that
            timm knows, such as "densenet121" or "resnet18.a1_in1k".
        channels: C, channels of the images; 1 and 3 are usual. Weights learnt on colours
            are summed over them for grey images.
        num_labels: L, number of outputs.
        pretrained: start from weights that timm offers for this name. They are downloaded the first
            time and kept in the Hugging Face cache (environment variable HF_HOME).

    Raises:
        ValueError: an unknown name, with those that look like it; a number below 1; ``pretrained``
            for a network that has no weights to offer.
        FileNotFoundError: pretrained weights that are not in the cache and cannot be downloaded.

    >>> import torch
    >>> create("resnet20", channels=1, num_labels=2)(torch.zeros(1, 1, 8, 8)).shape
    torch.Size([1, 2])
    """
    for argument, value in {"channels": channels, "num_labels": num_labels}.items():
        if value < 1:
            raise ValueError(f"{argument} must be 1 or larger, got {value}")
    if name in _OURS:
        if pretrained:
            raise ValueError(
                f"pretrained: {name!r} has no pretrained weights; set pretrained=False, or take a "
                "network of timm that has, such as 'resnet18'"
            )
        return _OURS[name](channels=channels, num_labels=num_labels)
    _check_name(name)
    import timm

    options: dict[str, Any] = {"in_chans": channels, "num_classes": num_labels}
    if not pretrained:
        return timm.create_model(name, **options)
    check_weights(name)
    try:
        return timm.create_model(name, pretrained=True, **options)
    except OSError as error:  # the connection broke during the download
        raise unreachable(name, "its server", f"{type(error).__name__}: {error}") from error


def reset_head(model: nn.Module, num_labels: int) -> None:
    """Replace the last layer by a new one with fresh random weights; everything else stays.

    So a second stage of training starts from the features of the first, not from its classifier.

    Args:
        model: a network of :func:`create`, or any with a method ``reset_classifier(num_labels)``.
        num_labels: L, number of outputs.

    Raises:
        ValueError: ``num_labels`` below 1.
        TypeError: a model without that method.

    >>> import torch
    >>> model = create("resnet20", channels=1, num_labels=5)
    >>> reset_head(model, 1)
    >>> model(torch.zeros(3, 1, 8, 8)).shape
    torch.Size([3, 1])
    """
    reset: Any = getattr(model, "reset_classifier", None)
    if not callable(reset):
        raise TypeError(
            "model must have a method reset_classifier(num_labels) that replaces its last layer, "
            f"and {type(model).__name__} has none"
        )
    if num_labels < 1:
        raise ValueError(f"num_labels must be 1 or larger, got {num_labels}")
    old = list(model.parameters())
    reset(num_labels)
    known = {id(parameter) for parameter in old}
    for parameter in model.parameters():
        if id(parameter) not in known:  # timm makes the new layer in float32, on the CPU
            parameter.data = parameter.data.to(old[0].device, old[0].dtype)


def input_statistics(
    model: str | nn.Module, *, channels: int | None = None
) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
    """Mean and standard deviation, per channel, of the images that pretrained weights expect.

    Args:
        model: the name of a network, or a network of :func:`create` (ask only if it was made with
            ``pretrained=True``: otherwise nothing is expected of the images).
        channels: of the images; None: as many as the model takes, or 3 for a name. For a number
            other than that of the weights, both are averaged over the channels.

    Returns:
        (mean, std) for pixels between 0 and 1, or None for a network without pretrained weights.

    >>> input_statistics("resnet18")
    ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    >>> input_statistics("resnet20") is None
    True
    """
    if isinstance(model, str):
        if model in _OURS:
            return None
        _check_name(model)
        import timm

        config = timm.get_pretrained_cfg(model)
        values = config.to_dict() if config is not None and config.has_weights else {}
    else:
        values = getattr(model, "pretrained_cfg", None) or {}
        values = values if any(values.get(k) for k in ("url", "hf_hub_id", "file")) else {}
        first = next((m for m in model.modules() if isinstance(m, nn.Conv2d)), None)
        channels = channels or (first.in_channels if first else None)
    if not values.get("mean"):
        return None
    mean, std = ([float(v) for v in values[key]] for key in ("mean", "std"))
    count = channels or len(mean)
    if count != len(mean):
        mean, std = ([sum(v) / len(v)] * count for v in (mean, std))
    return tuple(mean), tuple(std)


def _check_name(name: str) -> None:
    """Refuse what timm does not know."""
    import timm

    if name in GRAPH_NETWORKS:
        raise ValueError(f"name: {name!r} is a network for molecules, and these are images")
    plain, _, tag = name.partition(".")
    if not timm.is_model(plain):
        close = get_close_matches(plain.lower(), [*_OURS, *timm.list_models()], n=5, cutoff=0.6)
        hint = f"; did you mean {', '.join(map(repr, close))}?" if close else ""
        raise ValueError(
            f"name: there is no network {plain!r} here or in timm {timm.__version__}{hint}"
        )
    tags = [known.partition(".")[2] for known in timm.list_models(f"{plain}.*", pretrained=True)]
    if tag and tag not in tags:
        raise ValueError(
            f"name: timm has no weights {tag!r} for {plain!r}; it has "
            f"{', '.join(map(repr, tags)) or 'none'}"
        )
