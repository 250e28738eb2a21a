"""Batches that hold positives and negatives of every label chosen for them."""

import torch
from torch import Generator, Tensor

from ._epochs import EpochBatches, check_integer, count_positives
from ._labels import check_binary, labels_of
from ._slots import Slots
from ._walk import walk


class MultiLabelBatches(EpochBatches):
    """Batch sampler for several labels: each batch serves a few of them, each with both classes.

    A batch of B rows chooses K labels. Each has q = B // K places of its own: round(positives * q)
    rows positive for it (at least 1, at most q - 1), the others negative for it. The B - K q
    places left over go to any rows. No row stands twice in a batch. Labels are chosen in random
    permutations, so all come equally often (up to one in an epoch); so do the rows of one class
    of one label, except where a row is already in the batch for another label and a random other
    one of the class takes its place. Where a class is so small that the batch holds all of it,
    its rows count for several labels and free places go to any rows.

    On several processes all ranks choose the same labels, each rank has its own q places for
    each, and no row is on two ranks.

    Args:
        labels: (n, L) or (n,) with 0, 1 or NaN (unknown), as for :class:`BalancedBatches`. Rows
            without any known label are never drawn.
        batch_size: B, rows per batch on each process, >= 2.
        positives: share of positives among the places of a label, in (0, 1).
        labels_per_batch: K, in [1, min(L, B // 2)]; ``None`` for the largest.
        seed: >= 0; global random generators are neither read nor advanced.
        num_batches: batches per epoch, >= 1; ``None`` for (rows with a known label) //
            (B * processes).
        num_replicas: number of processes; ``None`` to ask ``torch.distributed`` at iteration.
        rank: of this process, in [0, num_replicas); give both or neither.
        drop_last: True: every batch is full. Frameworks that make a sampler anew pass it.

    Raises:
        ValueError: if an argument is out of range, labels are not 0, 1 or NaN, a label has one
            class only, or rows are too few to serve every choice of K labels on every process.
        TypeError: if no labels are found in ``labels``.

    >>> import torch
    >>> labels = torch.arange(60)[:, None] % torch.tensor([3, 5]) == 0
    >>> batch = next(iter(MultiLabelBatches(labels, batch_size=12)))
    >>> len(set(batch)), bool((labels[batch].sum(0) >= 3).all())
    (12, True)
    """

    def __init__(
        self,
        labels: object,
        batch_size: int,
        *,
        positives: float = 0.5,
        labels_per_batch: int | None = None,
        seed: int = 0,
        num_batches: int | None = None,
        num_replicas: int | None = None,
        rank: int | None = None,
        drop_last: bool = True,
    ) -> None:
        super().__init__(
            batch_size,
            seed=seed,
            num_batches=num_batches,
            num_replicas=num_replicas,
            rank=rank,
            drop_last=drop_last,
        )
        self.positives = positives
        table = check_binary(labels_of(labels))
        table = table[:, None] if table.ndim == 1 else table
        self.num_labels = table.shape[1]
        self.labels_per_batch = self._check_labels_per_batch(labels_per_batch)
        quota = self.batch_size // self.labels_per_batch
        of_positives = count_positives(positives, quota)
        takes = (quota - of_positives, of_positives)
        with torch.device("cpu"):  # whatever torch.set_default_device says
            self._slots = Slots(table, takes, self.labels_per_batch, self.batch_size)
        self._check_enough(self._place()[0])

    def num_known(self) -> int:
        """Number of rows with at least one label that is 0 or 1."""
        return len(self._slots.pools[-1])

    def _check_labels_per_batch(self, given: int | None) -> int:
        most = min(self.num_labels, self.batch_size // 2)
        if given is None:
            return most
        if check_integer("labels_per_batch", given, 1) > most:
            raise ValueError(
                f"labels_per_batch must be <= {most}, got {given}: labels has {self.num_labels} "
                f"columns and batch_size={self.batch_size} gives each chosen one 2 rows at least"
            )
        return int(given)

    def _check_enough(self, world: int) -> None:
        sizes = f"batch_size={self.batch_size}, labels_per_batch={self.labels_per_batch}"
        sizes = f"({sizes}, positives={self.positives}, processes={world})"
        if few := self._slots.too_small(world):
            raise ValueError(
                f"labels have too few rows of one class in columns {few} {sizes}; drop these "
                "columns, use a smaller batch_size, a larger labels_per_batch or another share of "
                "positives"
            )
        if self.num_known() < self.batch_size * world:
            raise ValueError(
                f"labels have {self.num_known()} rows with a known label, fewer than a batch "
                f"{sizes}; use a smaller batch_size"
            )
        if few := self._slots.contested(world):
            raise ValueError(
                f"labels of columns {few} have so few rows of one class that other labels of the "
                f"batch can take them from a process {sizes}; use a smaller labels_per_batch (1 "
                "always works) or batch_size"
            )

    def _draw(self, batches: int, world: int, rank: int, generator: Generator) -> Tensor:
        chosen = walk(self.num_labels, self.labels_per_batch, batches, generator)
        return self._slots.fill(chosen, world, rank, generator)
