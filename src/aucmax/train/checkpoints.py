"""Checkpoint files: Lightning's, written whole or not at all, and read without running code."""

import io
import pickle
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.plugins.io import TorchCheckpointIO
from torch import Tensor, nn

from .._arrays import UNREADABLE, memory_bytes
from .._files import write_bytes
from .._schema import parse_as
from .kinds import restored

BEST, LAST = "best.ckpt", "last.ckpt"
FOREST_FOLDER = "../forest"
"""Where the forest of a blend lies, seen from the folder of its stage."""

_CURE = "use the file as `aucmax fit` wrote it, or train again"


@dataclass(frozen=True)
class Card:
    """What a checkpoint says of itself, so that it can be used alone.

    Args:
        model: name of the network.
        labels: names, one for each output.
        preparation: from rows to the network's input, see :func:`aucmax.train.kinds.restored`.
        sizes: options of a network for molecules.
        forest: folder of the forest of a blend, or None.
    """

    model: str
    labels: tuple[str, ...]
    preparation: dict[str, Any]
    sizes: dict[str, int | float] = field(default_factory=dict)
    forest: str | None = None

    def __post_init__(self) -> None:
        if not self.labels or len(set(self.labels)) < len(self.labels):
            raise ValueError("labels must be one or more different names")
        if other := sorted({*self.sizes} - {"layers", "width", "dropout"}):
            raise ValueError(f"sizes holds the unknown option {other[0][:60]!r}")
        if self.forest not in {None, FOREST_FOLDER}:
            raise ValueError(f"forest must be {FOREST_FOLDER!r}, got {self.forest!r}")


@dataclass(frozen=True)
class StageName:
    """Which stage of which run a checkpoint belongs to."""

    name: str
    seed: int


@dataclass(frozen=True)
class _Resumable:
    """The entries that Lightning needs to go on; what else there is, it checks itself."""

    epoch: int
    global_step: int
    loops: dict[str, Any]
    callbacks: dict[str, Any]
    optimizer_states: tuple[dict[str, Any], ...]
    lr_schedulers: tuple[dict[str, Any], ...]


class WholeFileCheckpoints(TorchCheckpointIO):
    """Lightning's checkpoints, written beside and then renamed: a kill leaves the old one whole.

    Args:
        stage: which is written into each file and looked for in one that is resumed from; None
            leaves both out.
        weights: of the module that is trained, to compare with a file's; None compares nothing.
    """

    def __init__(
        self,
        stage: StageName | None = None,
        weights: Callable[[], Mapping[str, Tensor]] | None = None,
    ) -> None:
        self.stage, self.weights = stage, weights

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None
    ) -> None:
        """Write ``checkpoint`` to ``path``, or leave what is there as it was.

        Raises:
            OSError: if the file cannot be written, for example because the disk is full.
        """
        if self.stage is not None:
            checkpoint = checkpoint | {"stage": vars(self.stage)}
        content = io.BytesIO()
        torch.save(checkpoint, content)
        try:
            write_bytes(path, content.getvalue())
        except OSError as error:
            raise OSError(
                error.errno, f"{error.strerror}; free space, then continue with --resume"
            ) from error

    def load_checkpoint(
        self, path: Any, map_location: Any = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Read the point that a run goes on from, without running any code that it may carry.

        Raises:
            FileNotFoundError: if there is no such file.
            ValueError: if it cannot be read, or is of another stage or network.
        """
        path, cure = Path(path), "delete it, and --resume starts this stage again"
        content = read_checkpoint(path, cure=cure)
        needed = {key: content[key] for key in _Resumable.__annotations__ if key in content}
        parse_as(_Resumable, needed, file=f"checkpoint {path}", cure=cure)
        if self.stage is not None:
            of = parse_as(StageName, content.get("stage"), file=f"checkpoint {path}", cure=cure)
            if of != self.stage:
                raise ValueError(
                    f"checkpoint {path} is of stage {of.name!r} with seed {of.seed}, not of "
                    f"{self.stage.name!r} with seed {self.stage.seed}; {cure}"
                )
        if self.weights is not None and (
            other := _differences(content["state_dict"], self.weights())
        ):
            raise ValueError(f"checkpoint {path} is of another network: {other}; {cure}")
        return content


def read_checkpoint(path: Path, *, cure: str = _CURE) -> dict[str, Any]:
    """A checkpoint of ``aucmax fit``, loaded without running any code that it may carry.

    Args:
        path: the file.
        cure: what the user can do about a damaged one.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it cannot be read, or is no checkpoint of ``aucmax fit``.
    """
    if not path.is_file():
        raise FileNotFoundError(f"checkpoint {path} does not exist")
    try:
        _check_archive(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ValueError(
            f"checkpoint {path} cannot be read: it holds something else than tensors and plain "
            f"values, which could run code; {cure}"
        ) from error
    except PermissionError:
        raise
    except (*UNREADABLE, TypeError, AttributeError, IndexError, AssertionError) as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise ValueError(f"checkpoint {path} cannot be read: {reason}; {cure}") from error
    if not isinstance(content, dict) or "card" not in content:
        raise ValueError(f"{path} is not a checkpoint of `aucmax fit`: it has no card")
    if not _is_weights(content.get("state_dict")):
        raise ValueError(
            f"checkpoint {path} is damaged: state_dict must be a table of tensors; {cure}"
        )
    card = parse_as(Card, content["card"], file=f"checkpoint {path}", cure=cure)
    try:
        restored(card.preparation)
    except ValueError as error:
        raise ValueError(f"checkpoint {path}: {error}; {cure}") from error
    return content


def load_network(network: nn.Module, checkpoint: Path) -> None:
    """Give ``network`` the weights of a checkpoint of ``aucmax fit``.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is no checkpoint of ``aucmax fit``, or one of another model.
    """
    state = read_checkpoint(checkpoint)["state_dict"]
    weights = {k.removeprefix(_NETWORK): v for k, v in state.items() if k.startswith(_NETWORK)}
    if other := _differences(weights, network.state_dict()):
        raise ValueError(f"{checkpoint} holds another model than asked for: {other}; {_CURE}")
    network.load_state_dict(weights)


def _check_archive(path: Path) -> None:
    """Refuse a file that claims more than it holds, before torch takes memory for it.

    torch.save stores tensors uncompressed, so that a compressed entry can only be a bomb.
    """
    if not path.stat().st_size:
        raise ValueError("it is empty")
    if not zipfile.is_zipfile(path):
        raise ValueError("it is no checkpoint that torch.save wrote, or it was cut short")
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        raise ValueError("its entries are compressed, as torch.save never writes them")
    size, claimed = path.stat().st_size, sum(entry.file_size for entry in entries)
    if claimed > size or claimed > memory_bytes():
        raise ValueError(f"its entries claim {claimed:,} bytes, it has {size:,}")


_NETWORK = "network."


def _is_plain(value: object) -> bool:
    return isinstance(value, Tensor) and value.layout == torch.strided


def _is_weights(state: object) -> bool:
    return isinstance(state, Mapping) and all(
        isinstance(name, str)
        and (not name.startswith(_NETWORK) or _is_plain(value))  # else a loss's own extra state
        for name, value in state.items()
    )


def _differences(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    """How the weights of a checkpoint differ from those wanted, in a few words; "" if not."""
    missing = [name for name in wanted if name not in found]
    unknown = [name for name in found if name not in wanted]
    parts = [
        f"{len(names)} tensors {kind} (such as {names[0]})"
        for kind, names in (("are missing", missing), ("are unknown", unknown))
        if names
    ]
    shapes = [
        f"{name} has shape {_shape(found[name])}, not {_shape(value)}"
        for name, value in wanted.items()
        if name in found and _shape(found[name]) != _shape(value)
    ]
    if shapes:
        parts.append(shapes[0] + (f" (and {len(shapes) - 1} more)" if shapes[1:] else ""))
    return ", ".join(parts)


def _shape(value: object) -> str:
    return str(tuple(value.shape)) if isinstance(value, Tensor) else "none"
