"""Work on many images in several processes, in a fixed order, with a progress bar."""

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

import torch
from torch.utils.data import DataLoader, Dataset

T = TypeVar("T")


def in_order(
    work: Dataset[T],
    items: Sequence[int],
    *,
    workers: int,
    title: str,
    unit: str = "image",
    done: int = 0,
) -> Iterator[T]:
    """``work[i]`` for each item, in that order whatever the number of processes.

    Args:
        work: what is done for an item; it is copied into each process.
        items: what to do.
        workers: processes; 0 does everything in this one.
        title: of the progress bar; "" for none.
        unit: of the progress bar.
        done: items that were done before, for the bar.

    Raises:
        ValueError: if ``workers`` is negative.
        OSError: if a process was ended from outside, as the system does when memory is short.
    """
    if workers < 0:
        raise ValueError(f"workers must be >= 0, got {workers}")
    from tqdm import tqdm  # comes with aucmax[train]

    loader: Any = DataLoader(
        work,
        batch_size=None,
        sampler=items,
        num_workers=workers,
        generator=torch.Generator(),  # else the global one would be drawn from
    )
    bar = tqdm(
        loader,
        desc=title,
        unit=unit,
        total=done + len(items),
        initial=done,
        disable=not title,
        dynamic_ncols=True,
        leave=False,
    )
    try:
        yield from bar
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):
            raise
        raise OSError(
            f"a process that reads images was ended ({str(error).splitlines()[0]}); memory may be "
            "short: take fewer workers"
        ) from error
    finally:
        bar.close()
