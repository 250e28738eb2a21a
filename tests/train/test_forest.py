"""A forest as a model, and as a part of a blend, from what ``aucmax fit`` is given."""

from types import SimpleNamespace

import numpy as np
import pytest
from oracles_nav import nav_csv
from oracles_train import made_images
from sklearn.ensemble import RandomForestClassifier

from aucmax.data import ArrayImages, ImageSet, Molecules
from aucmax.train import forest as forests
from aucmax.train.blend import Blend
from aucmax.train.config import ForestOptions, Split
from aucmax.train.forest import ForestTraining, check_folds, grown, rows_of, with_forest
from aucmax.train.seeds import derive

CYCLE = np.array(["train", "train", "train", "validation", "test"])


def options(by="label", scores="out-of-fold", folds=3, trees=6):
    """What the functions read of a configuration."""
    return SimpleNamespace(
        forest=ForestOptions(trees=trees, folds=folds),
        blend=Blend(epochs=1, scores=scores),
        split=Split(by=by),
        threads=1,
    )


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = nav_csv(tmp_path_factory.mktemp("forest") / "nav.csv", 120)
    rows = Molecules(path, label="active", workers=0).load()
    return rows.divided(np.resize(CYCLE, len(rows)))


@pytest.fixture(scope="module")
def bits(data):
    return data.fingerprints()


def by_hand(bits, target, seed, trees=6):
    """scikit-learn's forest with the options of the entry."""
    return RandomForestClassifier(
        trees,
        criterion="entropy",
        min_samples_leaf=2,
        class_weight={0: 1, 1: 10},
        random_state=derive(seed, "forest") % 2**32,
    ).fit(bits, target)


def spied(monkeypatch):
    """The bits of the rows of every forest that scikit-learn grows from here on, as a set."""
    seen, real = [], RandomForestClassifier.fit

    def fit(self, rows, target):
        seen.append({row.tobytes() for row in rows.astype(np.uint8)})
        return real(self, rows, target)

    monkeypatch.setattr(RandomForestClassifier, "fit", fit)
    return seen


@pytest.mark.parametrize("seed", [0, 3])
def test_scores_of_other_parts_are_those_of_one_forest(data, bits, tmp_path, seed):
    mixed = with_forest(options(), data, tmp_path, seed=seed)
    train = rows_of(data, "train")
    expected = by_hand(bits[train], data.target[train, 0], seed).predict_proba(bits)[:, 1]
    others = np.asarray(data.split) != "train"
    assert mixed.forest[others, 0] == pytest.approx(expected[others], abs=1e-6)
    assert not np.allclose(mixed.forest[train, 0], expected[train], atol=0.05)
    whole = with_forest(options(scores="in-sample"), data, tmp_path / "in", seed=seed)
    assert whole.forest[:, 0] == pytest.approx(expected, abs=1e-6)


def test_a_training_row_is_scored_by_the_forest_that_has_not_seen_it(
    data, bits, tmp_path, monkeypatch
):
    with monkeypatch.context() as patch:
        seen = spied(patch)
        found = with_forest(options(folds=3), data, tmp_path, seed=0).forest[:, 0]
    train = rows_of(data, "train")
    names = np.array([bits[row].tobytes() for row in range(len(bits))], dtype=object)
    first, *folds = seen
    assert first == set(names[train])
    assert len(folds) == 3
    held = set(names) - first
    assert not held & set.union(*seen)  # nothing of validation or test
    scored = 0
    for fold in folds:
        known = np.array([name in fold for name in names[train]])
        model = by_hand(bits[train[known]], data.target[train[known], 0], 0)
        expected = model.predict_proba(bits[train[~known]])[:, 1]
        assert found[train[~known]] == pytest.approx(expected, abs=1e-6)
        scored += int((~known).sum())
    assert scored == len(train)


@pytest.mark.parametrize("by", ["scaffold", "group"])
def test_folds_keep_scaffolds_and_groups_together(data, bits, tmp_path, monkeypatch, by):
    named = data.scaffolds()
    if by == "group":
        named = np.array([f"series {row % 12}" for row in range(len(data))])
        rows = data._with(groups=named)
        config = options(folds=3)
    else:
        rows, config = data, options(by="scaffold", folds=3)
    given = []
    real = forests.out_of_fold_scores

    def spy(*arguments, groups, **other):
        given.append(groups)
        return real(*arguments, groups=groups, **other)

    monkeypatch.setattr(forests, "out_of_fold_scores", spy)
    with_forest(config, rows, tmp_path, seed=0)
    assert np.array_equal(given[0], named[rows_of(rows, "train")])
    with_forest(options(folds=3), data, tmp_path / "alone", seed=0)
    assert given[1] is None


def test_scores_are_kept_and_read_again(data, tmp_path, monkeypatch):
    first = with_forest(options(), data, tmp_path, seed=0)
    monkeypatch.setattr(forests, "_scores", None)
    again = with_forest(options(), data, tmp_path, seed=0)
    assert np.array_equal(first.forest, again.forest)


def test_a_forest_is_grown_once_in_its_folder(data, bits, tmp_path, monkeypatch):
    first = grown(options(), data, bits, tmp_path / "new", seed=0)
    monkeypatch.setattr(forests, "fit_forest", None)
    again = grown(options(), data, bits, tmp_path / "new", seed=0)
    assert np.array_equal(first.scores(bits), again.scores(bits))


def test_each_label_is_learnt_from_the_rows_where_it_is_known(data, bits, tmp_path):
    second = np.where(np.arange(len(data)) % 4 == 0, np.nan, np.arange(len(data)) % 3 == 0)
    target = np.column_stack([data.target[:, 0], second]).astype(np.float32)
    rows = data._with(target=target, labels=("active", "second"))
    found = ForestTraining(options(), rows, tmp_path, seed=0).predictions()
    train, test = rows_of(rows, "train"), rows_of(rows, "test")
    for label in (0, 1):
        known = train[~np.isnan(target[train, label])]
        model = by_hand(bits[known], target[known, label], 0)
        expected = model.predict_proba(bits[test])[:, 1]
        assert found.scores[:, label] == pytest.approx(expected, abs=1e-12)
    assert found.ids == tuple(rows.ids[row] for row in test)


def test_folds_with_too_few_positives_are_found_before_training(data, tmp_path):
    few = np.zeros((len(data), 1), np.float32)
    few[[0, 1, 3, 4]] = 1  # two for training
    rows = data._with(target=few)
    check_folds(options(folds=2), rows, seed=0)
    check_folds(options(folds=3, scores="in-sample"), rows, seed=0)
    with pytest.raises(
        ValueError, match=r"--forest.folds: folds=3: a fold has no positives of"
    ) as e:
        check_folds(options(folds=3), rows, seed=0)
    with pytest.raises(ValueError, match=r"^folds=3: ") as late:
        with_forest(options(folds=3), rows, tmp_path, seed=0)
    assert str(e.value) == f"--forest.folds: {late.value}"


def test_images_have_no_fingerprints(tmp_path):
    pixels, target = made_images(6)
    images = ImageSet(ArrayImages(pixels), target, ("y",), tuple("abcdef"))
    message = "a forest on fingerprints takes molecules, not images"
    with pytest.raises(ValueError, match=f"--model.name forest: {message}"):
        ForestTraining(options(), images, tmp_path, seed=0).rehearse()
    for call in (check_folds, lambda *a, **k: with_forest(*a, tmp_path, **k)):
        with pytest.raises(ValueError, match=f"--blend.epochs: {message}"):
            call(options(), images, seed=0)


def test_a_process_does_not_wait_for_one_that_has_ended(data, tmp_path, monkeypatch):
    parents = iter([17, 17, 1])
    monkeypatch.setattr(forests, "is_first", lambda: False)
    monkeypatch.setattr(forests.os, "getppid", lambda: next(parents))
    monkeypatch.setattr(forests.time, "sleep", lambda seconds: None)
    with pytest.raises(OSError, match="the first process has ended without the scores"):
        with_forest(options(), data, tmp_path, seed=0)
