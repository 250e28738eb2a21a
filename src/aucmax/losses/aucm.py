"""AUCMLoss: the AUC min-max-margin loss."""

from torch import Tensor

from .min_max import MinMaxAUCLoss


class AUCMLoss(MinMaxAUCLoss):
    r"""AUC min-max-margin loss, AUC-M (Yuan et al., ICCV 2021, https://arxiv.org/abs/2012.03173).

    .. math:: \min_{a,b}\max_{\alpha\ge 0}\;
        E_+(h-a)^2 + E_-(h-b)^2 + 2\alpha\,(m + E_-h - E_+h) - \alpha^2

    with scores h = activation(logits). Eliminating a, b and alpha leaves
    ``Var(h|+) + Var(h|-) + max(0, m + E-h - E+h)^2``: classes are pushed apart until their means
    differ by the margin, and drawn together each. With sigmoid scores and m = 1 the hinge never
    closes, and the loss equals :class:`AUCSquareLoss`.

    The loss has the parameters ``a``, ``b`` and ``alpha``, (1,) or (L,). Give them to the optimizer
    with the weights of the model: any optimizer that descends does the right thing, because
    ``alpha`` is handed its gradient with the opposite sign. :func:`aucmax.param_groups` keeps
    weight decay and the like off them. They start at the saddle of the first training batch (see
    :meth:`start_at` for another) and need not be trained at all. ``alpha`` is projected onto
    alpha >= 0 at the head of ``forward`` in training mode, so right after a step it may be below
    zero.

    Batches that lack a class. By default E+ and E- are means over the batch's own positives and
    negatives; the mean of a missing class is replaced by its estimate ``a`` (or ``b``), held
    fixed, and its spread counts 0: the value stays finite and the other class still learns. With
    ``prior=p`` they are sums weighted by 1/p and 1/(1-p) over the whole batch, the paper's online
    form, unbiased for any batch drawn at the natural rate. A label without any known target in the
    batch is left out of the mean over labels.

    Args:
        margin: m > 0, in units of the score (1 is the full range of a sigmoid); one number, or
            one for each label.
        num_labels: L for logits (B, L); None (or 1) for logits (B,) or (B, 1).
        activation: maps logits to scores, applied in float32 (float64 stays).
        prior: share of positives in the data, in (0, 1), for the online form; one number, or one
            for each label. Leave it out when a sampler balances the batches.

    Raises:
        ValueError: if a value is outside its range, or not one number for each label.

    >>> import torch
    >>> loss_fn = AUCMLoss()
    >>> loss = loss_fn(torch.tensor([2.0, -1.0, 0.5]), torch.tensor([1.0, 0.0, 0.0]))
    >>> loss.backward()
    """

    def bounded(self, own: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the variables with ``alpha >= 0``."""
        return {**own, "alpha": own["alpha"].clamp(min=0)}

    def projected(self) -> dict[str, Tensor]:
        """Set ``alpha`` to ``max(0, alpha)``, and return the parameters."""
        alpha = self.alpha
        alpha.data.clamp_(min=0)  # see SaddleLoss.projected
        return {"a": self.a, "b": self.b, "alpha": alpha}
