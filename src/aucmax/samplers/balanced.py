"""Batches with a fixed share of positives."""

import torch
from torch import Generator, Tensor

from ._epochs import EpochBatches, count_positives
from ._labels import check_binary, labels_of
from ._walk import walk


class BalancedBatches(EpochBatches):
    """Batch sampler with the same number of positives in every batch.

    A batch of B rows holds round(positives * B) positives (at least 1, at most B - 1), and no
    row twice. Each class is walked through in random permutations: before a row comes again,
    all others of its class have come. Epoch e is a function of (seed, e) alone.

    With k processes each draws its own B rows of one joint batch: the union over the ranks is
    the batch of one process with k * B rows (where rounding gives k times the positives). A
    Lightning ``Trainer`` needs ``use_distributed_sampler=False``: this sampler knows the ranks.
    A loader that goes through ``accelerator.prepare`` is shared among the processes there: then k
    consecutive batches of one process are the joint batch.

    Args:
        labels: (n,) or (n, 1) with 0, 1 or NaN (unknown: never drawn), as an array, a list or a
            tensor, or a data set that has them (see :func:`aucmax.samplers.labels_of`).
        batch_size: B, rows per batch on each process, >= 2.
        positives: share of positives in a batch, in (0, 1).
        seed: >= 0; global random generators are neither read nor advanced.
        num_batches: batches per epoch, >= 1; ``None`` for (known rows) // (B * processes), the
            steps of a plain loader with ``drop_last=True``, so that runs compare at equal cost.
        num_replicas: number of processes; ``None`` to ask ``torch.distributed`` at iteration.
        rank: of this process, in [0, num_replicas); give both or neither.
        drop_last: True: every batch is full. Frameworks that make a sampler anew pass it.

    Raises:
        ValueError: if an argument is out of range, labels are not 0, 1 or NaN, or a class has
            too few rows for one batch.
        TypeError: if no labels are found in ``labels``.

    >>> sampler = BalancedBatches([0] * 90 + [1] * 10, batch_size=20, positives=0.25)
    >>> len(sampler), [sum(row >= 90 for row in batch) for batch in sampler]
    (5, [5, 5, 5, 5, 5])

    Use it as ``DataLoader(data, batch_sampler=sampler)``.
    """

    def __init__(
        self,
        labels: object,
        batch_size: int,
        positives: float = 0.5,
        *,
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
        of_positives = count_positives(positives, self.batch_size)
        table = _one_column(check_binary(labels_of(labels)))
        self._pools = [(table == value).nonzero().flatten() for value in (0, 1)]
        self._takes = [self.batch_size - of_positives, of_positives]
        self._check_enough(self._place()[0])

    def num_known(self) -> int:
        """Number of rows whose label is 0 or 1."""
        return sum(map(len, self._pools))

    def _check_enough(self, world: int) -> None:
        have = [len(pool) for pool in self._pools]
        need = [take * world for take in self._takes]
        if min(have) == 0:
            raise ValueError(
                f"labels must hold both classes, got {have[1]} positives and {have[0]} negatives; "
                "one class alone has no AUC to train for"
            )
        if have[0] < need[0] or have[1] < need[1]:
            raise ValueError(
                f"labels hold {have[1]} positives and {have[0]} negatives, but a batch without "
                f"repeats needs {need[1]} and {need[0]} (batch_size={self.batch_size}, "
                f"positives={self.positives}, processes={world}); use a smaller batch_size or "
                "another share of positives"
            )

    def _draw(self, batches: int, world: int, rank: int, generator: Generator) -> Tensor:
        parts = []
        for pool, take in zip(self._pools, self._takes, strict=True):
            steps = walk(len(pool), take * world, batches, generator)
            parts.append(pool[steps[:, rank * take : (rank + 1) * take]])
        return torch.cat(parts, 1)


def _one_column(labels: Tensor) -> Tensor:
    if labels.ndim == 2 and labels.shape[1] > 1:
        raise ValueError(
            f"labels of BalancedBatches must be (n,) or (n, 1), got {tuple(labels.shape)}; "
            "use MultiLabelBatches for several label columns"
        )
    return labels.flatten()
