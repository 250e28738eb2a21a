"""The warning of a batch from which no loss over pairs can learn."""

import warnings

from torch import Tensor

_TO_THE_CALL = 6  # this function, forward, the two frames of nn.Module.__call__, and Loss's own


class MissingClassWarning(UserWarning):
    """A batch held no pair of a positive and a negative, so nothing was learned from it."""


def warn_if_no_pair(pairs: Tensor, due: bool) -> None:
    """Give a :class:`MissingClassWarning` if a training batch has no pair for any label.

    To be called from a loss's ``forward`` itself: the warning names the line that called the loss.

    Args:
        pairs: the number of pairs for each label, () or (L,).
        due: whether to look: in training mode (a batch for validation may lack a class), and only
            where the values of this batch are inspected.
    """
    if due and not pairs.any():
        warnings.warn(
            "this batch has no pair of a positive and a negative, so its loss is 0: "
            "draw batches with aucmax.BalancedBatches, or make them larger",
            MissingClassWarning,
            stacklevel=_TO_THE_CALL,
        )
