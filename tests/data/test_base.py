"""An image set is consistent, or it says what is not."""

import numpy as np
import pytest

from aucmax.data import ArrayImages, ImageSet


def image_set(**changes):
    fields = {
        "images": ArrayImages(np.arange(4, dtype=np.uint8).reshape(4, 1, 1)),
        "target": np.array([[0], [1], [0], [np.nan]], np.float32),
        "labels": ("x",),
        "ids": ("a", "b", "c", "d"),
        "groups": np.array(["p", "p", "q", "r"]),
        "split": np.array(["train", "test", "", "validation"]),
    }
    return ImageSet(**fields | changes)


@pytest.mark.parametrize("rows", [[3, 1], [False, True, False, True]])
def test_subset_takes_the_same_rows_of_everything(rows):
    part = image_set().subset(rows)
    order = [3, 1] if rows == [3, 1] else [1, 3]
    assert [part.images[i].item() for i in range(len(part))] == order
    assert part.ids == tuple("abcd"[i] for i in order)
    np.testing.assert_array_equal(part.target, image_set().target[order])
    assert part.groups.tolist() == [["p", "p", "q", "r"][i] for i in order]
    assert part.split.tolist() == [["train", "test", "", "validation"][i] for i in order]
    assert part.labels == ("x",)


def test_subset_without_groups_and_split():
    part = image_set(groups=None, split=None).subset([0])
    assert part.groups is None
    assert part.split is None
    assert len(part) == 1


def test_mask_of_another_length():
    with pytest.raises(ValueError, match=r"rows: a mask needs shape \(4,\), got \(2,\)"):
        image_set().subset([True, False])


def test_a_label_unknown_everywhere_passes():
    unknown = image_set(target=np.full((4, 1), np.nan, np.float32))
    assert np.isnan(unknown.target).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ids": ("a", "b", "c", "a")}, r"ids must be unique, .* more than once: 'a'$"),
        ({"target": np.zeros((4, 2), np.float32)}, r"\(images, labels\) = \(4, 1\), got \(4, 2\)"),
        ({"split": np.array(["train"])}, r"split must be as long as ids \(4\), got 1"),
        ({"groups": np.array(["p"] * 5)}, r"groups must be as long as ids \(4\), got 5"),
        ({"split": np.array(["train"] * 3 + ["dev"])}, r"split must be one of .* got 'dev'"),
        (
            {"target": np.array([[0], [2], [1], [1]], np.float32)},
            r"label 'x': values must be 0, 1 or NaN \(unknown\), got 2",
        ),
        (
            {"target": np.array([[0], [0], [0], [np.nan]], np.float32)},
            r"label 'x' holds one class only: all 3 known values are negative \(0\)",
        ),
        (
            {"target": np.zeros((4, 2), np.float32), "labels": ("x", "x")},
            r"labels must be unique, .* more than once: 'x'",
        ),
        (
            {
                "ids": (),
                "images": [],
                "target": np.zeros((0, 1), np.float32),
                "groups": None,
                "split": None,
            },
            "the data set is empty",
        ),
    ],
)
def test_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        image_set(**changes)
