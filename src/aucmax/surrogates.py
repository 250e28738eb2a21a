r"""Surrogates of the ranking error: functions of the score gap of a pair.

For a positive with score :math:`h_+` and a negative with score :math:`h_-`, the gap is
:math:`t = h_+ - h_-` and AUROC counts the pairs with :math:`t > 0`. Each function here bounds or
approximates the error :math:`1[t \le 0]` and takes the gap, of any shape, and a margin ``m > 0``
in units of the score. Consistency with AUROC: Gao and Zhou, IJCAI 2015.
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

Surrogate = Callable[[Tensor, float], Any]
"""Returns a Tensor; to say so would make the command line's help list every kind of tensor."""


def square(gap: Tensor, margin: float) -> Tensor:
    """``(m - t)^2``: consistent, but also penalises pairs ranked well beyond the margin."""
    return (margin - gap) ** 2


def squared_hinge(gap: Tensor, margin: float) -> Tensor:
    """``max(0, m - t)^2``: consistent, and at rest once the margin is met."""
    return torch.relu(margin - gap) ** 2


def hinge(gap: Tensor, margin: float) -> Tensor:
    """``max(0, m - t)``: convex but not consistent with AUROC; kept for comparison."""
    return torch.relu(margin - gap)


def logistic(gap: Tensor, margin: float) -> Tensor:
    """``log(1 + exp(m - t))``: consistent, smooth, of linear growth."""
    return F.softplus(margin - gap)


def sigmoid(gap: Tensor, margin: float) -> Tensor:
    """``1 / (1 + exp(t / m))``: bounded and symmetric, hence robust to flipped labels."""
    return torch.sigmoid(-gap / margin)


def exponential(gap: Tensor, margin: float) -> Tensor:
    """``exp(m - t)``: consistent; grows fast, so meant for bounded scores."""
    return torch.exp(margin - gap)


def barrier_hinge(gap: Tensor, margin: float, slope: float = 10.0) -> Tensor:
    """``max(-s (m + t) + m, s (t - m), m - t)`` with slope s > 1.

    Symmetric inside the barrier (value(t) + value(-t) = 2 m for ``|t| <= m``), hence robust to
    flipped labels, and steep outside, which keeps gaps bounded: Charoenphakdee, Lee and Sugiyama,
    ICML 2019 (arXiv 1901.09314).
    """
    walls = torch.maximum(margin - slope * (margin + gap), slope * (gap - margin))
    return torch.maximum(walls, margin - gap)


SURROGATES: dict[str, Surrogate] = {
    function.__name__: function
    for function in (square, squared_hinge, hinge, logistic, sigmoid, exponential, barrier_hinge)
}


def find_surrogate(surrogate: str | Surrogate, margin: float) -> Surrogate:
    """The surrogate of a name, or the function given, once name and margin are found valid.

    Raises:
        ValueError: if the name is unknown or the margin not positive.
    """
    if not margin > 0:
        raise ValueError(f"margin must be > 0, in units of the score, got {margin}")
    if not isinstance(surrogate, str):
        return surrogate
    if surrogate not in SURROGATES:
        raise ValueError(f"surrogate must be one of {list(SURROGATES)}, got {surrogate!r}")
    return SURROGATES[surrogate]


def surrogate_name(surrogate: Surrogate) -> str:
    """How a surrogate is shown: in quotes by its name, or as it shows itself."""
    return repr(getattr(surrogate, "__name__", surrogate))
