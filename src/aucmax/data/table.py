"""Images listed in a CSV file."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from aucmax.data._csvfile import CSVFile
from aucmax.data._decoding import Bits
from aucmax.data._image_files import found_files
from aucmax.data._labelled import column_problems, labelled
from aucmax.data._options import bits_problem, existing_file
from aucmax.data.base import FileSource, ImageSet


@dataclass(frozen=True)
class CSV(FileSource):
    """Images listed in a CSV file, one row an image.

    The smallest such file has the header ``image,label`` and rows like ``scans/7.png,1``.
    """

    csv: str | Path
    """The file: a header row and a row for each image, separated by commas, semicolons or tabs, in
    UTF-8; it may be compressed (.csv.gz)."""
    image: str = "image"
    """Column with the path of the image file, as seen from `root`."""
    label: str | tuple[str, ...] = ("label",)
    """Column with the label, or several columns: [edema,fracture]. 1 or true is positive, 0 or
    false negative; a blank, NA or NaN is unknown and ignored in training and in metrics."""
    id: str | None = None
    """Column with a name for each image that no other image has; without it the path is used."""
    group: str | None = None
    """Column that says which images belong together, such as the patient. A group is never
    divided between training, validation and test."""
    split: str | None = None
    """Column with the part of each image: train, validation (or val), test, or blank where
    that is left to chance. Without it all parts are drawn at random."""
    suffix: str = ""
    """Ending of the file names where the column leaves it out, such as .png. Without it, a name
    that is not there is looked for with the suffix of any image format."""
    root: str | Path | None = None
    """Folder from which the image paths start; without it, the folder of the CSV file."""
    exclude: str | tuple[str, ...] = ()
    """Ids of images to leave out."""
    bits: Bits = None
    """How many bits count in 16-bit files, 9 to 16 (12 is usual for medical images), or auto: 12
    for a file with no value above 4095, 16 for others."""

    def problems(self) -> Iterator[str]:
        """What is wrong with the options, a sentence for each."""
        others = {"image": self.image, "id": self.id, "group": self.group, "split": self.split}
        yield from column_problems(self.label, others)
        yield from bits_problem(self.bits)
        if self.suffix and (not self.suffix.startswith(".") or "/" in self.suffix):
            yield f"suffix must begin with a point, such as .png, got {self.suffix!r}"

    def _with_suffix(self, name: str) -> str:
        return name if name.lower().endswith(self.suffix.lower()) else name + self.suffix

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
            paths = [root / self._with_suffix(images[row]) for row in keep]
            files = self.files(found_files(paths, what=repr(path.name))[0], bits=self.bits)
        except FileNotFoundError as error:
            raise FileNotFoundError(
                f"{error}; the paths in column {self.image!r} start from {str(root)!r} (see root "
                "and suffix)"
            ) from error
        return ImageSet(images=files, **columns)
