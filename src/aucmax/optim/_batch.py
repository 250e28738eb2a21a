"""Many tensors at a time: the arithmetic that makes proximal steps fast."""

# torch.optim's own optimizers are built on torch._foreach_*, which have no public names.
# pyright: reportPrivateImportUsage=false

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor

# Elements per bucket on a CPU: all passes over a bucket find it in the cache, and few are needed.
_BUCKET = 1 << 18


Tensors = list[Tensor] | tuple[Tensor, ...]


class Batch(NamedTuple):
    """Columns of equal length: the parameters that have a gradient, and their state."""

    params: list[Tensor]
    grads: list[Tensor]
    steps: list[Tensor]
    references: list[Tensor]
    totals: list[Tensor]
    moments: list[list[Tensor]]

    def buckets(self) -> Iterator["Batch"]:
        """The same in parts of one device and dtype, on a CPU of a size that its cache holds."""
        columns = self.params, self.grads, self.steps, self.references, self.totals
        for rows in _buckets(self.params):
            taken = [_take(column, rows) for column in columns]
            yield Batch(*taken, moments=[_take(moment, rows) for moment in self.moments])


def _take(column: list[Tensor], rows: list[int]) -> list[Tensor]:
    """The given rows of a column, which is empty where nothing needs it."""
    return [column[i] for i in rows] if column else []


def _buckets(params: list[Tensor]) -> list[list[int]]:
    """Positions of ``params``, grouped."""
    done: list[list[int]] = []
    filling: dict[tuple[torch.dtype, torch.device], tuple[list[int], int]] = {}
    bounded = not torch.compiler.is_compiling()  # a compiler makes one pass by itself
    for i, p in enumerate(params):
        key = p.dtype, p.device
        rows, room = filling.get(key, (None, 0))
        size = p.numel() if bounded and key[1].type == "cpu" else 0
        if rows is None or size > room:
            rows, room = [], _BUCKET
            done.append(rows)
        rows.append(i)
        filling[key] = rows, room - size
    return done


def count(steps: list[Tensor]) -> None:
    """Add one to each counter, each a tensor () that mostly lives on the CPU."""
    if not steps:
        return
    one = _scalar(1.0, steps[0])
    if isinstance(one, Tensor):
        torch._foreach_add_(steps, one, alpha=1)  # without alpha, torch makes a number of it again
    else:
        torch._foreach_add_(steps, one)


def decay(tensors: list[Tensor], factor: float) -> None:
    """Multiply in place."""
    torch._foreach_mul_(tensors, _scalar(factor, tensors[0]))


def _scalar(value: float, like: Tensor) -> Any:
    """A number, on the CPU as a tensor: else each of many operations would make one of it."""
    if like.is_cpu and not torch.compiler.is_compiling():
        wide = torch.promote_types(like.dtype, torch.float32)
        return torch.tensor(value, dtype=wide, device="cpu")
    return value


def clipped(grads: Tensors, clip: float) -> Tensors:
    """Gradients with each coordinate in [-clip, clip]; the given tensors themselves if inf."""
    if clip == float("inf"):
        return grads
    if grads[0].is_cpu and not torch.compiler.is_compiling():
        return [grad.clamp(-clip, clip) for grad in grads]  # one pass where foreach needs two
    grads = torch._foreach_clamp_max(grads, clip)
    torch._foreach_clamp_min_(grads, -clip)
    return grads


def pull(directions: Tensors, batch: Batch, group: dict[str, Any]) -> None:
    """Add both decays to ``directions``, and where the parameters stand to ``totals``."""
    near, far = group["weight_decay"], group["epoch_decay"]
    if near:
        torch._foreach_add_(directions, batch.params, alpha=near)
    if far:
        displacements = torch._foreach_sub(batch.params, batch.references)
        torch._foreach_add_(directions, displacements, alpha=far)
        torch._foreach_add_(batch.totals, displacements)


def descend(params: list[Tensor], directions: Tensors, lr: float | Tensor) -> None:
    """One step of size ``lr`` against ``directions``."""
    if isinstance(lr, Tensor):  # no .item(): it would stop a GPU, and a compiled graph
        torch._foreach_sub_(params, torch._foreach_mul(directions, lr))
    else:
        torch._foreach_add_(params, directions, alpha=-lr)


def fusable(group: dict[str, Any], batch: Batch) -> bool:
    """Whether torch's fused kernels for CPUs fit: then an update is one pass over memory.

    They take all tensors for arrays of one layout and, unlike others, do not look whether it is so.
    """
    p, columns = batch.params[0], [batch.params, batch.grads, *batch.moments]
    if torch.compiler.is_compiling() or not p.is_cpu or not isinstance(group["lr"], int | float):
        return False
    dtypes = {t.dtype for column in columns for t in column}
    if dtypes not in ({torch.float32}, {torch.float64}):
        return False
    if all(t.is_contiguous() for column in columns for t in column):
        return True
    return all(t.stride() == row[0].stride() for row in zip(*columns, strict=True) for t in row)


def accumulate(batch: Batch) -> None:
    """Add where the parameters stand, p - r, to ``totals``, with no memory for the difference."""
    torch._foreach_add_(batch.totals, batch.params)
    torch._foreach_sub_(batch.totals, batch.references)
