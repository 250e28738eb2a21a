"""Which rows train, validate and test: by label, by chance, by scaffold, or as the data say."""

import numpy as np
import pytest
from oracles_nav import molecules, nav_csv
from oracles_train import fit, made_images, read_rows, write_csv

from aucmax.data import ArrayImages, ImageSet, Molecules, chance_split, split
from aucmax.molecules import scaffold
from aucmax.train.config import Split
from aucmax.train.dividing import parts_of


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = nav_csv(tmp_path_factory.mktemp("dividing") / "nav.csv", 200)
    return Molecules(path, label="active", workers=0).load()


@pytest.fixture(scope="module")
def even(data):
    """The same with every second row positive: every scaffold's part has both classes."""
    return data._with(target=np.resize([[0], [1]], data.target.shape).astype(np.float32))


def options(by, validation=0.2, test=0.25, seed=3):
    return Split(validation=validation, test=test, seed=seed, by=by)


def counts(parts):
    return {name: int((parts == name).sum()) for name in ("train", "validation", "test")}


def test_by_label_every_part_has_its_share_of_the_actives(data):
    parts = parts_of(data, options("label"))
    assert np.array_equal(parts, split(data.target, validation=0.2, test=0.25, seed=3))
    actives = counts(parts[data.target[:, 0] == 1])
    total = sum(actives.values())
    assert abs(actives["validation"] - 0.2 * total) <= 1
    assert abs(actives["test"] - 0.25 * total) <= 1


def test_by_chance_shares_are_exact_and_labels_are_not_looked_at(data):
    parts = parts_of(data, options("chance"))
    assert counts(parts) == {"train": 110, "validation": 40, "test": 50}
    assert np.array_equal(parts, chance_split(200, validation=0.2, test=0.25, seed=3))
    swapped = data._with(target=1 - data.target)
    assert np.array_equal(parts, parts_of(swapped, options("chance")))
    assert not np.array_equal(parts, parts_of(data, options("chance", seed=4)))


def by_scaffold(names, validation, test):
    """The benchmark's rule as a loop: the largest sets first, then those that begin later."""
    sets = {}
    for row, name in enumerate(names):
        sets.setdefault(name, []).append(row)
    part, used, n = {}, {"train": 0, "validation": 0}, len(names)
    room = {"train": (1 - validation - test) * n, "validation": (1 - test) * n}
    for rows in sorted(sets.values(), key=lambda rows: (len(rows), rows[0]), reverse=True):
        if used["train"] + len(rows) <= room["train"] + 1e-6:
            where = "train"
        elif sum(used.values()) + len(rows) <= room["validation"] + 1e-6:
            where = "validation"
        else:
            where = "test"
        if where != "test":
            used[where] += len(rows)
        part |= dict.fromkeys(rows, where)
    return [part[row] for row in range(n)]


def test_by_scaffold_it_is_the_rule_of_the_benchmark_for_any_seed(even):
    names = [scaffold(smiles) for smiles, _ in molecules(200)]
    parts = parts_of(even, options("scaffold"))
    assert parts.tolist() == by_scaffold(names, 0.2, 0.25)
    assert np.array_equal(parts, parts_of(even, options("scaffold", seed=8)))


@pytest.mark.parametrize("by", ["label", "chance"])
def test_groups_stay_in_one_part(data, by):
    groups = np.array([f"series {row % 50}" for row in range(200)])
    parts = parts_of(data._with(groups=groups), options(by))
    for group in set(groups):
        assert len(set(parts[groups == group])) == 1
    assert set(parts) == {"train", "validation", "test"}


def test_groups_that_scaffolds_divide_are_refused(even):
    groups = np.array([f"series {row % 50}" for row in range(200)])
    with pytest.raises(ValueError, match="groups must not be divided"):
        parts_of(even._with(groups=groups), options("scaffold"))
    named = even._with(groups=even.scaffolds())
    assert np.array_equal(parts_of(named, options("scaffold")), parts_of(even, options("scaffold")))


@pytest.mark.parametrize("by", ["chance", "scaffold"])
def test_parts_that_the_data_name_are_not_drawn_again(data, by):
    named = data.divided(np.resize(["train", "validation", "test", ""], 200))
    with pytest.raises(ValueError, match=f"--split.by is {by}, but the data name their parts"):
        parts_of(named, options(by))
    parts = parts_of(named, options("label"))
    assert (parts[0::4] == "train").all()
    assert (parts[1::4] == "validation").all()
    assert (parts[2::4] == "test").all()
    assert (parts[3::4] == "train").all()


def test_images_are_divided_by_chance_but_have_no_scaffolds():
    pixels, target = made_images(60)
    ids = tuple(map(str, range(60)))
    images = ImageSet(ArrayImages(pixels), target, ("y",), ids)
    parts = parts_of(images, options("chance"))
    assert counts(parts) == {"train": 33, "validation": 12, "test": 15}
    with pytest.raises(ValueError, match="only molecules have scaffolds, not images"):
        parts_of(images, options("scaffold"))


@pytest.mark.parametrize("by", ["chance", "scaffold"])
def test_each_task_and_part_without_both_classes_is_named(data, by):
    """One positive of the second task cannot be in three parts."""
    rare = np.zeros(len(data), np.float32)
    rare[100] = 1
    both = data._with(
        target=np.column_stack([np.resize([0, 1], 200), rare]).astype(np.float32),
        labels=("even", "rare"),
    )
    parts = by_scaffold(data.scaffolds().tolist(), 0.2, 0.25)
    if by == "chance":
        parts = chance_split(200, validation=0.2, test=0.25, seed=3).tolist()
    with pytest.raises(ValueError, match="needs both classes of label 'rare'") as error:
        parts_of(both, options(by))
    for part in ("train", "validation", "test"):
        lacks = f"the {part} part needs both classes of label 'rare'" in str(error.value)
        assert lacks == (part != parts[100])
    assert "'even'" not in str(error.value)


def test_a_fit_divides_as_this_says(data, tmp_path):
    """What ``aucmax fit`` writes down, with groups; a forest, for it is quick."""
    rows = [(*pair, f"s{row % 40}") for row, pair in enumerate(molecules(200))]
    path = write_csv(tmp_path / "x.csv", ["smiles", "active", "series"], rows)
    words = ["molhiv-forest", "--data.csv", path, "--data.label", "active", "--data.workers", 0,
             "--forest.trees", 2, "--output", tmp_path, "--split.validation", 0.2,
             "--split.test", 0.25, "--data.group", "series"]  # fmt: skip
    for by in ("label", "chance"):
        fit(*words, "--name", by, "--split.by", by, "--split.seed", 3)
        table = read_rows(tmp_path / by / "split.csv")
        groups = np.array([row[2] for row in rows])
        assert [row["group"] for row in table] == groups.tolist()
        expected = parts_of(data._with(groups=groups), options(by))
        assert [row["part"] for row in table] == expected.tolist()
