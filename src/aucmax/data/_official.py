"""What readers of published data sets share: finding their parts, and saying which is missing."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

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
    """Files of a folder whose name is a pattern; a table may be compressed (``.csv.gz``)."""
    given = list(patterns)
    wanted = [*given, *(f"{name}.gz" for name in given if name.endswith(".csv"))]
    return sorted({path for one in wanted for path in folder.glob(one) if path.is_file()})


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


def present_images(paths: Sequence[Path], *, channels: int, table: str, origin: str) -> FileImages:
    """Images of which every file is there; whether they can be decoded shows when they are read.

    The heads of the files are not read, as that takes minutes for some 100,000 files.

    Raises:
        FileNotFoundError: files that are not there: the first five and how many.
    """
    if missing := [path for path in paths if not path.is_file()]:
        raise FileNotFoundError(
            f"{len(missing)} of the {len(paths)} images that {table} names are not there: "
            f"{listed(missing)}; {origin}"
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
