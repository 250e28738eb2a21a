"""Places of a multi-label batch: which class of which label each is for, and the row it gets."""

import torch
from torch import Generator, Tensor

from ._walk import walk


class Slots:
    """Pools of rows, one for each class of each label, and the places they fill in a batch.

    Pool 2 j holds the rows negative for label j, pool 2 j + 1 its positives, the last pool all
    rows with a known label. Smaller pools are served first: large ones can spare the rows.

    Args:
        labels: (n, L) with 0, 1 or NaN.
        takes: places for negatives and for positives of a chosen label, on each process.
        chosen: labels served in a batch.
        batch_size: places in a batch of one process.
    """

    def __init__(
        self, labels: Tensor, takes: tuple[int, int], chosen: int, batch_size: int
    ) -> None:
        self.labels = labels.nan_to_num(-1).to(torch.int8).T.contiguous()
        one_class = [(row == value).nonzero().flatten() for row in self.labels for value in (0, 1)]
        _check_both_classes(one_class)
        self.pools = [*one_class, (self.labels >= 0).any(0).nonzero().flatten()]
        self.num_labels = labels.shape[1]
        self.chosen = chosen
        self.batch_size = batch_size
        self.takes = torch.tensor([*takes * self.num_labels, batch_size - chosen * sum(takes)])
        self.turn = torch.tensor([len(pool) for pool in one_class]).argsort(stable=True).argsort()

    def too_small(self, world: int) -> list[int]:
        """Label columns with a class that has fewer rows than one batch of ``world`` needs."""
        pairs = zip(self.pools[:-1], self.takes.tolist(), strict=False)
        return sorted({i // 2 for i, (pool, take) in enumerate(pairs) if len(pool) < take * world})

    def contested(self, world: int) -> list[int]:
        """Label columns with a class that the other labels of a batch could use up.

        On one process this does no harm: then the batch holds all the class. On several it could
        all lie on one of them. What can be taken from a class is at most what the pools served
        before it need, and have in common with it.
        """
        if world == 1 or self.chosen == 1:
            return []
        found = set()
        need = self.takes[:-1] * world
        for i, pool in enumerate(self.pools[:-1]):
            if len(pool) >= self.batch_size * world:
                continue
            rows = self.labels[:, pool]
            common = torch.stack([(rows == value).sum(1) for value in (0, 1)], 1).flatten()
            lost = torch.minimum(common, need) * (self.turn < self.turn[i])
            by_label = lost.view(-1, 2).sum(1)
            if len(pool) < need[i] + by_label.topk(self.chosen - 1).values.sum():
                found.add(i // 2)
        return sorted(found)

    def fill(self, chosen: Tensor, world: int, rank: int, generator: Generator) -> Tensor:
        """Rows of ``rank`` for batches that serve the labels ``chosen`` (T, K), (T, batch_size)."""
        owner, place = self._layout(chosen, world)
        rows = self._walk_pools(owner, world, generator)
        self._make_distinct(rows, owner, generator)
        return rows[place == rank].view(len(chosen), self.batch_size)

    def _layout(self, chosen: Tensor, world: int) -> tuple[Tensor, Tensor]:
        """Pool and rank of every place of the joint batch, both (T, world * batch_size)."""
        pools = torch.cat([2 * chosen, 2 * chosen + 1], 1)
        pools = pools.gather(1, self.turn[pools].argsort(1))
        pools = torch.cat([pools, pools.new_full((len(pools), 1), 2 * self.num_labels)], 1)
        lengths = self.takes[pools] * world
        owner = pools.flatten().repeat_interleave(lengths.flatten()).view(len(pools), -1)
        starts = (lengths.cumsum(1) - lengths).flatten().repeat_interleave(lengths.flatten())
        within = torch.arange(owner.shape[1]) - starts.view_as(owner)
        return owner, within // self.takes[owner]

    def _walk_pools(self, owner: Tensor, world: int, generator: Generator) -> Tensor:
        """A row for each place from the walk through its pool, repeats in a batch not excluded."""
        counts = owner.flatten().bincount(minlength=len(self.pools)).tolist()
        drawn = []
        for pool, take, count in zip(self.pools, self.takes.tolist(), counts, strict=True):
            if count:
                steps = walk(len(pool), take * world, count // (take * world), generator)
                drawn.append(pool[steps.flatten()])
        places = owner.flatten().argsort(stable=True)
        return torch.empty_like(places).scatter_(0, places, torch.cat(drawn)).view_as(owner)

    def _make_distinct(self, rows: Tensor, owner: Tensor, generator: Generator) -> None:
        """Replace, in place, rows that stand in their batch already. Few batches have any."""
        ordered = rows.sort(1).values
        repeats = (ordered[:, 1:] == ordered[:, :-1]).any(1)
        for batch in repeats.nonzero().flatten().tolist():
            used: set[int] = set()
            for place, row in enumerate(rows[batch].tolist()):
                if row in used:
                    row = self._unused(int(owner[batch, place]), used, generator)
                    rows[batch, place] = row
                used.add(row)

    def _unused(self, pool: int, used: set[int], generator: Generator) -> int:
        """A random row of the pool that is not in ``used``; if none is left, any known row.

        If none is left, ``used`` holds the whole pool, hence enough rows for its label.
        """
        free = _some_unused(self.pools[pool], used, generator)
        free = free or _some_unused(self.pools[-1], used, generator)
        return free[int(torch.randint(len(free), (), generator=generator))]


def _some_unused(pool: Tensor, used: set[int], generator: Generator) -> list[int]:
    """At least one unused row if there is any: len(used) + 1 rows cannot all be used."""
    start = int(torch.randint(len(pool), (), generator=generator))
    window = (start + torch.arange(min(len(pool), len(used) + 1))) % len(pool)
    return [row for row in pool[window].tolist() if row not in used]


def _check_both_classes(pools: list[Tensor]) -> None:
    if bad := sorted({i // 2 for i, pool in enumerate(pools) if len(pool) == 0}):
        raise ValueError(
            f"labels must hold both classes in every column, but columns {bad} hold at most one; "
            "drop these columns"
        )
