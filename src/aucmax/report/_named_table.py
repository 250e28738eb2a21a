"""CSV files of other people: an id column, and columns that are found by their names."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .._csv import CSVReader, open_csv
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
    repeated: tuple[str, ...] = ()
    """Names of more than one column, which is an error only where they are wanted."""

    @classmethod
    def read(cls, path: str | Path, what: str) -> "NamedTable":
        """Read a file; ``what`` says in errors what sort of file it should be."""
        path = Path(path)
        if not path.is_file():
            raise FileNotFoundError(f"no {what} {path}")
        with open_csv(path) as reader:
            return _parsed(reader)

    def values(self, labels: Sequence[str], parse: Callable[[str], float]) -> Floats:
        """Numbers (n, L) of the columns ``labels``."""
        return np.stack([self._column(label, parse) for label in labels], axis=1)

    def choose(self, labels: Sequence[str] | None) -> tuple[str, ...]:
        """The columns meant by ``labels``; None means all, and the unnamed task the only one."""
        twice = [name for name in self.repeated if labels is None or name in labels]
        if twice:
            raise ValueError(
                f"{str(self.path)!r} has more than one column {twice[0]!r}; rename or remove all "
                "but one"
            )
        if labels is None:
            return tuple(self.columns)
        meant = same_task(tuple(labels), tuple(self.columns))
        if missing := [label for label in meant if self._find(label) is None]:
            raise ValueError(
                f"{self.path}: no column for {listed(missing)}; its columns are "
                f"{', '.join(map(repr, self.columns))} (only upper and lower case may differ)"
            )
        return meant

    def _find(self, label: str) -> str | None:
        """The column of a label: letter by letter, or else the only one but for its case."""
        if label in self.columns:
            return label
        near = [name for name in self.columns if name.casefold() == label.casefold()]
        return near[0] if len(near) == 1 else None

    def _column(self, label: str, parse: Callable[[str], float]) -> list[float]:
        values = []
        for line, cell in zip(self.lines, self.columns[self._find(label) or label], strict=True):
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


def _parsed(reader: CSVReader) -> NamedTable:
    at, where = _id_column(reader), repr(str(reader.path))
    names = {name for name in reader.header if name} - {reader.header[at]}
    if not names:
        raise ValueError(f"{where}: no column besides {reader.header[at]!r}")
    count = Counter(reader.header)
    repeated = tuple(name for name in count if name in names and count[name] > 1)
    places = {n: i for i, n in enumerate(reader.header) if n in names and count[n] == 1}
    lines: dict[str, int] = {}
    rows = []
    for line, row in reader.rows():
        name = row[at].strip()
        if not name:
            raise ValueError(f"{where}, line {line}: column {reader.header[at]!r} is blank")
        if (first := lines.setdefault(name, line)) != line:
            raise ValueError(f"{where}, line {line}: id {name!r} already stands in line {first}")
        rows.append(row)
    if not rows:
        raise ValueError(f"{where} has a header but no rows")
    cells = list(zip(*rows, strict=True))
    columns = {name: cells[place] for name, place in places.items()}
    return NamedTable(reader.path, tuple(lines), tuple(lines.values()), columns, repeated)


def _id_column(reader: CSVReader) -> int:
    found = [place for name in ID_COLUMNS if (place := reader.find(name)) is not None]
    if len(found) != 1:
        have = " and ".join(repr(reader.header[place]) for place in found) or "neither"
        raise ValueError(
            f"{str(reader.path)!r}: exactly one of the columns 'id' and 'Study' must name the rows,"
            f" got {have}{reader.near('id')}"
        )
    return found[0]
