"""A folder with a folder of images for each class."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from aucmax.data._messages import listed, names, near
from aucmax.data._options import bits_problem, kept_rows
from aucmax.data._patterns import pattern_problem, search_all
from aucmax.data.base import FileSource, ImageSet
from aucmax.data.images import EXTENSIONS

_PARTS = {"train": "train", "training": "train", "test": "test"}
_PARTS |= dict.fromkeys(("val", "valid", "validation"), "validation")


@dataclass(frozen=True)
class Folder(FileSource):
    """A folder with one folder of images per class, or with train, val, test above these.

    ``root/cat/1.jpg`` or ``root/train/cat/1.jpg``. Files that are no images and hidden files are
    passed over; folders inside a class folder belong to the class.
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
    bits: int | None = None
    """How many bits count in 16-bit grey files, 9 to 16 (12 is usual for medical images)."""

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
        found = [(*row, ids) for row in _class_folders(root) for ids in _images(root, row[2])]
        positive = self._positive(sorted({row[1] for row in found}), root)
        ids = [row[3] for row in found]
        keep = kept_rows(ids, self.exclude)
        kept = [found[row] for row in keep]
        target = np.array([[row[1] in positive] for row in kept], np.float32)
        split = np.array([row[0] for row in kept])
        return ImageSet(
            images=self.files([root / row[3] for row in kept], bits=self.bits),
            target=target,
            labels=("+".join(positive),),
            ids=tuple(row[3] for row in kept),
            groups=None if self.group is None else _groups(self.group, [r[3] for r in kept]),
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


def _class_folders(root: Path) -> list[tuple[str, str, Path]]:
    """(part or "", class, folder) of every class folder."""
    top = _subfolders(root)
    if not top:
        raise ValueError(
            f"root: {str(root)!r} has no folders; it needs one for each class (images that have no "
            "classes are read through a CSV file)"
        )
    parts = [folder for folder in top if folder.name.lower() in _PARTS]
    if not parts:
        return [("", folder.name, folder) for folder in top]
    if len(parts) < len(top):
        classes = [folder.name for folder in top if folder not in parts]
        raise ValueError(
            f"root: {str(root)!r} mixes parts {listed(p.name for p in parts)} and other folders "
            f"{listed(classes)}; put every class folder into a part, or none"
        )
    return [
        (_PARTS[part.name.lower()], folder.name, folder)
        for part in parts
        for folder in _subfolders(part)
    ]


def _images(root: Path, folder: Path) -> list[str]:
    """Paths, as seen from ``root``, of the images anywhere in a class folder."""
    inside = (p.relative_to(root) for p in folder.rglob("*") if p.suffix.lower() in EXTENSIONS)
    found = sorted(p.as_posix() for p in inside if not any(s.startswith(".") for s in p.parts))
    if not found:
        raise ValueError(
            f"class folder {str(folder)!r} holds no images ({', '.join(sorted(EXTENSIONS))})"
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
