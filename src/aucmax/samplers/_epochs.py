"""What all batch samplers share: epochs, seeds, ranks, and resuming in the middle."""

import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator
from numbers import Integral, Real
from typing import Any, cast

import numpy as np
import torch
import torch.distributed as dist
from torch import Generator, Tensor
from torch.utils.data import BatchSampler, Sampler


class EpochBatches(Sampler[list[int]], ABC):
    """Batches of dataset positions, a pure function of (seed, epoch, number of processes).

    A subclass says how many rows it can use, whether they suffice, and draws one epoch.

    Args:
        batch_size: rows per batch on each process, >= 2.
        seed: >= 0; with the epoch it fixes every batch. Global generators are not touched.
        num_batches: batches per epoch, >= 1; ``None`` for as many as a plain loader with
            ``drop_last=True`` makes of the rows with known labels.
        num_replicas: number of processes; ``None`` to ask ``torch.distributed`` at iteration.
        rank: of this process, in [0, num_replicas); give both or neither.
        drop_last: True, because every batch is full; an argument only because frameworks that make
            a sampler anew pass it.
    """

    drop_last = True

    def __init__(
        self,
        batch_size: int,
        *,
        seed: int,
        num_batches: int | None,
        num_replicas: int | None,
        rank: int | None,
        drop_last: bool = True,
    ) -> None:
        super().__init__()
        if not drop_last:
            raise ValueError(
                f"drop_last must be True, got {drop_last}: {type(self).__name__} draws full "
                "batches; to score every row once, use a DataLoader without it"
            )
        self.batch_size = check_integer("batch_size", batch_size, 2)
        self.seed = check_integer("seed", seed, 0)
        self.num_batches = (
            None if num_batches is None else check_integer("num_batches", num_batches, 1)
        )
        self.num_replicas, self.rank = _check_ranks(num_replicas, rank)
        self._start = (0, 0)  # epoch and batch at which the next iteration starts
        self._reached = (0, 0)  # epoch and batch that would come next

    @abstractmethod
    def num_known(self) -> int:
        """Number of rows that can be drawn."""

    @abstractmethod
    def _check_enough(self, world: int) -> None:
        """Raise if ``world`` processes cannot be given a batch each."""

    @abstractmethod
    def _draw(self, batches: int, world: int, rank: int, generator: Generator) -> Tensor:
        """Dataset positions of one epoch, (batches, batch_size), in any order within a batch."""

    @property
    def sampler(self) -> "EpochBatches":
        """This sampler: Lightning and accelerate look here for ``set_epoch``."""
        return self

    @property
    def epoch(self) -> int:
        """The epoch under way, or the next one if none is."""
        return self._reached[0]

    def set_epoch(self, epoch: int) -> None:
        """Make ``epoch`` the next one to be iterated.

        Without this call every iteration takes the epoch after the last one. Right after
        :meth:`load_state_dict` the epoch that was interrupted keeps its place, so a loop that
        calls ``set_epoch`` at the head of each epoch resumes as well.

        Raises:
            ValueError: if ``epoch`` is negative or no integer.
        """
        if check_integer("epoch", epoch, 0) != self._start[0]:
            self._start = (epoch, 0)
        self._reached = self._start

    def state_dict(self) -> dict[str, int]:
        """Where the iteration stands: seed, epoch, batches already yielded, batches per epoch.

        Take it between two steps of the training loop. A ``DataLoader`` with workers asks for
        batches ahead of their use (``prefetch_factor * num_workers``), so there the state runs
        ahead by as many; save at the end of an epoch instead.
        """
        epoch, batch = self._reached
        return {"seed": self.seed, "epoch": epoch, "batch": batch, "num_batches": len(self)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue where :meth:`state_dict` stood: the next iteration yields the rest.

        Raises:
            ValueError: if the state is incomplete, or of a sampler with another seed or length.
        """
        mine = {"seed": self.seed, "num_batches": len(self)}
        if missing := sorted({"seed", "epoch", "batch", "num_batches"} - set(state)):
            raise ValueError(f"state must come from state_dict(), but lacks {missing}")
        if other := {k: (state[k], v) for k, v in mine.items() if state[k] != v}:
            raise ValueError(
                f"state must come from a sampler with the same seed and length, got (saved, here) "
                f"= {other}; make the sampler as it was, with as many processes, or start the "
                "epoch anew with set_epoch"
            )
        batch = check_integer("state['batch']", state["batch"], 0)
        if batch >= len(self):
            raise ValueError(f"state['batch'] must be < {len(self)}, got {batch}")
        self._start = self._reached = (check_integer("state['epoch']", state["epoch"], 0), batch)

    def __len__(self) -> int:
        return self._length(self._place()[0])

    def __iter__(self) -> Iterator[list[int]]:
        # A generator, so that an epoch is claimed with its first batch: a DataLoader with
        # workers calls iter() twice, and must not skip an epoch by it.
        self._refuse_rows()
        epoch, first = max(self._start, (_lightning_epoch(), 0))
        self._start = (epoch + 1, 0)
        world, rank = self._place()
        self._check_enough(world)
        last = self._length(world) - 1
        rows = self._epoch_rows(epoch, world, rank)
        for batch in range(first, last + 1):
            self._reached = (epoch, batch + 1) if batch < last else (epoch + 1, 0)
            yield rows[batch].tolist()

    def _epoch_rows(self, epoch: int, world: int, rank: int) -> Tensor:
        """Positions of one epoch for one rank, (batches, batch_size), shuffled in each batch."""
        seed = np.random.SeedSequence([self.seed, epoch]).generate_state(1)[0]
        with torch.device("cpu"):  # whatever torch.set_default_device says
            generator = Generator().manual_seed(int(seed))
            rows = self._draw(self._length(world), world, rank, generator)
            return rows.gather(1, torch.rand(rows.shape, generator=generator).argsort(1))

    def _refuse_rows(self) -> None:
        """Raise if a ``DataLoader`` takes the batches for rows, given as ``sampler=``."""
        if any(
            isinstance(x, BatchSampler) and getattr(x, "sampler", None) is self for x in _callers(8)
        ):
            name = type(self).__name__
            raise TypeError(
                f"{name} draws whole batches: pass it as DataLoader(data, batch_sampler=sampler), "
                "not as sampler=, and leave batch_size out"
            )

    def _length(self, world: int) -> int:
        return self.num_batches or max(1, self.num_known() // (self.batch_size * world))

    def _place(self) -> tuple[int, int]:
        """Number of processes and rank, as given or else as ``torch.distributed`` has them now.

        A loader that accelerate has prepared gives each process its share of the batches that are
        drawn here. A second division would leave most rows out, so these are those of one process.
        """
        if _is_sharded():
            if (self.num_replicas or 1) > 1:
                raise ValueError(
                    f"num_replicas must be left out (or 1), got {self.num_replicas}: "
                    "accelerator.prepare shares the batches of this sampler among the processes"
                )
            return 1, 0
        if self.num_replicas is not None and self.rank is not None:
            return self.num_replicas, self.rank
        if dist.is_available() and dist.is_initialized():
            return dist.get_world_size(), dist.get_rank()
        return 1, 0


def _callers(most: int) -> Iterator[object]:
    """The objects whose methods are running now, the innermost first, up to so many frames."""
    frame = sys._getframe(1)
    for _ in range(most + 1):
        if frame is None:
            return
        yield frame.f_locals.get("self")
        frame = frame.f_back


def _lightning_epoch() -> int:
    """The epoch of a Lightning Trainer that asks for batches; 0 if there is none.

    Lightning calls ``set_epoch`` at the head of an epoch. But a resumed run draws the first batches
    for the workers of a ``DataLoader`` before, and keeps them.
    """
    if not {"lightning", "pytorch_lightning"} & sys.modules.keys():
        return 0
    loops = (x for x in _callers(100) if type(x).__name__ == "_FitLoop")
    return next((int(loop.epoch_progress.current.processed) for loop in loops), 0)  # pyright: ignore[reportAttributeAccessIssue]


def _is_sharded() -> bool:
    """Whether accelerate asks, which then hands out the batches to the processes by itself.

    It neither says so to the sampler that it wraps, nor can what it does be seen in any other way.
    """
    if "accelerate" not in sys.modules:
        return False
    names = ("BatchSamplerShard", "DataLoaderDispatcher")
    return any(
        type(x).__name__ in names and type(x).__module__.startswith("accelerate.")
        for x in _callers(100)
    )


def check_integer(name: str, value: object, least: int) -> int:
    """Return ``value`` as int if it is an integer (no bool) of at least ``least``."""
    if not isinstance(value, Integral) or isinstance(value, bool) or cast(int, value) < least:
        raise ValueError(f"{name} must be an integer >= {least}, got {value!r}")
    return int(value)


def count_positives(positives: object, rows: int) -> int:
    """Positives among ``rows``: the rounded share, but one of each class at least."""
    if not isinstance(positives, Real) or not 0 < float(positives) < 1:
        raise ValueError(
            f"positives must be a share of the batch, between 0 and 1, got {positives!r}; "
            "for k positives in a batch of B pass k / B"
        )
    return min(max(round(float(positives) * rows), 1), rows - 1)


def _check_ranks(num_replicas: object, rank: object) -> tuple[int | None, int | None]:
    if num_replicas is None and rank is None:
        return None, None
    if num_replicas is None or rank is None:
        raise ValueError(
            f"num_replicas and rank must be given both or neither, got {num_replicas!r} and "
            f"{rank!r}; leave both out to ask torch.distributed"
        )
    world, own = check_integer("num_replicas", num_replicas, 1), check_integer("rank", rank, 0)
    if own >= world:
        raise ValueError(f"rank must be < num_replicas, got rank={own}, num_replicas={world}")
    return world, own
