"""Are pretrained weights to be had? Asked once, in seconds, before timm tries for a minute."""

from typing import Any

TIMEOUT = 5.0  # seconds
_FILES = ("model.safetensors", "pytorch_model.bin")


def check_weights(name: str) -> None:
    """Return if the weights of a timm network are in the cache or the server offers them.

    Args:
        name: a name that timm knows.

    Raises:
        ValueError: timm has no weights for this network.
        FileNotFoundError: the weights are not in the cache, and the server does not answer.
    """
    import timm

    config: Any = timm.get_pretrained_cfg(name)
    if config is None or not config.has_weights:
        raise ValueError(
            f"pretrained: timm has no weights for {name!r}; set pretrained=False, or take one of "
            "timm.list_pretrained()"
        )
    if not config.hf_hub_id or config.file:
        return
    import huggingface_hub as hub
    from huggingface_hub.errors import EntryNotFoundError

    repository, _, revision = config.hf_hub_id.partition("@")
    files = (config.hf_hub_filename,) if config.hf_hub_filename else _FILES
    where = {"repo_id": repository, "revision": revision or None}
    if any(isinstance(hub.try_to_load_from_cache(filename=f, **where), str) for f in files):
        return
    for file in files:
        try:
            hub.get_hf_file_metadata(hub.hf_hub_url(filename=file, **where), timeout=TIMEOUT)
        except EntryNotFoundError:
            continue
        except Exception as error:  # which one depends on the HTTP client of huggingface_hub
            raise unreachable(name, repository, f"{type(error).__name__}: {error}") from error
        return
    raise unreachable(name, repository, "the server has no file of weights there")


def unreachable(name: str, repository: str, reason: str) -> FileNotFoundError:
    """The error for weights that cannot be had."""
    return FileNotFoundError(
        f"pretrained: the weights of {name!r} are not in the cache and could not be fetched from "
        f"{repository!r} ({reason}). Run once with a network connection "
        "(or copy the cache, the folder in HF_HOME, from a machine that has one), or set "
        "pretrained=False"
    )
