"""Prepared images that are being made: pixels that grow by blocks, and a journal of what is done.

The index is written last and in one step: where it is, the store is whole. A block is in the
journal only once its pixels are on the disk, so that after a kill, a full disk or a power cut the
work goes on behind the last block of the journal.
"""

import errno
import json
import logging
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from aucmax._schema import parse_as
from aucmax.data._blocks import Blocks, Plan
from aucmax.data._index import PIXELS, Index, checksum, decoding_of, paths_of, pixel_mark
from aucmax.data._reading import in_order
from aucmax.data.unreadable import named, read_or_reason

JOURNAL = "unfinished.jsonl"

log = logging.getLogger("aucmax")


@dataclass(frozen=True)
class Head:
    """The first line of the journal: what is being made, and in which file."""

    key: str
    pixels: str


@dataclass(frozen=True)
class Done:
    """A line of the journal: a block whose pixels are on the disk."""

    checksum: str
    marks: tuple[str, ...]
    unreadable: dict[str, str]


class Making:
    """The work on a folder: begun, or taken up where it was left.

    Args:
        folder: of the store; it exists.
        plan: what is to be prepared. What was begun by another plan is dropped.
    """

    def __init__(self, folder: Path, plan: Plan) -> None:
        self.folder, self.plan, self.journal = folder, plan, folder / JOURNAL
        head, self.done, self.journal_end = _read_journal(self.journal)
        self.pixels = folder / (head.pixels if head else "")
        if head is None or head.key != plan.key or not self._usable():
            self.done, self.journal_end = [], 0
            self.pixels = folder / f"pixels-{secrets.token_hex(4)}.npy"

    def run(self, workers: int, title: str) -> None:
        """Decode what is missing, then write the index.

        Raises:
            OSError: if the disk is full or cannot be written; what is done is kept.
        """
        first, last = len(self.done), self.plan.blocks()
        try:
            self._check_space()
            with self._files() as files:
                steps = in_order(
                    Blocks(self.plan),
                    range(first, last),
                    workers=workers,
                    title=title,
                    unit="block",
                    done=first,
                )
                for block, marks, unreadable in steps:
                    self._append(*files, block.numpy(), marks, unreadable)
            self._index().write(self.folder)
        except OSError as error:
            raise OSError(error.errno, self._told(error)) from error
        tidy(self.folder)

    @contextmanager
    def _files(self) -> Iterator[tuple[BinaryIO, BinaryIO]]:
        """Pixels and journal, cut to the blocks that are done."""
        if not self.journal_end:
            tidy(self.folder)
            self.pixels.write_bytes(self.plan.header)
            head = _line(Head(self.plan.key, self.pixels.name))
            self.journal_end = self.journal.write_bytes(head)
        with self.pixels.open("r+b") as pixels, self.journal.open("r+b") as journal:
            pixels.truncate(self.plan.bytes_of(len(self.done)))
            journal.truncate(self.journal_end)
            for file in (pixels, journal):
                file.seek(0, os.SEEK_END)
            yield pixels, journal

    def _append(
        self,
        pixels: BinaryIO,
        journal: BinaryIO,
        block: NDArray[np.uint8],
        marks: list[str],
        unreadable: dict[int, str],
    ) -> None:
        reasons = {str(row): why for row, why in unreadable.items()}
        done = Done(checksum(block.data), tuple(marks), reasons)
        for file, content in ((pixels, block.data), (journal, _line(done))):
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        self.done.append(done)

    def _usable(self) -> bool:
        """Whether the pixels that the journal speaks of are there, and those of today's images."""
        if not self.pixels.is_file() or self.pixels.name == _indexed(self.folder):
            return False
        if len(self.done) > self.plan.blocks() or not all(map(self._fits, *self._numbered())):
            return False
        if self.pixels.stat().st_size < self.plan.bytes_of(len(self.done)):
            return False
        if self.plan.marks is not None:
            return True
        for block, done in enumerate(self.done):
            image, _ = read_or_reason(self.plan.data.images, self.plan.rows(block)[0])
            if done.marks[0] != ("" if image is None else pixel_mark(image.numpy())):
                return False
        return True

    def _numbered(self) -> tuple[range, list[Done]]:
        return range(len(self.done)), self.done

    def _fits(self, block: int, done: Done) -> bool:
        """Whether a line of the journal can be about a block of the plan."""
        rows = self.plan.rows(block)
        marks = 0 if self.plan.marks is not None else len(rows)
        return len(done.marks) == marks and done.unreadable.keys() <= {str(row) for row in rows}

    def _check_space(self) -> None:
        sizes = [self.plan.bytes_of(blocks) for blocks in (len(self.done), self.plan.blocks())]
        needed, free = sizes[1] - sizes[0], shutil.disk_usage(self.folder).free
        if needed > free:
            raise OSError(errno.ENOSPC, f"{needed:,} bytes are needed, {free:,} are free")

    def _told(self, error: OSError) -> str:
        rows = min(len(self.done) * self.plan.rows_per_block, len(self.plan.data))
        full = error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
        cure = (
            "free some space, or name a folder elsewhere (--data.prepared); then " if full else ""
        )
        return (
            f"images cannot be prepared in {str(self.folder)!r}: {error.args[-1]}; {rows} of "
            f"{len(self.plan.data)} are done and kept: {cure}run aucmax prepare again to go on"
        )

    def _index(self) -> Index:
        data, marks = self.plan.data, self.plan.marks
        if marks is None:
            marks = [mark for done in self.done for mark in done.marks]
        reasons = {int(row): why for done in self.done for row, why in done.unreadable.items()}
        return Index(
            shape=self.plan.shape,
            pixels=self.pixels.name,
            rows_per_block=self.plan.rows_per_block,
            blocks=tuple(done.checksum for done in self.done),
            decoding=decoding_of(data.images),
            ids=data.ids,
            paths=tuple(paths_of(data.images) or ()),
            marks=tuple(marks),
            unreadable={image.id: image.reason for image in named(data, reasons)},
        )


def tidy(folder: Path) -> None:
    """Remove the journal, and pixels that no index speaks of."""
    used = _indexed(folder)
    for path in folder.glob("pixels-*.npy"):
        if path.name != used and PIXELS.fullmatch(path.name):
            path.unlink()
    (folder / JOURNAL).unlink(missing_ok=True)


def _indexed(folder: Path) -> str:
    """The file of pixels of a store that is whole; "" if there is none."""
    try:
        return Index.read(folder).pixels
    except (FileNotFoundError, ValueError):
        return ""


def _read_journal(path: Path) -> tuple[Head | None, list[Done], int]:
    """Head, blocks, and where they end: a line that was cut short does not count.

    A journal that is damaged is not gone on with: everything is made anew.
    """
    lines: list[object] = []
    end = 0
    try:
        for line in path.read_bytes().splitlines(keepends=True) if path.exists() else []:
            if not line.endswith(b"\n"):
                break
            lines.append(json.loads(line))
            end += len(line)
        if not lines:
            return None, [], 0
        head, *rest = lines
        told = {"file": path, "cure": "it is begun anew"}
        return parse_as(Head, head, **told), [parse_as(Done, x, **told) for x in rest], end
    except (ValueError, RecursionError) as error:
        log.info("preparing anew: %s", error)
        return None, [], 0


def _line(content: Head | Done) -> bytes:
    return json.dumps(asdict(content)).encode() + b"\n"
