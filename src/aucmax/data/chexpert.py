"""CheXpert: chest x-rays with 14 findings, some of them uncertain."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aucmax.data._csvfile import CSVFile
from aucmax.data._messages import listed, names
from aucmax.data._official import (
    choice_problem,
    existing_folder,
    label_problems,
    matching_files,
    official_file,
    present_images,
    undivided,
)
from aucmax.data._options import existing_file, kept_rows
from aucmax.data.base import FileSource, ImageSet

COMPETITION = ("Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Pleural Effusion")
FINDINGS = (
    *("No Finding", "Enlarged Cardiomediastinum", "Cardiomegaly", "Lung Opacity", "Lung Lesion"),
    *("Edema", "Consolidation", "Pneumonia", "Atelectasis", "Pneumothorax", "Pleural Effusion"),
    *("Pleural Other", "Fracture", "Support Devices"),
)
PAPER = {"Edema": 1.0, "Atelectasis": 1.0}
PAPER |= dict.fromkeys(("Cardiomegaly", "Consolidation", "Pleural Effusion"), 0.0)

_UNCERTAIN: Mapping[str, Mapping[str, float]] = {
    "ignore": {},
    "zeros": dict.fromkeys(FINDINGS, 0.0),
    "ones": dict.fromkeys(FINDINGS, 1.0),
    "paper": PAPER,
}
_BLANK = {"negative": 0.0, "unknown": np.nan}
_USES = ("validation", "test", "unused")
_ORIGIN = "get CheXpert from https://stanfordmlgroup.github.io/competitions/chexpert"
_BATCHES = f"{_ORIGIN} (if it came in batches, their patient folders belong into one folder train)"
_TEST = "get the labels from https://github.com/rajpurkarlab/cheXpert-test-set-labels"
_STUDY = re.compile(r"(?:[^/]+/)?([^/]+/(patient\d+)/study\d+)")
_VIEW = re.compile(rf"{_STUDY.pattern}/view\d+_(?:frontal|lateral)\.\w+")

Uncertain = Literal["ignore", "zeros", "ones", "paper"]
Blank = Literal["negative", "unknown"]


@dataclass(frozen=True, eq=False)
class CheXpertLabels:
    """What a label file says of n images, or of n studies where it lists studies.

    Args:
        names: n paths without the data set's own folder: ``train/patient00001/study1`` and, for an
            image, ``/view1_frontal.jpg``. They are the same in v1.0 and v1.0-small.
        patients: (n,) as ``patient00001``.
        target: (n, L) float32 of 0, 1 and NaN.
        labels: the L findings.
    """

    names: tuple[str, ...]
    patients: NDArray[np.str_]
    target: NDArray[np.float32]
    labels: tuple[str, ...]

    def rows(self, index: ArrayLike) -> Self:
        """Some of the rows."""
        rows = np.asarray(index, dtype=np.int64)
        return replace(
            self,
            names=tuple(self.names[row] for row in rows),
            patients=self.patients[rows],
            target=self.target[rows],
        )

    def frontal(self) -> Self:
        """The rows of frontal images."""
        return self.rows([row for row, name in enumerate(self.names) if "_frontal." in name])


def chexpert_labels(
    csv: str | Path,
    labels: str | tuple[str, ...] = COMPETITION,
    *,
    uncertain: Uncertain = "paper",
    blank: Blank = "negative",
) -> CheXpertLabels:
    """Read a label file alone; no images are needed.

    Args:
        csv: train.csv, valid.csv, or the test set's labels; a .gz file is unpacked.
        labels: findings to read, or "all" for the 14.
        uncertain: what -1 means, as in :class:`CheXpert`.
        blank: what an empty cell means, as in :class:`CheXpert`.

    Returns:
        Names, patients and targets in the order of the file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: an unknown finding or policy, a missing column, a value other than 1, 0, -1 and
            blank (with its line), a path that is none of CheXpert's.
    """
    chosen = _chosen(labels)
    if problems := list(_label_options(chosen, uncertain, blank)):
        raise ValueError("; ".join(problems))
    table = CSVFile.read(existing_file("csv", csv))
    target = [
        table.mapped("labels", name, _meaning(_UNCERTAIN[uncertain].get(name, np.nan), blank))
        for name in chosen
    ]
    found, patients = _named(table)
    return CheXpertLabels(found, patients, np.array(target, np.float32).T, chosen)


@dataclass(frozen=True)
class CheXpert(FileSource):
    """CheXpert, v1.0 or v1.0-small: 223,414 chest x-rays of 64,540 patients to train on.

    Nothing is downloaded. An image's id is its path without the data set's own folder, its group
    is the patient. Images become grey; copies in another format, such as PNG, are found by their
    names. To judge studies instead of images, join the predictions
    with :func:`aucmax.data.max_over_views` or :func:`aucmax.data.mean_over_views`.
    """

    root: str | Path
    """The folder with train.csv and valid.csv, or the one above it."""
    labels: str | tuple[str, ...] = COMPETITION
    """Findings to learn: all for the 14, or some of them: [Edema,Fracture]. Without it the five of
    the competition."""
    uncertain: Uncertain = "paper"
    """What -1 (uncertain) means: ignore (unknown), zeros, ones, or paper: ones for Edema and
    Atelectasis, zeros for Cardiomegaly, Consolidation and Pleural Effusion, unknown for the
    nine others."""
    blank: Blank = "negative"
    """What an empty cell (not mentioned in the report) means: negative or unknown."""
    frontal: bool = True
    """Whether to leave lateral images out."""
    valid: Literal["validation", "test", "unused"] | None = None
    """What the official valid.csv is for: validation, test, or unused. Its 234 images are few, and
    not every one of the 14 findings is there. Without it, test; or validation where `test`
    is given. What is then missing, validation or test, is drawn from train.csv by patient."""
    test: str | Path | None = None
    """The test set's labels: groundtruth.csv or test_labels.csv, or the folder with one. The
    images are looked for in a folder test beside that file, then beside train.csv."""
    exclude: str | tuple[str, ...] = ()
    """Ids of images to leave out, as train/patient00001/study1/view1_frontal.jpg."""

    def problems(self) -> Iterator[str]:
        """What is wrong with the options, a sentence for each."""
        yield from _label_options(_chosen(self.labels), self.uncertain, self.blank)
        if self.valid is not None:
            yield from choice_problem("valid", self.valid, _USES)
        if self.valid == "test" and self.test is not None:
            yield "valid=test and a test set in test: only one of them can be the test part"

    def load(self) -> ImageSet:
        """Read the label files, and see that every image is there.

        Raises:
            FileNotFoundError: a folder, a label file or images that are not there.
            ValueError: what :func:`chexpert_labels` refuses; a patient in two parts; an excluded
                id that is not there; a label with one class only.
        """
        folder = _folder(existing_folder("root", self.root, _ORIGIN))
        read = partial(
            chexpert_labels, labels=self.labels, uncertain=self.uncertain, blank=self.blank
        )
        parts = [("train", folder, read(official_file(folder, "train.csv", origin=_ORIGIN)))]
        use = self.valid or ("test" if self.test is None else "validation")
        if use != "unused":
            csv = official_file(folder, "valid.csv", origin=_ORIGIN)
            parts.append((use, folder, read(csv)))
        if self.test is not None:
            csv = _test_file(self.test)
            parts.append(("test", *_tested(csv, read(csv), folder, frontal=self.frontal)))
        if self.frontal:
            parts = [(part, where, table.frontal()) for part, where, table in parts]
        return self._joined(parts)

    def _joined(self, parts: list[tuple[str, Path, CheXpertLabels]]) -> ImageSet:
        ids = [name for _, _, table in parts for name in table.names]
        paths = [where / name for _, where, table in parts for name in table.names]
        keep = kept_rows(ids, self.exclude)
        groups = np.concatenate([table.patients for _, _, table in parts])[keep]
        split = np.repeat([part for part, _, _ in parts], [len(t.names) for _, _, t in parts])[keep]
        undivided("patient", groups, split)
        return ImageSet(
            images=present_images(
                [paths[row] for row in keep],
                channels=1,
                table="CheXpert",
                origin=_BATCHES,
                skip=self.on_error == "skip",
            ),
            target=np.concatenate([table.target for _, _, table in parts])[keep],
            labels=_chosen(self.labels),
            ids=tuple(ids[row] for row in keep),
            groups=groups,
            split=split,
        )


def _chosen(labels: str | tuple[str, ...]) -> tuple[str, ...]:
    return FINDINGS if names(labels) == ("all",) else names(labels)


def _label_options(labels: tuple[str, ...], uncertain: str, blank: str) -> Iterator[str]:
    yield from label_problems("labels", labels, FINDINGS)
    yield from choice_problem("uncertain", uncertain, tuple(_UNCERTAIN))
    yield from choice_problem("blank", blank, tuple(_BLANK))


def _meaning(uncertain: float, blank: str) -> dict[str, float]:
    known = {"1.0": 1.0, "0.0": 0.0, "-1.0": uncertain, "": _BLANK[blank]}
    return known | {"1": 1.0, "0": 0.0, "-1": uncertain}


def _named(table: CSVFile) -> tuple[tuple[str, ...], NDArray[np.str_]]:
    """Name and patient of every row, from the column Path, or Study in labels of studies."""
    studies = not table.has("Path") and table.has("Study")
    column, pattern, form = (
        ("Study", _STUDY, "CheXpert-v1.0/test/patient64741/study1")
        if studies
        else ("Path", _VIEW, "CheXpert-v1.0/train/patient00001/study1/view1_frontal.jpg")
    )
    found: list[str] = []
    patients: list[str] = []
    for line, value in zip(table.lines, table.column("csv", column), strict=True):
        match = pattern.fullmatch(value)
        if match is None:
            raise ValueError(
                f"{str(table.path)!r}, line {line}: column {column!r} holds {value!r}, "
                f"which is not of the form {form}"
            )
        found.append(value[match.start(1) :])
        patients.append(match[2])
    return tuple(found), np.array(patients)


def _folder(root: Path) -> Path:
    """The folder with train.csv: ``root``, or the one CheXpert-v1.0... in it."""
    if matching_files(root, ["train.csv"]):
        return root
    inside = [
        path for path in sorted(root.glob("CheXpert-v1.0*")) if matching_files(path, ["train.csv"])
    ]
    if len(inside) > 1:
        raise ValueError(
            f"root: {str(root)!r} holds {listed(path.name for path in inside)}; name one of them"
        )
    return inside[0] if inside else root


def _test_file(test: str | Path) -> Path:
    path = Path(test).expanduser()
    if path.is_dir():
        return official_file(path, "groundtruth.csv", "test_labels.csv", origin=_TEST)
    try:
        return existing_file("test", path)
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{error}; {_TEST}") from error


def _tested(
    csv: Path, table: CheXpertLabels, folder: Path, *, frontal: bool
) -> tuple[Path, CheXpertLabels]:
    """Folder and rows of the test set; labels of studies go to every view of the study."""
    places = (csv.parent, folder)
    part = table.names[0].split("/")[0]
    where = next((place for place in places if (place / part).is_dir()), None)
    if where is None:
        raise FileNotFoundError(
            f"test: there is no folder {part!r} with the images of the test set in "
            f"{' nor in '.join(repr(str(place)) for place in dict.fromkeys(places))}; {_ORIGIN}"
        )
    if _VIEW.fullmatch(table.names[0]):
        return where, table
    pattern = "view*_frontal.*" if frontal else "view*_*.*"
    views = [sorted((where / name).glob(pattern)) for name in table.names]
    if bare := [name for name, found in zip(table.names, views, strict=True) if not found]:
        raise FileNotFoundError(
            f"test: {len(bare)} of the {len(views)} studies in {str(csv)!r} have no image "
            f"{pattern} below {str(where)!r}: {listed(bare)}; {_ORIGIN}"
        )
    studies = table.rows(np.repeat(np.arange(len(views)), [len(found) for found in views]))
    images = (path.relative_to(where).as_posix() for found in views for path in found)
    return where, replace(studies, names=tuple(images))
