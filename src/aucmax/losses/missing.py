"""The warning of a batch from which no loss over pairs can learn."""

import warnings

from torch import Tensor

from .._checks import values_are_checked

_TO_THE_CALL = 5  # this function, forward, and the two frames of nn.Module.__call__


class MissingClassWarning(UserWarning):
    """A batch held no pair of a positive and a negative, so nothing was learned from it."""


def warn_if_no_pair(pairs: Tensor, training: bool) -> None:
    """Give a :class:`MissingClassWarning` if a training batch has no pair for any label.

    To be called from a loss's ``forward`` itself: the warning names the line that called the loss.

    Args:
        pairs: the number of pairs for each label, () or (L,).
        training: whether the loss is in training mode; a batch for validation may lack a class.
    """
    if training and values_are_checked(pairs.device) and not pairs.any():
        warnings.warn(
            "this batch has no pair of a positive and a negative, so its loss is 0: "
            "draw batches with aucmax.BalancedBatches, or make them larger",
            MissingClassWarning,
            stacklevel=_TO_THE_CALL,
        )
