"""Which file on disk is a mammogram of CBIS-DDSM, and which the cut-out of a lesion."""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from aucmax.data._image_files import FolderTree, image_stem, note_others
from aucmax.data._messages import listed
from aucmax.data.images import FileImages, image_size


@dataclass(frozen=True)
class Found:
    """A file, or why there is none: a ``problem``, or nothing where no file is there."""

    path: Path | None = None
    problem: str = ""


class Tree:
    """All images below a folder, by the folders that they are in and by their names.

    Args:
        root: the folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.tables: dict[str, Path] = {}
        self._below: defaultdict[str, list[Path]] = defaultdict(list)
        self._named: defaultdict[str, list[Path]] = defaultdict(list)
        found = FolderTree.read(root)
        for name in found.others:
            if name.lower().endswith(".csv"):
                self.tables.setdefault(name.rpartition("/")[2], root / name)
        for name in found.images:
            path = root / name
            self._named[image_stem(path.name)].append(path)
            for parent in set(name.split("/")[:-1]):
                self._below[parent].append(path)
        note_others([name for name in found.others if not name.lower().endswith(".csv")], root)

    def mammogram(self, path: str) -> Found:
        """The whole image of a row.

        Args:
            path: case/study/series/file, as the case file has it.
        """
        found = self._candidates(path)
        if len(found) > 1:
            return Found(problem=f"{path} may be any of {listed(found)}; keep one")
        return Found(found[0] if found else None)

    def crop(self, path: str, mask: str) -> Found:
        """The cut-out of a lesion: the smaller of two files, as the mask covers the whole image.

        The case files name crop and mask the wrong way round for some lesions, so their names
        do not tell which is which.

        Args:
            path: of the cut-out, as the case file has it.
            mask: of the mask.
        """
        found = list(dict.fromkeys([*self._candidates(path), *self._candidates(mask)]))
        if len(found) > 2:
            return Found(problem=f"{path} may be any of {listed(found)}; keep crop and mask only")
        if len(found) < 2:
            if found and _is_mask(found[0]):
                return Found(problem=f"only the mask of {path} is there, {str(found[0])!r}")
            return Found(found[0] if found else None)
        one, other = (np.prod(image_size(file)) for file in found)
        if one == other:
            return Found(problem=f"crop and mask, {listed(found)}, are of one size")
        return Found(found[0] if one < other else found[1])

    def _candidates(self, path: str) -> list[Path]:
        """Files in the folder of the series, or else of the case, or else named like the case."""
        *folders, _ = path.split("/")
        case, series = (folders[0], folders[-1]) if folders else (Path(path).stem, "")
        return self._below.get(series) or self._below.get(case) or self._named.get(case, [])


def _is_mask(path: Path) -> bool:
    """Whether nearly all pixels are black or white (JPEG blurs the border between them)."""
    pixels = FileImages([path], bits=16, channels=1)[0].numpy()
    return bool(np.mean((pixels > 32) & (pixels < 223)) < 0.02)
