"""The digits follow the paper's protocol."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from aucmax.data import Digits


@pytest.mark.parametrize("positives", [0.05, 0.3])
def test_training_is_imbalanced_and_test_is_not(positives):
    data = Digits(positives=positives, seed=3).load()
    train, test = (data.target[data.split == name, 0] for name in ("train", "test"))
    assert abs(len(test) - 0.4 * 1797) <= 1
    assert abs(test.mean() - 896 / 1797) < 0.005
    negatives = int((train == 0).sum())
    assert negatives + int((test == 0).sum()) == 901  # no negative is lost
    assert int(train.sum()) == int(positives / (1 - positives) * negatives)


def test_images_and_targets_are_those_of_their_id():
    data, (flat, digit) = Digits(seed=1).load(), load_digits(return_X_y=True)
    for i in range(0, len(data), 17):
        row = int(data.ids[i].removeprefix("digit-"))
        assert data.target[i, 0] == (digit[row] >= 5)
        slow = [[round(v * 255 / 16) for v in line] for line in flat[row].reshape(8, 8)]
        assert data.images[i].tolist() == [slow]


def test_seed_repeats_and_changes():
    a, b, c = (Digits(seed=seed).load() for seed in (0, 0, 1))
    assert a.ids == b.ids
    assert a.ids != c.ids
    np.testing.assert_array_equal(a.split, b.split)


def test_all_problems_at_once():
    with pytest.raises(ValueError, match=r"Digits: positives must .* got 0; test must .* 1; seed"):
        Digits(positives=0, test=1, seed=-1)


def test_too_few_positives():
    with pytest.raises(ValueError, match=r"positives=0.001 asks for 0 positives .* larger share"):
        Digits(positives=0.001).load()
