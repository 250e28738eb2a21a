"""The rows that a region of the ROC curve is made of: those of highest (or lowest) score."""

import torch
from torch import Tensor, nn

from ..._moving_average import MovingAverage


class HighestRows(nn.Module):
    r"""Weights of the share of rows with the highest scores: 1 above a threshold, 0 below it.

    .. math:: w_j = 1[h_j > t] + r\,1[h_j = t], \qquad \sum_j w_j = \text{share} \cdot n

    Rows that tie at the threshold t share equally what is left to reach the sum, so that no order
    of rows is preferred, and a share of n that is no whole number is kept to the last fraction.

    With ``gamma`` < 1 the threshold is a running one once there is one, the weights are 0 or 1,
    and they sum to share * n only on average.

    Args:
        share: of the rows, in (0, 1].
        gamma: weight of the batch in the running threshold, in (0, 1]; 1: no memory, no buffer.
        num_labels: L, for the running thresholds; None (or 1) for one label.

    Raises:
        ValueError: if gamma is outside its range.

    >>> rows = HighestRows(0.5)
    >>> rows(torch.tensor([0.1, 0.7, 0.7, 0.9]), torch.ones(4))
    (tensor([0.0000, 0.5000, 0.5000, 1.0000]), tensor(2.))
    """

    def __init__(self, share: float, gamma: float = 1.0, *, num_labels: int | None = None) -> None:
        super().__init__()
        self.share = share
        running = RunningThreshold(gamma, num_labels=num_labels)
        self.running = None if gamma == 1 or share == 1 else running

    @torch.no_grad()
    def forward(self, h: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        """The weights, and what they sum to (with a running threshold: on average).

        Args:
            h: scores, (B,) or (B, L).
            rows: mask of 0 and 1, the rows to choose from, of the same shape.

        Returns:
            weights of the shape of ``h``, 0 outside ``rows``; and share * n for each label, () or
            (L,), where n is the number of ``rows``.
        """
        n = rows.sum(0)
        if self.share == 1:
            return rows, n
        if self.running is not None:  # compared in the type in which the threshold is kept
            h = h.to(self.running.average.value.dtype)
        count = _share_of(n, self.share)
        most = min(len(h), int(self.share * len(h)) + 2)  # known without asking the device
        highest = torch.where(rows > 0, h, -torch.inf).topk(most, dim=0).values
        threshold = _score_at(highest, count.ceil())
        if self.running is not None:
            fresh = _score_at(highest, torch.minimum(count + 0.5, n))
            threshold = self.running(fresh, threshold, count)
        above, tied = rows * (h > threshold), rows * (h == threshold)
        rest = (count - above.sum(0)) / tied.sum(0).clamp(min=1)
        return above + tied * rest.clamp(0, 1).to(rows.dtype), count.to(rows.dtype)

    def extra_repr(self) -> str:
        """Show what was asked for."""
        return f"share={self.share}"


class RunningThreshold(nn.Module):
    """Moving average of the score above which the wanted share of rows lies.

    A batch's estimate is the score half a place behind its ``count`` highest rows: the mean of the
    k-th highest of n scores is exceeded by a share of about (k - 1/2) / n. A batch with less than
    half a row of the share cannot tell: even its highest score is too low a threshold. Such batches
    are taken together until they hold half a row, and their highest score is the estimate.

    Args:
        gamma: weight of the new estimate, in (0, 1].
        num_labels: L; None (or 1) for one label.

    Raises:
        ValueError: if gamma is outside its range.
    """

    def __init__(self, gamma: float, *, num_labels: int | None = None) -> None:
        super().__init__()
        self.average = MovingAverage(None, gamma, num_labels=num_labels)
        self.top: Tensor
        self.gathered: Tensor
        self.register_buffer("top", torch.full_like(self.average.value, -torch.inf))
        self.register_buffer("gathered", torch.zeros_like(self.average.value))

    @torch.no_grad()
    def forward(self, fresh: Tensor, otherwise: Tensor, count: Tensor) -> Tensor:
        """The threshold; it moves in training mode only.

        Args:
            fresh: this batch's estimate, or its highest score (-inf: no row) where ``count`` is
                below 1/2; () or (L,).
            otherwise: what is returned where there was no threshold before, of the same shape.
            count: rows of the share in this batch, any number >= 0, of the same shape.
        """
        first = self.average.value.isnan()
        if self.training:
            self._move(fresh, count)
        return torch.where(first, otherwise, self.average.value)

    def _move(self, fresh: Tensor, count: Tensor) -> None:
        gathered, top = self.gathered + count, torch.maximum(self.top, fresh)
        full = gathered > 0.5 - 1e-5  # a sum of fractions, rounded
        self.average(top, known=full)
        self.top.copy_(torch.where(full, -torch.inf, top))
        rest = (gathered - count.clamp(min=0.5)).clamp(min=0)
        self.gathered.copy_(torch.where(full, rest, gathered))


def _share_of(n: Tensor, share: float) -> Tensor:
    """Rows of the share, made whole if rounding alone keeps it from it, as in 10 * (1 - 0.9)."""
    single = n.device.type == "mps"
    count = n.to(torch.float32 if single else torch.float64) * share
    whole = count.round()
    return torch.where((count - whole).abs() <= (1e-6 if single else 1e-9) * n, whole, count)


def _score_at(highest: Tensor, place: Tensor) -> Tensor:
    """The score at a place from the top, 1 being the first; between two scores for a fraction."""
    places = torch.stack((place.floor(), place.ceil())).long().clamp(min=1) - 1
    inner, outer = highest.gather(0, places)
    between = torch.lerp(inner, outer, (place - place.floor()).to(inner.dtype))
    return torch.where(outer < inner, between, inner)  # not NaN where both are -inf: no row
