"""A CSV file as columns of text, with errors that say where."""

from collections.abc import Mapping
from pathlib import Path
from typing import Self, TypeVar

from .._csv import CSVReader, is_missing, normalized, open_csv
from ._messages import listed

T = TypeVar("T")


class CSVFile:
    """The rows below a header, by the rules of :mod:`aucmax._csv`.

    Args:
        reader: of an open file.
    """

    def __init__(self, reader: CSVReader) -> None:
        self.path, self._reader = reader.path, reader
        self.header = list(reader.header)
        self.rows: list[list[str]] = []
        self.lines: list[int] = []
        for line, row in reader.rows():
            self.rows.append(row)
            self.lines.append(line)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a file.

        Raises:
            ValueError: no CSV, no text in UTF-8, no header, no rows, a row with more or fewer
                values than the header.
        """
        with open_csv(path) as reader:
            table = cls(reader)
        if not table.rows:
            raise ValueError(
                f"{str(path)!r} holds only a header: it needs a header row and a row for each "
                "sample"
            )
        return table

    def has(self, name: str) -> bool:
        """Whether there is a column of this name."""
        return self._reader.find(name) is not None

    def column(self, argument: str, name: str) -> list[str]:
        """The values of one column.

        Raises:
            ValueError: there is no such column, or more than one.
        """
        place = self._reader.find(name)
        if place is None:
            raise ValueError(
                f"{argument}: {str(self.path)!r} has no column {name!r}{self._reader.near(name)}"
            )
        return [row[place].strip() for row in self.rows]

    def filled(self, argument: str, name: str, *, words: bool = False) -> list[str]:
        """The values of a column that must hold something in every row.

        Args:
            argument: for messages.
            name: of the column.
            words: whether NA, NaN, None and null count as blank, as in labels.

        Raises:
            ValueError: no such column, or a blank value.
        """
        values = self.column(argument, name)
        for line, value in zip(self.lines, values, strict=True):
            if not value or (words and is_missing(value)):
                what = f" ({value})" if value else ""
                raise ValueError(f"{str(self.path)!r}, line {line}: column {name!r} is blank{what}")
        return values

    def mapped(self, argument: str, name: str, meaning: Mapping[str, T], hint: str = "") -> list[T]:
        """A column whose words stand for values.

        Upper and lower case are the same, 1.0 is 1, NA and the like are blank, and where 1 and 0
        have a meaning so have true and false.

        Raises:
            ValueError: no such column, or a word without a meaning.
        """
        values = self.column(argument, name)
        known = dict(meaning)
        if "0" in known and "1" in known:
            known = {"false": known["0"], "true": known["1"], **known}
        found: dict[str, T] = {}  # most columns hold a few different words
        for line, value in zip(self.lines, values, strict=True):
            if value in found:
                continue
            word = value.lower() if value.lower() in known else normalized(value)
            if word not in known:
                raise ValueError(
                    f"{str(self.path)!r}, line {line}: column {name!r} holds {value!r}; allowed "
                    f"are {listed(meaning, limit=20)} ('' is a blank){hint}"
                )
            found[value] = known[word]
        return [found[value] for value in values]
