"""The cells of a CSV file of predictions, and what they mean."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress

import numpy as np

from .._csv import CSVReader, group_like, is_missing, parse_label
from ._samples import UNNAMED, Floats


@dataclass(frozen=True)
class Columns:
    """Where in a row the parts of a sample are."""

    id: int
    labels: tuple[str, ...]
    scores: tuple[int, ...]
    targets: tuple[int, ...]
    group: int | None
    error: int | None
    group_like: dict[str, int]
    """Columns that may name the patient, where no column is the group."""

    @classmethod
    def of(cls, reader: CSVReader) -> "Columns":
        at = reader.find("id")
        scores, targets = _labelled(reader, "score"), _labelled(reader, "target")
        if at is None:
            raise ValueError(_lacking(reader, "'id'", "id"))
        if not scores:
            raise ValueError(_lacking(reader, "'score' or 'score_NAME'", "score"))
        if UNNAMED in scores and len(scores) > 1 and reader.find("score") is not None:
            raise ValueError(
                f"{str(reader.path)!r} has both a column 'score' and columns 'score_NAME'"
                f"{reader.near('')}"
            )
        if targets:
            targets = _paired(reader, scores, targets)
        group = reader.find("group")
        names = [] if group is not None else group_like(reader.header)
        return cls(
            at,
            tuple(scores),
            tuple(scores.values()),
            tuple(targets.values()),
            group,
            reader.find("error"),
            {name: reader.header.index(name) for name in names},
        )


class Rows:
    """The cells of all rows that have a score.

    Args:
        reader: of an open file.
        columns: where the cells are.

    Raises:
        ValueError: if there are no rows; if an id or a group is blank; if an id occurs twice.
    """

    def __init__(self, reader: CSVReader, columns: Columns) -> None:
        self.reader, self.columns = reader, columns
        places = {columns.id, *columns.scores, *columns.targets, *columns.group_like.values()}
        places |= {place for place in (columns.group, columns.error) if place is not None}
        self._cells: dict[int, list[str]] = {place: [] for place in places}
        self.lines: list[int] = []
        # Lists of text, one per column: a list per row would make millions of containers.
        steps = [(place, cells.append) for place, cells in self._cells.items()]
        for line, row in reader.rows():
            self.lines.append(line)
            for place, append in steps:
                append(row[place])
        if not self.lines:
            raise ValueError(f"{str(reader.path)!r} has a header but no rows")
        self.ids = [cell.strip() for cell in self._cells[columns.id]]
        self._check_ids()
        self.failed = self._drop_failed()
        self.groups = None if columns.group is None else self._filled(columns.group)

    def group_like(self) -> dict[str, list[str]]:
        """Columns that may name the patient."""
        return {name: self._cells[place] for name, place in self.columns.group_like.items()}

    def score_values(self) -> Floats:
        """Scores (n, L).

        Raises:
            ValueError: if one is not a finite number.
        """
        return self._values(self.columns.scores, _scores, parse_score)

    def target_values(self) -> Floats:
        """Targets (n, L) of 0, 1 and NaN.

        Raises:
            ValueError: if one is anything else.
        """
        return self._values(self.columns.targets, _targets, parse_target)

    def _check_ids(self) -> None:
        if "" not in (names := set(self.ids)) and len(names) == len(self.ids):
            return
        seen: dict[str, int] = {}
        for line, name in zip(self.lines, self.ids, strict=True):
            if not name:
                raise self.error(line, "column 'id' is blank")
            if (first := seen.setdefault(name, line)) != line:
                raise self.error(line, f"id {name!r} already stands in line {first}")

    def _drop_failed(self) -> int:
        """Keep the rows without an error; how many have one."""
        if self.columns.error is None:
            return 0
        keep = [is_missing(cell) for cell in self._cells[self.columns.error]]
        if all(keep):
            return 0
        self.lines = list(compress(self.lines, keep))
        self.ids = list(compress(self.ids, keep))
        self._cells = {place: list(compress(x, keep)) for place, x in self._cells.items()}
        return len(keep) - len(self.lines)

    def _filled(self, place: int) -> list[str]:
        """The column of groups, which must hold something in every row."""
        cells = [cell.strip() for cell in self._cells[place]]
        if any(map(is_missing, set(cells))):
            row = next(row for row, cell in enumerate(cells) if is_missing(cell))
            what = f" ({cells[row]})" if cells[row] else ""
            raise self.error(self.lines[row], f"column 'group' is blank{what}")
        return cells

    def _values(
        self,
        places: tuple[int, ...],
        quick: Callable[[Sequence[str]], Floats | None],
        parse: Callable[[str], float],
    ) -> Floats:
        """Numbers (n, L); ``parse`` says what is wrong where ``quick`` cannot read a column."""
        columns = [self._cells[place] for place in places]
        values = [quick(column) for column in columns]
        found = [value for value in values if value is not None]
        if len(found) == len(values):
            return np.stack(found, axis=1)
        for line, *cells in zip(self.lines, *columns, strict=True):
            for place, cell in zip(places, cells, strict=True):
                try:
                    parse(cell)
                except ValueError as error:
                    name = self.reader.header[place]
                    raise self.error(line, f"column {name!r}: {error}") from None
        raise AssertionError("a column can be read cell by cell but not at once")

    def error(self, line: int, text: str) -> ValueError:
        """An error that names the place."""
        return ValueError(f"{str(self.reader.path)!r}, line {line}: {text}")


def _labelled(reader: CSVReader, kind: str) -> dict[str, int]:
    """Columns ``kind`` and ``kind_NAME``, by the label that each belongs to."""
    found: dict[str, int] = {}
    if (alone := reader.find(kind)) is not None:
        found[UNNAMED] = alone
    for place, name in enumerate(reader.header):
        label = name[len(kind) + 1 :]
        if label and name[: len(kind) + 1].lower() == f"{kind}_":
            if label in found:
                twice = sorted({name, reader.header[found[label]]})
                raise ValueError(
                    f"{str(reader.path)!r} has more than one column "
                    f"{' and '.join(map(repr, twice))}; rename or remove all but one"
                )
            found[label] = place
    return dict(sorted(found.items(), key=lambda item: item[1]))


def _paired(
    reader: CSVReader, scores: Mapping[str, int], targets: Mapping[str, int]
) -> dict[str, int]:
    """The target column of each score column; case does not matter where the meaning is clear."""
    free = {label: place for label, place in targets.items() if label not in scores}
    folded: dict[str, list[str]] = {}
    for label in free:
        folded.setdefault(label.casefold(), []).append(label)
    paired: dict[str, int] = {}
    for label in scores:
        near = folded.get(label.casefold(), [])
        if label in targets:
            paired[label] = targets[label]
        elif len(near) == 1:
            paired[label] = free.pop(near.pop())
    if odd := sorted([*(scores.keys() - paired.keys()), *free]):
        label = odd[0]
        have, lack = ("score", "target") if label in scores else ("target", "score")
        raise ValueError(
            f"{str(reader.path)!r}: label {label!r} has a {have} column but no {lack} column"
            f"{reader.near(f'{lack}_{label}')}"
        )
    return paired


_COMMON = {
    "id": r"(image|sample|file|path|case)?[ _-]?(id|names?|path|file(name)?)?|index|unnamed: 0",
    "score": r"y_?(score|prob|pred|hat|proba)|prob(a|ability|s)?|scores|predict(ion|ed|ions)?"
    r"|preds?|logits?|output",
}
"""What columns are called elsewhere, as regular expressions."""


def _lacking(reader: CSVReader, what: str, column: str) -> str:
    """That a column is missing, and which one to rename."""
    like = [x for x in reader.header if x and re.fullmatch(_COMMON[column], x, re.IGNORECASE)]
    hint = f"; if {like[0]!r} is meant, rename it to {column!r}" if like else ""
    return f"{str(reader.path)!r} has no column {what}{hint}{reader.near(column)}"


def _scores(column: Sequence[str]) -> Floats | None:
    try:
        values = np.array(list(map(float, column)))
    except ValueError:
        return None
    usable = np.isfinite(values).all() and not any("_" in cell for cell in column)
    return values if usable else None


def _targets(column: Sequence[str]) -> Floats | None:
    try:
        known = {cell: parse_label(cell) for cell in set(column)}
    except ValueError:
        return None
    return np.array([known[cell] for cell in column])


def parse_score(cell: str) -> float:
    """A finite number.

    Raises:
        ValueError: anything else.
    """
    # Python reads "1_0" as 10; in a file of numbers it is a slip.
    try:
        value = math.nan if "_" in cell else float(cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        comma = re.fullmatch(r"\s*[+-]?\d*,\d+\s*", cell)
        hint = "; write decimals with a point" if comma else ""
        raise ValueError(f"a score must be a finite number, got {cell.strip()!r}{hint}")
    return value


def parse_target(cell: str) -> float:
    """0, 1 or NaN (unknown).

    Raises:
        ValueError: anything else.
    """
    try:
        return parse_label(cell)
    except ValueError as error:
        raise ValueError(f"a target {error}") from None
