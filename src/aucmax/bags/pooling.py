"""From scores of instances to the score of their bag: mean, maximum, and the smooth maximum."""

import torch
from torch import Tensor, nn

from .._autograd import first_order
from .._checks import ValueChecks
from .._moving_average import LogMovingAverage
from ._instances import check_instances, check_integer, check_state, log_mean_exp


class Pooling(nn.Module):
    """Abstract: from the scores of the instances of a bag to the score of the bag."""

    def __init__(self) -> None:
        super().__init__()
        self.checks = ValueChecks()


class MeanPooling(Pooling):
    r"""Mean of the instance scores, :math:`h = \frac1n \sum_x \phi(x)`.

    Unbiased under sampling of instances, so it needs no state; but one positive instance among
    hundreds hardly moves it.

    >>> MeanPooling()(torch.tensor([[1.0, 2.0, 9.0]]), mask=torch.tensor([[True, True, False]]))
    tensor([1.5000])
    """

    def forward(
        self, instances: Tensor, mask: Tensor | None = None, index: Tensor | None = None
    ) -> Tensor:
        """Bag scores, (B,) or (B, L).

        Args:
            instances: scores of the instances, (B, n), (B, n, 1) or (B, n, L).
            mask: (B, n), True for real instances; None: all are.
            index: ignored: there is no state.

        Raises:
            TypeError: if an argument is no tensor of the right kind.
            ValueError: if a shape does not fit, a bag is empty, or a real score is not finite.
        """
        phi, there = check_instances(instances, mask, self.checks)
        return phi.sum(1) / there.sum(1)


class MaxPooling(Pooling):
    r"""Maximum of the instance scores, :math:`h = \max_x \phi(x)`.

    Only the highest instance learns (instances that share the maximum share its gradient), and the
    maximum of a sample is on average below that of the bag.

    >>> MaxPooling()(torch.tensor([[1.0, 2.0, 9.0]]), mask=torch.tensor([[True, True, False]]))
    tensor([2.])
    """

    def forward(
        self, instances: Tensor, mask: Tensor | None = None, index: Tensor | None = None
    ) -> Tensor:
        """Bag scores, (B,) or (B, L); arguments and errors are those of :class:`MeanPooling`."""
        phi, there = check_instances(instances, mask, self.checks)
        return phi.masked_fill(~there, -torch.inf).amax(1)


class SmoothMaxPooling(Pooling):
    r"""Smooth maximum of the instance scores (MIDAM-smx: Zhu et al., ICML 2023, arXiv 2305.08040).

    .. math:: h = \tau \log s, \qquad s = \frac1n \sum_x e^{\phi(x)/\tau}

    between the mean (temperature to infinity) and the maximum (to 0). A random sample of the bag
    gives an unbiased estimate of s, but not of its logarithm. So with ``num_bags`` each bag has a
    moving average u of the estimates; in training the value is :math:`\tau \log u`, and the weight
    of an instance in the gradient :math:`e^{\phi/\tau} / (n u)`. The weights of a bag sum to at
    most 1 / gamma. Averages are kept as logarithms: no score overflows.

    Without ``num_bags`` each sample stands for its bag (the same as gamma = 1). In evaluation mode
    the result is always the exact h of the given instances, and no average is read or changed: give
    all instances there (:func:`aucmax.bags.bag_scores` does, however many they are).

    The paper pools scores in (0, 1) and ranks h itself, so the loss shall take it as it is::

        pool, loss_fn = SmoothMaxPooling(0.1, len(bags)), AUCMLoss(activation=nn.Identity())
        loss = loss_fn(pool(model(x).sigmoid(), mask, index), target)

    With several processes each averages the estimates of the bags that it has seen itself: keep the
    pooling outside of ``DistributedDataParallel``, and put ``AllGather`` around the loss.

    Args:
        temperature: tau > 0, in units of the instance score.
        num_bags: bags in the training data, >= 1; None: no averages.
        gamma: weight of the new estimate, in (0, 1].
        num_labels: L for instances (B, n, L) with ``num_bags``; None (or 1) for one label.

    Raises:
        ValueError: if a value is outside its range.

    >>> pool = SmoothMaxPooling(temperature=0.1)
    >>> pool(torch.tensor([[0.0, 0.0, 1.0], [0.5, 0.5, 0.5]]))
    tensor([0.8901, 0.5000])
    """

    def __init__(
        self,
        temperature: float = 0.1,
        num_bags: int | None = None,
        *,
        gamma: float = 0.9,
        num_labels: int | None = None,
    ) -> None:
        super().__init__()
        if not 0 < temperature < float("inf"):
            raise ValueError(
                f"temperature must be > 0 and finite, got {temperature}; for its limits take "
                "MaxPooling (0) or MeanPooling (infinity)"
            )
        self.temperature = temperature
        self.num_labels = num_labels
        self.average = bag_averages(num_bags, gamma, num_labels)

    def forward(
        self, instances: Tensor, mask: Tensor | None = None, index: Tensor | None = None
    ) -> Tensor:
        """Bag scores, (B,) or (B, L).

        Args:
            instances: scores of the instances, (B, n), (B, n, 1) or (B, n, L).
            mask: (B, n), True for real instances; None: all are.
            index: the bags' positions in the data, (B,), none twice; needed in training with
                ``num_bags``, else ignored.

        Raises:
            TypeError: if an argument is no tensor of the right kind.
            ValueError: if a shape does not fit, a bag is empty, a real score is not finite, or
                ``index`` is missing or out of range.
        """
        phi, there = check_instances(instances, mask, self.checks)
        fresh = log_mean_exp(phi / self.temperature, there)
        if self.average is None or not self.training:
            return self.temperature * fresh
        check_state(index, len(self.average.value), fresh, self.num_labels, self.checks)
        fresh = first_order(fresh)
        averaged = self.average(fresh, index)
        # d(log u) = (s / u) d(log s): the gradient of the sample, scaled by what it was worth.
        share = (fresh.detach() - averaged).exp()
        return self.temperature * (averaged + share * (fresh - fresh.detach()))

    def extra_repr(self) -> str:
        """Show what was asked for."""
        return f"temperature={self.temperature}"


def bag_averages(
    num_bags: int | None, gamma: float, num_labels: int | None
) -> LogMovingAverage | None:
    """A moving average for each bag; None where there are none to keep (arguments are checked)."""
    if num_bags is not None:
        check_integer("num_bags", num_bags, 1)
    if num_labels is not None:
        check_integer("num_labels", num_labels, 1)
    average = LogMovingAverage(num_bags, gamma, num_labels=num_labels)
    return None if num_bags is None else average
