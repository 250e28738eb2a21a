"""Losses for exactly one of C classes per row, made of any loss for labels."""

from abc import abstractmethod

import torch
from torch import Tensor, nn

from .._checks import ValueChecks, squeeze_label
from .base import Activation, Loss


class MultiClassLoss(Loss):
    """Abstract: writes classes as labels and leaves the rest to a loss for labels.

    Args:
        loss: any loss for logits (B, L); its state, variables and diagnostics have one number for
            each column that it is given.
        activation: maps a row's C logits to C scores before the inner loss sees them, applied in
            float32 (float64 stays).

    Raises:
        TypeError: if ``loss`` is not a loss of this package, or derived from one.
    """

    def __init__(self, loss: Loss, *, activation: Activation | None = None) -> None:
        super().__init__()
        if not isinstance(loss, Loss):
            kind = f"{loss.__name__} itself" if isinstance(loss, type) else type(loss).__name__
            raise TypeError(
                f"loss must be an aucmax.losses.Loss, such as PairwiseAUCLoss(), got {kind}"
            )
        self.loss = loss
        self.activation = nn.Identity() if activation is None else activation
        self.class_checks = ValueChecks()

    @staticmethod
    @abstractmethod
    def labels_of(num_classes: int) -> int:
        """Labels L of the inner loss's batches, for C classes."""

    @abstractmethod
    def as_labels(self, scores: Tensor, classes: Tensor) -> tuple[Tensor, Tensor]:
        """Scores (B, C) and classes (B,), -1 if unknown, as a batch of labels, each (B, L)."""

    def columns(self, logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """The batch of labels that the inner loss is given: its logits and its target.

        Args:
            logits: raw model outputs, (B, C) with C >= 2.
            target: class numbers (B,) in 0 to C - 1, NaN if unknown; or one-hot (B, C), a row of
                NaN if unknown.

        Raises:
            TypeError: if an argument is no tensor, or logits are not floating point.
            ValueError: if shapes or values are not as said above.
        """
        classes = _class_numbers(logits, target, self.class_checks)
        checked, _, _ = self.check(logits, _one_hot(classes, logits.shape[1], logits.dtype))
        return self.as_labels(self.activation(checked), classes)

    def forward(self, logits: Tensor, target: Tensor, index: Tensor | None = None) -> Tensor:
        """Value of the inner loss on the columns made of one batch.

        Args:
            logits: raw model outputs, (B, C) with C >= 2.
            target: class numbers (B,) in 0 to C - 1, NaN if unknown; or one-hot (B, C), a row of
                NaN if unknown.
            index: the rows' positions in the data, (B,), for inner losses that need them.

        Raises:
            TypeError: if an argument is no tensor, or logits are not floating point.
            ValueError: if shapes or values are not as said above, or the inner loss was made for
                another number of labels.
        """
        return self.loss(*self.columns(logits, target), index)

    @torch.no_grad()
    def start_at(self, logits: Tensor, target: Tensor) -> None:
        """Set the inner loss's own variables by a first batch, shaped as in :meth:`forward`."""
        self.loss.start_at(*self.columns(logits, target))

    def diagnostics(self, *, per_label: bool = False) -> dict[str, Tensor]:
        """Return the diagnostics of the inner loss, whose labels are its columns."""
        return self.loss.diagnostics(per_label=per_label)

    def forget(self) -> None:
        """Drop what the inner loss remembers for :meth:`diagnostics`."""
        self.loss.forget()


class OneVsRestLoss(MultiClassLoss):
    r"""Any loss for labels, where label c says "class c, not one of the others".

    .. math:: L(z, y) = \ell\left((z_{ic})_{i,c},\ (1[y_i = c])_{i,c}\right)

    Most losses take the mean over labels, so every class counts alike, however rare. A class that
    is missing from a batch is left out of it where the inner loss leaves out a label without a
    pair.

    Column c is ranked by ``z_c`` as it is, so evaluate ``z_c`` too. To rank by softmax
    probabilities instead: ``OneVsRestLoss(PairwiseAUCLoss(activation=torch.nn.Identity()),
    activation=torch.nn.Softmax(dim=-1))``, or, the same, ``torch.nn.Softmax(dim=-1)`` as the
    activation of the inner loss.

    Args:
        loss: any loss for logits (B, C); one with variables or averages of its own needs
            ``num_labels=C``.
        activation: maps a row's C logits to C scores before the inner loss sees them; None leaves
            them as they are.

    Raises:
        TypeError: if ``loss`` is not a loss of this package, or derived from one.

    >>> from aucmax.losses import PairwiseAUCLoss
    >>> loss_fn = OneVsRestLoss(PairwiseAUCLoss("square", activation=nn.Identity()))
    >>> loss_fn(torch.tensor([[2.0, 0, 0], [0, 2, 0], [0, 0, 1]]), torch.tensor([0, 1, 2]))
    tensor(0.6667)
    """

    @staticmethod
    def labels_of(num_classes: int) -> int:
        """C."""
        return num_classes

    def as_labels(self, scores: Tensor, classes: Tensor) -> tuple[Tensor, Tensor]:
        """The scores as they are, and one-hot targets."""
        return scores, _one_hot(classes, scores.shape[1], scores.dtype)


class OneVsOneLoss(MultiClassLoss):
    r"""Any loss for labels on all ordered pairs of classes, for Hand and Till's measure M.

    .. math:: 1 - M = \frac{1}{C(C-1)} \sum_{j \ne k} P(z_j(x_j) \le z_j(x_k)),\quad
        x_j \text{ of class } j,\ x_k \text{ of class } k

    (ties by half) is the value for a surrogate that counts errors. Label (j, k) has the score
    ``z_j``, is 1 for rows of class j, 0 for rows of class k, and unknown for all others; so the
    prevalence of a class is of no account, nor are the other classes. With two classes the labels
    are those of :class:`OneVsRestLoss`, and so is the value.

    The inner loss is given (B, C (C - 1)) logits: that is what memory and time grow with, 9,900
    columns for 100 classes. Pairs of classes of which one is missing from a batch are left out of
    it where the inner loss leaves out a label without a pair.

    Args:
        loss: any loss for logits (B, L); one with variables or averages of its own needs
            ``num_labels=C * (C - 1)``, in the order of :meth:`pairs`.
        activation: maps a row's C logits to C scores before the inner loss sees them, such as
            ``torch.nn.Softmax(dim=-1)`` (give the inner loss ``torch.nn.Identity()`` then); None
            leaves them as they are. The inner loss's own activation sees pairs, not rows.

    Raises:
        TypeError: if ``loss`` is not a loss of this package, or derived from one.

    Source: Hand and Till, Machine Learning 45 (2001), https://doi.org/10.1023/A:1010920819831

    >>> from aucmax.losses import AUCMLoss
    >>> loss_fn = OneVsOneLoss(AUCMLoss(num_labels=len(OneVsOneLoss.pairs(3))))
    >>> loss_fn(torch.zeros(3, 3), torch.tensor([0.0, 1.0, 2.0]))
    tensor(1., grad_fn=<_ComputedBackward>)
    """

    @staticmethod
    def pairs(num_classes: int) -> list[tuple[int, int]]:
        """The C (C - 1) pairs (j, k) in the order of the inner loss's columns.

        >>> OneVsOneLoss.pairs(3)
        [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)]
        """
        return [(j, k) for j in range(num_classes) for k in range(num_classes) if j != k]

    @staticmethod
    def labels_of(num_classes: int) -> int:
        """C (C - 1)."""
        return num_classes * (num_classes - 1)

    def as_labels(self, scores: Tensor, classes: Tensor) -> tuple[Tensor, Tensor]:
        """For each pair (j, k) the score of class j; 1 for rows of j, 0 for those of k."""
        num_classes = scores.shape[1]
        first = torch.arange(num_classes, device=classes.device)[:, None]
        rank = torch.arange(num_classes - 1, device=classes.device)
        second = rank + (rank >= first)  # the classes other than the first, in order
        own, y = first.expand_as(second).flatten(), classes[:, None]
        target = torch.where(y == second.flatten(), 0.0, torch.nan)
        # Not by indexing: the gradient of expand is a plain sum, alike on every run on a GPU.
        repeated = scores[:, :, None].expand(-1, -1, num_classes - 1).flatten(1)
        return repeated, torch.where(y == own, 1.0, target)


def _one_hot(classes: Tensor, num_classes: int, dtype: torch.dtype) -> Tensor:
    """(B, C) of 0 and 1; a row of NaN where the class is -1."""
    y = classes[:, None]
    hot = (y == torch.arange(num_classes, device=classes.device)).to(dtype)
    return torch.where(y < 0, torch.nan, hot)


def _class_numbers(logits: Tensor, target: Tensor, checks: ValueChecks) -> Tensor:
    """Class numbers (B,) of a batch whose shapes and targets are found valid; -1 if unknown."""
    for name, value in (("logits", logits), ("target", target)):
        if not isinstance(value, Tensor):
            raise TypeError(f"{name} must be a torch.Tensor, got {type(value).__name__}")
    if logits.ndim != 2 or logits.shape[0] < 1 or logits.shape[1] < 2:
        raise ValueError(
            "logits must be (B, C) with B > 0 rows and C >= 2 classes, got "
            f"{tuple(logits.shape)}; for one column use the inner loss alone"
        )
    flat = squeeze_label(target)
    if flat.shape not in (logits.shape[:1], logits.shape):
        raise ValueError(
            f"target must be class numbers (B,) or one-hot (B, C) for logits "
            f"{tuple(logits.shape)}, got {tuple(target.shape)}"
        )
    if flat.ndim == 1:
        classes = flat.nan_to_num(nan=-1.0).long()
    else:
        classes = torch.where(flat.isnan().any(1), -1, (flat == 1).int().argmax(1))
    if checks.begin(logits):
        check = _check_numbers if flat.ndim == 1 else _check_rows
        check(flat, classes, logits.shape[1])
    checks.passed()
    return classes


def _check_numbers(target: Tensor, classes: Tensor, num_classes: int) -> None:
    allowed = (classes >= 0) & (classes < num_classes) & (classes == target)
    odd = target[~allowed & ~target.isnan()]
    if odd.numel():
        values = ", ".join(f"{v:g}" for v in odd.unique()[:5].tolist())
        raise ValueError(
            f"target must be class numbers 0 to C - 1 = {num_classes - 1}, or NaN (unknown) in a "
            f"tensor of floats, got {values}"
        )
    _check_any_known(classes)


def _check_rows(target: Tensor, classes: Tensor, num_classes: int) -> None:
    hot, cold = (target == 1).sum(1), (target == 0).sum(1)
    valid = ((hot == 1) & (cold == num_classes - 1)) | target.isnan().all(1)
    if not valid.all():
        row = int((~valid).int().argmax())
        raise ValueError(
            "target (B, C) must hold in each row one 1 and else 0, or NaN alone (unknown), got "
            f"{target[row].tolist()} in row {row}; where several labels may hold at once, use "
            "the inner loss alone"
        )
    _check_any_known(classes)


def _check_any_known(classes: Tensor) -> None:
    if not (classes >= 0).any():
        raise ValueError(
            "target must hold at least one known class, got NaN alone: leave rows without a class "
            "out of the training set"
        )
