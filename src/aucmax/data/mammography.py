"""CBIS-DDSM: mammograms or their lesions, malignant or not."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from aucmax.data._csvfile import CSVFile
from aucmax.data._decoding import Bits
from aucmax.data._mammograms import Found, Tree
from aucmax.data._messages import listed, names
from aucmax.data._official import choice_problem, existing_folder, label_problems
from aucmax.data._options import bits_problem, kept_rows
from aucmax.data.base import FileSource, ImageSet

_LESIONS = ("mass", "calc")
_PATHOLOGY = {"malignant": True, "benign": False, "benign_without_callback": False}
_WHERE = "CBIS-DDSM is at https://www.cancerimagingarchive.net/collection/cbis-ddsm/"


@dataclass(frozen=True)
class Lesion:
    """One row of a case file.

    Args:
        where: file and line, for messages.
        part: "train" or "test".
        view: patient, breast and view: what makes a mammogram.
        image, crop, mask: paths in the case file.
    """

    where: str
    part: str
    view: tuple[str, str, str]
    malignant: bool
    image: str
    crop: str
    mask: str


@dataclass(frozen=True)
class Mammography(FileSource):
    """CBIS-DDSM: scanned mammograms, or the lesions cut out of them; malignant or not.

    Needs the official case files ``mass_case_description_train_set.csv``, ``..._test_set.csv``,
    ``calc_case_description_train_set.csv`` and ``..._test_set.csv``, anywhere below the folder,
    and the images: DICOM as The Cancer Imaging Archive gives them, or converted to PNG or
    JPEG. Images are found by their folder (the case such as ``Mass-Training_P_00001_LEFT_CC``, or
    the series number), as the file names in the case files are not those on disk. In all these
    are 3,568 lesions on 3,032 mammograms of 1,566 patients. See Lee et al., Scientific Data 4
    (2017), https://doi.org/10.1038/sdata.2017.177.
    """

    root: str | Path
    """Folder with the case files and the images."""
    crop: bool = False
    """True: an image for each lesion, cut out. False: whole mammograms, malignant if any of their
    lesions is."""
    lesions: str | tuple[str, ...] = _LESIONS
    """Kinds of lesions: mass, calc (calcifications) or both; others count for nothing. A mammogram
    with both kinds is one image."""
    parts: Literal["disjoint", "official", "free"] = "disjoint"
    """The official training and test sets of masses and of calcifications share 31 patients.
    disjoint: the official test sets, and training without their patients. official: as
    published; refused before training if a patient is in both. free: all parts are
    drawn anew, patient by patient."""
    exclude: str | tuple[str, ...] = ()
    """Ids of images to leave out: their case, such as Mass-Training_P_00001_LEFT_CC."""
    bits: Bits = 16
    """How many bits count in 16-bit grey files, 9 to 16; the official images use all 16."""

    def problems(self) -> Iterator[str]:
        """What is wrong with the options, a sentence for each."""
        yield from label_problems("lesions", names(self.lesions), _LESIONS)
        yield from choice_problem("parts", self.parts, ("disjoint", "official", "free"))
        yield from bits_problem(self.bits)

    def load(self) -> ImageSet:
        """Read the case files, find the images, and read the head of each.

        Raises:
            FileNotFoundError: a case file, or images of some rows, that are not there.
            ValueError: a missing column, a pathology that is not known (with its line), a folder
                with too many images, a file that is no image.
        """
        tree = Tree(existing_folder("root", self.root, _WHERE))
        rows = [row for kind in names(self.lesions) for row in _lesions(tree, kind)]
        malignant = {row.view for row in rows if row.malignant}
        if self.parts == "disjoint":
            tested = {row.view[0] for row in rows if row.part == "test"}
            rows = [row for row in rows if row.part == "test" or row.view[0] not in tested]
        if not self.crop:
            first: dict[tuple[str, ...], Lesion] = {}
            keys = [(*row.view, "" if self.parts == "free" else row.part) for row in rows]
            pairs = zip(keys, rows, strict=True)
            rows = [row for key, row in pairs if first.setdefault(key, row) is row]
        ids = [_case(row.crop if self.crop else row.image) for row in rows]
        rows = [rows[place] for place in kept_rows(ids, self.exclude)]
        target = [row.malignant if self.crop else row.view in malignant for row in rows]
        free = self.parts == "free"
        return ImageSet(
            images=self.files(self._paths(tree, rows), bits=self.bits),
            target=np.array(target, np.float32)[:, None],
            labels=("malignant",),
            ids=tuple(_case(row.crop if self.crop else row.image) for row in rows),
            groups=np.array([row.view[0] for row in rows]),
            split=None if free else np.array([row.part for row in rows]),
        )

    def _paths(self, tree: Tree, rows: list[Lesion]) -> list[Path]:
        found: list[Found] = [
            tree.crop(row.crop, row.mask) if self.crop else tree.mammogram(row.image)
            for row in rows
        ]
        pairs = list(zip(rows, found, strict=True))
        missing = [(row, one) for row, one in pairs if one.path is None and not one.problem]
        if missing and (self.on_error == "raise" or len(missing) == len(rows)):
            cases = [f"{row.where}: {row.crop if self.crop else row.image}" for row, _ in missing]
            raise FileNotFoundError(
                f"root: {len(missing)} of {len(rows)} images are not below {str(tree.root)!r}, "
                f"neither in a folder of their case or series nor as a file of that name: "
                f"{listed(cases)}; {_WHERE}"
            )
        if problems := [f"{row.where}: {one.problem}" for row, one in pairs if one.problem]:
            more = f"; ... ({len(problems)} rows in all)" if len(problems) > 5 else ""
            raise ValueError("; ".join(problems[:5]) + more)
        lost = tree.root / "no image of"  # not there: left out when images are read
        return [
            one.path or lost / _case(row.crop if self.crop else row.image) for row, one in pairs
        ]


def _lesions(tree: Tree, kind: str) -> Iterator[Lesion]:
    for part in ("train", "test"):
        name = f"{kind}_case_description_{part}_set.csv"
        path = tree.tables.get(name)
        if path is None:
            raise FileNotFoundError(f"root: {str(tree.root)!r} holds no file {name}; {_WHERE}")
        table = CSVFile.read(path)
        view = zip(
            *(table.filled(c, c) for c in ("patient_id", "left or right breast", "image view")),
            strict=True,
        )
        columns = (
            table.lines,
            view,
            table.mapped("pathology", "pathology", _PATHOLOGY),
            table.filled("image", "image file path"),
            table.filled("crop", "cropped image file path"),
            table.filled("mask", "ROI mask file path"),
        )
        for line, who, malignant, image, crop, mask in zip(*columns, strict=True):
            yield Lesion(f"{name}, line {line}", part, who, malignant, image, crop, mask)


def _case(path: str) -> str:
    """The first folder of a path in a case file, which no other mammogram or lesion has."""
    return path.split("/")[0]
