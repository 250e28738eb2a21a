"""Resize all images once, and use them in training."""

import errno
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from aucmax.data._blocks import Plan
from aucmax.data._index import INDEX
from aucmax.data._making import Making, tidy
from aucmax.data.base import FileSource, ImageSet, Source
from aucmax.data.store import Store, default_folder, find_store
from aucmax.data.unreadable import Unreadable, find_unreadable, not_there, without

log = logging.getLogger("aucmax")


def prepare(
    images: ImageSet, folder: str | Path, *, size: int, workers: int = 0, progress: bool = True
) -> Store:
    """Decode and resize every image once, into a file that training reads instead.

    What is there already is checked in full and kept. After a kill or with a full disk, what is
    done is kept, and the same call goes on with the rest; the result is the same, bit for bit.
    Images that cannot be read are recorded with the reason, and told.

    Args:
        images: with their ids.
        folder: of the store, see :func:`aucmax.data.default_folder`; made if it is not there.
        size: side in pixels, at least 1 (the aspect ratio is not kept, as in training).
        workers: processes that decode; 0 decodes in this one.
        progress: whether to show a bar.

    Raises:
        ValueError: a size or number of workers out of range.
        OSError: the folder cannot be written, the disk is full, or another process is preparing
            images there.

    >>> import tempfile
    >>> from aucmax.data import Digits
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     store = prepare(Digits().load().subset([4, 2]), folder, size=16, progress=False)
    ...     store.images[1].shape
    torch.Size([1, 16, 16])
    """
    if size < 1 or workers < 0:
        raise ValueError(f"size must be >= 1 and workers >= 0, got size {size}, workers {workers}")
    folder = Path(folder).expanduser()
    with _alone(folder):
        store = _finished(folder, images, size)
        if store is None:
            Making(folder, Plan(images, size)).run(workers, "preparing images" if progress else "")
            store = Store.open(folder)
        else:
            tidy(folder)
            log.info("the images in %s are prepared already", folder)
    if bad := store.unreadable(images):
        log.warning(
            "%d of %d images cannot be read, the first: %s; training stops at them, unless "
            "--data.on_error skip leaves them out",
            len(bad),
            len(images),
            bad[0],
        )
    return store


def prepare_source(source: Source, *, size: int, workers: int = 0, progress: bool = True) -> Store:
    """Prepare all images of a source, in the folder where training looks for them.

    Args:
        source: images in files.
        size: as in :func:`prepare`.
        workers: as in :func:`prepare`.
        progress: as in :func:`prepare`.

    Raises:
        ValueError: a source whose images are in no files of their own; what :func:`prepare` and
            the source itself refuse.
        OSError: as :func:`prepare`.
    """
    if not isinstance(source, FileSource):
        raise ValueError(
            f"{type(source).__name__} keeps its images in one file, or in memory, already: there "
            "is nothing to prepare"
        )
    images = source.load()
    folder = default_folder(source, size, images.images.channels)
    return prepare(images, folder, size=size, workers=workers, progress=progress)


def usable(
    source: Source, data: ImageSet, *, size: int | None, workers: int = 0, progress: bool = True
) -> tuple[ImageSet, tuple[Unreadable, ...] | None]:
    """What training works on: prepared images if there are any, without unreadable ones.

    With ``on_error="skip"`` images that cannot be read are left out, and told; they are found by
    decoding all, or known from the store. With "raise" those that the store knows are an error;
    others are one when they are read.

    Args:
        source: where ``data`` came from.
        data: all its images.
        size: side in pixels that training wants; None leaves images as they are.
        workers: processes that decode.
        progress: whether to show a bar.

    Returns:
        The images, and those that were left out; None if that was not asked for.

    Raises:
        ValueError: the store is damaged or does not fit the data; images cannot be read.
    """
    store = find_store(source, data, size)
    bad: tuple[Unreadable, ...] | None = None
    if isinstance(source, FileSource) and source.on_error == "skip":
        if store is None:
            bad = find_unreadable(data, workers=workers, progress=progress)
        else:
            gone = not_there(data)  # files that have vanished since they were prepared
            lost = {image.id for image in gone}
            rest = data.subset(np.array([name not in lost for name in data.ids]))
            bad = (*gone, *(store.unreadable(rest) if len(rest) else ()))
        data = without(data, bad)
    return (data if store is None else store.serve(data)), bad


def _finished(folder: Path, images: ImageSet, size: int) -> Store | None:
    """The store that is there already, if it is whole and holds these images as they are now."""
    if not (folder / INDEX).exists():
        return None
    try:
        store = Store.open(folder)
        store.unreadable(images)
        store.verify()
    except (ValueError, FileNotFoundError) as error:
        log.info("preparing anew: %s", error)
        return None
    if store.size != size or store.images.channels != images.images.channels:
        log.info("preparing anew: %s holds images of another size or colour", folder)
        return None
    return store


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """A folder that no other process is preparing images in; the lock ends with the process."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / ".lock").open("wb")
    except OSError as error:
        raise OSError(
            error.errno,
            f"{str(folder)!r} cannot be written ({error.strerror}): name a folder elsewhere with "
            "--data.prepared",
        ) from error
    with file:
        try:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise OSError(
                errno.EBUSY, f"another process is preparing images in {str(folder)!r}: let it end"
            ) from error
        except (ImportError, OSError):  # a system, or a file system, that has no such locks
            log.info("%s cannot be locked: see that no other process prepares there", folder)
        yield
