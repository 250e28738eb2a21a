"""Baselines with the same call as the AUC losses: cross-entropy and two of its relatives."""

import torch
import torch.nn.functional as F
from torch import Tensor

from .._checks import PerLabel, placed
from .base import Loss


class BCELoss(Loss):
    r"""Binary cross-entropy on logits, the mean over all known targets.

    .. math:: -w\,y\log\sigma(z) - (1-y)\log(1-\sigma(z))

    Args:
        pos_weight: w > 0, weight of positives; one number, or one for each label.

    Raises:
        ValueError: if pos_weight is not positive.

    >>> BCELoss()(torch.tensor([0.0, 0.0]), torch.tensor([1.0, torch.nan]))
    tensor(0.6931)
    """

    def __init__(self, *, pos_weight: PerLabel | None = None) -> None:
        super().__init__()
        self.pos_weight: Tensor | None
        weight = None if pos_weight is None else _positive("pos_weight", pos_weight)
        self.register_buffer(
            "pos_weight", None if weight is None else placed(weight), persistent=False
        )

    def forward(self, logits: Tensor, target: Tensor, index: Tensor | None = None) -> Tensor:
        """Mean cross-entropy; (B,), (B, 1) or (B, L) with targets 0, 1 or NaN (unknown)."""
        z, positive, negative = self.check(logits, target)
        _check_labels("pos_weight", self.pos_weight, z)
        value = F.binary_cross_entropy_with_logits(
            z, positive, reduction="none", pos_weight=self.pos_weight
        )
        return _mean_known(value, positive + negative)


class FocalLoss(Loss):
    r"""Focal loss on logits (Lin et al., ICCV 2017, https://arxiv.org/abs/1708.02002).

    .. math:: -\alpha_y\,(1-p_y)^\gamma \log p_y

    with p_y the probability given to the true class; alpha_1 = alpha, alpha_0 = 1 - alpha.

    Args:
        gamma: >= 0, how strongly easy rows are down-weighted; 0 is cross-entropy.
        alpha: weight of positives, in (0, 1); None weights both classes by 1.

    Raises:
        ValueError: if a value is outside its range.

    >>> FocalLoss(gamma=0.0)(torch.zeros(2), torch.tensor([1.0, 0.0]))
    tensor(0.6931)
    """

    def __init__(self, *, gamma: float = 2.0, alpha: float | None = None) -> None:
        super().__init__()
        if not gamma >= 0:
            raise ValueError(f"gamma must be >= 0, got {gamma}")
        if alpha is not None and not 0 < alpha < 1:
            raise ValueError(f"alpha, the weight of positives, must lie in (0, 1), got {alpha}")
        self.gamma, self.alpha = gamma, alpha

    def forward(self, logits: Tensor, target: Tensor, index: Tensor | None = None) -> Tensor:
        """Mean focal loss; (B,), (B, 1) or (B, L) with targets 0, 1 or NaN (unknown)."""
        z, positive, negative = self.check(logits, target)
        log_p = F.logsigmoid(torch.where(positive > 0, z, -z))  # log-probability of the truth
        # Bounded below, for at 0 a power gamma < 1 has no finite slope.
        value = -((-log_p.expm1()).clamp(min=1e-12) ** self.gamma) * log_p
        if self.alpha is not None:
            value = value * torch.where(positive > 0, self.alpha, 1 - self.alpha)
        return _mean_known(value, positive + negative)


class LogitAdjustedLoss(Loss):
    r"""Cross-entropy on logits shifted, and on request scaled, by the class shares.

    .. math:: \mathrm{BCE}(\Delta_y z + \tau\log\tfrac{p}{1-p},\,y),\qquad
        \Delta_1 = (p/\max(p,1-p))^\gamma,\; \Delta_0 = ((1-p)/\max(p,1-p))^\gamma

    With gamma = 0 it is logit adjustment (Menon et al., ICLR 2021, arXiv 2007.07314); with
    gamma > 0 the vector-scaling (VS) loss (Kini et al., NeurIPS 2021, arXiv 2103.01550). The shift
    alone leaves the ranking of the population optimum as it is: what it changes is how a network
    that separates its training data gets there.

    Args:
        prior: p in (0, 1), share of positives in the training data; one number, or one for each
            label.
        tau: >= 0, strength of the shift; 0 is cross-entropy.
        gamma: >= 0, strength of the scaling.

    Raises:
        ValueError: if a value is outside its range.

    >>> LogitAdjustedLoss(0.5)(torch.zeros(2), torch.tensor([1.0, 0.0]))
    tensor(0.6931)
    """

    def __init__(self, prior: PerLabel, *, tau: float = 1.0, gamma: float = 0.0) -> None:
        super().__init__()
        if not (tau >= 0 and gamma >= 0):
            raise ValueError(f"tau and gamma must be >= 0, got tau={tau}, gamma={gamma}")
        p = _positive("prior", prior)
        if not bool((p < 1).all()):
            raise ValueError(f"prior, the share of positives, must lie in (0, 1), got {prior}")
        larger = torch.maximum(p, 1 - p)
        self.shift: Tensor
        self.scale_positive: Tensor
        self.scale_negative: Tensor
        self.register_buffer("shift", placed(tau * torch.logit(p)), persistent=False)
        self.register_buffer("scale_positive", placed((p / larger) ** gamma), persistent=False)
        self.register_buffer(
            "scale_negative", placed(((1 - p) / larger) ** gamma), persistent=False
        )

    def forward(self, logits: Tensor, target: Tensor, index: Tensor | None = None) -> Tensor:
        """Mean adjusted cross-entropy; (B,), (B, 1) or (B, L), targets 0, 1 or NaN (unknown)."""
        z, positive, negative = self.check(logits, target)
        _check_labels("prior", self.shift, z)
        scale = torch.where(positive > 0, self.scale_positive, self.scale_negative)
        value = F.binary_cross_entropy_with_logits(
            scale * z + self.shift, positive, reduction="none"
        )
        return _mean_known(value, positive + negative)


def _positive(name: str, value: PerLabel) -> Tensor:
    tensor = torch.as_tensor(value, dtype=torch.get_default_dtype(), device="cpu")
    if tensor.ndim > 1 or not bool((tensor > 0).all()):
        raise ValueError(f"{name} must be one number > 0, or one for each label, got {value}")
    return tensor.squeeze()  # one label has no dimension, as in check_batch


def _check_labels(name: str, value: Tensor | None, z: Tensor) -> None:
    # Otherwise one number for each label could pass for one number for each row.
    if value is not None and value.ndim == 1 and (z.ndim == 1 or len(value) != z.shape[1]):
        raise ValueError(
            f"{name} holds {len(value)} numbers, one for each label, so logits must be "
            f"(B, {len(value)}), got shape {tuple(z.shape)}"
        )


def _mean_known(value: Tensor, known: Tensor) -> Tensor:
    return (value * known).sum() / known.sum().clamp(min=1)
