"""Equal images are found, named and left alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aucmax.data import NPZ, ArrayImages, ImageSet, identical_images


def image_set(pixels, target, split=None):
    return ImageSet(
        images=ArrayImages(np.array(pixels, np.uint8).reshape(-1, 1, 1)),
        target=np.array(target, np.float32)[:, None],
        labels=("x",),
        ids=tuple(f"i{k}" for k in range(len(pixels))),
        split=None if split is None else np.array(split),
    )


@given(st.lists(st.tuples(st.integers(0, 4), st.sampled_from([0, 1, np.nan]),
                          st.sampled_from(["train", "test"])), min_size=1))  # fmt: skip
def test_equals_the_comparison_of_all_pairs(rows):
    pixels, target, split = ([*column] for column in zip(*rows, strict=True))
    data = image_set([*pixels, 200, 201], [*target, 0, 1], [*split, "train", "train"])
    found = identical_images(data)
    pairs = [(i, j) for i in range(len(rows)) for j in range(i) if pixels[i] == pixels[j]]

    def linked(sets):
        return {frozenset((a, b)) for ids in sets for a in ids for b in ids if a != b}

    def clash(test):
        return {pixels[i] for i, j in pairs if test(i, j)}

    def colours(sets):
        return {pixels[int(ids[0][1:])] for ids in sets}

    assert linked(found.same) == {frozenset((f"i{i}", f"i{j}")) for i, j in pairs}
    assert colours(found.different_labels) == clash(lambda i, j: {target[i], target[j]} == {0, 1})
    assert colours(found.across_parts) == clash(lambda i, j: split[i] != split[j])


def test_unknown_labels_do_not_contradict():
    found = identical_images(image_set([5, 5, 7], [0, np.nan, 1]))
    assert found.same == (("i0", "i1"),)
    assert found.different_labels == found.across_parts == ()
    assert list(found.warnings()) == []


def test_shape_matters():
    arrays = np.zeros((1, 2, 3), np.uint8), np.zeros((1, 3, 2), np.uint8)
    data = ImageSet(ArrayImages(*arrays), np.array([[0], [1]], np.float32), ("x",), ("a", "b"))
    assert identical_images(data).same == ()


def test_warnings_of_both_kinds():
    data = image_set([5, 5, 7], [0, 1, 1])
    first, second = identical_images(data, ["train", "test", "train"]).warnings()
    assert first.startswith("1 set of pixel-identical images has different labels: 'i0 = i1'")
    assert "lies in more than one part" in second
    with pytest.raises(ValueError, match=r"split must have shape \(3,\), got \(1,\)"):
        identical_images(data, ["train"])


def test_busi_holds_one_image_with_two_labels(shared_data):
    data = NPZ(shared_data / "busi" / "busi_gray_64.npz", positive=2, id="files").load()
    pair = ("benign (433).png", "malignant (145).png")
    assert identical_images(data).different_labels == (pair,)
    assert identical_images(data.subset([i not in pair for i in data.ids])).different_labels == ()


def test_images_of_one_value_are_noted():
    pixels = np.random.default_rng(0).integers(0, 256, (6, 4, 4), dtype=np.uint8)
    pixels[2], pixels[4] = 0, 255
    data = ImageSet(
        ArrayImages(pixels), np.array([[0, 1, 0, 1, 0, 1]], np.float32).T, ("y",), tuple("abcdef")
    )
    found = identical_images(data)
    assert found.constant == ("c", "e")
    (sentence,) = found.warnings()
    assert sentence.startswith(
        "2 images have the same value in all pixels: 'c', 'e'; a DICOM window"
    )
    assert identical_images(data.subset([0, 1])).constant == ()
