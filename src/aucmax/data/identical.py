"""Find images that are equal pixel by pixel: contradicting labels, and leaks between parts."""

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from aucmax.data._messages import listed
from aucmax.data.base import ImageSet, contradict


@dataclass(frozen=True)
class IdenticalImages:
    """What :func:`identical_images` found; every entry names the ids of one set of equal images.

    Args:
        same: all sets of two or more equal images.
        different_labels: those of them in which a label is 1 for one image and 0 for another.
        across_parts: those of them with images in more than one part.
        constant: ids of images that have one value in all pixels.
    """

    same: tuple[tuple[str, ...], ...] = ()
    different_labels: tuple[tuple[str, ...], ...] = ()
    across_parts: tuple[tuple[str, ...], ...] = ()
    constant: tuple[str, ...] = ()

    def warnings(self) -> Iterator[str]:
        """A sentence for each kind of finding that spoils training or testing.

        >>> found = IdenticalImages(different_labels=(("a", "b"),))
        >>> print(*found.warnings())
        1 set of pixel-identical images has different labels: 'a = b'; leave them out with exclude.
        """
        kinds = {
            "has different labels": self.different_labels,
            "lies in more than one part (training images that are tested)": self.across_parts,
        }
        for what, found in kinds.items():
            if found:
                several = "sets" if len(found) > 1 else "set"
                yield (
                    f"{len(found)} {several} of pixel-identical images {what}: "
                    f"{listed(' = '.join(ids) for ids in found)}; leave them out with exclude."
                )
        if self.constant:
            several = "images have" if len(self.constant) > 1 else "image has"
            yield (
                f"{len(self.constant)} {several} the same value in all pixels: "
                f"{listed(self.constant)}; a DICOM window outside of the values does this, and "
                "so does transparency; look at them, or leave them out with exclude."
            )


def identical_images(data: ImageSet, split: ArrayLike | None = None) -> IdenticalImages:
    """Sets of images that are equal in shape and in every pixel; each image is read once.

    Nothing is changed: what to do about them is the user's decision (``exclude``).

    Args:
        data: images with targets.
        split: (n,) the part of each image; None takes ``data.split``, if there is one.

    Raises:
        ValueError: ``split`` of another length; an image that cannot be read.
    """
    parts = data.split if split is None else np.asarray(split)
    if parts is not None and parts.shape != (len(data),):
        raise ValueError(f"split must have shape ({len(data)},), got {parts.shape}")
    rows: dict[bytes, list[int]] = defaultdict(list)
    constant: list[str] = []
    for row in range(len(data)):
        pixels = data.images[row].numpy()
        if pixels[0].size > 1 and (pixels == pixels.flat[0]).all():
            constant.append(data.ids[row])
        digest = hashlib.blake2b(repr(pixels.shape).encode(), digest_size=16)
        digest.update(pixels.tobytes())
        rows[digest.digest()].append(row)
    same = [found for found in rows.values() if len(found) > 1]

    def named(sets: list[list[int]]) -> tuple[tuple[str, ...], ...]:
        return tuple(tuple(data.ids[row] for row in found) for found in sets)

    return IdenticalImages(
        same=named(same),
        different_labels=named([found for found in same if contradict(data.target[found])]),
        across_parts=named(
            [found for found in same if parts is not None and len(set(parts[found])) > 1]
        ),
        constant=tuple(constant),
    )
