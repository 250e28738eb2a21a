"""CompositionalAUCLoss: cross-entropy and an AUC loss by turns, for compositional training."""

import torch
from torch import Tensor

from .aucm import AUCMLoss
from .base import Loss
from .combined import CrossEntropyWithAUC


class CompositionalAUCLoss(CrossEntropyWithAUC):
    r"""Inner and outer loss of compositional training (Yuan, Guo, Chawla and Yang, ICLR 2022).

    .. math:: \min_w L_{AUC}(w - \eta\,\nabla L_{CE}(w))

    In training mode the first call returns the inner loss, cross-entropy; the second the outer,
    the AUC loss; and so on by turns. An inner call gives no gradient to what the AUC part owns.
    :class:`aucmax.PDSCA` calls its closure twice in every step, and so gets the one and then the
    other on the same batch. In evaluation mode every call returns the AUC loss, and whose turn it
    is does not change.

    With any other optimizer, steps of cross-entropy and of the AUC loss alternate, each on a batch
    of its own. The variables of the AUC loss rest in the former, provided that gradients are set to
    None between steps, as ``zero_grad`` does by default: zeros would let momentum move them.

    The turn is part of ``state_dict()``. A batch that is refused takes no turn. A step that was
    broken off between its two calls, for want of memory say, leaves the outer call due:
    :meth:`reset` then.

    Args:
        auc: the outer loss, any loss of this library; None takes :class:`AUCMLoss`.
        cross_entropy: the inner loss, any loss; None takes :class:`BCELoss`.
        num_labels: L for logits (B, L), if ``auc`` is None; else the loss was told its own.

    Raises:
        TypeError: if a part is not a :class:`Loss`.

    Source: https://openreview.net/forum?id=gPvB4pdu_Z

    >>> loss_fn = CompositionalAUCLoss()
    >>> logits, target = torch.zeros(2), torch.tensor([1, 0])
    >>> [round(loss_fn(logits, target).item(), 4) for _ in range(4)]
    [0.6931, 1.0, 0.6931, 1.0]
    """

    def __init__(
        self,
        auc: Loss | None = None,
        *,
        cross_entropy: Loss | None = None,
        num_labels: int | None = None,
    ) -> None:
        super().__init__(AUCMLoss(num_labels=num_labels) if auc is None else auc, cross_entropy)
        self.next_is_inner = True

    def forward(self, logits: Tensor, target: Tensor, index: Tensor | None = None) -> Tensor:
        """Value of the loss whose turn it is.

        Args:
            logits: raw model outputs, (B,), (B, 1) or (B, L).
            target: 0, 1 or NaN (unknown), of the same shape.
            index: positions of the rows in the data set, (B,), for parts with per-sample state.

        Raises:
            TypeError: if an argument is no tensor, or logits are not floating point.
            ValueError: if shapes or values are not as said above.
        """
        if not self.training:
            return self.auc(logits, target, index)
        part = self.cross_entropy if self.next_is_inner else self.auc
        value = part(logits, target, index)
        self.next_is_inner = not self.next_is_inner  # only now: a refused batch takes no turn
        return value

    def reset(self) -> None:
        """Make the next call in training mode an inner one."""
        self.next_is_inner = True

    def get_extra_state(self) -> Tensor:
        """Return whether the next call is an inner one, for ``state_dict()``: a tensor, (1,)."""
        # A tensor, because averages of weights and distributed checkpoints expect nothing else.
        return torch.tensor([self.next_is_inner], device="cpu")

    def set_extra_state(self, state: Tensor) -> None:
        """Continue from what :meth:`get_extra_state` returned; ``load_state_dict()`` calls it."""
        self.next_is_inner = bool(state)
