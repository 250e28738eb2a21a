"""A CSV file as columns of text, with errors that say where."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Self, TypeVar

from aucmax.data._messages import listed, near, repeated

T = TypeVar("T")


class CSVFile:
    """The rows below a header; blank lines are skipped, spaces around values dropped.

    Args:
        path: for messages.
        header: column names.
        rows: one list of text per row, as long as the header.
        lines: line number in the file, for each row; the header is line 1.
    """

    def __init__(
        self, path: Path, header: list[str], rows: list[list[str]], lines: list[int]
    ) -> None:
        self.path, self.header, self.rows, self.lines = path, header, rows, lines

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a file.

        Raises:
            ValueError: no UTF-8 text, no header, no rows, a column name twice, a row with more or
                fewer values than the header.
        """
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                reader = csv.reader(file)
                read = [([v.strip() for v in row], reader.line_num) for row in reader if any(row)]
        except (UnicodeDecodeError, csv.Error) as error:
            raise ValueError(
                f"{str(path)!r} cannot be read as CSV: {error}; save it as CSV in UTF-8"
            ) from error
        if len(read) < 2:
            what = "only a header" if read else "nothing"
            raise ValueError(
                f"{str(path)!r} holds {what}: it needs a header row and a row for each sample"
            )
        (header, _), *body = read
        if double := repeated(header):
            raise ValueError(f"{str(path)!r} has two columns with the name {listed(double)}")
        for row, line in body:
            if len(row) != len(header):
                raise ValueError(
                    f"{str(path)!r}, line {line}: {len(row)} values where the header has "
                    f"{len(header)} columns; a value with a comma needs quotes"
                )
        return cls(path, header, [row for row, _ in body], [line for _, line in body])

    def column(self, argument: str, name: str) -> list[str]:
        """The values of one column.

        Raises:
            ValueError: there is no such column.
        """
        if name not in self.header:
            hint = near(name, self.header)
            if len(self.header) == 1 and (";" in self.header[0] or "\t" in self.header[0]):
                hint = (
                    "; the file seems to be separated by something else than commas: save it anew"
                )
            raise ValueError(
                f"{argument}: {str(self.path)!r} has no column {name!r}{hint}; "
                f"its columns are {listed(self.header, limit=30)}"
            )
        where = self.header.index(name)
        return [row[where] for row in self.rows]

    def filled(self, argument: str, name: str) -> list[str]:
        """The values of a column that must hold something in every row.

        Raises:
            ValueError: no such column, or a blank value.
        """
        values = self.column(argument, name)
        for line, value in zip(self.lines, values, strict=True):
            if not value:
                raise ValueError(f"{str(self.path)!r}, line {line}: column {name!r} is blank")
        return values

    def mapped(self, argument: str, name: str, meaning: Mapping[str, T], hint: str = "") -> list[T]:
        """A column whose words stand for values; upper and lower case are the same.

        Raises:
            ValueError: no such column, or a word without a meaning.
        """
        values = self.column(argument, name)
        for line, value in zip(self.lines, values, strict=True):
            if value.lower() not in meaning:
                raise ValueError(
                    f"{str(self.path)!r}, line {line}: column {name!r} holds {value!r}; allowed "
                    f"are {listed(meaning, limit=20)} ('' is a blank){hint}"
                )
        return [meaning[value.lower()] for value in values]
