import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aucmax.forests._folds import fold_of_rows


@given(
    counts=st.tuples(st.integers(3, 30), st.integers(3, 60), st.integers(0, 20)),
    folds=st.integers(2, 3),
    seed=st.integers(0, 99),
)
def test_rows_of_each_kind_are_shared_out_evenly(counts, folds, seed):
    target = np.repeat([1, 0, np.nan], counts)
    np.random.default_rng(seed).shuffle(target)
    fold = fold_of_rows(target, np.arange(len(target)), folds, seed=seed, label="")
    for kind in (target == 1, target == 0, np.isnan(target), target >= 0):
        count = np.bincount(fold[kind], minlength=folds)
        assert count.max() - count.min() <= 2
    assert np.ptp(np.bincount(fold[target == 1], minlength=folds)) <= 1


@given(seed=st.integers(0, 99))
def test_groups_are_never_divided(seed):
    rng = np.random.default_rng(seed)
    groups = rng.integers(0, 60, 400)
    target = rng.choice([0, 1, np.nan], 400, p=[0.7, 0.2, 0.1])
    fold = fold_of_rows(target, groups, 4, seed=seed, label="")
    assert all(len(set(fold[groups == g])) == 1 for g in set(groups))
    shares = np.bincount(fold[target == 1]) / (target == 1).sum()
    assert abs(shares - 0.25).max() < 0.1


def test_the_seed_decides_and_folds_are_not_in_step_with_the_rows():
    target, groups = np.arange(100) % 2.0, np.arange(100)
    a, b, c = (fold_of_rows(target, groups, 5, seed=s, label="") for s in (0, 0, 1))
    assert (a == b).all()
    assert (a != c).any()
    assert (np.diff(a[target == 1][:20]) != 1).any()


@pytest.mark.parametrize(("positives", "name"), [(3, "positives"), (37, "negatives")])
def test_too_few_rows(positives, name):
    target = (np.arange(40) < positives).astype(float)
    with pytest.raises(
        ValueError, match=rf"folds=5: .* no {name} of label 'HIV', .* 3 in 3 groups"
    ):
        fold_of_rows(target, np.arange(40), 5, seed=0, label="HIV")


def test_too_few_groups():
    target = (np.arange(40) < 20).astype(float)
    groups = np.where(target == 1, 0, np.arange(40))
    with pytest.raises(ValueError, match=r"20 in 1 groups .* take fewer folds, or smaller groups"):
        fold_of_rows(target, groups, 2, seed=0, label="HIV")
