"""Which files are images: by their suffix where that says it, by their first bytes elsewhere."""

import logging
import os
import re
import stat
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ._messages import listed

PILLOW_SUFFIXES = frozenset(
    (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
)
"""Suffixes of formats that Pillow reads; such files are taken for images unread."""

DICOM_SUFFIXES = frozenset((".dcm", ".dicom"))
SUFFIXES = PILLOW_SUFFIXES | DICOM_SUFFIXES
HEAD = 132 + 12
"""Bytes that tell what a file is: DICOM has its mark behind a preamble of 128 bytes."""

_IMAGE = re.compile(
    rb"\x89PNG\r\n\x1a\n|\xff\xd8\xff|GIF8[79]a|RIFF....WEBP|(II[*+]\0|MM\0[*+])"
    rb"|BM....\0\0\0\0|\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51|P[1-6]\s+(#[^\n]*\n\s*|\d+\s)"
    rb"|....ftyp(avif|avis)|8BPS\0\x01|DDS \x7c\0\0\0|qoif",
    re.DOTALL,
)
_BARE_DICOM = re.compile(
    # A group, an element, and its type or length, in either order of bytes.
    rb"[\x02\x08]\0[\0-\x70]\0([A-Z][A-Z]|..\0\0)|\0[\x02\x08]\0[\0-\x70][A-Z][A-Z]",
    re.DOTALL,
)

log = logging.getLogger("aucmax")


def has_dicom_head(head: bytes) -> bool:
    """Whether a file begins as DICOM does: with the mark DICM, or at once with the first group."""
    return head[128:132] == b"DICM" or _BARE_DICOM.match(head) is not None


def has_image_head(head: bytes) -> bool:
    """Whether a file begins as an image in a format that Pillow reads."""
    return _IMAGE.match(head) is not None


def read_head(path: str | Path) -> bytes:
    """The first bytes of a file."""
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - Path.open is slower
        return file.read(HEAD)


@dataclass
class FolderTree:
    """What is in a folder and the folders below it; hidden files and folders are ignored.

    Args:
        images: paths of the images, as seen from the folder, with /, in the order of their names.
        others: paths of all other files.
    """

    images: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, root: str | Path) -> "FolderTree":
        """List a folder to any depth.

        Raises:
            OSError: a folder or a file that may not be read.
            ValueError: a name that is not text in UTF-8, which no result could repeat.
        """
        tree = cls()
        for path, entry in _walk(os.fspath(root)):
            if not path.isascii():
                _check_name(path)
            suffix = os.path.splitext(entry.name)[1].lower()  # noqa: PTH122 - for speed
            known = entry.is_file() and (
                suffix in SUFFIXES
                or (suffix not in _NO_IMAGE and is_image_head(read_head(entry.path)))
            )
            (tree.images if known else tree.others).append(path)
        tree.images.sort()
        tree.others.sort()
        return tree

    def note_others(self, root: str | Path) -> None:
        """Say how many files are no images, if there are any."""
        note_others(self.others, root)


_NO_IMAGE = frozenset((".csv", ".json", ".txt", ".xml", ".md", ".html", ".npz", ".npy", ".zip"))
"""Suffixes of files that often lie beside images: they are not read."""


def is_image_head(head: bytes) -> bool:
    """Whether a file begins as an image of any kind that is read."""
    return has_image_head(head) or has_dicom_head(head)


def note_others(others: Sequence[str], root: str | Path) -> None:
    """Say how many files are no images, if there are any."""
    if others:
        what = "files are no images and are" if len(others) > 1 else "file is no image and is"
        log.warning("%s: %d %s left out: %s", root, len(others), what, listed(others, 3))


def _check_name(path: str) -> None:
    try:
        path.encode()
    except UnicodeEncodeError as error:
        raise ValueError(
            f"file name {os.fsencode(path)!r} is not text in UTF-8; rename the file"
        ) from error


def _walk(root: str) -> Iterator[tuple[str, "os.DirEntry[str]"]]:
    """Path as seen from ``root``, and entry, of every file; no recursion, as trees may be deep."""
    todo = [("", root)]
    while todo:
        inside, folder = todo.pop()
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                path = f"{inside}{entry.name}"
                if entry.is_dir():
                    if not (entry.is_symlink() and _is_loop(entry.path)):
                        todo.append((f"{path}/", entry.path))
                else:
                    yield path, entry


def _is_loop(link: str) -> bool:
    """Whether a link to a folder leads to one that the link itself is in."""
    target = os.path.realpath(link)
    parent = os.path.realpath(os.path.dirname(link))  # noqa: PTH120
    return os.path.commonpath([target, parent]) == target


def missing_files(paths: Iterable[str | Path]) -> list[str | Path]:
    """Those of some files that are not there.

    Raises:
        OSError: a folder that may not be entered, so that nobody knows.
    """
    return [path for path in paths if not is_there(path)]


def is_there(path: str | Path) -> bool:
    """Whether there is a file.

    Raises:
        OSError: a folder that may not be entered.
    """
    try:
        return stat.S_ISREG(os.stat(path).st_mode)  # noqa: PTH116 - for speed
    except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: a NUL in the name
        return False


def found_files(paths: Sequence[Path], *, what: str = "the table") -> tuple[list[Path], list[Path]]:
    """The same paths, where a file is not there by the one that can be meant, and a note of it.

    A name is written otherwise if it has backslashes for slashes, lacks the suffix, or has
    the suffix of another format, as in converted copies. Files that cannot be found keep their
    paths.

    Args:
        paths: of images.
        what: names them, for messages.

    Returns:
        A path for each, and those of them that are not there.

    Raises:
        ValueError: several files can be meant.
    """
    folders: dict[str, dict[str, list[str]]] = {}
    found: list[Path] = []
    missing: list[Path] = []
    changed: list[tuple[Path, Path]] = []
    for path in paths:
        if is_there(path):
            found.append(path)
            continue
        other = _other_name(path, folders)
        found.append(other or path)
        if other is None:
            missing.append(path)
        else:
            changed.append((path, other))
    if changed:
        log.warning(
            "%d of the %d images that %s names are found under another name, the first: %r as %r",
            len(changed),
            len(paths),
            what,
            str(changed[0][0]),
            str(changed[0][1]),
        )
    return found, missing


def _other_name(path: Path, folders: dict[str, dict[str, list[str]]]) -> Path | None:
    straight = Path(str(path).replace("\\", "/"))
    if straight != path and is_there(straight):
        return straight
    folder = str(straight.parent)
    if folder not in folders:
        folders[folder] = _by_stem(folder)
    stem = image_stem(straight.name)
    near = folders[folder].get(stem.casefold(), [])
    near = [name for name in near if image_stem(name) == stem] or near
    if len(near) > 1:
        raise ValueError(
            f"image file {str(path)!r} is not there, and any of {listed(near)} can be meant; "
            "write the suffix in the table, or keep only one of these files"
        )
    return straight.parent / near[0] if near else None


def _by_stem(folder: str) -> dict[str, list[str]]:
    """Names of the images in a folder, by their stems in lower case."""
    names: defaultdict[str, list[str]] = defaultdict(list)
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if not entry.name.startswith(".") and entry.is_file() and is_image(entry.path):
                    names[image_stem(entry.name).casefold()].append(entry.name)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        pass
    return {stem: sorted(found) for stem, found in names.items()}


def is_image(path: str) -> bool:
    """Whether a file is an image: by its suffix, or else by its first bytes."""
    suffix = os.path.splitext(path)[1].lower()  # noqa: PTH122
    return suffix in SUFFIXES or (suffix not in _NO_IMAGE and is_image_head(read_head(path)))


def image_stem(name: str) -> str:
    """A name without the suffix of an image format; dots elsewhere belong to the name.

    >>> image_stem("a.b.PNG"), image_stem("1.2.840.113")
    ('a.b', '1.2.840.113')
    """
    stem, suffix = os.path.splitext(name)  # noqa: PTH122
    known = suffix.lower() in SUFFIXES or suffix.lower() in _OTHER_SUFFIXES
    return stem if known and stem else name


_OTHER_SUFFIXES = frozenset((".jfif", ".jp2", ".j2k", ".jpx", ".jpe", ".ima", ".avif", ".pbm"))
"""Suffixes that belong to images, but not always."""
