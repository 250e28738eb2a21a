"""Images listed in a CSV file."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from aucmax.data._csvfile import CSVFile
from aucmax.data._labelled import column_problems, labelled
from aucmax.data._options import bits_problem, existing_file
from aucmax.data.base import FileSource, ImageSet


@dataclass(frozen=True)
class CSV(FileSource):
    """Images listed in a CSV file, one row an image.

    The smallest such file has the header ``image,label`` and rows like ``scans/7.png,1``.
    """

    csv: str | Path
    """The file: a header row, commas, UTF-8."""
    image: str = "image"
    """Column with the path of the image file, as seen from `root`."""
    label: str | tuple[str, ...] = ("label",)
    """Column with the label, or several columns: [edema,fracture]. 1 or true is positive, 0 or
    false negative; a blank or nan is unknown and ignored in training and in metrics."""
    id: str | None = None
    """Column with a name for each image that no other image has; without it the path is used."""
    group: str | None = None
    """Column that says which images belong together, such as the patient. A group is never
    divided between training, validation and test."""
    split: str | None = None
    """Column with the part of each image: train, validation (or val), test, or blank where
    that is left to chance. Without it all parts are drawn at random."""
    root: str | Path | None = None
    """Folder from which the image paths start; without it, the folder of the CSV file."""
    exclude: str | tuple[str, ...] = ()
    """Ids of images to leave out."""
    bits: int | None = None
    """How many bits count in 16-bit grey files, 9 to 16 (12 is usual for medical images)."""

    def problems(self) -> Iterator[str]:
        """What is wrong with the options, a sentence for each."""
        others = {"image": self.image, "id": self.id, "group": self.group, "split": self.split}
        yield from column_problems(self.label, others)
        yield from bits_problem(self.bits)

    def load(self) -> ImageSet:
        """Read the CSV file, and the head of every image file that it names.

        Raises:
            FileNotFoundError: the CSV file, or image files, that are not there.
            ValueError: a missing column, a value that is not allowed (with its line), an id that
                comes twice, an image file that is none, a label with one class only.
        """
        path = existing_file("csv", self.csv)
        table = CSVFile.read(path)
        images = table.filled("image", self.image)
        keep, columns = labelled(
            table,
            images if self.id is None else table.filled("id", self.id),
            label=self.label,
            group=self.group,
            split=self.split,
            exclude=self.exclude,
        )
        root = path.parent if self.root is None else Path(self.root).expanduser()
        try:
            files = self.files([root / images[row] for row in keep], bits=self.bits)
        except FileNotFoundError as error:
            raise FileNotFoundError(
                f"{error}; the paths in column {self.image!r} start from {str(root)!r} (see root)"
            ) from error
        return ImageSet(images=files, **columns)
