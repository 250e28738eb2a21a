"""Random walks through a pool of rows: every row once, then every row once more, and so on."""

import math

import torch
from torch import Generator, Tensor

SHORT = 64
"""Below this length one sort of many permutations is faster than drawing them one by one."""


def walk(count: int, take: int, batches: int, generator: Generator) -> Tensor:
    """Positions 0..count-1 in random passes without replacement, cut into batches.

    Read row by row, the result is one random permutation after another, so after any number of
    batches the visits of two positions differ by at most one. Where a batch holds the end of one
    pass and the head of the next, that head is drawn among the positions not in that end: no
    position stands twice in a batch.

    Args:
        count: size of the pool, >= ``take``.
        take: positions per batch, >= 1.
        batches: number of batches, >= 0.
        generator: the only source of randomness.

    Returns:
        (batches, take) int64.

    >>> walk(3, 2, 3, torch.Generator().manual_seed(0)).flatten().bincount()
    tensor([2, 2, 2])
    """
    total = -(-batches * take // count)
    # After `period` passes a pass ends where a batch ends, and what follows is independent of
    # what came before. So the loop runs over one period, and all periods are drawn side by side.
    period = max(1, min(take // math.gcd(count, take), total))
    chains = -(-total // period)
    passes = [_shuffled(chains, count, generator)]
    for done in range(1, period):
        begun = done * count % take
        if begun:
            last = passes[-1][:, count - begun :]
            passes.append(_shuffled_after(last, count, take - begun, generator))
        else:
            passes.append(_shuffled(chains, count, generator))
    return torch.stack(passes, 1).view(-1)[: batches * take].view(batches, take)


def _shuffled(chains: int, count: int, generator: Generator) -> Tensor:
    """``chains`` random permutations of ``count`` positions, (chains, count)."""
    if count < SHORT or chains == 0:
        return torch.rand(chains, count, generator=generator, dtype=torch.float64).argsort(1)
    return torch.stack([torch.randperm(count, generator=generator) for _ in range(chains)])


def _shuffled_after(last: Tensor, count: int, head: int, generator: Generator) -> Tensor:
    """Random permutations whose first ``head`` positions avoid those in ``last``, row by row."""
    order = _shuffled(len(last), count, generator)
    fresh = torch.ones_like(order, dtype=torch.bool).scatter_(1, last, False)
    others = order[fresh.gather(1, order)].view(len(last), count - last.shape[1])
    rest = torch.cat([others[:, head:], last], 1)
    again = _shuffled(len(last), count - head, generator)
    return torch.cat([others[:, :head], rest.gather(1, again)], 1)
