"""What a source of data is, and what it gives: rows with targets, most often images."""

import copy
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sized
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from aucmax.data._decoding import Bits
from aucmax.data._messages import listed, repeated
from aucmax.data.images import FileImages, Rows, readable_channels

PARTS = ("train", "validation", "test")


class Images(Protocol):
    """A lazy sequence of images: an image is made only when it is asked for."""

    @property
    def channels(self) -> int:
        """1 (grey) or 3 (colour), the same for all images."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Tensor: ...


class LabelledSet(ABC):
    """n rows with their targets; a subclass (a frozen dataclass) adds what a network sees of them.

    Attributes:
        target: (n, L) float32; 1 positive, 0 negative, NaN unknown.
        labels: L names, one for each column of ``target``.
        ids: n names, one for each row, all different.
        groups: (n,) names such as patients; rows of one group belong in one part. None: no groups.
        split: (n,) of "train", "validation", "test", or "" where the source leaves it open.
            None: the source does not speak of parts.

    Raises:
        ValueError: lengths that do not match, a value of ``target`` other than 0, 1 and NaN, an id
            that comes twice, or a label whose known values are all of one class (a label that
            is unknown everywhere passes: rows to be predicted).
    """

    target: NDArray[np.float32]
    labels: tuple[str, ...]
    ids: tuple[str, ...]
    groups: NDArray[np.str_] | None
    split: NDArray[np.str_] | None
    noun: ClassVar[str]
    """What a row is, in messages."""

    def __post_init__(self) -> None:
        problems = [*self._shapes()] or [*self._values()]
        if problems:
            raise ValueError("; ".join(problems))

    def __len__(self) -> int:
        return len(self.ids)

    @abstractmethod
    def inputs(self) -> dict[str, Sized | None]:
        """What the subclass adds, by the name of its field."""

    @abstractmethod
    def inputs_of(self, rows: NDArray[np.int64]) -> dict[str, Any]:
        """The same of some rows."""

    def subset(self, rows: ArrayLike) -> Self:
        """The rows ``rows`` (indices, or a mask of length n), in that order.

        A part may hold one class only; :func:`aucmax.data.split` is where that is refused.
        """
        rows = np.asarray(rows)
        if rows.dtype == bool:
            if rows.shape != (len(self),):
                raise ValueError(f"rows: a mask needs shape ({len(self)},), got {rows.shape}")
            rows = np.flatnonzero(rows)
        rows = rows.astype(np.int64)
        return self._with(
            **self.inputs_of(rows),
            target=self.target[rows],
            ids=tuple(self.ids[row] for row in rows),
            groups=None if self.groups is None else self.groups[rows],
            split=None if self.split is None else self.split[rows],
        )

    def divided(self, split: ArrayLike) -> Self:
        """The same rows with the part of each, (n,) of "train", "validation" and "test"."""
        split = np.asarray(split, dtype=np.str_)
        if split.shape != (len(self),):
            raise ValueError(f"split must have shape ({len(self)},), got {split.shape}")
        return self._with(split=split)

    def part(self, name: str) -> Self:
        """The rows whose ``split`` is "train", "validation" or "test"."""
        if self.split is None:
            raise ValueError(
                f"the {self.noun}s have no parts yet: divide them with aucmax.data.split"
            )
        return self.subset(self.split == name)

    def _with(self, **fields: Any) -> Self:
        part = copy.copy(self)
        for name, value in fields.items():
            object.__setattr__(part, name, value)  # skips the check for two classes: see subset
        return part

    def _shapes(self) -> Iterator[str]:
        n = len(self.ids)
        if n == 0:
            yield f"the data set is empty: no {self.noun}"
        if self.target.shape != (n, len(self.labels)):
            yield (
                f"target must have shape ({self.noun}s, labels) = ({n}, {len(self.labels)}), "
                f"got {self.target.shape}"
            )
        columns = self.inputs() | {"groups": self.groups, "split": self.split}
        for name, column in columns.items():
            if column is not None and len(column) != n:
                yield f"{name} must be as long as ids ({n}), got {len(column)}"

    def _values(self) -> Iterator[str]:
        if doubles := repeated(self.ids):
            yield f"ids must be unique, but these come more than once: {listed(doubles)}"
        if doubles := repeated(self.labels):
            yield f"labels must be unique, but these come more than once: {listed(doubles)}"
        if self.split is not None and (other := set(self.split.tolist()) - {*PARTS, ""}):
            yield f"split must be one of {listed(PARTS)} or '', got {listed(sorted(other))}"
        known = ~np.isnan(self.target)
        for column, label in enumerate(self.labels):
            values = self.target[known[:, column], column]
            if other := sorted({float(v) for v in values} - {0.0, 1.0}):
                yield f"label {label!r}: values must be 0, 1 or NaN (unknown), got {other[0]:g}"
            elif len(values) and values.min() == values.max():
                only, missing = ("positive", "negative") if values[0] else ("negative", "positive")
                yield (
                    f"label {label!r} holds one class only: all {len(values)} known values are "
                    f"{only} ({values[0]:g}); an AUC needs at least one {missing}"
                )


@dataclass(frozen=True, eq=False)
class ImageSet(LabelledSet):
    """n images with their targets: what every source of images gives.

    Args:
        images: ``images[i]`` is a uint8 tensor of shape (C, H, W), C = 1 or 3.
        target: this and the following: see :class:`LabelledSet`.
        labels: names.
        ids: names.
        groups: names, or None.
        split: parts, or None.

    Raises:
        ValueError: see :class:`LabelledSet`.
    """

    images: Images
    target: NDArray[np.float32]
    labels: tuple[str, ...]
    ids: tuple[str, ...]
    groups: NDArray[np.str_] | None = None
    split: NDArray[np.str_] | None = None
    noun: ClassVar[str] = "image"

    def inputs(self) -> dict[str, Sized | None]:
        """The images."""
        return {"images": self.images}

    def inputs_of(self, rows: NDArray[np.int64]) -> dict[str, Any]:
        """The images of some rows."""
        return {"images": Rows(self.images, rows)}

    def showing(self, images: Images) -> Self:
        """The same rows with other pixels, such as images that were resized beforehand."""
        if len(images) != len(self):
            raise ValueError(f"images must be as long as ids ({len(self)}), got {len(images)}")
        return self._with(images=images)


def contradict(target: NDArray[np.float32]) -> bool:
    """Whether a label is positive in one of these rows (n, L) and negative in another."""
    return bool(((target == 0).any(0) & (target == 1).any(0)).any())


class Source(ABC):
    """Where labelled rows come from. Its fields are options; :meth:`load` does the work.

    A subclass is a frozen dataclass. Options are checked when it is made, before a file is read.
    """

    def __post_init__(self) -> None:
        if problems := list(self.problems()):
            raise ValueError(f"{type(self).__name__}: " + "; ".join(problems))

    def problems(self) -> Iterator[str]:
        """What is wrong with the options, a sentence for each."""
        yield from ()

    @abstractmethod
    def load(self) -> LabelledSet:
        """Read the labels and list the rows (pixels are read when asked for)."""


@dataclass(frozen=True)
class FileSource(Source):
    """A source whose images are files, of which some may be damaged.

    A subclass says where its data lie by a field ``csv`` or ``root``, or by its own :meth:`place`.
    """

    on_error: Literal["raise", "skip"] = field(default="raise", kw_only=True)
    """What an image that cannot be read does: raise stops with its path; skip reads every image
    once before training, leaves out the bad ones and those that are not there, says so, and lists
    them in skipped.csv."""
    prepared: str | Path | None = field(default=None, kw_only=True)
    """Folder for images that `aucmax prepare` resizes beforehand; without it, the folder beside the
    data with .aucmax behind their name. What lies there in the right size is used."""

    def __post_init__(self) -> None:
        if self.on_error not in {"raise", "skip"}:
            raise ValueError(
                f"{type(self).__name__}: on_error must be 'raise' or 'skip', got {self.on_error!r}"
            )
        super().__post_init__()

    @abstractmethod
    def load(self) -> ImageSet:
        """Read the labels, and the head of every image file."""

    def place(self) -> Path:
        """The file or folder that prepared images are kept beside."""
        where = getattr(self, "csv", None) or getattr(self, "root", None)
        if where is None:
            raise TypeError(f"{type(self).__name__} has no field csv or root: give it a place()")
        return Path(where).expanduser()

    def files(self, paths: Iterable[str | Path], *, bits: Bits = None) -> FileImages:
        """Images in files, grey or colour as their heads say.

        Raises:
            FileNotFoundError: files that are not there, unless ``on_error`` is "skip" and others
                are.
            ValueError: files that are no images, unless ``on_error`` is "skip".
        """
        paths = list(paths)
        channels = readable_channels(paths) if self.on_error == "skip" else None
        return FileImages(paths, bits=bits, channels=channels)
