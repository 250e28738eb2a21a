import os
import subprocess
import sys

import numpy as np
import pytest
import tqdm
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score

from aucmax.forests import Forest, ForestOptions, fit_forest, out_of_fold_scores
from aucmax.forests._folds import fold_of_rows

SMALL = ForestOptions(trees=25, folds=4)


@pytest.fixture(scope="module")
def tumours():
    """569 real rows: 60 bits that say which measurements are high and very high."""
    data = load_breast_cancer()
    bits = [data.data > np.quantile(data.data, level, axis=0) for level in (0.5, 0.8)]
    return np.hstack(bits).astype(np.uint8), (data.target == 0).astype(float)


def by_hand(features, target, options, seed):
    """scikit-learn's own forest on rows as they are, without steps."""
    forest = RandomForestClassifier(
        options.trees,
        criterion=options.criterion,
        min_samples_leaf=options.min_samples_leaf,
        class_weight={0: 1, 1: options.positive_weight},
        random_state=seed,
    )
    return forest.fit(features, target)


def fitted(features, target, options=SMALL, **more):
    return fit_forest(features, target, options, progress=False, **more)


def held_out(features, target, options=SMALL, **more):
    return out_of_fold_scores(features, target, options, progress=False, **more)


@pytest.mark.parametrize(
    "options",
    [
        ForestOptions(trees=45),  # three steps of the bar, the last one short
        ForestOptions(trees=20, criterion="gini", min_samples_leaf=9, positive_weight=0.5),
        ForestOptions(trees=1),
    ],
)
def test_scores_are_those_of_scikit_learn_to_the_last_bit(tumours, options):
    bits, target = tumours
    train, new = np.arange(len(bits)) % 2 == 0, np.random.default_rng(0).integers(0, 2, (99, 60))
    forest = fitted(bits[train], target[train], options, seed=7)
    reference = by_hand(bits[train], target[train], options, 7)
    for rows in (bits, new):
        assert (forest.scores(rows)[:, 0] == reference.predict_proba(rows)[:, 1]).all()
    assert len(forest.trees[0]) == options.trees


def test_default_options_are_those_of_the_entry():
    assert ForestOptions() == ForestOptions(1000, 2, "entropy", 10.0, 5)


def test_rows_of_more_than_one_block(tumours, monkeypatch):
    bits, target = tumours
    forest = fitted(bits, target)
    whole = forest.scores(bits)
    monkeypatch.setattr("aucmax.forests.forest._ROWS", 100)
    assert (forest.scores(bits) == whole).all()


def test_type_and_order_of_the_array_do_not_matter(tumours):
    bits, target = tumours
    forest = fitted(bits, target)
    for same in (bits.astype(bool), bits.astype(float), np.asfortranarray(bits), bits.tolist()):
        assert (forest.scores(same) == forest.scores(bits)).all()
        assert (fitted(same, target).scores(bits) == forest.scores(bits)).all()


def test_seed_decides_and_threads_do_not(tumours, monkeypatch):
    used = []

    class Spy(RandomForestClassifier):
        def fit(self, features, target):
            used.append(self.n_jobs)
            return super().fit(features, target)

    monkeypatch.setattr("sklearn.ensemble.RandomForestClassifier", Spy)
    a, b, c = (fitted(*tumours, seed=s, threads=t) for s, t in ((1, 1), (1, 2), (2, 1)))
    assert used == [1, 1, 2, 2, 1, 1]  # two steps each
    assert (a.scores(tumours[0]) == b.scores(tumours[0])).all()
    assert (a.scores(tumours[0]) != c.scores(tumours[0])).any()


def test_each_label_is_fitted_on_the_rows_where_it_is_known(tumours):
    bits, target = tumours
    rng = np.random.default_rng(1)
    columns = np.stack([target, bits[:, 3], 1 - target], axis=1)
    columns[rng.random(columns.shape) < 0.3] = np.nan
    forest = fitted(bits, columns, labels=["malignant", "third", "benign"])
    assert forest.labels == ("malignant", "third", "benign")
    scores = forest.scores(bits)
    for label in range(3):
        known = ~np.isnan(columns[:, label])
        reference = by_hand(bits[known], columns[known, label], SMALL, 0)
        assert (scores[:, label] == reference.predict_proba(bits)[:, 1]).all()


def test_out_of_fold_scores_are_those_of_forests_on_the_other_folds(tumours):
    bits, target = tumours
    columns = np.stack([target, np.where(np.arange(569) % 3, bits[:, 7], np.nan)], axis=1)
    scores = held_out(bits, columns, seed=5)
    for label, column in enumerate(columns.T):
        fold = fold_of_rows(column, np.arange(569), 4, seed=5, label="")
        for k in range(4):
            seen = (fold != k) & ~np.isnan(column)
            reference = by_hand(bits[seen], column[seen], SMALL, 5)
            expected = reference.predict_proba(bits[fold == k])[:, 1]
            assert (scores[fold == k, label] == expected).all()


def test_no_row_has_a_part_in_its_own_score(tumours):
    """Four groups make the four folds, whatever the labels: only the forests can change."""
    bits, target = tumours
    groups = np.random.default_rng(2).permutation(569) % 4
    scores = held_out(bits, target, groups=groups)[:, 0]
    for row in (0, 100, 568):
        flipped = target.copy()
        flipped[row] = 1 - flipped[row]
        again = held_out(bits, flipped, groups=groups)[:, 0]
        assert again[row] == scores[row]
        assert (again[groups == groups[row]] == scores[groups == groups[row]]).all()
        assert (again != scores).any()
    others = np.where(groups == 2, 1 - target, target)  # nor has any other row of its group
    assert (held_out(bits, others, groups=groups)[groups == 2, 0] == scores[groups == 2]).all()


def test_copies_tell_on_each_other_unless_they_are_a_group():
    """Labels without any pattern: a row can only be known by its copy."""
    rng = np.random.default_rng(0)
    bits, target = rng.integers(0, 2, (120, 30)), rng.integers(0, 2, 120)
    twice, twin = np.vstack([bits, bits]), np.tile(np.arange(120), 2)
    options = ForestOptions(trees=40, min_samples_leaf=1, positive_weight=1)
    apart = held_out(twice, target[twin], options)[:, 0]
    together = held_out(twice, target[twin], options, groups=[f"g{k}" for k in twin])[:, 0]
    assert roc_auc_score(target[twin], apart) > 0.9
    assert roc_auc_score(target[twin], together) < 0.65


def test_scores_of_fitted_rows_are_surer_than_those_out_of_fold_and_of_new_rows():
    """Labels without any pattern: whatever is surer than a coin remembers."""
    rng = np.random.default_rng(3)
    bits, target = rng.integers(0, 2, (300, 30)), rng.integers(0, 2, 300)
    options, known = ForestOptions(trees=40, positive_weight=1), np.arange(300) < 200
    forest = fitted(bits[known], target[known], options)
    honest = held_out(bits[known], target[known], options)[:, 0]
    inside, outside = (forest.scores(bits[rows])[:, 0] for rows in (known, ~known))
    assert np.abs(inside - target[known]).mean() < 0.35
    assert np.abs(honest - target[known]).mean() == pytest.approx(0.5, abs=0.03)
    assert np.abs(outside - target[~known]).mean() == pytest.approx(0.5, abs=0.03)


def test_a_saved_forest_is_the_same(tumours, tmp_path):
    bits, target = tumours
    columns = np.stack([target, bits[:, 0]], axis=1)
    forest = fitted(bits, columns, labels=["malignant", "größer"])
    path = forest.save(tmp_path / "forest.npz")
    again = Forest.load(path)
    assert (again.labels, again.width) == (("malignant", "größer"), 60)
    assert (again.scores(bits) == forest.scores(bits)).all()
    assert again.save(tmp_path / "again.npz").read_bytes() == path.read_bytes()


def test_a_saved_forest_needs_no_scikit_learn(tumours, tmp_path):
    bits, target = tumours
    forest = fitted(bits, target)
    path = forest.save(tmp_path / "forest.npz")
    code = (
        "import sys; sys.modules['sklearn'] = None; import numpy as np\n"
        "from aucmax.forests import Forest\n"
        f"scores = Forest.load({str(path)!r}).scores(np.eye(60, dtype=np.uint8))\n"
        "sys.stdout.write(scores[:, 0].tobytes().hex())"
    )
    env = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True
    )
    assert (np.frombuffer(bytes.fromhex(done.stdout)) == forest.scores(np.eye(60))[:, 0]).all()


@pytest.mark.parametrize(("fit", "fits"), [(fit_forest, 1), (out_of_fold_scores, 2)])
def test_a_bar_counts_trees(tumours, capsys, monkeypatch, fit, fits):
    closed = []

    class Bar(tqdm.tqdm):
        def close(self):
            if not self.disable:
                closed.append((self.desc, self.n, self.total))
            super().close()

    monkeypatch.setattr("tqdm.tqdm", Bar)
    fit(*tumours, ForestOptions(trees=30, folds=2), progress=False)
    assert (capsys.readouterr().err, closed) == ("", [])
    fit(*tumours, ForestOptions(trees=30, folds=2))
    title = {1: "forest", 2: "forest, out of fold"}[fits]
    assert (title, 30 * fits, 30 * fits) in closed
    assert f"{title}:   0%" in capsys.readouterr().err


def test_global_random_generators_are_left_alone(tumours):
    np.random.seed(4)
    expected = np.random.random()
    np.random.seed(4)
    fitted(*tumours)
    assert np.random.random() == expected


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"trees": 0}, "--forest.trees and --forest.min_samples_leaf must be .* got 0 and 2"),
        ({"min_samples_leaf": 0}, "at least 1, got 1000 and 0"),
        ({"criterion": "log"}, "--forest.criterion must be entropy or gini, got log"),
        ({"positive_weight": 0.0}, "--forest.positive_weight must be > 0 and finite, got 0.0"),
        ({"positive_weight": float("nan")}, "--forest.positive_weight .* got nan"),
        ({"positive_weight": float("inf")}, "--forest.positive_weight .* got inf"),
        ({"folds": 1}, "--forest.folds must be at least 2, got 1"),
    ],
)
def test_options_out_of_range(tumours, options, text):
    for fit in (fit_forest, out_of_fold_scores):
        with pytest.raises(ValueError, match=text):
            fit(*tumours, ForestOptions(**options))
    assert list(ForestOptions().problems()) == []


def test_all_problems_are_told_at_once():
    assert len(list(ForestOptions(0, 0, "log", -1, 0).problems())) == 4


@pytest.mark.parametrize("fit", [fitted, held_out])
def test_what_does_not_fit_is_refused(tumours, fit):
    bits, target = tumours
    with pytest.raises(ValueError, match=r"seed must lie in \[0, 2\*\*32\).*, got -1"):
        fit(bits, target, seed=-1)
    with pytest.raises(ValueError, match="threads must be 1 or larger, got 0"):
        fit(bits, target, threads=0)
    with pytest.raises(ValueError, match=r"target must be \(n,\) or \(n, L\) with n = 569"):
        fit(bits, target[1:])
    with pytest.raises(ValueError, match="label 'rare' needs positives and negatives, got 0 and 5"):
        fit(bits, np.where(np.arange(569) < 5, 0, np.nan), labels=["rare"])


def test_other_fingerprints_than_fitted_on_are_refused(tumours):
    forest = fitted(*tumours)
    with pytest.raises(ValueError, match=r"fingerprints \(n, 60\) .* got \(3, 59\)"):
        forest.scores(np.zeros((3, 59)))


def test_groups_and_folds_that_do_not_fit_are_refused(tumours):
    bits, target = tumours
    with pytest.raises(ValueError, match=r"groups must have shape \(569,\)"):
        held_out(bits, target, groups=[0])
    with pytest.raises(ValueError, match=r"folds=4: a fold has no positives of label 'rare'"):
        held_out(bits, np.arange(569) < 3, labels=["rare"])
