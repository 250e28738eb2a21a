"""One joint batch from the batches of all processes: losses over pairs need every score."""

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from ._autograd import guard
from ._call import LossModule
from ._joint import joint_batch


class AllGather(LossModule):
    r"""Evaluate a loss on the joint batch of all processes, so that k of them step like one.

    Each of k processes sees the logits, targets and indices of all, and computes the same value

    .. math:: F(h_1, \dots, h_k), \qquad
        \text{with gradient } k \, \partial F / \partial h_r \text{ on rank } r.

    ``DistributedDataParallel`` around the *model* averages gradients over processes, which
    cancels the factor k. The loss's own parameters and buffers get the same updates everywhere:
    do not wrap the loss in ``DistributedDataParallel``. On one process this is ``loss`` itself.
    Processes may hold batches of different sizes, even empty ones. They must call the loss
    equally often, and with the same trailing shapes and types.

    Args:
        loss: called as ``loss(logits, target)`` or ``loss(logits, target, index)``.
        batch_size: rows on every process at every step, if they never change (``drop_last``, or
            our samplers). It saves the exchange of sizes, for which a GPU has to be waited for.

    Raises:
        ValueError: if ``batch_size`` is not positive.

    >>> loss = AllGather(nn.BCEWithLogitsLoss())
    >>> loss(torch.zeros(2), torch.tensor([0.0, 1.0]))
    tensor(0.6931)
    """

    def __init__(self, loss: nn.Module, *, batch_size: int | None = None) -> None:
        super().__init__()
        if batch_size is not None and batch_size < 1:
            raise ValueError(f"batch_size must be >= 1, or None if it varies, got {batch_size}")
        self.loss = loss
        self.batch_size = batch_size

    def forward(self, logits: Tensor, target: Tensor, index: Tensor | None = None) -> Tensor:
        """Value of the loss on the rows of all ranks, in the order of the ranks.

        Args:
            logits: raw model outputs of this rank, (B,) or (B, L).
            target: of the same B rows.
            index: dataset positions of the same rows, (B,); on all ranks or on none.

        Raises:
            ValueError: if the arguments differ in their number of rows, or in it from
                ``batch_size``, or only some ranks give ``index``.
        """
        own = (logits, target) if index is None else (logits, target, index)
        if not (dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1):
            return self.loss(*own)
        sizes = self._sizes(own)
        with joint_batch():
            return self.loss(*(_Gather.apply(tensor, sizes) for tensor in own))

    def diagnostics(self, *, per_label: bool = False) -> dict[str, Tensor]:
        """Return the diagnostics of the loss; empty if it has no such method.

        Args:
            per_label: one number for each label instead of their mean.
        """
        diagnose = getattr(self.loss, "diagnostics", None)
        if diagnose is None:
            return {}
        return diagnose(per_label=True) if per_label else diagnose()

    def _sizes(self, own: tuple[Tensor, ...]) -> list[int]:
        """Rows on each rank."""
        rows = [len(tensor) if tensor.ndim else 0 for tensor in own]
        if len(set(rows)) > 1 or own[0].ndim == 0:
            shapes = [tuple(tensor.shape) for tensor in own]
            raise ValueError(f"logits, target and index must have the same rows, got {shapes}")
        if self.batch_size is not None:
            if rows[0] != self.batch_size:
                raise ValueError(
                    f"logits must have batch_size={self.batch_size} rows as announced to "
                    f"AllGather, got {rows[0]}; use drop_last=True, or leave batch_size out"
                )
            return [self.batch_size] * dist.get_world_size()
        return _exchange_sizes(rows[0], len(own), own[0].device)


class _Gather(torch.autograd.Function):
    """Concatenate shards of given sizes; a shard's gradient sums what every rank sends it."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, sizes: list[int]) -> Tensor:
        rank = dist.get_rank()
        ctx.begin, ctx.size = sum(sizes[:rank]), sizes[rank]
        ctx.save_for_backward(x)
        return _gather(x, sizes)

    @staticmethod
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, *grad_outputs: Tensor
    ) -> tuple[Tensor, None]:
        grad = grad_outputs[0].detach().clone(memory_format=torch.contiguous_format)
        dist.all_reduce(grad)
        (x,) = ctx.saved_tensors
        return guard(grad.narrow(0, ctx.begin, ctx.size), grad_outputs[0], x), None


def _gather(x: Tensor, sizes: list[int]) -> Tensor:
    """Rows of all ranks; collectives want one size, so short shards are padded and cut again."""
    longest = max(sizes)
    if len(x) < longest:
        x = torch.cat([x, x.new_zeros((longest - len(x), *x.shape[1:]))])
    shards = [torch.empty_like(x, memory_format=torch.contiguous_format) for _ in sizes]
    dist.all_gather(shards, x.contiguous())
    return torch.cat([shard[:size] for shard, size in zip(shards, sizes, strict=True)])


def _exchange_sizes(rows: int, arguments: int, device: torch.device) -> list[int]:
    """Rows of every rank; all ranks raise alike where they would else wait for one another."""
    own = torch.tensor([rows, arguments], device=device)
    heads = [torch.empty_like(own) for _ in range(dist.get_world_size())]
    dist.all_gather(heads, own)
    sizes, given = torch.stack(heads).T.tolist()
    if len(set(given)) > 1:
        raise ValueError(
            "index must be given on all ranks or on none, got it on ranks "
            f"{[rank for rank, count in enumerate(given) if count == 3]}"
        )
    return sizes
