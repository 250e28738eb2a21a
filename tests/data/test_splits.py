"""Parts have the wanted shares, hold both classes, repeat, and never divide a group."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedShuffleSplit

from aucmax.data import split

PARTS = ("train", "validation", "test")


def counts(part, rows=slice(None)):
    return [int((part[rows] == name).sum()) for name in PARTS]


@given(
    st.integers(20, 200), st.integers(20, 200), st.floats(0.1, 0.4), st.floats(0.1, 0.4),
    st.integers(0, 9),
)  # fmt: skip
def test_shares_are_met_in_every_class(negatives, positives, validation, test, seed):
    target = np.random.default_rng(seed).permutation(np.repeat([0, 1], [negatives, positives]))
    part = split(target, validation=validation, test=test, seed=seed)
    np.testing.assert_array_equal(part, split(target, validation=validation, test=test, seed=seed))
    for value in (0, 1):
        total = int((target == value).sum())
        _, in_validation, in_test = counts(part, target == value)
        assert abs(in_test - test * total) <= 1
        assert abs(in_validation - validation * total) <= 2  # two roundings, one after the other


def test_counts_are_those_of_scikit_learn():
    target = np.repeat([0, 1], [9_000, 1_000])
    part = split(target, validation=0, test=0.25)
    _, test = next(StratifiedShuffleSplit(1, test_size=0.25).split(target, target))
    assert counts(part) == [7500, 0, 2500]
    assert target[part == "test"].sum() == target[test].sum() == 250


def test_every_row_is_equally_likely_to_be_tested():
    target = np.repeat([0, 1], [30, 10])
    drawn = sum((split(target, test=0.2, validation=0.2, seed=s) == "test") for s in range(2000))
    expected = np.full(40, 2000 * 0.2)
    spread = np.sqrt(2000 * 0.2 * 0.8)
    assert (np.abs(drawn - expected) < 4.5 * spread).all()


def test_seeds_differ_and_one_column_is_like_a_vector():
    target = np.arange(200) % 2
    assert (split(target) != split(target, seed=1)).any()
    np.testing.assert_array_equal(split(target), split(target[:, None]))


def test_labels_with_unknown_values_and_rare_positives():
    rng = np.random.default_rng(0)
    target = (rng.random((3000, 5)) < [0.01, 0.05, 0.2, 0.5, 0.9]).astype(float)
    target[rng.random((3000, 5)) < 0.3] = np.nan
    part = split(target)
    for label in range(5):
        for value in (0, 1):
            total = int((target[:, label] == value).sum())
            for count in counts(part, target[:, label] == value)[1:]:
                assert abs(count - 0.15 * total) <= max(2, 0.03 * total)


def test_few_positives_reach_every_part():
    for seed in range(20):
        part = split([0] * 50 + [1] * 3, seed=seed)
        assert counts(part, slice(50, None)) == [1, 1, 1]


@given(st.integers(0, 10_000))
def test_groups_stay_whole_and_shares_are_close(seed):
    rng = np.random.default_rng(seed)
    sizes = 1 + rng.poisson(3, 150)
    groups = np.repeat([f"patient {i}" for i in range(150)], sizes)
    sick = rng.random(150) < 0.3
    target = np.repeat(sick, sizes) & (rng.random(len(groups)) < 0.7)
    order = rng.permutation(len(groups))
    groups, target = groups[order], target[order].astype(float)
    part = split(target, groups=groups, seed=seed)
    assert len({(g, p) for g, p in zip(groups, part, strict=True)}) == 150
    for rows in (slice(None), target == 1, target == 0):
        shares = np.array(counts(part, rows)) / len(part[rows])
        np.testing.assert_allclose(shares, [0.7, 0.15, 0.15], atol=0.04)


def test_large_groups_are_in_every_part():
    """A greedy assignment would put all large groups into the training part."""
    sizes = np.array([50] * 30 + [1] * 500)
    groups = np.repeat(np.arange(530), sizes)
    target = groups % 2
    part = split(target, groups=groups)
    large = {name: len(set(groups[(part == name) & (groups < 30)])) for name in PARTS}
    assert min(large["validation"], large["test"]) >= 3


def test_given_parts_are_kept_and_missing_ones_made_from_the_rest():
    target = np.arange(400) % 2
    given_part = np.repeat(["train", "test"], [300, 100])
    part = split(target, given=given_part, validation=0.1)
    np.testing.assert_array_equal(part == "test", given_part == "test")
    assert counts(part) == [270, 30, 100]
    free = np.where(np.arange(400) < 40, "validation", "")
    part = split(target, given=free, test=0.25)
    np.testing.assert_array_equal(part == "validation", free == "validation")
    assert counts(part) == [270, 40, 90]
    complete = np.repeat(["train", "validation", "test", ""], 100)
    assert counts(split(target, given=complete)) == [200, 100, 100]


def test_no_part_is_made_for_a_share_of_zero():
    assert counts(split([0, 1], validation=0, test=0)) == [2, 0, 0]


def test_groups_may_be_numbers():
    target = np.arange(60) % 2
    part = split(target, groups=np.arange(60) // 4)
    assert all(len(set(part[i : i + 4])) == 1 for i in range(0, 60, 4))


@given(st.lists(st.sampled_from([0, 1]), min_size=1, max_size=12), st.integers(0, 3))
def test_small_data_gets_both_classes_everywhere_or_an_error(target, seed):
    assume(len(target) > 0)
    target = np.array(target)
    try:
        part = split(target, seed=seed)
    except ValueError as error:
        assert "needs both classes of label '0'" in str(error)  # noqa: PT017 - not raising is right too
    else:
        assert all(len(set(target[part == name])) == 2 for name in PARTS)


@pytest.mark.parametrize(
    ("target", "options", "message"),
    [
        ([0, 1], {"validation": 1}, "validation must be a share, 0 <= validation < 1, got 1"),
        ([0, 1], {"test": -0.1}, r"test must be a share, .* got -0.1"),
        ([0, 1], {"test": 0.5, "validation": 0.5}, r"validation \+ test must be below 1, got 1"),
        ([0, 2], {}, r"target must be \(n,\) or \(n, L\) of 0, 1 and NaN"),
        ([0, 1], {"labels": ("a", "b")}, "labels: 2 names for 1 labels"),
        ([0, 1], {"groups": ["a"]}, r"groups must have shape \(2,\) like target, got \(1,\)"),
        ([0, 1], {"given": ["test"]}, r"given must have shape \(2,\)"),
        ([0, 1], {"given": ["test", "dev"]}, "given must be one of .* got 'dev'"),
        ([0, 1], {"given": ["", "validations"]}, "given must be one of .* got 'validations'"),
        (
            [0] * 40 + [1, 1],
            {"labels": ("sick",)},
            r"both classes of label 'sick' .* has 0 positives and \d+ negatives .* \(of 2 and 40",
        ),
        (
            [0, 1] * 20,
            {"given": ["test"] * 2 + ["train"] * 38, "groups": ["p"] * 3 + list(range(37))},
            r"divide 'p': 'p' has rows in 'test', 'train or free'; put all rows of a group",
        ),
    ],
)
def test_refused(target, options, message):
    with pytest.raises(ValueError, match=message):
        split(target, **options)


def test_all_parts_that_lack_a_class_are_named():
    with pytest.raises(ValueError, match=r"the train part .* the validation part .* the test part"):
        split([0] * 40, labels=("sick",))
