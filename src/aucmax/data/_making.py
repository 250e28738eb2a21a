"""Prepared images that are being made: pixels that grow by blocks, and a journal of what is done.

The index is written last and in one step: where it is, the store is whole. A block is in the
journal only once its pixels are on the disk, so that after a kill, a full disk or a power cut the
work goes on behind the last block of the journal.
"""

import errno
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from aucmax.data._blocks import Blocks, Plan
from aucmax.data._index import Index, checksum, decoding_of, paths_of, pixel_mark
from aucmax.data._reading import in_order
from aucmax.data.unreadable import named, read_or_reason

JOURNAL = "unfinished.jsonl"


class Making:
    """The work on a folder: begun, or taken up where it was left.

    Args:
        folder: of the store; it exists.
        plan: what is to be prepared. What was begun by another plan is dropped.
    """

    def __init__(self, folder: Path, plan: Plan) -> None:
        self.folder, self.plan, self.journal = folder, plan, folder / JOURNAL
        head, self.done, self.journal_end = _read_journal(self.journal)
        self.pixels = folder / head.get("pixels", "")
        if head.get("key") != plan.key or not self._usable():
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
            head = _line({"key": self.plan.key, "pixels": self.pixels.name})
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
        done = {"checksum": checksum(block.data), "marks": marks, "unreadable": unreadable}
        for file, content in ((pixels, block.data), (journal, _line(done))):
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        self.done.append(done)

    def _usable(self) -> bool:
        """Whether the pixels that the journal speaks of are there, and those of today's images."""
        if not self.pixels.is_file() or self.pixels.name == _indexed(self.folder):
            return False
        if self.pixels.stat().st_size < self.plan.bytes_of(len(self.done)):
            return False
        if self.plan.marks is not None:
            return True
        for block, done in enumerate(self.done):
            image, _ = read_or_reason(self.plan.data.images, self.plan.rows(block)[0])
            if done["marks"][0] != ("" if image is None else pixel_mark(image.numpy())):
                return False
        return True

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
            marks = [mark for done in self.done for mark in done["marks"]]
        reasons = {int(row): why for done in self.done for row, why in done["unreadable"].items()}
        return Index(
            shape=self.plan.shape,
            pixels=self.pixels.name,
            rows_per_block=self.plan.rows_per_block,
            blocks=tuple(done["checksum"] for done in self.done),
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
        if path.name != used:
            path.unlink()
    (folder / JOURNAL).unlink(missing_ok=True)


def _indexed(folder: Path) -> str:
    """The file of pixels of a store that is whole; "" if there is none."""
    try:
        return Index.read(folder).pixels
    except (FileNotFoundError, ValueError):
        return ""


def _read_journal(path: Path) -> tuple[dict[str, Any], list[dict[str, Any]], int]:
    """Head, blocks, and where they end: a line that was cut short does not count."""
    lines: list[dict[str, Any]] = []
    end = 0
    for line in path.read_bytes().splitlines(keepends=True) if path.exists() else []:
        if not line.endswith(b"\n"):
            break
        lines.append(json.loads(line))
        end += len(line)
    return (lines[0], lines[1:], end) if lines else ({}, [], 0)


def _line(content: dict[str, Any]) -> bytes:
    return json.dumps(content).encode() + b"\n"
