"""What readers of published data sets share: finding their parts, and saying which is missing."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aucmax.data._image_files import (
    DICOM_SUFFIXES,
    FolderTree,
    found_files,
    image_stem,
)
from aucmax.data._messages import listed, near, repeated
from aucmax.data.images import FileImages


def existing_folder(argument: str, path: str | Path, origin: str) -> Path:
    """The path of a folder that is there.

    Raises:
        FileNotFoundError: it is not; ``origin`` says where the data come from.
    """
    path = Path(path).expanduser()
    if path.is_file():
        raise FileNotFoundError(f"{argument}: {str(path)!r} is a file; name the folder it is in")
    if not path.is_dir():
        raise FileNotFoundError(f"{argument}: there is no folder {str(path)!r}; {origin}")
    return path


def matching_files(folder: Path, patterns: Iterable[str]) -> list[Path]:
    """Files of a folder whose name is a pattern, in upper or lower case.

    A table may be compressed (``.csv.gz``).
    """
    given = [name.lower() for name in patterns]
    wanted = [*given, *(f"{name}.gz" for name in given if name.endswith((".csv", ".tab")))]
    return sorted(
        path
        for path in folder.iterdir()
        if any(fnmatchcase(path.name.lower(), pattern) for pattern in wanted) and path.is_file()
    )


def official_file(folder: Path, *patterns: str, origin: str) -> Path:
    """The one file of a folder that has an official name; a table may be compressed.

    Raises:
        FileNotFoundError: there is none; ``origin`` says where the data come from.
        ValueError: there are several.
    """
    found = matching_files(folder, patterns)
    if not found:
        others = sorted(path.name for path in folder.iterdir())
        there = f", but {listed(others)}" if others else ": it is empty"
        raise FileNotFoundError(
            f"{str(folder)!r} holds no file {' or '.join(patterns)}{there}; {origin}"
        )
    if len(found) > 1:
        raise ValueError(
            f"{str(folder)!r} holds {listed(path.name for path in found)}; only one of "
            "them can be read: move the others away"
        )
    return found[0]


def label_problems(argument: str, chosen: Sequence[str], known: Sequence[str]) -> Iterator[str]:
    """Check names that are chosen from a fixed list."""
    if not chosen:
        yield f"{argument} must name at least one of {listed(known, 20)}"
    for name in chosen:
        if name not in known:
            yield (
                f"{argument}: there is no {name!r}{near(name, known)}; "
                f"known are {listed(known, 20)}"
            )
    if doubles := repeated(chosen):
        yield f"{argument} names {listed(doubles)} more than once"


def choice_problem(argument: str, value: object, allowed: Sequence[str]) -> Iterator[str]:
    """Check an option that is one of a few words."""
    if value not in allowed:
        yield f"{argument} must be one of {listed(allowed)}, got {value!r}"


def images_below(
    root: Path, names: Iterable[str], folders: Sequence[str], suffixes: Sequence[str] = ()
) -> list[Path]:
    """The image of each name, in whatever folder below ``root`` and format it is.

    Upper and lower case are the same. Where several files have a name, the first of ``folders``
    counts that has it, and formats that Pillow reads before DICOM; other folders come last.

    Args:
        root: of the data set.
        names: of images, with or without suffix.
        folders: in which the images are published, as seen from ``root``, with ``*`` for anything.
        suffixes: of the published files, to be preferred.

    Returns:
        A path for each name; where there is no such image, one in the first folder that is there.

    Raises:
        ValueError: if several files can be meant.
        OSError: if a folder may not be read.
    """
    order = [pattern.lower() for pattern in folders]
    found: defaultdict[str, list[tuple[tuple[int, int, int], str]]] = defaultdict(list)
    for image in FolderTree.read(root).images:
        folder, _, name = image.lower().rpartition("/")
        place = next((i for i, one in enumerate(order) if fnmatchcase(folder, one)), len(order))
        suffix = "." + name.rpartition(".")[2]
        foreign = suffix not in suffixes
        found[image_stem(name)].append(((suffix in DICOM_SUFFIXES, place, foreign), image))
    there = [name for name in folders if (root / name).is_dir()] or ["."]
    paths: list[Path] = []
    for name in names:
        ranked = sorted(found.get(image_stem(name.lower()), []))
        best = [image for rank, image in ranked if rank == ranked[0][0]]
        if len(best) > 1 and ranked[0][0][1] == len(order):
            raise ValueError(
                f"root: image {name!r} may be any of {listed(best)} below {str(root)!r}; keep one"
            )
        full = name if image_stem(name) != name else name + next(iter(suffixes), "")
        paths.append(root / best[0] if best else root / there[0] / full)
    return paths


def present_images(
    paths: Sequence[Path], *, channels: int, table: str, origin: str, skip: bool
) -> FileImages:
    """Images of which every file is there; whether they can be decoded shows when they are read.

    The heads of the files are not read, as that takes minutes for some 100,000 files. A converted
    copy, with another suffix than the table has, is taken for the image.

    Args:
        paths: one for each image.
        channels: 1 or 3.
        table: names the images, for messages.
        origin: where the data come from, for messages.
        skip: whether files that are not there are left for later, when images are read.

    Raises:
        FileNotFoundError: files that are not there: the first five and how many.
    """
    paths, missing = found_files(paths, what=table)
    if missing and (not skip or len(missing) == len(paths)):
        cure = "" if skip else "; set on_error=skip to leave them out and list them in skipped.csv"
        raise FileNotFoundError(
            f"{len(missing)} of the {len(paths)} images that {table} names are not there: "
            f"{listed(missing)}; {origin}{cure}"
        )
    return FileImages(paths, channels=channels)


def undivided(kind: str, groups: NDArray[np.str_], split: NDArray[np.str_]) -> None:
    """Refuse official parts that share patients or lesions.

    Raises:
        ValueError: a group with images in two parts.
    """
    members = {part: set(groups[split == part].tolist()) for part in np.unique(split).tolist()}
    for one, other in combinations(members, 2):
        if both := sorted(members[one] & members[other]):
            raise ValueError(
                f"a {kind} must be in one part only, but {listed(both)} "
                f"{'has' if len(both) == 1 else 'have'} images in {one} and in {other}; "
                "leave out one side with exclude"
            )
