"""A folder with a folder of images for each class."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ._decoding import Bits
from ._image_files import SUFFIXES, FolderTree
from ._messages import listed, names, near
from ._options import bits_problem, kept_rows
from ._patterns import pattern_problem, search_all
from .base import FileSource, ImageSet

log = logging.getLogger("aucmax")

_PARTS = {"train": "train", "training": "train", "test": "test"}
_PARTS |= dict.fromkeys(("val", "valid", "validation"), "validation")


@dataclass(frozen=True)
class Folder(FileSource):
    """A folder with one folder of images per class, or with train, val, test above these.

    ``root/cat/1.jpg`` or ``root/train/cat/1.jpg``. Files with a suffix of another kind than the
    usual ones, or without one, are images if they begin like one. Files that are no images are
    left out and counted, hidden files ignored; folders inside a class folder belong to the class.
    """

    root: str | Path
    """The folder."""
    positive: str | tuple[str, ...] = ()
    """Class whose images are positive, or several: [cat,dog]. Without it there must be two classes,
    and the second in the alphabet is positive."""
    group: str | None = None
    r"""Regular expression that finds, in an image's path, what belongs together, such as the
    patient: (patient\d+). Its first bracket, or all of it, names the group. A group is never
    divided between training, validation and test."""
    exclude: str | tuple[str, ...] = ()
    """Ids of images to leave out: paths as seen from `root`, with /."""
    bits: Bits = None
    """How many bits count in 16-bit files, 9 to 16 (12 is usual for medical images), or auto: 12
    for a file with no value above 4095, 16 for others."""

    def problems(self) -> Iterator[str]:
        """What is wrong with the options, a sentence for each."""
        if "" in names(self.positive):
            yield "positive must name a class, got ''"
        if problem := pattern_problem(self.group or ""):
            yield f"group must be a regular expression, got {self.group!r} ({problem})"
        yield from bits_problem(self.bits)

    def load(self) -> ImageSet:
        """List the images, and read the head of every file.

        Raises:
            FileNotFoundError: there is no such folder.
            ValueError: no classes, more than two without ``positive``, an unknown class, a class
                without images, a path in which ``group`` finds nothing, a file that is no image.
        """
        root = Path(self.root).expanduser()
        if not root.is_dir():
            raise FileNotFoundError(f"root: there is no folder {str(root)!r}")
        tree = FolderTree.read(root)
        folders = _class_folders(root)
        found = [
            (part, name, image)
            for (part, name, _), images in zip(folders, _images(tree, folders), strict=True)
            for image in images
        ]
        tree.note_others(root)
        positive = self._positive(sorted({row[1] for row in found}), root)
        ids = [row[2] for row in found]
        keep = kept_rows(ids, self.exclude)
        kept = [found[row] for row in keep]
        target = np.array([[row[1] in positive] for row in kept], np.float32)
        split = np.array([row[0] for row in kept])
        return ImageSet(
            images=self.files([root / row[2] for row in kept], bits=self.bits),
            target=target,
            labels=("+".join(positive),),
            ids=tuple(row[2] for row in kept),
            groups=None if self.group is None else _groups(self.group, [r[2] for r in kept]),
            split=split if (split != "").any() else None,
        )

    def _positive(self, classes: list[str], root: Path) -> tuple[str, ...]:
        chosen = names(self.positive)
        if len(classes) < 2:
            raise ValueError(
                f"root: {str(root)!r} needs two or more classes, got {listed(classes)}"
            )
        if not chosen and len(classes) == 2:
            return (classes[1],)
        if not chosen:
            raise ValueError(
                f"positive must say which of these classes are positive: {listed(classes, 30)}"
            )
        if unknown := [name for name in chosen if name not in classes]:
            raise ValueError(
                f"positive: there is no class {unknown[0]!r}{near(unknown[0], classes)}; "
                f"classes are {listed(classes, 30)}"
            )
        if set(chosen) == set(classes):
            raise ValueError(f"positive names every class, {listed(classes, 30)}: none is negative")
        return chosen


def _subfolders(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))


def _class_folders(root: Path) -> list[tuple[str, str, str]]:
    """(part or "", class, path as seen from the root) of every class folder."""
    top = _subfolders(root)
    if not top:
        raise ValueError(
            f"root: {str(root)!r} has no folders; it needs one for each class (images that have no "
            "classes are read through a CSV file)"
        )
    parts = [folder for folder in top if folder.name.lower() in _PARTS]
    if not parts:
        return [("", folder.name, folder.name) for folder in top]
    if len(parts) < len(top):
        classes = [folder.name for folder in top if folder not in parts]
        raise ValueError(
            f"root: {str(root)!r} mixes parts {listed(p.name for p in parts)} and other folders "
            f"{listed(classes)}; put every class folder into a part, or none"
        )
    return [
        (_PARTS[part.name.lower()], folder.name, f"{part.name}/{folder.name}")
        for part in parts
        for folder in _subfolders(part)
    ]


def _images(tree: FolderTree, folders: Sequence[tuple[str, str, str]]) -> list[list[str]]:
    """The images anywhere in each class folder, as seen from the root."""
    places = {inside: place for place, (_, _, inside) in enumerate(folders)}
    depth = {inside.count("/") for inside in places}
    found: list[list[str]] = [[] for _ in folders]
    outside: list[str] = []
    for image in tree.images:
        heads = {"/".join(image.split("/")[: count + 1]) for count in depth}
        home = next((places[head] for head in heads if head in places), None)
        (outside if home is None else found[home]).append(image)
    for (_, _, inside), images in zip(folders, found, strict=True):
        if not images:
            raise ValueError(
                f"class folder {inside!r} holds no images, neither named as such "
                f"({', '.join(sorted(SUFFIXES))}) nor by their content"
            )
    if outside:
        log.warning(
            "%d images are in no class folder and are left out: %s", len(outside), listed(outside)
        )
    return found


def _groups(pattern: str, ids: list[str]) -> np.ndarray:
    try:
        found = search_all(pattern, ids)
    except ValueError as error:
        raise ValueError(f"group: {error}") from error
    if bad := [name for name, match in zip(ids, found, strict=True) if not match or not match[0]]:
        raise ValueError(f"group: {pattern!r} finds nothing in the path of {listed(bad)}")
    groups = [match[1] for match in found if match]
    if None in groups:
        raise ValueError(f"group: the first bracket of {pattern!r} is empty in some paths")
    return np.array(groups)
