"""Images that cannot be read: found before training, told, and listed."""

import csv
import io
import logging
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor
from torch.utils.data import Dataset

from aucmax._files import write_text
from aucmax.data._image_files import is_there
from aucmax.data._index import paths_of
from aucmax.data._reading import in_order
from aucmax.data.base import Images, ImageSet

SKIPPED = "skipped.csv"

log = logging.getLogger("aucmax")


@dataclass(frozen=True)
class Unreadable:
    """An image that cannot be read.

    Args:
        id: its name in the image set.
        path: its file; "" if it is in none.
        reason: what the decoder says.
    """

    id: str
    path: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path or self.id!r} ({self.reason})"


def read_or_reason(images: Images, row: int) -> tuple[Tensor | None, str]:
    """The image of a row; or None and why it cannot be read."""
    try:
        return images[row], ""
    except (ValueError, OSError) as error:
        return None, str(error)


def find_unreadable(
    data: ImageSet, *, workers: int = 0, progress: bool = True
) -> tuple[Unreadable, ...]:
    """Decode every image once, and name those that cannot be read.

    Args:
        data: images with ids.
        workers: processes that read; 0 reads in this one.
        progress: whether to show a bar.
    """
    steps = in_order(
        _Reasons(data.images),
        range(len(data)),
        workers=workers,
        title="reading all images" if progress else "",
    )
    return named(data, {row: reason for row, reason in steps if reason})


def named(data: ImageSet, reasons: dict[int, str]) -> tuple[Unreadable, ...]:
    """Ids and paths of rows that cannot be read; a reason does not repeat the path."""
    paths = paths_of(data.images)
    return tuple(
        Unreadable(data.ids[row], path, _short(reason, path))
        for row, reason in sorted(reasons.items())
        for path in ["" if paths is None else paths[row]]
    )


def not_there(data: ImageSet) -> tuple[Unreadable, ...]:
    """Images whose files are not there."""
    paths = paths_of(data.images) or ()
    rows = [row for row, path in enumerate(paths) if not is_there(path)]
    return tuple(Unreadable(data.ids[row], paths[row], "the file is not there") for row in rows)


def without(data: ImageSet, bad: Sequence[Unreadable]) -> ImageSet:
    """The images that can be read; says aloud how many others are left out.

    Raises:
        ValueError: if none can be read.
    """
    log.warning("%s", _summary(bad, len(data)))
    drop = {image.id for image in bad}
    keep = np.array([name not in drop for name in data.ids])
    if not keep.any():
        raise ValueError(
            f"none of the {len(data)} images can be read; the first: {bad[0]}; see that "
            "the right files are named"
        )
    return data.subset(keep) if bad else data


def refuse(bad: Sequence[Unreadable]) -> None:
    """Raise an error that names the first five images that cannot be read, if there are any.

    Raises:
        ValueError: there are some.
    """
    if bad:
        more = f"; ... ({len(bad)} in all)" if len(bad) > 5 else ""
        raise ValueError(
            f"images cannot be read: {'; '.join(map(str, bad[:5]))}{more}; fix them, exclude "
            "them, or leave them out with --data.on_error skip"
        )


def write_skipped(folder: str | Path, bad: Iterable[Unreadable]) -> Path:
    """Write ``skipped.csv`` into a folder: id, path and reason of what was left out, or nothing.

    Raises:
        OSError: if it cannot be written.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([field.name for field in fields(Unreadable)])
    writer.writerows(astuple(image) for image in bad)
    return write_text(Path(folder) / SKIPPED, text.getvalue())


class _Reasons(Dataset[tuple[int, str]]):
    """Row and reason of each image; an image that can be read has the reason ""."""

    def __init__(self, images: Images) -> None:
        self.images = images

    def __getitem__(self, index: Any) -> tuple[int, str]:
        return index, read_or_reason(self.images, index)[1]


def _summary(bad: Sequence[Unreadable], total: int) -> str:
    if not bad:
        return f"all {total} images can be read: none is left out"
    return (
        f"{len(bad)} of {total} images cannot be read and are left out (listed in {SKIPPED}); "
        f"the first: {bad[0]}"
    )


def _short(reason: str, path: str) -> str:
    return reason.removeprefix(f"image {path!r} cannot be read: ")
