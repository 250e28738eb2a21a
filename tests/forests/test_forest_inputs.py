import numpy as np
import pytest
import torch

from aucmax.forests._inputs import (
    check_bits,
    check_groups,
    check_options,
    check_target,
)


@pytest.mark.parametrize("kind", [np.uint8, np.bool_, np.int64, np.float32])
def test_bits_of_any_type(kind):
    bits = check_bits(np.eye(3, dtype=kind), 3)
    assert bits.dtype == np.uint8
    assert (bits == np.eye(3)).all()


def test_bits_are_not_copied_and_tensors_are_taken():
    bits = np.eye(3, dtype=np.uint8)
    assert check_bits(bits) is bits
    assert (check_bits(torch.eye(3)) == bits).all()


@pytest.mark.parametrize(
    ("features", "text"),
    [
        (np.zeros(3), r"fingerprints \(n, W\) with at least one row .* got \(3,\)"),
        (np.zeros((0, 3)), r"got \(0, 3\)"),
        (np.zeros((3, 0)), r"got \(3, 0\)"),
        ([[0, 1], [2, 0]], "bits, 0 or 1, got 2 in row 1, column 0; make bits of counts"),
        (np.array([[0, 3]], dtype=np.uint8), "got 3 in row 0, column 1"),
        ([[0.0, np.nan]], "got nan in row 0, column 1"),
        ([[-1, 0]], "got -1 in row 0, column 0"),
        ([["CCO"]], "features must hold numbers, got an array of <U3"),
    ],
)
def test_features_that_are_no_bits(features, text):
    with pytest.raises(ValueError, match=text):
        check_bits(features)


def test_bits_of_another_width():
    with pytest.raises(ValueError, match=r"fingerprints \(n, 4\) .* got \(3, 3\)"):
        check_bits(np.eye(3), 4)


def test_targets_and_names():
    column, names = check_target([0, 1, np.nan], 3, None)
    assert column.shape == (3, 1)
    assert names == ("0",)
    columns, names = check_target(np.eye(2, dtype=bool), 2, ["a", "b"])
    assert columns.dtype == np.float64
    assert names == ("a", "b")


@pytest.mark.parametrize(
    ("target", "labels", "text"),
    [
        ([0, 1], None, r"target must be \(n,\) or \(n, L\) with n = 3, .* got \(2,\)"),
        (np.zeros((3, 0)), None, r"got \(3, 0\)"),
        (np.zeros((3, 1, 1)), None, r"got \(3, 1, 1\)"),
        ([0, 1, 2], None, r"target must be 0, 1 or NaN \(unknown\), got 2"),
        ([0, 1, np.inf], None, "got inf"),
        ([0, 1, None], None, "target must hold numbers, got an array of object"),
        ([0, 1, 1], ["a", "b"], "labels: 2 names for 1 columns of target"),
        ([[0, 0], [1, 0], [1, np.nan]], ["a", "b"], "label 'b' needs .*, got 0 and 2; leave it"),
        ([1, 1, np.nan], None, "label '0' needs positives and negatives, got 2 and 0"),
    ],
)
def test_targets_that_do_not_fit(target, labels, text):
    with pytest.raises(ValueError, match=text):
        check_target(target, 3, labels)


def test_groups():
    assert check_groups(None, 3).tolist() == [0, 1, 2]
    assert check_groups(["b", "a", "b"], 3).tolist() == [1, 0, 1]
    with pytest.raises(ValueError, match=r"shape \(3,\), one for each row, got \(2,\)"):
        check_groups(["b", "a"], 3)


@pytest.mark.parametrize(
    ("seed", "threads", "text"),
    [
        (-1, 1, r"seed must lie in \[0, 2\*\*32\), as scikit-learn wants it, got -1"),
        (2**32, 1, "got 4294967296"),
        (0, 0, "threads must be 1 or larger, got 0"),
    ],
)
def test_numbers_out_of_range(seed, threads, text):
    check_options(2**32 - 1, 1)
    with pytest.raises(ValueError, match=text):
        check_options(seed, threads)
