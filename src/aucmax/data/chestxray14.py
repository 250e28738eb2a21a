"""ChestX-ray14 of the NIH: chest x-rays with 14 findings."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aucmax.data._csvfile import CSVFile
from aucmax.data._messages import listed, names, near
from aucmax.data._official import (
    existing_folder,
    images_below,
    label_problems,
    official_file,
    present_images,
    undivided,
)
from aucmax.data._options import kept_rows
from aucmax.data.base import FileSource, ImageSet

NIH_FINDINGS = (
    *("Atelectasis", "Cardiomegaly", "Effusion", "Infiltration", "Mass", "Nodule", "Pneumonia"),
    *("Pneumothorax", "Consolidation", "Edema", "Emphysema", "Fibrosis", "Pleural_Thickening"),
    "Hernia",
)
_NONE = "No Finding"
_ORIGIN = "get ChestX-ray14 from https://nihcc.app.box.com/v/ChestXray-NIHCC"
_LISTS = {"train_val_list.txt": "train", "test_list.txt": "test"}


@dataclass(frozen=True)
class ChestXray14(FileSource):
    """ChestX-ray14 of the NIH: 112,120 frontal chest x-rays of 30,805 patients.

    The folder holds Data_Entry_2017.csv (or Data_Entry_2017_v2020.csv), train_val_list.txt,
    test_list.txt, and the images in images_001/images to images_012/images, or in images. Nothing
    is downloaded. The official test list is the test part; the validation part is drawn from the
    other list by patient. Images become grey; copies in another format are found by their names.
    """

    root: str | Path
    """The folder."""
    labels: str | tuple[str, ...] = NIH_FINDINGS
    """Findings to learn, of the 14: [Edema,Hernia]. Without it all of them."""
    exclude: str | tuple[str, ...] = ()
    """Ids of images to leave out, as 00000001_000.png."""

    def problems(self) -> Iterator[str]:
        """What is wrong with the options, a sentence for each."""
        yield from label_problems("labels", names(self.labels), NIH_FINDINGS)

    def load(self) -> ImageSet:
        """Read the table and the lists, and see that every image is there.

        Raises:
            FileNotFoundError: a folder, the table, a list or images that are not there.
            ValueError: a missing column, an unknown finding (with its line), an image in no list
                or in both, a patient in both, a label with one class only.
        """
        root = existing_folder("root", self.root, _ORIGIN)
        table = CSVFile.read(official_file(root, "Data_Entry_2017*.csv", origin=_ORIGIN))
        ids = table.filled("root", "Image Index")
        keep = kept_rows(ids, self.exclude)
        groups = np.array(table.filled("root", "Patient ID", words=True))[keep]
        target = _target(table, names(self.labels))[keep]
        kept = tuple(ids[row] for row in keep)
        split = _official_split(root, kept)
        undivided("patient", groups, split)
        paths = images_below(root, kept, ("images", "images_*", "images_*/images"), (".png",))
        return ImageSet(
            images=present_images(
                paths,
                channels=1,
                table=repr(table.path.name),
                origin=f"{_ORIGIN}: images_001 to images_012",
                skip=self.on_error == "skip",
            ),
            target=target,
            labels=names(self.labels),
            ids=kept,
            groups=groups,
            split=split,
        )


def _target(table: CSVFile, labels: tuple[str, ...]) -> NDArray[np.float32]:
    """1 where a finding is named, 0 where it is not."""
    rows: dict[str, list[float]] = {}  # several 100 combinations stand for all rows
    values = table.filled("root", "Finding Labels")
    for line, value in zip(table.lines, values, strict=True):
        if value not in rows:
            found = [name.strip() for name in value.split("|")]
            if wrong := [name for name in found if name not in (*NIH_FINDINGS, _NONE)]:
                raise ValueError(
                    f"{str(table.path)!r}, line {line}: column 'Finding Labels' holds "
                    f"{wrong[0]!r}{near(wrong[0], NIH_FINDINGS)}; allowed are "
                    f"{listed((*NIH_FINDINGS, _NONE), 20)}, joined by |"
                )
            if _NONE in found and len(found) > 1:
                raise ValueError(
                    f"{str(table.path)!r}, line {line}: {value!r} names findings and {_NONE!r}"
                )
            rows[value] = [float(name in found) for name in labels]
    return np.array([rows[value] for value in values], np.float32)


def _official_split(root: Path, ids: tuple[str, ...]) -> NDArray[np.str_]:
    """The part of each image, after the two official lists."""
    parts: dict[str, str] = {}
    for name, part in _LISTS.items():
        path = official_file(root, name, origin=_ORIGIN)
        images = path.read_text(encoding="utf-8-sig").split()
        if both := [image for image in images if image in parts]:
            raise ValueError(f"{str(root)!r}: {' and '.join(_LISTS)} share {listed(both)}")
        parts |= dict.fromkeys(images, part)
    if lost := [image for image in ids if image not in parts]:
        raise ValueError(
            f"{str(root)!r}: neither {' nor '.join(_LISTS)} names {listed(lost)}; get the "
            "whole lists anew, or leave these images out with exclude"
        )
    return np.array([parts[image] for image in ids])
