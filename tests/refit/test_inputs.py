import pytest
import torch
from torch import nn

from aucmax import refit_head

X, Y = torch.randn(20, 3), (torch.arange(20) % 2).float()
NAN = float("nan")


@pytest.mark.parametrize(
    ("features", "target", "message"),
    [
        (X.tolist(), Y, r"features must be a torch\.Tensor, got list"),
        (X, Y.tolist(), r"target must be a torch\.Tensor, got list"),
        (X.int(), Y, r"features must be floating point, got torch\.int32"),
    ],
)
def test_types(features, target, message):
    with pytest.raises(TypeError, match=message):
        refit_head(nn.Linear(3, 1), features, target)


@pytest.mark.parametrize(
    ("features", "target", "message"),
    [
        (X[:, :2], Y, r"features must be \(n, 3\), as the head takes them, got \(20, 2\)"),
        (X[:0], Y[:0], r"got \(0, 3\)"),
        (X[None], Y, r"got \(1, 20, 3\)"),
        (X, Y[:9], r"each of the 20 rows .* each of the 1 outputs of the head, got \(9,\)"),
        (X, Y[:, None].expand(20, 2), r"got \(20, 2\)"),
        (X * torch.where(X[:1] == X, NAN, 1.0), Y, r"features must be finite, .* in 1 rows"),
        (X, 2 * Y - 1, r"target must be 0, 1 or NaN \(unknown\), got -1"),
        (X, NAN * Y, r"target must hold a known value"),
        (X, torch.ones(20), r"output 0 needs positives and negatives, got 20 and 0; .* NaN"),
        (X, torch.where(Y == 0, 0, NAN), r"got 0 and 10"),
        (torch.ones(20, 3), Y, r"features must vary"),
    ],
)
def test_values(features, target, message):
    head = nn.Linear(3, 1)
    before = head.weight.clone()
    with pytest.raises(ValueError, match=message):
        refit_head(head, features, target)
    assert torch.equal(head.weight, before)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"l2": -1.0}, r"l2 must be >= 0 .*, got -1"),
        ({"l2": NAN}, r"l2 must be >= 0 .*, got nan"),
        ({"folds": 1}, r"folds must be 2 or larger, got 1"),
        ({"folds": 11}, r"folds=11: a fold has no positives of output 0"),
        ({"max_iterations": 0}, r"max_iterations must be 1 or larger, got 0"),
        ({"groups": [1, 2]}, r"groups must have shape \(20,\), one for each row, got \(2,\)"),
        ({"groups": Y}, r"a fold has no positives .* 10 in 1 groups"),
    ],
)
def test_options(options, message):
    with pytest.raises(ValueError, match=message):
        refit_head(nn.Linear(3, 1), X, Y, **options)


def test_large_features_are_finite():
    features = X.clone()
    features[:, 0] = 3e38  # their sum is not
    assert refit_head(nn.Linear(3, 1), features, Y, l2=1.0).converged
