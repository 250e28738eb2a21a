"""Cross-entropy and an AUC loss together: the weighted sum of both."""

import math

import torch
from torch import Tensor

from .base import Loss
from .cross_entropy import BCELoss
from .pairwise import PairwiseAUCLoss


class CrossEntropyWithAUC(Loss):
    """Abstract: a loss made of a cross-entropy and an AUC loss.

    What the AUC part can do besides, remember its batches and start its variables, is reached here
    too. Its variables are its own: :func:`aucmax.param_groups` finds them inside.

    Args:
        auc: the AUC part, any loss of this library.
        cross_entropy: the other part, any loss; None takes :class:`BCELoss`.

    Raises:
        TypeError: if a part is not a :class:`Loss`.
    """

    def __init__(self, auc: Loss, cross_entropy: Loss | None) -> None:
        super().__init__()
        self.auc = _part("auc", auc)
        self.cross_entropy = (
            BCELoss() if cross_entropy is None else _part("cross_entropy", cross_entropy)
        )

    def diagnostics(self, *, per_label: bool = False) -> dict[str, Tensor]:
        """Return the diagnostics of the AUC part."""
        return self.auc.diagnostics(per_label=per_label)

    def forget(self) -> None:
        """Make the AUC part drop the batches that it remembers."""
        self.auc.forget()

    def start_at(self, logits: Tensor, target: Tensor) -> None:
        """Set the variables of the AUC part by one batch, if it has variables to set.

        Args:
            logits: raw model outputs of the first batch, (B,), (B, 1) or (B, L).
            target: 0, 1 or NaN (unknown), of the same shape.
        """
        self.auc.start_at(logits, target)


class CrossEntropyAUCLoss(CrossEntropyWithAUC):
    r"""Weighted sum of cross-entropy and an AUC loss, both on the same batch.

    .. math:: L_{CE} + w\,L_{AUC}

    The best single stage of what was tried, on batches with half of their rows positive
    (``docs/evidence.md``): cross-entropy shapes the features from the first step on, the AUC loss
    the ranking. No special optimizer is needed.

    Args:
        auc: the AUC part, any loss of this library; None takes all pairs by the squared hinge on
            raw scores, ``PairwiseAUCLoss(activation=torch.nn.Identity())``.
        weight: w, finite, >= 0; 0 is cross-entropy alone.
        cross_entropy: the other part, any loss; None takes :class:`BCELoss`.

    Raises:
        TypeError: if a part is not a :class:`Loss`.
        ValueError: if weight is out of range.

    >>> loss_fn = CrossEntropyAUCLoss(weight=0.5)
    >>> logits, target = torch.tensor([2.0, -1.0]), torch.tensor([1, 0])
    >>> pairs = PairwiseAUCLoss(activation=torch.nn.Identity())
    >>> parts = BCELoss()(logits, target) + 0.5 * pairs(logits, target)
    >>> bool(loss_fn(logits, target) == parts)
    True
    """

    def __init__(
        self,
        auc: Loss | None = None,
        *,
        weight: float = 1.0,
        cross_entropy: Loss | None = None,
    ) -> None:
        raw = PairwiseAUCLoss(activation=torch.nn.Identity())
        super().__init__(raw if auc is None else auc, cross_entropy)
        if not 0 <= weight < math.inf:
            raise ValueError(f"weight, that of the AUC part, must be finite and >= 0, got {weight}")
        self.weight = weight

    def forward(self, logits: Tensor, target: Tensor, index: Tensor | None = None) -> Tensor:
        """Value of the sum.

        Args:
            logits: raw model outputs, (B,), (B, 1) or (B, L).
            target: 0, 1 or NaN (unknown), of the same shape.
            index: positions of the rows in the data set, (B,), for parts with per-sample state.

        Raises:
            TypeError: if an argument is no tensor, or logits are not floating point.
            ValueError: if shapes or values are not as said above.
        """
        if isinstance(logits, Tensor) and logits.dtype in (torch.float16, torch.bfloat16):
            logits = logits.float()  # here, so that the gradients of both are added in float32
        cross_entropy = self.cross_entropy(logits, target, index)
        return cross_entropy + self.weight * self.auc(logits, target, index)

    def extra_repr(self) -> str:
        """Show what was asked for."""
        return f"weight={self.weight}"


def _part(name: str, loss: Loss) -> Loss:
    """The given part, once it is known to be a loss with our call."""
    if not isinstance(loss, Loss):
        kind = f"the class {loss.__name__}" if isinstance(loss, type) else type(loss).__name__
        raise TypeError(
            f"{name} must be a loss, an instance of aucmax.losses.Loss, got {kind}; "
            "AllGather goes around the whole, not around a part"
        )
    return loss
