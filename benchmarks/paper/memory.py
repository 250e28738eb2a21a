"""A memory of recent scores, so that small batches see many pairs: an experiment."""

from collections import deque

import torch
from torch import Tensor, nn

from aucmax.losses import Loss
from aucmax.losses.pairs.means import squared_hinge_mean

MARGIN = 1.0


class RememberedPairsLoss(Loss):
    """Squared hinge on raw scores over pairs of a row of the batch and any of the recent batches.

    ``E_{i in B+} E_{j in M-} l(h_i - h_j) + E_{j in B-} E_{i in M+} l(h_i - h_j)``, where B is the
    batch and M the batch with those before it. Only rows of the batch have a gradient, which is
    that of the mean over all pairs with each row's partners taken from M.

    Args:
        batches: how many are remembered; 0 gives twice the loss of the batch alone.
    """

    def __init__(self, batches: int) -> None:
        super().__init__()
        self.recent: deque[tuple[Tensor, Tensor]] = deque(maxlen=batches)

    def forward(self, logits: Tensor, target: Tensor, index: Tensor | None = None) -> Tensor:
        """Both means, a scalar; targets 0 and 1."""
        rows = len(target)
        fixed = torch.cat([logits.detach(), *(h for h, _ in self.recent)])
        labels = torch.cat([target, *(y for _, y in self.recent)])
        ours = nn.functional.pad(torch.ones_like(target), (0, len(labels) - rows))
        live = torch.cat([logits, fixed[rows:]])
        total = logits.new_zeros(())
        for own, other in ((labels, 1 - labels), (1 - labels, labels)):
            moved = torch.where((own * ours).bool(), live, fixed)
            mine = own * ours
            positive, negative = (mine, other) if own is labels else (other, mine)
            total = total + squared_hinge_mean(moved, positive, negative, MARGIN)
        self.recent.append((logits.detach(), target))
        return total
