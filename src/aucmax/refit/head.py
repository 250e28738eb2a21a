"""refit_head: the last linear layer anew, by the exact all-pairs loss."""

import warnings

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from ..metrics import auroc
from ._heads import find_head
from ._inputs import check_features, check_groups, check_options
from ._pairs import Pairs, make_pairs
from ._probabilities import platt
from ._weights import Fit, at_best_length, choose, fit
from .result import OutputRefit, RefitResult


def refit_head(
    model: nn.Module,
    features: Tensor,
    target: Tensor,
    *,
    head: str | nn.Linear | None = None,
    l2: float | None = None,
    folds: int = 5,
    groups: ArrayLike | None = None,
    max_iterations: int = 200,
) -> RefitResult:
    r"""Give the last linear layer the weights of least all-pairs squared hinge.

    .. math:: \min_v \frac{1}{n_+n_-}\sum_{i\in +}\sum_{j\in -} \max(0, 1 - v^\top(z_i - z_j))^2
       + \lambda\, |v - u u^\top v|^2

    z are the features at mean 0 and deviation 1, u is the direction of the old weights. The penalty
    pulls towards that direction, whatever the length of v; an infinite :math:`\lambda` keeps the
    old ranking (turned round if it scores positives lower on average). Weights of zero have no
    direction: then v itself is penalised. The problem is convex, needs no learning rate and no
    margin (it would only set the length of v), and one evaluation takes O(n d + n log n).

    The new weights are then scaled, and the bias set, by logistic regression (Platt), so that the
    sigmoid of the output is the probability of a positive among rows like these. A head without
    bias is scaled only. Features that are constant over the rows keep their part of the old
    weights. Nothing else of the model changes.

    Args:
        model: whose layer is changed in place; may be the layer itself.
        features: (n, d), what the layer sees: see :func:`collect_features`. Computed where they lie
            (CPU or CUDA), in float64 if they are or are few, else in float32; a second copy is
            held meanwhile.
        target: 0, 1 or NaN (unknown, ignored), (n,) or (n, L) for L outputs, each of which is
            fitted by itself. A column of NaN alone leaves its output as it is.
        head: the layer or its name; None: the last linear layer.
        l2: :math:`\lambda` >= 0; None: chosen by cross-validation among infinity, 100, 10, ... and
            0.001, as the largest whose AUROC is within one standard error of the highest. If the
            old weights were trained on these very rows, they look better than they are and tend to
            be kept: take other rows.
        folds: K >= 2 parts of the cross-validation, stratified and the same in every call.
        groups: (n,) names, such as patients; a group is never divided between folds.
        max_iterations: of L-BFGS, for one fit.

    Returns:
        For each output the loss and AUROC before and after, l2, and how the search ended.

    Raises:
        TypeError: if model, features or target are of the wrong type.
        ValueError: if the layer cannot be found or set; shapes or values are not as said above; an
            output has rows of one class only, or too few for the folds.

    Source: for the loss in O(n log n), Rust and Hocking, https://arxiv.org/abs/2302.11062.

    >>> rng = torch.Generator().manual_seed(0)
    >>> features = torch.randn(500, 3, generator=rng)
    >>> target = (features[:, 0] + torch.randn(500, generator=rng) > 1).float()
    >>> model = nn.Sequential(nn.ReLU(), nn.Linear(3, 1))
    >>> _ = nn.init.ones_(model[1].weight)
    >>> print(refit_head(model, features, target))
    output 0: ...
    >>> abs(model[1](features).sigmoid().mean() - target.mean()).item() < 0.01
    True
    """
    layer = find_head(model, head)
    check_options(l2, folds, max_iterations)
    features, columns = check_features(features, target, layer)
    units = check_groups(groups, len(columns))
    found: list[tuple[OutputRefit, Tensor, float]] = []
    with torch.inference_mode(False), torch.enable_grad():  # whatever the caller has switched off
        for output, column in enumerate(columns.unbind(1)):
            if column.isnan().all():
                continue
            weight = layer.weight[output].detach().to(features.device, torch.float64)
            pairs = make_pairs(features, column, weight, output)
            known = units[~column.isnan().cpu().numpy()]
            fact, v = _refit(pairs, output, l2, known, folds, max_iterations)
            found.append((fact, *_affine(pairs, v, weight)))
    for fact, weight, bias in found:  # only now: an error leaves the layer untouched
        _write(layer, fact.output, weight, bias)
    return RefitResult(tuple(fact for fact, _, _ in found))


def _refit(
    pairs: Pairs,
    output: int,
    l2: float | None,
    groups: NDArray[np.int64],
    folds: int,
    max_iterations: int,
) -> tuple[OutputRefit, Tensor]:
    tried: dict[float, float] = {}
    if l2 is None:
        l2, tried = choose(pairs, groups, folds, output, max_iterations)
    new = fit(pairs, l2, max_iterations)
    if not new.v.any():
        raise ValueError(
            f"output {output}: the best weights are all zero, since the old ones have no direction "
            "to keep (then l2 must be finite) or the classes have the same mean features"
        )
    if not new.converged:
        _warn(new, output)
    old = at_best_length(pairs, max_iterations)
    positives = int(pairs.positive.sum())
    fact = OutputRefit(
        output=output,
        positives=positives,
        negatives=len(pairs.positive) - positives,
        l2=l2,
        loss_before=float(pairs.loss(old.v)),
        loss_after=float(pairs.loss(new.v)),
        auroc_before=_auroc(pairs, pairs.old),
        auroc_after=_auroc(pairs, new.v),
        iterations=new.iterations,
        gradient=new.gradient,
        converged=new.converged,
        cross_validation=tried,
    )
    return fact, new.v


def _warn(new: Fit, output: int) -> None:
    warnings.warn(
        f"refit_head: output {output} stopped after {new.iterations} iterations with gradient "
        f"{new.gradient:.1e}, above {new.enough:.0e}; raise max_iterations or l2",
        RuntimeWarning,
        stacklevel=4,
    )


def _auroc(pairs: Pairs, v: Tensor) -> float:
    return float(auroc(pairs.scores(v).cpu().numpy(), pairs.positive.cpu().numpy()))


def _affine(pairs: Pairs, v: Tensor, weight: Tensor) -> tuple[Tensor, float]:
    """Weights (d,) and bias for the features as they are, whose sigmoid is a probability."""
    slope, intercept = platt(pairs.scores(v), pairs.positive)
    varies = pairs.deviation > 0
    length = pairs.old @ v / (pairs.old @ pairs.old) if pairs.old.any() else 0.0
    new = weight * length
    new[varies] = v / pairs.deviation[varies]
    new = new * slope
    return new, intercept - float(new @ pairs.mean)


@torch.no_grad()
def _write(layer: nn.Linear, output: int, weight: Tensor, bias: float) -> None:
    layer.weight[output].copy_(weight)
    if layer.bias is not None:
        layer.bias[output].copy_(torch.tensor(bias, dtype=torch.float64))
