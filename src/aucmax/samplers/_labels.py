"""Labels of whatever is at hand: arrays, tensors, data sets and views of data sets."""

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import ConcatDataset, Subset, TensorDataset

_CURE = "pass the labels themselves, for example [y for _, y in dataset]"


def labels_of(data: object) -> Tensor:
    """Labels of all rows, read without loading a single sample.

    Args:
        data: labels as array, list, tensor or pandas column; or a data set with ``targets`` or
            ``labels``; a ``TensorDataset`` (its last tensor); a ``Subset`` or ``ConcatDataset``
            of any of these, nested as deep as you like.

    Returns:
        (n,) or (n, L), float64 on the CPU, in the order of the data set's positions.

    Raises:
        TypeError: if ``data`` is none of these.
        ValueError: if the labels are not numbers, or the parts of a ``ConcatDataset`` differ in
            their number of columns.

    >>> from torch.utils.data import Subset, TensorDataset
    >>> data = TensorDataset(torch.zeros(4, 3), torch.tensor([0, 1, 1, 0]))
    >>> labels_of(Subset(data, [3, 2]))
    tensor([0., 1.], dtype=torch.float64)
    """
    if isinstance(data, Tensor):
        return data.detach().double().cpu()
    if isinstance(data, Subset):
        return labels_of(data.dataset)[torch.as_tensor(data.indices, dtype=torch.long)]
    if isinstance(data, ConcatDataset):
        return _concatenated([labels_of(part) for part in data.datasets])
    if isinstance(data, TensorDataset):
        return labels_of(data.tensors[-1])
    if isinstance(data, list | tuple) or hasattr(data, "__array__"):
        return _from_array(data)
    for name in ("targets", "labels"):
        if getattr(data, name, None) is not None:
            return labels_of(getattr(data, name))
    raise TypeError(
        "labels must be an array, list or tensor, or a data set with `targets` or `labels`, "
        f"got {type(data).__name__}; {_CURE}"
    )


def check_binary(labels: Tensor) -> Tensor:
    """Return ``labels`` if they are a filled (n,) or (n, L) table of 0, 1 and NaN."""
    if labels.ndim not in (1, 2) or labels.numel() == 0:
        raise ValueError(f"labels must be (n,) or (n, L) and not empty, got {tuple(labels.shape)}")
    strange = labels[~((labels == 0) | (labels == 1) | labels.isnan())].unique()
    if len(strange):
        raise ValueError(
            f"labels must be 0, 1 or NaN (unknown), got also {strange[:5].tolist()}; "
            "map them first, for example (labels > 0) for -1 and 1"
        )
    return labels


def _concatenated(parts: list[Tensor]) -> Tensor:
    shapes = {tuple(part.shape[1:]) for part in parts}
    if len(shapes) > 1:
        raise ValueError(
            "labels of the parts of a ConcatDataset must have the same columns, got shapes "
            f"{[tuple(part.shape) for part in parts]}; bring the parts to one shape first"
        )
    return torch.cat(parts)


def _from_array(data: object) -> Tensor:
    try:
        return torch.from_numpy(np.array(data, dtype=np.float64))  # a copy: own and writable
    except (TypeError, ValueError) as error:
        raise ValueError(f"labels must be numbers in rows of one length ({error})") from error
