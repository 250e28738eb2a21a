"""Trees in a file: arrays alone, so that no file can run code and no library's version matters."""

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .._arrays import UNREADABLE, read_npz
from .._files import write_bytes
from ._tree import Tree

FORMAT = "aucmax forest 1"
_KEYS = {"format", "labels", "width", "nodes", "feature", "share"}
Trees = tuple[tuple[Tree, ...], ...]
"""T trees for each of L labels."""


def write_trees(path: str | Path, labels: tuple[str, ...], width: int, trees: Trees) -> Path:
    """Write all trees, whole or not at all.

    Raises:
        OSError: if the file cannot be written.
    """
    every = [tree for row in trees for tree in row]
    nodes = np.array([len(tree.feature) for tree in every], dtype=np.int32)
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        allow_pickle=False,
        format=np.array(FORMAT),
        labels=np.array(labels),
        width=np.array(width),
        nodes=nodes.reshape(len(trees), -1),
        feature=np.concatenate([tree.feature for tree in every]),
        share=np.concatenate([tree.share for tree in every]),
    )
    return write_bytes(path, buffer.getvalue())


def read_trees(path: str | Path) -> tuple[tuple[str, ...], int, Trees]:
    """Labels, number of bits and trees of a file.

    Raises:
        FileNotFoundError: if there is none.
        ValueError: if it is damaged, or no such file.
    """
    arrays = _arrays(Path(path))
    if set(arrays) != _KEYS or arrays["format"].ndim or str(arrays["format"]) != FORMAT:
        names = ", ".join(sorted(name[:20] for name in arrays)[:6])
        raise ValueError(
            f"{path} is no forest that Forest.save wrote ({FORMAT!r}): it holds the arrays {names}"
        )
    if not _fit_together(arrays):
        raise _unsound(path)
    width, feature = int(arrays["width"]), arrays["feature"].astype(np.int32)
    trees = _cut(arrays["nodes"], feature, arrays["share"])
    if not all(tree.is_sound(width) for row in trees for tree in row):
        raise _unsound(path)
    return tuple(arrays["labels"].tolist()), width, trees


def _arrays(path: Path) -> dict[str, NDArray]:
    try:
        return read_npz(path)
    except (FileNotFoundError, PermissionError, IsADirectoryError):
        raise
    except UNREADABLE as error:
        raise ValueError(
            f"{path} is damaged, or no forest that Forest.save wrote: {error}"
        ) from error


def _fit_together(arrays: dict[str, NDArray]) -> bool:
    """Whether types and shapes are such that trees can be cut from them."""
    labels, width, nodes = (arrays[key] for key in ("labels", "width", "nodes"))
    feature, share = arrays["feature"], arrays["share"]
    return (
        labels.dtype.kind == "U"
        and all(array.dtype.kind == "i" for array in (width, nodes, feature))
        and share.dtype == np.float64
        and [array.ndim for array in (width, nodes, feature, share)] == [0, 2, 1, 1]
        and labels.shape == nodes.shape[:1]
        and nodes.size > 0
        and int(width) > 0
        and bool((nodes > 0).all())
        and sum(nodes.ravel().tolist()) == len(feature)  # without overflow
        and bool(((feature >= -1) & (feature < 2**31)).all())
        and len(set(labels.tolist())) == len(labels)
        and len(share) == (feature < 0).sum()
    )


def _cut(nodes: NDArray, feature: NDArray[np.int32], share: NDArray[np.float64]) -> Trees:
    """The trees that lie one after the other in ``feature`` and ``share``."""
    ends = nodes.ravel().cumsum()
    leaves = np.concatenate([[0], np.cumsum(feature < 0)])
    pairs = zip(np.split(feature, ends[:-1]), np.split(share, leaves[ends[:-1]]), strict=True)
    every, count = [Tree(*pair) for pair in pairs], nodes.shape[1]
    return tuple(tuple(every[k : k + count]) for k in range(0, len(every), count))


def _unsound(path: str | Path) -> ValueError:
    return ValueError(
        f"{path}: its arrays do not make trees, so they are not as Forest.save wrote them; fit and "
        "save the forest again"
    )
