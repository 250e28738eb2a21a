"""Pictures for the small trees, and copies of the trees to be spoilt."""

import shutil

import oracles_chests as chests
import oracles_medical as trees
import pytest
from oracles_medical import made_pictures, real_pictures

MAKERS = {
    "chexpert": chests.chexpert,
    "chestxray14": chests.chestxray14,
    "melanoma": trees.melanoma,
    "ham10000": trees.ham10000,
    "mammography": trees.mammography,
    "patchcamelyon": trees.patchcamelyon,
    "breastmnist": trees.medmnist_set("breastmnist", 2, colour=False),
}


@pytest.fixture(scope="session")
def pictures(request):
    """Real pictures; blurred noise where there are none, so that the tests run everywhere."""
    try:
        return real_pictures(request.getfixturevalue("shared_data"))
    except pytest.skip.Exception:
        return made_pictures


@pytest.fixture
def in_tmp_path(tmp_path, monkeypatch):
    """The current folder is an empty one."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def kept(tmp_path_factory, pictures):
    """Each tree, made once; nobody changes it."""
    folder = tmp_path_factory.mktemp("kept")
    return {name: make(folder / name, pictures) for name, make in MAKERS.items()}


@pytest.fixture
def tree(kept, tmp_path):
    """Copies of trees by name: the words of ``aucmax fit`` and the folder."""

    def copy(name):
        original = kept[name]
        root = tmp_path / original.root.name
        shutil.copytree(original.root, root)
        old, new = str(original.root), str(root)
        return [word.replace(old, new) for word in original.words], root

    return copy
