"""SIIM-ISIC 2020: melanoma in dermoscopic images."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from aucmax.data._csvfile import CSVFile
from aucmax.data._messages import listed, names
from aucmax.data._official import (
    existing_folder,
    images_below,
    matching_files,
    official_file,
    present_images,
)
from aucmax.data._options import existing_file, kept_rows
from aucmax.data.base import FileSource, ImageSet

_ORIGIN = "get ISIC 2020 from https://challenge2020.isic-archive.com"
_FOLDERS = ("train", "jpeg/train", "ISIC_2020_Training_JPEG/train", "ISIC_2020_Training_JPEG")
_KAGGLE = ("train.csv",)
_TARGET = {"0": 0.0, "1": 1.0}


@dataclass(frozen=True)
class Melanoma(FileSource):
    """SIIM-ISIC 2020: 33,126 images of skin lesions of 2,056 patients, 584 of them melanoma.

    The folder holds ISIC_2020_Training_GroundTruth.csv (or _v2.csv) and the JPEG images in train,
    or Kaggle's train.csv with jpeg/train or the DICOM files in train. Images are found by their
    names in other folders and formats too. Nothing is downloaded. Of the table only image_name,
    patient_id and target are read: diagnosis and benign_malignant tell the target and must not
    reach a model. An image's group is its patient; there are no official parts with public
    targets, so all parts are drawn by patient.
    """

    root: str | Path
    """The folder."""
    csv: str | Path | None = None
    """The table, where it has another name or place."""
    duplicates: str | Path | None = None
    """The official ISIC_2020_Training_Duplicates.csv: of images that it calls the same, the first
    in the table is kept and the others are left out."""
    exclude: str | tuple[str, ...] = ()
    """Ids of images to leave out, as ISIC_2637011."""

    def load(self) -> ImageSet:
        """Read the table, and see that every image is there.

        Raises:
            FileNotFoundError: a folder, a table or images that are not there.
            ValueError: a missing column, a target other than 0 and 1 (with its line), an image
                twice, an excluded id that is not there, a list of duplicates of other images.
        """
        root = existing_folder("root", self.root, _ORIGIN)
        if self.csv is None:
            official = ("ISIC_2020_Training_GroundTruth*.csv",)
            kaggle = not matching_files(root, official) and matching_files(root, _KAGGLE)
            csv = official_file(root, *(_KAGGLE if kaggle else official), origin=_ORIGIN)
        else:
            csv = existing_file("csv", self.csv)
        table = CSVFile.read(csv)
        ids = table.filled("csv", "image_name")
        patients = np.array(table.filled("csv", "patient_id", words=True))
        target = np.array(table.mapped("csv", "target", _TARGET), np.float32)
        again = () if self.duplicates is None else _repeated_images(self.duplicates, ids)
        keep = kept_rows(ids, (*names(self.exclude), *again))
        return ImageSet(
            images=present_images(
                images_below(root, [ids[row] for row in keep], _FOLDERS, (".jpg",)),
                channels=3,
                table=repr(csv.name),
                origin=f"{_ORIGIN}: the JPEG images, in {_FOLDERS[0]} or {_FOLDERS[1]}",
                skip=self.on_error == "skip",
            ),
            target=target[keep, None],
            labels=("melanoma",),
            ids=tuple(ids[row] for row in keep),
            groups=patients[keep],
        )


def _repeated_images(path: str | Path, ids: Sequence[str]) -> list[str]:
    """All but the first image of each set of images that a list of pairs calls the same."""
    table = CSVFile.read(existing_file("duplicates", path))
    if len(table.header) != 2:
        raise ValueError(
            f"duplicates: {str(table.path)!r} must have two columns, the names of two images that "
            f"are the same, got {listed(table.header)}"
        )
    place = {name: row for row, name in enumerate(ids)}
    named = ([name.strip() for name in row] for row in table.rows)
    pairs = [(one, other) for one, other in named if one in place and other in place]
    if not pairs:
        raise ValueError(
            f"duplicates: none of the pairs in {str(table.path)!r} names two of the images, which "
            f"look like {listed(ids[:2])}"
        )
    first: dict[str, str] = {}  # an image leads to one earlier in the table, and so to the first

    def origin(name: str) -> str:
        while name in first:
            name = first[name]
        return name

    for pair in pairs:
        early, late = sorted(map(origin, pair), key=place.__getitem__)
        if early != late:
            first[late] = early
    return list(first)
