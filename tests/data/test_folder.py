"""Image folders: classes, parts, groups and what is refused."""

import pytest

from aucmax.data import Folder


@pytest.fixture
def tree(tmp_path, write_image):
    def make(*names):
        for seed, name in enumerate(names):
            write_image(name, seed=seed)
        return tmp_path

    return make


def test_second_class_is_positive_and_other_files_are_passed_over(tree):
    root = tree("dog/1.png", "cat/2.PNG", "cat/deep/3.jpg", "cat/.4.png")
    (root / "cat" / "notes.txt").touch()
    (root / "list.csv").touch()
    (root / ".hidden").mkdir()
    data = Folder(root).load()
    assert data.ids == ("cat/2.PNG", "cat/deep/3.jpg", "dog/1.png")
    assert data.target.tolist() == [[0], [0], [1]]
    assert data.labels == ("dog",)
    assert data.split is None
    assert data.groups is None


def test_named_positives(tree):
    root = tree("a/1.png", "b/2.png", "c/3.png")
    data = Folder(root, positive=("c", "a")).load()
    assert data.target.tolist() == [[1], [0], [1]]
    assert data.labels == ("c+a",)
    assert Folder(root, positive="a", exclude="b/2.png").load().ids == ("a/1.png", "c/3.png")


def test_parts_and_groups(tree):
    root = tree("train/a/p1_1.png", "Valid/a/p2_1.png", "test/b/p3_1.png", "test/a/p3_2.png")
    data = Folder(root, group=r"(p\d+)_").load()
    parts = dict(zip(data.ids, data.split.tolist(), strict=True))
    assert parts == {
        "Valid/a/p2_1.png": "validation",
        "test/a/p3_2.png": "test",
        "test/b/p3_1.png": "test",
        "train/a/p1_1.png": "train",
    }
    assert dict(zip(data.ids, data.groups.tolist(), strict=True))["test/b/p3_1.png"] == "p3"
    assert Folder(root, group=r"p\d").load().groups.tolist() == ["p2", "p3", "p3", "p1"]


@pytest.mark.parametrize(
    ("names", "options", "message"),
    [
        (["a.png"], {}, "has no folders; it needs one for each class"),
        (["a/1.png"], {}, "needs two or more classes, got 'a'"),
        (["a/1.png", "b/1.png", "c/1.png"], {}, "positive must say which .* 'a', 'b', 'c'"),
        (["cat/1.png", "dog/1.png"], {"positive": "dgo"}, r"no class 'dgo'; did you mean 'dog'\?"),
        (["a/1.png", "b/1.png"], {"positive": ("a", "b")}, "positive names every class"),
        (["train/a/1.png", "b/1.png"], {}, r"mixes parts 'train' and other folders 'b'"),
        (["a/1.png", "b/1.png"], {"group": "q"}, "group: 'q' finds nothing in the path of 'a/1"),
        (["a/1.png", "b/1.png"], {"group": "(p)?[ab]"}, "first bracket .* is empty"),
        (["a/1.png", "b/1.png"], {"exclude": "a/2.png"}, "no row has the id 'a/2.png'; did you"),
    ],
)
def test_refused(tree, names, options, message):
    with pytest.raises(ValueError, match=message):
        Folder(tree(*names), **options).load()


def test_class_folder_without_images(tree):
    root = tree("a/1.png", "b/1.png")
    (root / "c").mkdir()
    with pytest.raises(
        ValueError, match=r"class folder 'c' holds no images, neither named as such \(.bmp"
    ):
        Folder(root).load()


def test_no_such_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="root: there is no folder"):
        Folder(tmp_path / "x").load()


def test_all_problems_of_the_options_at_once():
    with pytest.raises(
        ValueError, match=r"Folder: positive must .* group must be a regular .*bits"
    ):
        Folder("x", positive="", group="(", bits=17)
