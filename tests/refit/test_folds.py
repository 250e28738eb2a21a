import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aucmax.refit._folds import fold_of_rows


@given(
    positives=st.integers(3, 30),
    negatives=st.integers(3, 60),
    folds=st.integers(2, 3),
    seed=st.integers(0, 99),
)
def test_rows_are_shared_out_evenly(positives, negatives, folds, seed):
    positive = np.arange(positives + negatives) < positives
    np.random.default_rng(seed).shuffle(positive)
    fold = fold_of_rows(positive, np.arange(len(positive)), folds, 0)
    for chosen in (positive, ~positive):
        count = np.bincount(fold[chosen], minlength=folds)
        assert count.max() - count.min() <= 1


def test_groups_are_never_divided():
    rng = np.random.default_rng(0)
    groups, positive = rng.integers(0, 40, 300), rng.random(300) < 0.2
    fold = fold_of_rows(positive, groups, 4, 0)
    assert all(len(set(fold[groups == g])) == 1 for g in set(groups))
    shares = np.bincount(fold[positive]) / positive.sum()
    assert abs(shares - 0.25).max() < 0.08


def test_the_same_in_every_call_and_not_in_step_with_the_rows():
    positive = np.arange(100) % 2 == 0
    fold = fold_of_rows(positive, np.arange(100), 5, 0)
    assert (fold == fold_of_rows(positive, np.arange(100), 5, 0)).all()
    assert (np.diff(fold[positive][:20]) != 1).any()


@pytest.mark.parametrize(("positives", "name"), [(3, "positives"), (37, "negatives")])
def test_too_few_rows(positives, name):
    positive = np.arange(40) < positives
    with pytest.raises(ValueError, match=rf"folds=5: a fold has no {name} of output 2, .* 3 in 3"):
        fold_of_rows(positive, np.arange(40), 5, 2)


def test_too_few_groups():
    positive = np.arange(40) < 20
    groups = np.where(positive, 0, np.arange(40))
    with pytest.raises(ValueError, match="of which there are 20 in 1 groups"):
        fold_of_rows(positive, groups, 2, 0)
