"""MedMNIST: small medical images, each set in one NumPy archive."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aucmax.data._medmnist_labels import LABELS, MULTI_LABEL
from aucmax.data._messages import listed, near
from aucmax.data._npzfile import NPZFile, same_size
from aucmax.data._official import label_problems
from aucmax.data._options import existing_file, kept_rows
from aucmax.data.base import ImageSet, Source
from aucmax.data.images import ArrayImages, Rows

_FILE = re.compile(r"([a-z]+mnist(?:3d)?)(?:_\d+)?")
_PARTS = {"train": "train", "val": "validation", "test": "test"}
_WHERE = "MedMNIST is at https://medmnist.com (files: https://zenodo.org/records/10519652)"


@dataclass(frozen=True)
class MedMNIST(Source):
    """MedMNIST: any of its two-dimensional sets, of 28 to 224 pixels.

    An official file such as ``breastmnist.npz`` or ``breastmnist_128.npz``. Which set it is, and so
    the names of the labels, follows from the file name. Two classes are one label: class 1 is
    positive (in breastmnist that is "normal, benign"). More classes are one label each, against
    all others; so are the five grades of retinamnist, whose order is not used. The 14 findings
    of chestmnist are 14 labels. The arrays stay in memory as they are in the file. See Yang et
    al., Scientific Data 10 (2023), https://doi.org/10.1038/s41597-022-01721-8.
    """

    npz: str | Path
    """The file."""
    positive: int | str | tuple[int | str, ...] = ()
    """Class that is positive, by name or number, or several: [melanoma,1]; all others are
    negative, and there is one label only. In chestmnist: any of these findings."""
    name: str | None = None
    """Name of the set, such as pathmnist, for a file with another name."""
    exclude: str | tuple[str, ...] = ()
    """Ids of images to leave out, such as train-00042 (the row in the file, from 0)."""

    def problems(self) -> Iterator[str]:
        """What is wrong with the options, a sentence for each."""
        if self.name is not None:
            yield from label_problems("name", [self.name], tuple(LABELS))
        if "" in _several(self.positive):
            yield "positive must name a class, got ''"

    def load(self) -> ImageSet:
        """Read the arrays.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: no .npz file, a missing array, arrays that do not match, a set of volumes,
                labels that the set does not have, an unknown class.
        """
        try:
            path = existing_file("npz", self.npz)
        except FileNotFoundError as error:
            raise FileNotFoundError(f"{error}; {_WHERE}") from error
        images, labels = _arrays(path)
        lengths = [len(array) for array in images]
        known = self.name or _set_of(path)
        classes = LABELS.get(known) or _unnamed(labels)
        table = _indicators(labels, classes, many=known in MULTI_LABEL)
        target, names = _chosen(table, classes, _several(self.positive))
        digits = len(str(max(lengths)))
        counts = zip(_PARTS, lengths, strict=True)
        ids = [f"{part}-{row:0{digits}d}" for part, length in counts for row in range(length)]
        keep = kept_rows(ids, self.exclude)
        return ImageSet(
            images=Rows(ArrayImages(*images), keep),
            target=target[keep],
            labels=names,
            ids=tuple(ids[row] for row in keep),
            split=np.repeat(list(_PARTS.values()), lengths)[keep],
        )


def _several(positive: int | str | tuple[int | str, ...]) -> tuple[int | str, ...]:
    return (positive,) if isinstance(positive, int | str) else tuple(positive)


def _set_of(path: Path) -> str:
    match = _FILE.fullmatch(path.stem.lower())
    return match[1] if match else ""


def _arrays(path: Path) -> tuple[list[NDArray[Any]], NDArray[Any]]:
    starts = [f"{part}_" for part in _PARTS]
    with NPZFile.open(path) as file:
        images = [file.read("npz", start + "images") for start in starts]
        labels = file.joined("npz", starts, "labels", [len(array) for array in images])
    same_size(images)
    if images[0].ndim > 3 and images[0].shape[-1] not in (1, 3):
        raise ValueError(
            f"npz: {str(path)!r} holds volumes of shape {images[0].shape[1:]}; "
            "only the two-dimensional sets can be read"
        )
    if not labels.size:
        raise ValueError(f"npz: labels of {str(path)!r} are empty, of shape {labels.shape}")
    if labels.ndim not in (1, 2) or labels.dtype.kind not in "biu":
        raise ValueError(
            f"npz: labels of {str(path)!r} must be whole numbers of shape (n, 1) or (n, labels), "
            f"got {labels.dtype} of shape {labels.shape}"
        )
    return images, labels.reshape(len(labels), -1)


def _unnamed(labels: NDArray[Any]) -> tuple[str, ...]:
    """Names for the classes or labels of a set that is not in the table."""
    if labels.shape[1] > 1:
        return tuple(f"label-{column}" for column in range(labels.shape[1]))
    return tuple(f"class-{number}" for number in range(int(labels.max(initial=1)) + 1))


def _indicators(labels: NDArray[Any], classes: Sequence[str], *, many: bool) -> NDArray[np.bool_]:
    """(n, classes): whether an image is of each class, or has each label."""
    several = many or labels.shape[1] > 1
    columns, top = (len(classes), 1) if several else (1, len(classes) - 1)
    if labels.shape[1] != columns:
        raise ValueError(
            f"npz: a set with the labels {listed(classes, 20)} has {columns} columns of labels, "
            f"got {labels.shape[1]}; say with name which set it is"
        )
    if labels.min(initial=0) < 0 or labels.max(initial=0) > top:
        outside = labels.min() if labels.min() < 0 else labels.max()
        raise ValueError(f"npz: labels must be from 0 to {top}, got {outside}")
    return labels == 1 if several else labels == np.arange(len(classes))


def _chosen(
    table: NDArray[np.bool_], classes: Sequence[str], positive: tuple[int | str, ...]
) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """The columns of labels, and their names."""
    if not positive:
        columns = [1] if len(classes) == 2 else list(range(len(classes)))
        return table[:, columns].astype(np.float32), tuple(classes[c] for c in columns)
    columns = sorted({_number(one, classes) for one in positive})
    if len(columns) == len(classes):
        raise ValueError(f"positive names every class, {listed(classes, 20)}: none is negative")
    target = np.any(table[:, columns], axis=1)[:, None].astype(np.float32)
    return target, ("+".join(classes[column] for column in columns),)


def _number(one: int | str, classes: Sequence[str]) -> int:
    if one in classes:
        return classes.index(str(one))
    if str(one).isdecimal() and int(one) < len(classes):
        return int(one)
    raise ValueError(
        f"positive: there is no class {one!r}{near(str(one), classes)}; "
        f"classes are {listed(classes, 20)}, with the numbers 0 to {len(classes) - 1}"
    )
