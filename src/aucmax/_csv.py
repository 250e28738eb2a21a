"""CSV files as cells of text: one set of rules for every table that is read.

Text is UTF-8, with or without a byte order mark; a gzip archive is unpacked. Cells are separated by
commas, tabs or semicolons, as the first lines show. Spaces around cells do not count, rows without
any text are skipped, and so are blank cells behind the last column. Column names match letter by
letter or, if none does, in upper and lower case alike; columns without a name are ignored, and a
name that occurs twice is an error only where that column is read.
"""

import csv
import gzip
import io
import re
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO, TextIO, cast

MISSING = frozenset(("", "na", "n/a", "<na>", "nan", "none", "null"))
"""What an unknown value may be written as, in lower case."""

_LABELS = {"0": 0.0, "1": 1.0, "false": 0.0, "true": 1.0}
_DELIMITERS = {",": "a comma", "\t": "a tab", ";": "a semicolon"}
_SAMPLE = 10
"""Lines from which the delimiter is found."""

_COMPARED = 5_000
"""Columns among which a similar name is looked for; each takes some microseconds."""

_GROUP_LIKE = re.compile(
    r"(patient|subject|participant|person|case|study|lesion|slide|series|cluster)s?"
    r"[ _.-]*(id|ids|no|nr|num|number|name|key|code|uid)?|mrn|pid|wsi",
    re.IGNORECASE,
)
_FOREIGN = {
    b"PK\x03\x04": "an Excel workbook or another zip archive",
    b"\xd0\xcf\x11\xe0": "an Excel workbook",
    b"%PDF": "a PDF document",
    b"\x89PNG": "an image",
    b"\xff\xd8\xff": "an image",
    b"\xff\xfe": "text in UTF-16",
    b"\xfe\xff": "text in UTF-16",
}


def is_missing(cell: str) -> bool:
    """Whether a cell is blank or holds a word for an unknown value, such as NA or NaN."""
    return cell.strip().lower() in MISSING


def parse_label(cell: str) -> float:
    """0, 1 or NaN (unknown).

    Raises:
        ValueError: any other value.

    >>> parse_label("TRUE"), parse_label("0.0"), parse_label("NA")
    (1.0, 0.0, nan)
    """
    word = normalized(cell)
    if word and word not in _LABELS:
        raise ValueError(f"must be 0, 1 or blank (unknown), got {cell.strip()!r}")
    return _LABELS.get(word, float("nan"))


def normalized(cell: str) -> str:
    """A word in lower case, a number in its shortest form, "" for an unknown value.

    >>> normalized(" 1.00"), normalized("Malignant"), normalized("n/a"), normalized("1_0")
    ('1', 'malignant', '', '1_0')
    """
    word = cell.strip().lower()
    if word in MISSING:
        return ""
    try:  # Python reads "1_0" as 10; in a table it is a slip
        return word if "_" in word else f"{float(word) + 0:g}"
    except ValueError:
        return word


def group_like(header: Iterable[str]) -> list[str]:
    """Columns whose name says that they tell which rows belong together, as a patient's do."""
    return [name for name in header if _GROUP_LIKE.fullmatch(name)]


class CSVReader:
    """The header of an open CSV file, and its rows one by one.

    Args:
        path: for messages.
        file: text, opened with ``newline=""``.

    Raises:
        ValueError: if there is no header, or no CSV at all.
    """

    def __init__(self, path: Path, file: TextIO) -> None:
        self.path = path
        lines = _without_nul(path, file)
        sample = list(islice(lines, _SAMPLE + 1))
        skipped = 0
        if sample and (named := re.fullmatch(r'"?sep=([,;\t])"?\s*', sample[0])):  # from Excel
            self.delimiter, skipped = named[1], 1
        else:
            self.delimiter = _delimiter(sample)
        self._skipped = skipped
        self._reader = csv.reader(
            chain(sample[skipped:], lines), strict=True, delimiter=self.delimiter
        )
        self._finished = skipped
        """The last line of the row before the one that is being read."""
        with self._explained():
            first = next((row for row in self._reader if any(map(str.strip, row))), [])
        if not first:
            raise ValueError(
                f"{str(path)!r} is empty; a header row with the names of the columns is needed"
            )
        self._finished = self._reader.line_num + skipped
        self.header = tuple(name.strip() for name in first)
        self._exact: defaultdict[str, list[int]] = defaultdict(list)
        self._folded: defaultdict[str, list[int]] = defaultdict(list)
        for place, name in enumerate(self.header):
            self._exact[name].append(place)
            self._folded[name.casefold()].append(place)

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Line number and cells of every row that holds anything; cells keep their spaces.

        Raises:
            ValueError: a row with more or fewer cells than the header; no CSV.
        """
        width = len(self.header)
        with self._explained():
            for row in self._reader:
                if len(row) != width or not row[0].strip():
                    if not any(map(str.strip, row)):
                        continue
                    if not any(map(str.strip, row[width:])):
                        del row[width:]
                    if len(row) != width:
                        raise ValueError(
                            f"{self._line()}: {len(row)} values where the header has {width} "
                            f"columns; a value with {_DELIMITERS[self.delimiter]} needs quotes"
                        )
                self._finished = self._reader.line_num + self._skipped
                yield self._finished, row

    def find(self, name: str) -> int | None:
        """Where the column ``name`` is; None if there is none.

        Raises:
            ValueError: if several columns may be meant.
        """
        places = self._exact.get(name) or self._folded.get(name.casefold()) or [None]
        if len(places) > 1:
            found = {self.header[place] for place in places if place is not None}
            what = " and ".join(map(repr, sorted(found)))
            raise ValueError(
                f"{str(self.path)!r} has more than one column {what}; rename or remove all but one"
            )
        return places[0]

    def near(self, name: str) -> str:
        """A hint at the column that looks most like ``name``, and what columns there are."""
        known = {column.lower(): column for column in self.header[:_COMPARED] if column}
        close = get_close_matches(name.lower(), list(known), n=1)
        hint = f"; did you mean {known[close[0]]!r}?" if close else ""
        some = ", ".join(map(repr, self.header[:30]))
        more = f", ... ({len(self.header)} in all)" if len(self.header) > 30 else ""
        return f"{hint}; its columns are {some}{more}"

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Say in which line the file is no CSV, and what helps."""
        try:
            yield
        except UnicodeDecodeError as error:
            raise ValueError(_undecodable(self.path, error)) from error
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ValueError(
                f"{str(self.path)!r} cannot be unpacked: {error}; the download may be incomplete"
            ) from error
        except csv.Error as error:
            text = str(error)
            quote = 'a quote (") that is opened there may not be closed'
            if "field limit" in text:
                reason = f"a cell holds more than {csv.field_size_limit():,} characters; {quote}"
                reason += "; otherwise leave out the column with such long texts"
            elif "end of data" in text:
                reason = f"the file ends within a cell; {quote}"
            elif "expected after" in text:
                reason = 'text follows a closing quote; within a cell in quotes write "" for "'
            else:
                reason = text
            line = self._reader.line_num + self._skipped
            line = self._finished + 1 if quote in reason else line
            raise ValueError(
                f"{str(self.path)!r} cannot be read as CSV at line {line}: {reason}"
            ) from error

    def _line(self) -> str:
        return f"{str(self.path)!r}, line {self._reader.line_num + self._skipped}"


@contextmanager
def open_csv(path: str | Path) -> Iterator[CSVReader]:
    """Open a CSV file, compressed with gzip or not.

    Raises:
        OSError: if it cannot be opened.
        ValueError: if it is something else.
    """
    path = Path(path)
    with path.open("rb") as raw:
        binary: BinaryIO = raw
        if raw.peek(2)[:2] == b"\x1f\x8b":
            binary = cast(BinaryIO, gzip.GzipFile(fileobj=raw))
        try:
            file = io.BufferedReader(cast(io.RawIOBase, binary))
            _check_kind(path, file.peek(512))
            with io.TextIOWrapper(file, encoding="utf-8-sig", newline="") as text:
                yield CSVReader(path, text)
        except UnicodeDecodeError as error:
            raise ValueError(_undecodable(path, error)) from error
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ValueError(
                f"{str(path)!r} cannot be unpacked: {error}; the download may be incomplete"
            ) from error


def _check_kind(path: Path, head: bytes) -> None:
    kind = next((kind for mark, kind in _FOREIGN.items() if head.startswith(mark)), "")
    if re.match(rb"\s*<(!doctype|html|\?xml)", head, re.IGNORECASE):
        raise ValueError(
            f"{str(path)!r} is a web page, not CSV: the download failed; get the file again"
        )
    if kind:
        raise ValueError(f"{str(path)!r} is {kind}, not CSV in UTF-8; save the table in that form")


def _without_nul(path: Path, file: TextIO) -> Iterator[str]:
    for number, line in enumerate(file, start=1):
        if "\0" in line:
            raise ValueError(
                f"{str(path)!r}, line {number}: a NUL byte; the file is damaged, or text in UTF-16 "
                "or no text; save it as CSV in UTF-8"
            )
        yield line


def _delimiter(sample: list[str]) -> str:
    """The first of comma, tab and semicolon that cuts all of these lines alike."""
    columns: dict[str, int] = {}
    for delimiter in _DELIMITERS:
        try:
            rows = [row for row in csv.reader(sample, delimiter=delimiter) if any(row)]
        except csv.Error:
            continue
        if len(sample) > _SAMPLE and len(rows) > 2:
            rows.pop()  # may be cut off within a cell in quotes
        columns[delimiter] = len(rows[0]) if rows else 0
        if len(rows) > 1 and {len(row) for row in rows} == {columns[delimiter]} != {1}:
            return delimiter
    return max(columns, key=columns.__getitem__, default=",")


def _undecodable(path: Path, error: UnicodeDecodeError) -> str:
    """Where the text is not UTF-8; the decoder itself knows only the place within a block."""
    line = ""
    with path.open("rb") as raw:
        lines = gzip.GzipFile(fileobj=raw) if raw.peek(2)[:2] == b"\x1f\x8b" else raw
        for number, content in enumerate(lines, start=1):
            try:
                content.decode()
            except UnicodeDecodeError:
                line = f", line {number}"
                break
    byte = error.object[error.start]
    return (
        f"{str(path)!r}{line}: byte 0x{byte:02x} is not text in UTF-8 (it may be Latin-1 or "
        "Windows-1252, as older programs write); save it as CSV in UTF-8"
    )
