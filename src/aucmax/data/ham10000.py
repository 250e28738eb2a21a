"""HAM10000, the training images of ISIC 2018: pigmented skin lesions of seven kinds."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from aucmax.data._csvfile import CSVFile
from aucmax.data._messages import listed, names
from aucmax.data._official import (
    existing_folder,
    images_below,
    label_problems,
    matching_files,
    official_file,
    present_images,
)
from aucmax.data._options import kept_rows
from aucmax.data.base import FileSource, ImageSet

DIAGNOSES = ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")
_ORIGIN = (
    "get HAM10000 from https://doi.org/10.7910/DVN/DBW86T, or ISIC 2018 task 3 from "
    "https://challenge.isic-archive.com/data"
)
_METADATA = ("HAM10000_metadata.csv", "HAM10000_metadata.tab", "HAM10000_metadata")
"""Names of one table: the original, what the Dataverse hands out, and Kaggle's older copy."""
_TRUTH, _LESIONS = (f"ISIC2018_Task3_Training_{n}.csv" for n in ("GroundTruth", "LesionGroupings"))
_FOLDERS = ("HAM10000_images_part_1", "HAM10000_images_part_2", "ISIC2018_Task3_Training_Input")


class _Lesions(NamedTuple):
    ids: list[str]
    diagnoses: list[str]
    lesions: list[str]


@dataclass(frozen=True)
class HAM10000(FileSource):
    """HAM10000: 10,015 images of 7,470 skin lesions, 1,113 of the images melanoma.

    The folder holds HAM10000_metadata.csv (or .tab) with the images in HAM10000_images_part_1 and
    HAM10000_images_part_2, or ISIC 2018's ISIC2018_Task3_Training_GroundTruth.csv and
    ISIC2018_Task3_Training_LesionGroupings.csv with ISIC2018_Task3_Training_Input: the same
    images. Images are found by their names in other folders below it too. Nothing is downloaded.
    An image's group is its lesion; parts are drawn by lesion.
    """

    root: str | Path
    """The folder."""
    positive: str | tuple[str, ...] = "mel"
    """Diagnosis that is positive, or several: [mel,bcc,akiec]; the other ones of akiec, bcc, bkl,
    df, mel, nv, vasc are negative."""
    exclude: str | tuple[str, ...] = ()
    """Ids of images to leave out, as ISIC_0027419."""

    def problems(self) -> Iterator[str]:
        """What is wrong with the options, a sentence for each."""
        yield from label_problems("positive", names(self.positive), DIAGNOSES)
        if set(names(self.positive)) == set(DIAGNOSES):
            yield "positive names every diagnosis: none is negative"

    def load(self) -> ImageSet:
        """Read the table, and see that every image is there.

        Raises:
            FileNotFoundError: a folder, a table or images that are not there.
            ValueError: a missing column, an unknown diagnosis (with its line), an image twice, an
                excluded id that is not there, no image of a positive diagnosis.
        """
        root = existing_folder("root", self.root, _ORIGIN)
        isic = not matching_files(root, _METADATA) and matching_files(root, [_TRUTH])
        ids, diagnoses, lesions = _challenge(root) if isic else _metadata(root)
        keep = kept_rows(ids, self.exclude)
        positive = names(self.positive)
        return ImageSet(
            images=present_images(
                images_below(root, [ids[row] for row in keep], _FOLDERS, (".jpg",)),
                channels=3,
                table="the table",
                origin=f"{_ORIGIN}: {', '.join(_FOLDERS)}",
                skip=self.on_error == "skip",
            ),
            target=np.array([[diagnoses[row] in positive] for row in keep], np.float32),
            labels=("+".join(positive),),
            ids=tuple(ids[row] for row in keep),
            groups=np.array(lesions)[keep],
        )


def _metadata(root: Path) -> _Lesions:
    """HAM10000's own table."""
    there = [name for name in _METADATA if matching_files(root, [name])] or _METADATA
    table = CSVFile.read(official_file(root, there[0], origin=_ORIGIN))
    return _Lesions(
        table.filled("root", "image_id"),
        table.mapped("root", "dx", {name: name for name in DIAGNOSES}),
        table.filled("root", "lesion_id", words=True),
    )


def _challenge(root: Path) -> _Lesions:
    """The two tables of ISIC 2018: a column of 0 and 1 for each diagnosis, and the lesions."""
    table = CSVFile.read(official_file(root, _TRUTH, origin=_ORIGIN))
    groups = CSVFile.read(official_file(root, _LESIONS, origin=_ORIGIN))
    image, lesion = (groups.filled("root", column) for column in ("image", "lesion_id"))
    lesions = dict(zip(image, lesion, strict=True))
    ids = table.filled("root", "image")
    if lost := [name for name in ids if name not in lesions]:
        raise ValueError(f"root: {str(groups.path)!r} does not name the images {listed(lost)}")
    return _Lesions(ids, _one_of_seven(table), [lesions[name] for name in ids])


def _one_of_seven(table: CSVFile) -> list[str]:
    meaning = {"0": 0, "1": 1, "0.0": 0, "1.0": 1}
    columns = [table.mapped("root", name.upper(), meaning) for name in DIAGNOSES]
    values = np.array(columns).T
    for line, row in zip(table.lines, values, strict=True):
        if row.sum() != 1:
            raise ValueError(
                f"{str(table.path)!r}, line {line}: exactly one diagnosis must be 1, "
                f"got {row.sum()} of them"
            )
    return [DIAGNOSES[place] for place in values.argmax(1)]
