"""Checkpoint files: Lightning's, written whole or not at all, and read without running code."""

import io
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.plugins.io import TorchCheckpointIO
from torch import nn

from .._files import write_bytes


class WholeFileCheckpoints(TorchCheckpointIO):
    """Lightning's checkpoints, written beside and then renamed: a kill leaves the old one whole."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None
    ) -> None:
        """Write ``checkpoint`` to ``path``, or leave what is there as it was.

        Raises:
            OSError: if the file cannot be written, for example because the disk is full.
        """
        content = io.BytesIO()
        torch.save(checkpoint, content)
        try:
            write_bytes(path, content.getvalue())
        except OSError as error:
            raise OSError(
                error.errno, f"{error.strerror}; free space, then continue with --resume"
            ) from error


def read_checkpoint(path: Path) -> dict[str, Any]:
    """A checkpoint of ``aucmax fit``, loaded without running any code that it may carry.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it cannot be read, or is no checkpoint of ``aucmax fit``.
    """
    if not path.is_file():
        raise FileNotFoundError(f"checkpoint {path} does not exist")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises a dozen kinds, from EOFError to UnpicklingError
        raise ValueError(f"checkpoint {path} cannot be read: {error}") from error
    if not isinstance(content, dict) or "card" not in content:
        raise ValueError(f"{path} is not a checkpoint of `aucmax fit`: it has no card")
    return content


def load_network(network: nn.Module, checkpoint: Path) -> None:
    """Give ``network`` the weights of a checkpoint of ``aucmax fit``.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is no checkpoint of ``aucmax fit``, or one of another model.
    """
    prefix, state = "network.", read_checkpoint(checkpoint)["state_dict"]
    weights = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise ValueError(f"{checkpoint} holds another model than asked for: {error}") from error
