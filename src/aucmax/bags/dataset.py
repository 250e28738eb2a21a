"""A data set of bags: each item is a random sample of a bag's instances, or all of them."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import Dataset

from ._grouping import group
from ._instances import check_integer

Item = tuple[Tensor, Tensor, Tensor, int]
"""Instances, mask, target and position of one bag."""


class Bags(Dataset[Item]):
    """Bags of instances with one target each: ``(instances, mask, target, index)`` of a bag.

    With ``sample=n`` an item holds n instances of the bag, drawn without replacement: a function of
    (seed, epoch, bag) alone. Call :meth:`set_epoch` at the head of every epoch, else each bag shows
    the same n instances for ever; it reaches the workers of a ``DataLoader``, persistent ones too.
    A bag of n or fewer comes whole, padded with zeros where ``mask`` is False. With ``sample=None``
    an item holds all instances, for evaluation; batch those with :func:`collate_bags`.

    Only the instances that are asked for are read: an array may be a memory map, and a bag larger
    than the memory.

    Args:
        instances: array or tensor (n, ...) of all instances; or a data set (anything with length
            and ``[i]``) of tensors or arrays of one shape, or of pairs (tensor, anything).
        bags: the bag of each instance, (n,) integers from 0; or a list with the rows of each bag,
            which may leave instances out, and share them between bags.
        target: one for each bag, (bags,), (bags, 1) or (bags, L), with 0, 1 or NaN (unknown).
        sample: instances in an item, >= 1; None: all.
        seed: >= 0; global random generators are neither read nor advanced.

    Raises:
        ValueError: if an argument does not fit the others or is out of range, a bag is empty, or a
            bag holds an instance twice.
        TypeError: if ``instances`` has no length, or an instance is no tensor.

    >>> bags = Bags(torch.arange(10.0), [[0, 1, 2, 3, 4, 5], [6, 7]], [0, 1], sample=4)
    >>> instances, mask, target, index = bags[1]
    >>> instances, mask
    (tensor([6., 7., 0., 0.]), tensor([ True,  True, False, False]))
    """

    def __init__(
        self,
        instances: Any,
        bags: Any,
        target: ArrayLike | Tensor,
        *,
        sample: int | None = None,
        seed: int = 0,
    ) -> None:
        if not hasattr(instances, "__len__") or not hasattr(instances, "__getitem__"):
            raise TypeError(
                "instances must be an array, a tensor or a data set with length, got "
                f"{type(instances).__name__}"
            )
        self.target = _check_target(target)
        self._rows, self._borders = group(bags, len(instances), len(self.target))
        self._instances = instances
        self.sample = None if sample is None else check_integer("sample", sample, 1)
        self.seed = check_integer("seed", seed, 0)
        # In shared memory, so that persistent workers of a DataLoader see a change.
        self._epoch = torch.zeros((), dtype=torch.int64, device="cpu").share_memory_()

    @property
    def epoch(self) -> int:
        """The epoch whose samples are drawn."""
        return int(self._epoch)

    def set_epoch(self, epoch: int) -> None:
        """Draw the samples of another epoch from now on.

        Raises:
            ValueError: if ``epoch`` is negative or no integer.
        """
        self._epoch.fill_(check_integer("epoch", epoch, 0))

    @property
    def sizes(self) -> Tensor:
        """Number of instances in each bag, (bags,)."""
        return torch.from_numpy(np.diff(self._borders))

    def rows(self, bag: int) -> Tensor:
        """Positions of a bag's instances in ``instances``, increasing."""
        return torch.from_numpy(self._bag(bag).copy())

    def chunks(self, bag: int, size: int) -> Iterator[Tensor]:
        """All instances of a bag in the order of :meth:`rows`, at most ``size`` at a time."""
        rows = self._bag(bag)
        for start in range(0, len(rows), check_integer("size", size, 1)):
            yield self._read(rows[start : start + size])

    def __len__(self) -> int:
        return len(self.target)

    def __getitem__(self, bag: int) -> Item:
        rows = self._bag(bag)
        if self.sample is not None and len(rows) > self.sample:
            rng = np.random.default_rng([self.seed, self.epoch, int(bag)])
            rows = rows[np.sort(rng.choice(len(rows), self.sample, replace=False, shuffle=False))]
        instances = self._read(rows)
        mask = torch.arange(self.sample or len(rows), device="cpu") < len(rows)
        if missing := len(mask) - len(rows):
            instances = torch.cat([instances, instances.new_zeros(missing, *instances.shape[1:])])
        return instances, mask, self.target[bag], int(bag)

    def _bag(self, bag: int) -> NDArray[np.int64]:
        if not 0 <= bag < len(self):
            raise IndexError(f"bag must lie in 0 to {len(self) - 1}, got {bag}")
        return self._rows[self._borders[bag] : self._borders[bag + 1]]

    def _read(self, rows: NDArray[np.int64]) -> Tensor:
        if isinstance(self._instances, np.ndarray):
            return torch.from_numpy(np.ascontiguousarray(self._instances[rows]))
        if isinstance(self._instances, Tensor):
            return self._instances[torch.from_numpy(rows).to(self._instances.device)]
        found = [_instance(self._instances[row], row) for row in rows.tolist()]
        if len(shapes := {tuple(instance.shape) for instance in found}) > 1:
            raise ValueError(f"instances must all have one shape, got {sorted(shapes)[:5]}")
        return torch.stack(found)


def collate_bags(items: Sequence[Item]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Join bags of different sizes: the ``collate_fn`` of a ``DataLoader`` of whole bags.

    Args:
        items: of :class:`Bags`, at least one.

    Returns:
        instances (B, n, ...) padded with zeros to the largest bag, mask (B, n), target (B,) or
        (B, L) and index (B,).

    Raises:
        ValueError: if there is no item.

    >>> bags = Bags(torch.arange(5.0), [0, 0, 0, 1, 1], [0, 1])
    >>> collate_bags([bags[0], bags[1]])[0]
    tensor([[0., 1., 2.],
            [3., 4., 0.]])
    """
    if not items:
        raise ValueError("items must hold at least one bag, got none")
    instances, masks, targets, index = zip(*items, strict=True)
    return (
        pad_sequence(list(instances), batch_first=True),
        pad_sequence(list(masks), batch_first=True),
        torch.stack(targets),
        torch.tensor(index, device="cpu"),
    )


def _check_target(target: Any) -> Tensor:
    array = target.detach().cpu() if isinstance(target, Tensor) else np.asarray(target)
    try:
        table = torch.as_tensor(array, device="cpu").float().clone()
    except TypeError as error:
        raise ValueError(f"target must be numbers, got {array.dtype}") from error
    table = table.squeeze(1) if table.ndim == 2 and table.shape[1] == 1 else table
    if table.ndim not in (1, 2) or table.numel() == 0:
        raise ValueError(
            f"target must be (bags,) or (bags, L) and not empty, got {tuple(table.shape)}"
        )
    odd = table[~((table == 0) | (table == 1) | table.isnan())].unique()
    if len(odd):
        raise ValueError(f"target must be 0, 1 or NaN (unknown), got {odd[:5].tolist()}")
    return table


def _instance(item: Any, row: int) -> Tensor:
    item = item[0] if isinstance(item, tuple | list) else item
    if isinstance(item, Tensor | np.ndarray | np.generic):
        return item if isinstance(item, Tensor) else torch.as_tensor(item, device="cpu")
    raise TypeError(
        "instances must be tensors or arrays, or pairs (tensor, anything), got "
        f"{type(item).__name__} at position {row}: convert it in the data set"
    )
