"""Attention over the instances of a bag, exact or with moving averages for sampled bags."""

import torch
from torch import Tensor, nn

from .._autograd import first_order
from .._moving_average import LogMovingAverage
from ._instances import check_instances, check_integer, check_state, log_mean_exp
from .pooling import Pooling, bag_averages


class AttentionPooling(Pooling):
    r"""Attention-weighted mean of the instance scores (MIDAM-att: Zhu et al., ICML 2023).

    .. math:: h = \sum_x \frac{e^{g(x)}}{\sum_{x'} e^{g(x')}}\,\phi(x) = \frac{s_n}{s_d}, \qquad
        s_n = \frac1n \sum_x e^{g(x)} \phi(x), \quad s_d = \frac1n \sum_x e^{g(x)}

    A random sample of the bag gives unbiased estimates of the numerator and of the denominator, not
    of their ratio. So with ``num_bags`` both are averaged for each bag; in training the value is
    the ratio h of the averages, and the gradient

    .. math:: \frac{1}{n s_d} \sum_x e^{g(x)} \big(\nabla\phi(x) + (\phi(x) - h)\,\nabla g(x)\big)

    Kept are :math:`\log s_d` and h, not the sums: with :math:`\hat{}` for the sample's estimates,
    the recursion of the two averages is, exactly,

    .. math:: s_d \leftarrow (1-\gamma) s_d + \gamma \hat s_d, \qquad
        h \leftarrow h + \gamma \frac{\hat s_d}{s_d} (\hat h - h)

    where h never leaves the range of the scores and nothing overflows, however large g.

    Without ``num_bags`` each sample stands for its bag. In evaluation mode the result is always the
    exact h of the given instances, and no average is read or changed.

    The two inputs are two outputs of the user's network, such as a linear layer for the scores and
    :class:`GatedAttention` for g, on the same features. The paper ranks sigmoid(h), which is what
    losses of this package do by default::

        loss = AUCMLoss()(pool(scores, attention, mask, index), target)

    Args:
        num_bags: bags in the training data, >= 1; None: no averages.
        gamma: weight of the new estimate, in (0, 1].
        num_labels: L for instances (B, n, L) with ``num_bags``; None (or 1) for one label.

    Raises:
        ValueError: if a value is outside its range.

    Source: https://arxiv.org/abs/2305.08040

    >>> pool = AttentionPooling()
    >>> pool(torch.tensor([[1.0, 3.0]]), torch.tensor([[0.0, 0.0]]))
    tensor([2.])
    """

    def __init__(
        self, num_bags: int | None = None, *, gamma: float = 0.9, num_labels: int | None = None
    ) -> None:
        super().__init__()
        self.num_labels = num_labels
        denominator = bag_averages(num_bags, gamma, num_labels)
        self.average = None if denominator is None else _Ratios(denominator)

    def forward(
        self,
        instances: Tensor,
        attention: Tensor,
        mask: Tensor | None = None,
        index: Tensor | None = None,
    ) -> Tensor:
        """Bag scores, (B,) or (B, L).

        Args:
            instances: scores of the instances, (B, n), (B, n, 1) or (B, n, L).
            attention: g, their attention before the softmax, of the same shape, or (B, n) for one
                attention that all labels share.
            mask: (B, n), True for real instances; None: all are.
            index: the bags' positions in the data, (B,), none twice; needed in training with
                ``num_bags``, else ignored.

        Raises:
            TypeError: if an argument is no tensor of the right kind.
            ValueError: if a shape does not fit, a bag is empty, a real value is not finite, or
                ``index`` is missing or out of range.
        """
        phi, there = check_instances(instances, mask, self.checks)
        if isinstance(attention, Tensor) and attention.shape not in (
            instances.shape,
            instances.shape[:2],
        ):
            raise ValueError(
                f"attention must have the shape of instances, {tuple(instances.shape)}, or its "
                f"first two numbers, got {tuple(attention.shape)}"
            )
        g, _ = check_instances(attention, mask, self.checks, "attention")
        g = g.unsqueeze(2) if g.ndim < phi.ndim else g
        fresh = (g.masked_fill(~there, -torch.inf).softmax(1) * phi).sum(1)
        if self.average is None or not self.training:
            return fresh
        size = log_mean_exp(g, there).expand_as(fresh)
        check_state(index, len(self.average.ratio), fresh, self.num_labels, self.checks)
        fresh, size = first_order(fresh), first_order(size)
        share, ratio = self.average(fresh.detach(), size.detach(), index)
        # By the quotient rule; the differences are 0 in value and carry the gradient.
        through_size = (fresh.detach() - ratio) * (size - size.detach())
        return ratio + share * (fresh - fresh.detach() + through_size)


class _Ratios(nn.Module):
    """Moving averages of a denominator, by its logarithm, and of the ratio that belongs to it."""

    def __init__(self, denominator: LogMovingAverage) -> None:
        super().__init__()
        self.denominator = denominator
        self.ratio: Tensor
        self.register_buffer("ratio", torch.full_like(denominator.value, torch.nan))

    def forward(self, fresh: Tensor, size: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:
        """Estimates of the ratio and of log denominator to (new over averaged size, ratio)."""
        share = (size - self.denominator(size, index)).exp()
        index = index.to(self.ratio.device).long()
        old = self.ratio[index].to(fresh.dtype)
        # Rounding must not carry the ratio beyond the new estimate.
        mixed = torch.lerp(old, fresh, (self.denominator.gamma * share).clamp(max=1))
        ratio = torch.where(old.isnan(), fresh, mixed)
        self.ratio[index] = ratio.to(self.ratio.dtype)
        return share, ratio


class GatedAttention(nn.Module):
    r"""Attention logit of an instance (Ilse et al., ICML 2018, https://arxiv.org/abs/1802.04712).

    .. math:: g(x) = w^\top \left(\tanh(V x) \odot \sigma(U x)\right)

    Args:
        features: length of the feature vector x, >= 1.
        hidden: rows of V and U, >= 1.

    Raises:
        ValueError: if a value is outside its range.

    >>> GatedAttention(16)(torch.zeros(4, 10, 16)).shape
    torch.Size([4, 10])
    """

    def __init__(self, features: int, hidden: int = 128) -> None:
        super().__init__()
        check_integer("features", features, 1)
        check_integer("hidden", hidden, 1)
        self.content = nn.Linear(features, hidden)
        self.gate = nn.Linear(features, hidden)
        self.weight = nn.Linear(hidden, 1, bias=False)  # a constant leaves the softmax as it is

    def forward(self, x: Tensor) -> Tensor:
        """Features (..., features) to attention logits (...)."""
        return self.weight(self.content(x).tanh() * self.gate(x).sigmoid()).squeeze(-1)
