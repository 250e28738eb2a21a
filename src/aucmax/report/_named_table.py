"""CSV files of other people: an id column, and columns that are found by their names."""

import csv
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import numpy as np

from ._samples import UNNAMED, Floats

ID_COLUMNS = ("id", "Study")
"""What the column of ids may be called: our own name, and CheXpert's."""

_FOLDER = re.compile(r"^CheXpert-v1\.0(-small)?/")


@dataclass(frozen=True, eq=False)
class NamedTable:
    """Text cells in columns; the order of rows and of columns means nothing."""

    path: Path
    ids: tuple[str, ...]
    lines: tuple[int, ...]
    columns: dict[str, tuple[str, ...]]

    @classmethod
    def read(cls, path: str | Path, what: str) -> "NamedTable":
        """Read a file; ``what`` says in errors what sort of file it should be."""
        path = Path(path)
        if not path.is_file():
            raise FileNotFoundError(f"no {what} {path}")
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                return _parsed(path, file)
        except UnicodeDecodeError as error:
            raise ValueError(f"{path}: not a text file in UTF-8 ({error.reason})") from error
        except csv.Error as error:
            raise ValueError(f"{path}: not a CSV file ({error})") from error

    def values(self, labels: Sequence[str], parse: Callable[[str], float]) -> Floats:
        """Numbers (n, L) of the columns ``labels``."""
        return np.stack([self._column(label, parse) for label in labels], axis=1)

    def choose(self, labels: Sequence[str] | None) -> tuple[str, ...]:
        """The columns meant by ``labels``; None means all, and the unnamed task the only one."""
        if labels is None:
            return tuple(self.columns)
        meant = same_task(tuple(labels), tuple(self.columns))
        if missing := [label for label in meant if label not in self.columns]:
            raise ValueError(
                f"{self.path}: no column for {listed(missing)}; its columns are "
                f"{', '.join(map(repr, self.columns))} (names must agree letter by letter)"
            )
        return meant

    def _column(self, label: str, parse: Callable[[str], float]) -> list[float]:
        values = []
        for line, cell in zip(self.lines, self.columns[label], strict=True):
            try:
                values.append(parse(cell))
            except ValueError as error:
                raise ValueError(f"{self.path}, line {line}: column {label!r}: {error}") from None
        return values


def same_task(wanted: tuple[str, ...], found: tuple[str, ...]) -> tuple[str, ...]:
    """``found`` if both name one label and one of them has no real name; otherwise ``wanted``."""
    alone = len(wanted) == len(found) == 1
    return found if alone and UNNAMED in wanted + found else wanted


def order_of(wanted: tuple[str, ...], found: tuple[str, ...], names: tuple[str, str]) -> list[int]:
    """Where in ``found`` each id of ``wanted`` stands; both must hold the same ids.

    CheXpert's ids are the same with and without the data set's own folder before them: its
    published tables have it, and the two releases of its images differ in it.
    """
    a, b = ([_FOLDER.sub("", name) for name in ids] for ids in (wanted, found))
    for ids, name in ((a, names[0]), (b, names[1])):
        if len(set(ids)) < len(ids):
            raise ValueError(
                f"{name}: an id stands there with and without the folder CheXpert-v1.0"
            )
    only_a, only_b = sorted(set(a) - set(b)), sorted(set(b) - set(a))
    if only_a or only_b:
        sides = zip(names, (only_a, only_b), strict=True)
        counted = [f"{len(ids)} only in {name}: {listed(ids)}" for name, ids in sides if ids]
        raise ValueError(
            f"{names[0]} and {names[1]} must hold the same ids; {'; '.join(counted)}. "
            "Ids must agree letter by letter; leave out the rows that one of them lacks"
        )
    place = {name: row for row, name in enumerate(b)}
    return [place[name] for name in a]


def listed(names: Sequence[str]) -> str:
    """The first three names."""
    return ", ".join(map(repr, names[:3])) + (", ..." if len(names) > 3 else "")


def _parsed(path: Path, file: TextIO) -> NamedTable:
    reader = csv.reader(file, strict=True)
    header = [name.strip() for name in next(reader, [])]
    at = _id_column(path, header)
    lines: dict[str, int] = {}
    rows = []
    for row in reader:
        if not row:
            continue
        where = f"{path}, line {reader.line_num}"
        if len(row) != len(header):
            raise ValueError(
                f"{where}: {len(row)} cells, but the header names {len(header)} columns"
            )
        name = row[at]
        if not name.strip():
            raise ValueError(f"{where}: column {header[at]!r} is blank")
        if name in lines:
            raise ValueError(f"{where}: id {name!r} already stands in line {lines[name]}")
        lines[name] = reader.line_num
        rows.append(row)
    if not rows:
        raise ValueError(f"{path}: the file has a header but no rows")
    cells = zip(header, zip(*rows, strict=True), strict=True)
    columns = {name: values for j, (name, values) in enumerate(cells) if name and j != at}
    if not columns:
        raise ValueError(f"{path}: no column besides {header[at]!r}")
    return NamedTable(path, tuple(lines), tuple(lines.values()), columns)


def _id_column(path: Path, header: list[str]) -> int:
    if not header:
        raise ValueError(f"{path}: the file is empty; its first line must name the columns")
    if twice := sorted({name for name in header if header.count(name) > 1 and name}):
        raise ValueError(f"{path}: column {twice[0]!r} stands there more than once")
    found = [name for name in ID_COLUMNS if name in header]
    if len(found) != 1:
        have = " and ".join(map(repr, found)) or "neither"
        raise ValueError(
            f"{path}: exactly one of the columns 'id' and 'Study' must name the rows, got {have}; "
            f"found {', '.join(map(repr, header))} (comma-separated?)"
        )
    return header.index(found[0])
