"""The cells of a CSV file of predictions, and what they mean."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

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


@dataclass
class Rows:
    """The cells of all rows that have a score, column by column where that is quick."""

    reader: CSVReader
    columns: Columns
    lines: list[int] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    scores: list[list[str]] = field(default_factory=list)
    targets: list[list[str]] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    group_like: dict[str, list[str]] = field(default_factory=dict)
    failed: int = 0

    @classmethod
    def read(cls, reader: CSVReader, columns: Columns) -> "Rows":
        rows = cls(reader, columns, group_like={name: [] for name in columns.group_like})
        seen: dict[str, int] = {}
        for line, row in reader.rows():
            name = row[columns.id].strip()
            if not name:
                raise rows.error(line, "column 'id' is blank")
            if (first := seen.setdefault(name, line)) != line:
                raise rows.error(line, f"id {name!r} already stands in line {first}")
            if columns.error is not None and not is_missing(row[columns.error]):
                rows.failed += 1
                continue
            rows.lines.append(line)
            rows.ids.append(name)
            rows.scores.append([row[place] for place in columns.scores])
            rows.targets.append([row[place] for place in columns.targets])
            if columns.group is not None:
                group = row[columns.group].strip()
                if is_missing(group):
                    what = f" ({group})" if group else ""
                    raise rows.error(line, f"column 'group' is blank{what}")
                rows.groups.append(group)
            for column, place in columns.group_like.items():
                rows.group_like[column].append(row[place].strip())
        if not seen:
            raise ValueError(f"{str(reader.path)!r} has a header but no rows")
        return rows

    def score_values(self) -> Floats:
        """Scores (n, L).

        Raises:
            ValueError: if one is not a finite number.
        """
        return self._values(self.scores, self.columns.scores, _scores, parse_score)

    def target_values(self) -> Floats:
        """Targets (n, L) of 0, 1 and NaN.

        Raises:
            ValueError: if one is anything else.
        """
        return self._values(self.targets, self.columns.targets, _targets, parse_target)

    def _values(
        self,
        cells: list[list[str]],
        places: tuple[int, ...],
        quick: Callable[[Sequence[str]], Floats | None],
        parse: Callable[[str], float],
    ) -> Floats:
        """Numbers (n, L); ``parse`` says what is wrong where ``quick`` cannot read a column."""
        columns = [quick(column) for column in zip(*cells, strict=True)]
        found = [column for column in columns if column is not None]
        if len(found) == len(columns):
            return np.stack(found, axis=1)
        values = np.empty((len(cells), len(places)))
        for row, line in enumerate(self.lines):
            for column, place in enumerate(places):
                try:
                    values[row, column] = parse(cells[row][column])
                except ValueError as error:
                    name = self.reader.header[place]
                    raise self.error(line, f"column {name!r}: {error}") from None
        return values

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
