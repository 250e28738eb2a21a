"""Images in one NumPy archive, as MedMNIST has them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aucmax.data._messages import listed, names
from aucmax.data._npzfile import NPZFile, same_size
from aucmax.data._options import existing_file, kept_rows
from aucmax.data.base import ImageSet, Source
from aucmax.data.images import ArrayImages, Rows

from .._csv import is_missing

_PARTS = {"train": "train", "val": "validation", "test": "test"}


@dataclass(frozen=True)
class NPZ(Source):
    """Images and labels in a NumPy .npz file, as MedMNIST has them.

    Either the arrays ``images`` and ``labels``, or ``train_images``, ``train_labels`` and so on for
    train, val and test. Images are uint8 of shape (n, H, W) or (n, H, W, 1 or 3); labels are one
    whole number an image, or a table (n, L) of 0 and 1 for L labels. Only arrays of numbers
    and text are read, no pickled objects, so a file from elsewhere can do no harm.
    """

    npz: str | Path
    """The file."""
    positive: int | tuple[int, ...] = ()
    """Class number that is positive, or several: [1,4]. Not needed where labels are 0 and 1."""
    label: str | tuple[str, ...] = ()
    """Name of the label, or of each column of labels, for reports; without it label, or
    label-0, label-1 and so on."""
    images: str = "images"
    """Name of the array of images (what follows train_, val_, test_ if there are parts)."""
    labels: str = "labels"
    """Name of the array of labels."""
    group: str | None = None
    """Name of the array that says which images belong together, such as the patient. A group is
    never divided between training, validation and test."""
    id: str | None = None
    """Name of the array with a name for each image; without it images are numbered from 0."""
    exclude: str | tuple[str, ...] = ()
    """Ids of images to leave out."""

    def problems(self) -> Iterator[str]:
        """What is wrong with the options, a sentence for each."""
        keys = {"images": self.images, "labels": self.labels, "group": self.group, "id": self.id}
        for name, key in keys.items():
            if key == "":
                yield f"{name} must name an array in the file, got ''"
        if self.images == self.labels:
            yield f"images and labels are the same array {self.images!r}"
        if "" in names(self.label):
            yield "label must not be blank"

    def load(self) -> ImageSet:
        """Read the arrays.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: no .npz file, a missing array, arrays that do not match or of another
                type, class numbers other than 0 and 1 without ``positive``.
        """
        with NPZFile.open(existing_file("npz", self.npz)) as file:
            parts = self._parts(file)
            starts = [f"{part}_" if part else "" for part in parts]
            images = [file.read("images", start + self.images) for start in starts]
            lengths = [len(array) for array in images]
            same_size(images)
            values = file.joined("labels", starts, self.labels, lengths)
            groups, named = (
                None if key is None else file.joined(argument, starts, key, lengths)
                for argument, key in (("group", self.group), ("id", self.id))
            )
        target = self._target(values)
        ids = _numbered(parts, lengths) if named is None else [str(name) for name in named]
        keep = kept_rows(ids, self.exclude)
        split = np.repeat([_PARTS.get(part, "") for part in parts], lengths)
        return ImageSet(
            images=Rows(ArrayImages(*images), keep),
            target=target[keep],
            labels=self._names(target.shape[1]),
            ids=tuple(ids[row] for row in keep),
            groups=None if groups is None else self._filled(groups)[keep],
            split=split[keep] if (split != "").any() else None,
        )

    def _parts(self, file: NPZFile) -> list[str]:
        """The parts that the file has: train, val, test; one nameless part if it has none."""
        parts = [part for part in _PARTS if f"{part}_{self.images}" in file.keys]
        if parts and self.images in file.keys:
            raise ValueError(
                f"npz: {str(file.path)!r} has both {self.images!r} and "
                f"{listed(f'{part}_{self.images}' for part in parts)}; name the array with images"
            )
        return parts or [""]

    def _target(self, values: NDArray[Any]) -> NDArray[np.float32]:
        positive = (self.positive,) if isinstance(self.positive, int) else tuple(self.positive)
        if values.ndim not in (1, 2) or values.dtype.kind not in "biuf":
            raise ValueError(
                "labels must be whole numbers (n,) or 0 and 1 (n, L), "
                f"got {values.dtype} of shape {values.shape}"
            )
        if not values.size:
            raise ValueError(f"labels must hold a value for each image, got shape {values.shape}")
        columns = values.astype(np.float64).reshape(len(values), -1)
        known = columns[~np.isnan(columns)]
        classes, counts = np.unique(known, return_counts=True)
        there = ", ".join(f"{c:g} ({n} times)" for c, n in zip(classes, counts, strict=True))
        if positive and columns.shape[1] > 1:
            raise ValueError(f"positive is for one column of labels, got {columns.shape[1]}")
        if absent := sorted(set(positive) - set(classes.tolist())):
            raise ValueError(f"positive: no label is {absent[0]}; the labels are {there}")
        if not positive and not np.isin(classes, (0, 1)).all():
            one = columns.shape[1] == 1
            cure = "name the positive ones in positive" if one else "each column must be 0 and 1"
            raise ValueError(f"the labels are {there}: {cure}")
        if positive:
            columns = np.where(np.isnan(columns), np.nan, np.isin(columns, positive))
        return columns.astype(np.float32)

    def _filled(self, groups: NDArray[Any]) -> NDArray[np.str_]:
        """Groups as text; NaN, which would join all unknown patients, is refused."""
        names = groups.astype(str)
        if names.ndim != 1:
            raise ValueError(f"group: array {self.group!r} must be (n,), got {names.shape}")
        if unknown := [row for row, name in enumerate(names.tolist()) if is_missing(name)]:
            raise ValueError(
                f"group: array {self.group!r} holds {str(names[unknown[0]])!r} in row {unknown[0]}"
                f" ({len(unknown)} in all); every image needs a group, or leave group out"
            )
        return names

    def _names(self, columns: int) -> tuple[str, ...]:
        given = names(self.label)
        if given and len(given) != columns:
            raise ValueError(
                f"label has {len(given)} names, {listed(given)}, for {columns} columns"
            )
        return given or (
            ("label",) if columns == 1 else tuple(f"label-{i}" for i in range(columns))
        )


def _numbered(parts: list[str], lengths: list[int]) -> list[str]:
    digits = len(str(max(lengths)))
    return [
        f"{part or 'image'}-{row:0{digits}d}"
        for part, length in zip(parts, lengths, strict=True)
        for row in range(length)
    ]
