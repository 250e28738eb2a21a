"""Mistakes with molecules become one message before a folder is made; so do missing packages."""

import subprocess
import sys

import pytest
from oracles_nav import TINY, molecules
from oracles_train import SRC, npz_data, refused, write_csv, write_recipe


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A CSV of 60 molecules with graphs that are kept, and an archive of images."""
    place = tmp_path_factory.mktemp("molecules")
    rows = [
        (smiles, label, int(row == 0), f"s{row // 20}", ["train", "val", "test"][row % 3])
        for row, (smiles, label) in enumerate(molecules(60))
    ]
    write_csv(place / "x.csv", ["smiles", "active", "rare", "series", "part"], rows)
    npz_data(place / "x.npz")
    write_recipe(place / "r.yaml", "NPZ")
    return place


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


BY_LABEL = ["--split.by", "label"]
GRAPHS = [
    (2, ["--model.layers", 0], ["--model.layers and --model.width must be at least 1"]),
    (2, ["--model.dropout", 1], ["--model.dropout lie in [0, 1), got", "1.0"]),
    (2, ["--model.layers", "many"], ["--model.layers: expected a whole number or null"]),
    (2, ["--split.by", "sex"], ["--split.by: ", "'sex'", "scaffold"]),
    (2, ["--blend.epochs", -1], ["--blend.epochs, ", "must be >= 0", "got -1"]),
    (2, ["--blend.scores", "all"], ["--blend.scores: ", "'all'", "out-of-fold"]),
    (2, ["--forest.folds", 1], ["--forest.folds must be at least 2, got 1"]),
    (2, ["--forest.criterion", "x"], ["--forest.criterion: ", "'x'"]),
    (2, ["--forest.positive_weight", 0], ["--forest.positive_weight must be > 0 and finite"]),
    (2, ["--data.on_error", "ignore"], ["--data.on_error: ", "'ignore'"]),
    (2, ["--data.workers", -1], ["--data: Molecules: workers must be at least 0, got -1"]),
    (2, ["--data.label", "smiles"], ["label and smiles are the same column 'smiles'"]),
    (2, ["--data.smile", "x"], ["--data.smile: Molecules has no option 'smile'"]),
    (2, ["--data.size", 3], ["--data.size: Molecules has no option 'size'"]),
    (2, ["--ensemble", "deepergcn", "forest"], ["--ensemble takes networks only: fit the forest"]),
    (1, ["--model.name", "gine"], ["--model: name must be one of", "did you mean 'gine-virtual'?"]),
    (1, ["--model.name", "resnet20"], ["--model: name must be one of 'deepergcn'"]),
    (1, ["--ensemble", "deepergcn", "gin"], ["--model: name must be one of"]),
    (1, ["--model.pretrained", "true"], ["--model.pretrained: for images only; leave it out"]),
    (1, ["--model.image_size", 32, "--augment.shift", 0.1],
     ["--model.image_size, --augment: for images only"]),
    (1, ["--data.label", "activ"], ["has no column 'activ'; did you mean 'active'"]),
    (1, ["--data.smiles", "smile"], ["has no column 'smile'; did you mean 'smiles'"]),
    (1, ["--data.group", "serie"], ["has no column 'serie'; did you mean 'series'"]),
    (1, ["--data.label", "series"], ["line 2: column 'series' holds 's0'", "write 0, 1 or"]),
    (1, ["--data.label", "rare"], ["needs both classes of label 'rare' for an AUC"]),
    (1, ["--data.label", "active,rare"], ["needs both classes of label 'rare' for an AUC"]),
    (1, ["--data.split", "part", "--split.by", "chance"],
     ["--split.by is chance, but the data name their parts themselves", "--split.by label"]),
    (1, ["--data.split", "part", "--data.group", "series"], ["groups must not be divided", "'s0'"]),
    (1, ["--data.group", "series", "--split.by", "scaffold"], ["groups must not be divided"]),
    (1, ["--data.csv", "none.csv"], ["there is no file 'none.csv'"]),
    (1, ["--blend.epochs", 1, "--forest.folds", 30],
     ["--forest.folds: folds=30: a fold has no positives of label 'active'", "take fewer folds"]),
]  # fmt: skip


@pytest.mark.parametrize(("code", "words", "fragments"), GRAPHS, ids=lambda x: str(x))
def test_what_a_fit_of_molecules_refuses(capsys, place, code, words, fragments):
    data = ["--data.csv", place / "x.csv", "--data.label", "active", *TINY, *BY_LABEL]
    message = refused(capsys, code, "fit", "molecules", *data, *words)
    for fragment in fragments:
        assert fragment in message


NETWORKS_ONLY = [
    (["--loss", "AUCMLoss"], "--loss"),
    (["--optimizer", "PESG", "--optimizer.lr", 0.1], "--optimizer"),
    (["--baseline", "true"], "--baseline"),
    (["--pretrain.epochs", 3], "--pretrain.epochs"),
    (["--blend.epochs", 3, "--baseline", "true"], "--baseline, --blend.epochs"),
]


@pytest.mark.parametrize(("words", "named"), NETWORKS_ONLY, ids=lambda x: str(x))
def test_what_a_forest_refuses(capsys, place, words, named):
    data = ["--data.csv", place / "x.csv", "--data.label", "active", *BY_LABEL]
    message = refused(capsys, 2, "fit", "molhiv-forest", *data, *words)
    assert f"{named}: options of networks; --model.name forest takes none of them" in message


IMAGES = [
    (["--split.by", "scaffold"], "--split.by scaffold: only molecules have scaffolds, not images"),
    (["--blend.epochs", 1], "--blend.epochs: a forest on fingerprints takes molecules, not images"),
    (["--model.layers", 2, "--model.width", 8], "--model: layers, width: options of networks for"),
    (["--model.name", "deepergcn"], "'deepergcn' is a network for molecules, and these are images"),
]


@pytest.mark.parametrize(("words", "fragment"), IMAGES, ids=lambda x: str(x))
def test_what_a_fit_of_images_refuses(capsys, place, words, fragment):
    recipe = ["fit", place / "r.yaml", "--data.npz", place / "x.npz"]
    assert fragment in refused(capsys, 1, *recipe, *words)


def test_a_forest_takes_no_images(capsys, place, tmp_path):
    (tmp_path / "f.yaml").write_text("data: {class_path: NPZ}\nmodel: {name: forest}\n")
    message = refused(capsys, 1, "fit", "f.yaml", "--data.npz", place / "x.npz")
    assert "--model.name forest: a forest on fingerprints takes molecules, not images" in message


def without(package, *words):
    """A command in a process where a package cannot be imported."""
    code = (
        f"import sys; sys.path.insert(0, {str(SRC)!r}); sys.modules[{package!r}] = None\n"
        f"from aucmax.cli import main; sys.exit(main({[*map(str, words)]!r}))"
    )
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=900
    )


@pytest.mark.slow
@pytest.mark.parametrize("package", ["rdkit", "torch_geometric"])
def test_without_the_packages_of_molecules_all_else_works(place, tmp_path, package):
    done = without(package, "fit", place / "r.yaml", "--data.npz", place / "x.npz",
                   "--pretrain.epochs", 0)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "runs" / "r" / "report.html").exists()
    done = without(package, "fit", "molecules", "--data.csv", place / "x.csv", *BY_LABEL,
                   "--data.label", "active", "--name", "m", *TINY)  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.strip().endswith("pip install 'aucmax[molecules]'")
    assert done.stderr.strip().splitlines()[-1].startswith("aucmax fit: ")
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "runs" / "m").exists()
