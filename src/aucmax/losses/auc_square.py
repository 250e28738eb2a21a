"""AUCSquareLoss: the min-max square loss, AUC-M's main comparison."""

from torch import Tensor

from .min_max import MinMaxAUCLoss


class AUCSquareLoss(MinMaxAUCLoss):
    r"""Min-max square loss, AUC-S (Ying, Wen and Lyu, NIPS 2016; Liu et al., ICLR 2020).

    .. math:: \min_{a,b}\max_{\alpha\in\mathbb{R}}\;
        E_+(h-a)^2 + E_-(h-b)^2 + 2\alpha\,(m + E_-h - E_+h) - \alpha^2

    The dual variable is unconstrained, so the saddle value is the mean of ``(m - h+ + h-)^2`` over
    all pairs: pairs ranked beyond the margin are penalised too. All else, missing classes and
    ``prior`` included, is as in :class:`AUCMLoss`, and so are the arguments.

    Args:
        margin: m > 0, in units of the score; one number, or one for each label.
        num_labels: L for logits (B, L); None (or 1) for logits (B,) or (B, 1).
        activation: maps logits to scores, applied in float32 (float64 stays).
        prior: share of positives in the data, in (0, 1), for the online form.

    >>> AUCSquareLoss(margin=0.5, num_labels=3)
    AUCSquareLoss(margin=0.5, num_labels=3, prior=None)
    """

    def bounded(self, own: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the variables as they are: ``alpha`` may have any sign."""
        return own
