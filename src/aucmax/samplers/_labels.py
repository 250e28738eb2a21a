"""Labels of whatever is at hand: arrays, tensors, data sets and views of data sets."""

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import ConcatDataset, Sampler, Subset, TensorDataset

_CURE = "pass the labels themselves, for example [y for _, y in dataset]"


def labels_of(data: object) -> Tensor:
    """Labels of all rows, read without loading a single sample.

    Args:
        data: labels as array, list, tensor or pandas column; or a data set with ``targets`` or
            ``labels``; a ``TensorDataset`` of inputs and labels; a ``Subset`` or ``ConcatDataset``
            of any of these, nested as deep as you like.

    Returns:
        (n,) or (n, L), float64 on the CPU, in the order of the data set's positions.

    Raises:
        TypeError: if ``data`` is none of these.
        ValueError: if the labels are not numbers, a ``TensorDataset`` has more than two tensors, so
            that any of them could be the labels, or the parts of a ``ConcatDataset`` differ in
            their number of columns.

    >>> from torch.utils.data import Subset, TensorDataset
    >>> data = TensorDataset(torch.zeros(4, 3), torch.tensor([0, 1, 1, 0]))
    >>> labels_of(Subset(data, [3, 2]))
    tensor([0., 1.], dtype=torch.float64)
    """
    if isinstance(data, Tensor):
        return data.detach().cpu().double()  # in this order: Apple's GPUs have no float64
    if isinstance(data, Subset):
        return labels_of(data.dataset)[
            torch.as_tensor(data.indices, dtype=torch.long, device="cpu")
        ]
    if isinstance(data, ConcatDataset):
        return _concatenated([labels_of(part) for part in data.datasets])
    if isinstance(data, TensorDataset):
        tensors: list[Tensor] = list(data.tensors)
        if len(tensors) > 2:
            raise ValueError(
                f"labels could be any of the {len(tensors)} tensors of a TensorDataset; pass the "
                "right one, for example dataset.tensors[1]"
            )
        return labels_of(tensors[-1])
    if isinstance(data, Sampler):
        raise TypeError(
            f"labels must be labels or a data set, got a {type(data).__name__}; if a framework put "
            "it there to share the rows among processes, switch that off "
            "(Trainer(use_distributed_sampler=False) in Lightning): this sampler does it itself"
        )
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
            f"{_cure(strange)}"
        )
    return labels


def _cure(strange: Tensor) -> str:
    """What to do about labels that are neither 0 nor 1."""
    if (strange == -1).all():
        return "map -1 and 1 by (labels > 0)"
    if ((strange > 0) & (strange < 1)).all():
        return "a soft label has no class to balance: pass the hard labels"
    whole = strange.isfinite() & (strange == strange.round()) & (strange > 0)
    if whole.all() and len(strange) < 1000:
        return (
            "for class numbers use MultiLabelBatches(torch.nn.functional.one_hot(labels)), which "
            "serves every class; if these are row numbers, pass the labels instead"
        )
    return "pass the labels themselves, with 1 for positive rows"


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
