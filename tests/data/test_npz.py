"""NumPy archives, made here and real ones."""

import numpy as np
import pytest

from aucmax.data import NPZ, split

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (6, 4, 5), dtype=np.uint8)
CLASSES = np.array([0, 1, 2, 0, 1, 2])


@pytest.fixture
def archive(tmp_path):
    def write(**arrays):
        path = tmp_path / "x.npz"
        np.savez(path, **arrays)
        return path

    return write


def test_one_pair_of_arrays(archive):
    path = archive(images=GREY, labels=CLASSES[:, None], who=[1, 1, 2, 2, 3, 3])
    data = NPZ(path, positive=2, group="who", label="sick").load()
    assert data.target.tolist() == [[0], [0], [1], [0], [0], [1]]
    assert data.labels == ("sick",)
    assert data.ids[::5] == ("image-0", "image-5")
    assert data.groups.tolist() == list("112233")
    assert data.split is None
    for i in range(6):
        np.testing.assert_array_equal(data.images[i].numpy(), GREY[i][None])


def test_parts_as_in_medmnist(archive):
    path = archive(
        train_images=GREY[:3], train_labels=CLASSES[:3], val_images=GREY[3:5],
        val_labels=CLASSES[3:5], test_images=GREY[5:], test_labels=CLASSES[5:],
    )  # fmt: skip
    data = NPZ(path, positive=(1, 2), exclude=("train-1",)).load()
    assert data.ids == ("train-0", "train-2", "val-0", "val-1", "test-0")
    assert data.split.tolist() == ["train", "train", "validation", "validation", "test"]
    assert data.target[:, 0].tolist() == [0, 1, 0, 1, 1]
    np.testing.assert_array_equal(data.images[2].numpy(), GREY[3][None])


def test_several_labels_and_unknown_values(archive):
    table = np.array([[0, 1], [1, np.nan], [1, 0], [0, 0], [0, 0], [1, 1]])
    data = NPZ(archive(images=GREY, labels=table)).load()
    np.testing.assert_array_equal(data.target, table)
    assert data.labels == ("label-0", "label-1")
    some = np.array([0, 3, np.nan, 3, 0, 0])
    target = NPZ(archive(images=GREY, labels=some), positive=3).load().target[:, 0]
    np.testing.assert_array_equal(target, [0, 1, np.nan, 1, 0, 0])


@pytest.mark.parametrize(
    ("arrays", "options", "message"),
    [
        ({}, {}, r"labels hold|the labels are 0 \(2 times\), 1 \(2 times\), 2 \(2 times\): name"),
        ({"labels": CLASSES[:5] % 2}, {}, "array 'labels' has 5 rows for 6 images"),
        ({}, {"positive": 7}, r"positive: no label is 7; the labels are 0 \(2 times\)"),
        ({}, {"labels": "label"}, r"no array 'label'; did you mean 'labels'\?; its arrays are"),
        ({}, {"positive": 1, "label": ("a", "b")}, "label has 2 names, 'a', 'b', for 1 column"),
        ({"labels": np.array(list("abcabc"))}, {}, "labels must be whole numbers .* got <U1"),
        ({"labels": np.eye(6) * 2}, {}, "each column must be 0 and 1"),
        ({"labels": np.eye(6)}, {"positive": 1}, "positive is for one column of labels, got 6"),
        ({"labels": np.int64(1)}, {}, "array 'labels' .* is a single value"),
        ({"images": GREY / 255}, {"positive": 1}, "images must be uint8"),
        ({"train_images": GREY}, {"positive": 1}, "has both 'images' and 'train_images'"),
        (
            {"who": np.array([{}] * 6)},
            {"positive": 1, "group": "who"},
            "it holds Python objects; save it as",
        ),
        ({"who": list("aabcde")}, {"positive": 1, "id": "who"}, "more than once: 'a'"),
    ],
)
def test_refused(archive, arrays, options, message):
    path = archive(**{"images": GREY, "labels": CLASSES} | arrays)
    with pytest.raises(ValueError, match=message):
        NPZ(path, **options).load()


def test_parts_of_different_shape(archive):
    path = archive(
        train_images=GREY[:3], train_labels=np.eye(3), test_images=GREY[3:], test_labels=CLASSES[3:]
    )
    with pytest.raises(ValueError, match=r"labels: arrays of the parts differ in shape"):
        NPZ(path).load()


def test_a_byte_changed_anywhere_is_an_error_in_words_or_no_matter(tmp_path, archive):
    """Among others it may ask for a password, or for a compression that nobody knows."""
    path = archive(images=GREY[:2], labels=np.array([0, 1]))
    whole, kinds = path.read_bytes(), set()
    for place in range(0, len(whole), 3):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x5D]) + whole[place + 1 :])
        try:
            NPZ(path).load()
        except ValueError as error:
            kinds.add(str(error).partition(":")[0])
    assert "npz" in kinds


def test_other_files(tmp_path):
    path = tmp_path / "x.npz"
    path.write_text("text")
    with pytest.raises(ValueError, match="is no NumPy archive"):
        NPZ(path).load()
    with path.open("wb") as file:
        np.save(file, GREY)
    with pytest.raises(ValueError, match=r"holds one array; np.savez makes an archive"):
        NPZ(path).load()
    with pytest.raises(FileNotFoundError, match=r"npz: there is no file .* did you mean 'x.npz'"):
        NPZ(tmp_path / "y.npz").load()


def test_all_problems_of_the_options_at_once():
    with pytest.raises(
        ValueError, match=r"NPZ: group must .*; images and labels are .*; label must"
    ):
        NPZ("x.npz", images="a", labels="a", group="", label="")


def test_busi(shared_data):
    path = shared_data / "busi" / "busi_gray_64.npz"
    data = NPZ(path, positive=2, id="files").load()
    assert (len(data), int(data.target.sum())) == (780, 210)
    assert data.images[0].shape == (1, 64, 64)
    pair = ("benign (433).png", "malignant (145).png")
    assert set(pair) < set(data.ids)
    fewer = NPZ(path, positive=2, id="files", exclude=pair).load()
    assert (len(fewer), int(fewer.target.sum())) == (778, 209)
    assert not set(pair) & set(fewer.ids)


def test_bccd_is_divided_by_source_image(shared_data):
    path = shared_data / "bccd" / "bccd_cells_28.npz"
    white, platelets = (
        NPZ(path, positive=number, group="source_image").load() for number in (1, 2)
    )
    assert len(white) == len(platelets) == 4886
    assert (int(white.target.sum()), int(platelets.target.sum())) == (372, 361)
    assert white.images[4885].shape == (3, 28, 28)
    part = split(platelets.target, groups=platelets.groups)
    for group in set(platelets.groups):
        assert len(set(part[platelets.groups == group])) == 1
    for name in ("validation", "test"):
        assert abs((part == name).mean() - 0.15) < 0.005
        assert abs(platelets.target[part == name].sum() / 361 - 0.15) < 0.01
