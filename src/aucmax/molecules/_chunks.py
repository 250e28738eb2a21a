"""Work on many SMILES in chunks: in several processes, and each kept in a file when it is done."""

import errno
import hashlib
import io
import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aucmax._arrays import UNREADABLE, read_npz
from aucmax._files import write_bytes

from ._packages import rdBase

Arrays = dict[str, NDArray[Any]]
Work = Callable[[Sequence[str]], Arrays]

CHUNK = 1_000
"""Molecules in a chunk."""

log = logging.getLogger("aucmax")


def in_chunks(
    work: Work,
    smiles: Sequence[str],
    *,
    name: str,
    folder: str | Path | None,
    workers: int,
    title: str,
    is_sound: Callable[[Arrays, int], bool] | None = None,
) -> list[Arrays]:
    """``work`` of each chunk, in their order, whatever the number of processes.

    With a folder, each chunk is a file there, named by the work, its SMILES and RDKit's version: it
    is written whole or not at all, and read instead when it is there. So nothing but the chunks in
    work is lost by a kill, and the same call goes on. A damaged file is made anew.

    Args:
        work: a function of a module, so that processes find it; its arrays hold no objects.
        smiles: of any number of molecules.
        name: of the work and its version, part of the names of files.
        folder: made if it is not there; None keeps nothing.
        workers: processes; 0 does everything in this one.
        title: of the progress bar; "" for none.
        is_sound: whether the arrays of a file fit together, for so many molecules; None: each
            must have one row for each molecule. Names and types are checked in any case.

    Raises:
        TypeError: if a SMILES is no text, or there is one text instead of many.
        ValueError: if ``workers`` is negative; whatever ``work`` raises.
        OSError: if the folder cannot be written, or a process was ended from outside.
    """
    from tqdm import tqdm  # comes with PyTorch Geometric

    if workers < 0:
        raise ValueError(f"workers must be >= 0, got {workers}")
    smiles = _texts(smiles)
    chunks = [smiles[first : first + CHUNK] for first in range(0, len(smiles), CHUNK)]
    sound = _Sound(work, is_sound or _one_row_each)
    store = _Store(None if folder is None else Path(folder).expanduser(), name, sound)
    bar = tqdm(
        total=len(smiles),
        desc=title,
        unit="molecule",
        disable=not title,
        dynamic_ncols=True,
        leave=False,
    )
    with bar:
        found: dict[int, Arrays] = {}
        for number, chunk in enumerate(chunks):
            arrays = store.read(chunk)
            if arrays is not None:
                found[number] = arrays
                bar.update(len(chunk))
        missing = {number: chunk for number, chunk in enumerate(chunks) if number not in found}
        with closing(_contents(work, missing, workers)) as contents:
            for number, content in contents:
                store.write(chunks[number], content)
                found[number] = _decoded(content)
                bar.update(len(chunks[number]))
    return [found[number] for number in range(len(chunks))]


def joined(chunks: Sequence[Arrays], key: str, none: NDArray[Any]) -> NDArray[Any]:
    """One array of all chunks, one below the other; ``none`` where there is no chunk."""
    return np.concatenate([chunk[key] for chunk in chunks]) if chunks else none


class _Sound:
    """Whether the arrays of a file are such as ``work`` makes.

    Args:
        work: what made them; of no molecules it tells names, types and dimensions.
        fits: whether arrays fit together, for a number of molecules.
    """

    def __init__(self, work: Work, fits: Callable[[Arrays, int], bool]) -> None:
        self.work, self.fits = work, fits
        self.wanted: dict[str, tuple[str, int]] | None = None

    def check(self, arrays: Arrays, size: int) -> None:
        """Raise ValueError if they are not."""
        if self.wanted is None:
            self.wanted = {k: _kind(v) for k, v in self.work([]).items()}
        if {key: _kind(array) for key, array in arrays.items()} != self.wanted:
            raise ValueError("it holds other arrays than those wanted")
        if not self.fits(arrays, size):
            raise ValueError("its arrays do not fit together")


def _kind(array: NDArray[Any]) -> tuple[str, int]:
    """Type and dimensions; the length of texts does not matter."""
    return (array.dtype.kind if array.dtype.kind == "U" else str(array.dtype)), array.ndim


def _one_row_each(arrays: Arrays, size: int) -> bool:
    return all(len(array) == size for array in arrays.values())


class _Store:
    """The folder of finished chunks; without one, nothing is kept."""

    def __init__(self, folder: Path | None, name: str, sound: "_Sound") -> None:
        self.folder, self.name, self.sound = folder, name, sound
        if folder is None:
            return
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OSError(error.errno, self._told(error.strerror or str(error))) from error

    def read(self, chunk: Sequence[str]) -> Arrays | None:
        """What was kept of a chunk; None if there is nothing, or it is damaged."""
        if self.folder is None or not (path := self._path(self.folder, chunk)).exists():
            return None
        try:
            arrays = read_npz(path)
            self.sound.check(arrays, len(chunk))
            return arrays
        except UNREADABLE as error:
            log.info("made anew, for it is damaged: %s (%s)", path, error)
            return None

    def write(self, chunk: Sequence[str], content: bytes) -> None:
        if self.folder is None:
            return
        try:
            write_bytes(self._path(self.folder, chunk), content)
        except OSError as error:
            raise OSError(error.errno, self._told(str(error.args[-1]), error.errno)) from error

    def _path(self, folder: Path, chunk: Sequence[str]) -> Path:
        digest = hashlib.blake2b(rdBase.rdkitVersion.encode(), digest_size=16)
        for smiles in chunk:
            digest.update(b"\0" + smiles.encode("utf-8", "surrogatepass"))
        return folder / f"{self.name}-{digest.hexdigest()}.npz"

    def _told(self, reason: str, number: int | None = None) -> str:
        full = number in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
        cure = "free some space, or name another folder" if full else "name another folder"
        return (
            f"what is made of molecules cannot be kept in {str(self.folder)!r}: {reason}; {cure}; "
            "what is done is kept, and the same command goes on from there"
        )


def _contents(
    work: Work, chunks: Mapping[int, Sequence[str]], workers: int
) -> Generator[tuple[int, bytes], None, None]:
    """The encoded results of chunks, as they come."""
    if workers == 0 or len(chunks) < 2:
        for number, chunk in chunks.items():
            yield number, _encoded(work, chunk)
        return
    pool = ProcessPoolExecutor(min(workers, len(chunks)), initializer=_serve)
    try:
        running = {pool.submit(_encoded, work, chunk): number for number, chunk in chunks.items()}
        for future in as_completed(running):
            yield running[future], future.result()
    except BrokenProcessPool as error:
        raise OSError(
            "a process that reads molecules was ended from outside; memory may be short: take "
            "fewer workers"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _serve() -> None:
    """Leave Ctrl-C to the process that gives the orders, and leave when it does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_leave_with_parent, daemon=True).start()


def _leave_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _encoded(work: Work, chunk: Sequence[str]) -> bytes:
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **work(chunk))
    return file.getvalue()


def _decoded(content: bytes) -> Arrays:
    return read_npz(content)


def _texts(smiles: Sequence[str]) -> list[str]:
    if isinstance(smiles, str):
        raise TypeError("smiles must be a sequence of texts, got one text")
    for row, text in enumerate(smiles):
        if not isinstance(text, str):
            raise TypeError(f"smiles must be texts, got {type(text).__name__} in row {row}")
    return [*map(str, smiles)]  # NumPy's texts show themselves in another way
