"""Random forests on fingerprints: bits that say which pieces a molecule holds.

scikit-learn grows the trees. They are kept as plain arrays (:class:`Forest`) and evaluated here, as
fast and to the same bits, so that a file of them is small, runs no code, and outlives any version.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._file import Trees, read_trees, write_trees
from ._folds import fold_of_rows
from ._inputs import check_bits, check_groups, check_options, check_target
from ._tree import Tree

if TYPE_CHECKING:
    from tqdm import tqdm

_ROWS = 4096
"""Rows walked through a tree at once."""
_STEP = 20
"""Trees between two moves of the progress bar."""


@dataclass(frozen=True)
class ForestOptions:
    """A random forest on the fingerprints."""

    trees: int = 1000
    """Trees for each label."""
    min_samples_leaf: int = 2
    """Least number of molecules in a leaf."""
    criterion: Literal["entropy", "gini"] = "entropy"
    """What a split lessens most: entropy or gini."""
    positive_weight: float = 10.0
    """Weight of a positive molecule, that of a negative one being 1."""
    folds: int = 5
    """Parts for the scores of training molecules by forests that have not seen them."""

    def problems(self) -> Iterator[str]:
        """What is wrong with the options, a sentence for each."""
        if self.trees < 1 or self.min_samples_leaf < 1:
            yield (
                "--forest.trees and --forest.min_samples_leaf must be at least 1, got "
                f"{self.trees} and {self.min_samples_leaf}"
            )
        if self.criterion not in ("entropy", "gini"):
            yield f"--forest.criterion must be entropy or gini, got {self.criterion}"
        if not 0 < self.positive_weight < float("inf"):
            yield f"--forest.positive_weight must be > 0 and finite, got {self.positive_weight}"
        if self.folds < 2:
            yield f"--forest.folds must be at least 2, got {self.folds}"


@dataclass(frozen=True, eq=False)
class Forest:
    """T trees for each of L labels, as :func:`fit_forest` makes them."""

    labels: tuple[str, ...]
    """(L,) names."""
    width: int
    """W, bits of a fingerprint."""
    trees: Trees
    """L rows of T trees."""

    def scores(self, features: ArrayLike, *, progress: bool = False) -> NDArray[np.float64]:
        """Probability of a positive, (n, L) in [0, 1]: the mean over trees of the leaf's share.

        Equal to scikit-learn's ``predict_proba`` to the last bit.

        Args:
            features: (n, W) fingerprints of 0 and 1.
            progress: show a bar.

        Raises:
            ValueError: if features are not bits, or not W of them.
        """
        from tqdm import tqdm  # comes with aucmax[train]

        bits = check_bits(features, self.width)
        total = np.zeros((len(bits), len(self.labels)))
        for first in tqdm(range(0, len(bits), _ROWS), "forest", disable=not progress, leave=False):
            block = np.pad(np.ascontiguousarray(bits[first : first + _ROWS]), ((0, 0), (0, 1)))
            for label, trees in enumerate(self.trees):
                for tree in trees:
                    total[first : first + _ROWS, label] += tree.scores(block)
        return total / len(self.trees[0])

    def save(self, path: str | Path) -> Path:
        """Write the forest to a file (.npz), whole or not at all.

        Raises:
            OSError: if it cannot be written.
        """
        return write_trees(path, self.labels, self.width, self.trees)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read what :meth:`save` wrote; no code of the file is run.

        Raises:
            FileNotFoundError: if there is no such file.
            ValueError: if it is damaged, or no forest.
        """
        return cls(*read_trees(path))


def fit_forest(
    features: ArrayLike,
    target: ArrayLike,
    options: ForestOptions = ForestOptions(),
    *,
    seed: int = 0,
    labels: Sequence[str] | None = None,
    threads: int = 1,
    progress: bool = True,
) -> Forest:
    """A random forest for each label, on the rows where it is known.

    The trees are those of scikit-learn's ``RandomForestClassifier(random_state=seed)`` on the same
    rows, for any number of threads. Meanwhile the rows are held in float32, 4 n W bytes. A thousand
    trees on 33,000 molecules take some three minutes of one core.

    Its scores of the rows it was fitted on say little: a tree remembers them. What is to learn from
    scores of training rows needs :func:`out_of_fold_scores`.

    Args:
        features: (n, W) fingerprints of 0 and 1.
        target: (n,) or (n, L) of 0, 1 and NaN (unknown: the row is left out for that label).
        options: of the trees.
        seed: in [0, 2**32).
        labels: names of the L labels; None: their numbers.
        threads: that grow trees at the same time.
        progress: show a bar that counts trees.

    Raises:
        ValueError: options, seed or threads out of range; shapes or values that do not fit; a label
            with one class only, by its name.

    >>> bits = np.random.default_rng(0).integers(0, 2, (60, 16))
    >>> forest = fit_forest(bits, bits[:, 3], ForestOptions(trees=10), progress=False)
    >>> forest.scores([[1] * 16, [0] * 16]).round().tolist()
    [[1.0], [0.0]]
    """
    bits, columns, names = _checked(features, target, options, seed, labels, threads)
    with _bar("forest", columns.shape[1] * options.trees, progress) as bar:
        trees = tuple(_grow(bits, column, options, seed, threads, bar) for column in columns.T)
    return Forest(names, bits.shape[1], trees)


def out_of_fold_scores(
    features: ArrayLike,
    target: ArrayLike,
    options: ForestOptions = ForestOptions(),
    *,
    seed: int = 0,
    groups: ArrayLike | None = None,
    labels: Sequence[str] | None = None,
    threads: int = 1,
    progress: bool = True,
) -> NDArray[np.float64]:
    """Each row's scores by a forest that has not seen it, (n, L) in [0, 1].

    The rows are divided into ``options.folds`` parts, stratified for each label, and each part is
    scored by a forest that was fitted on the others. A blend of these scores with those of a
    network must be fitted on scores as unsure as those of new molecules will be; a forest is nearly
    certain of the rows it was fitted on, and a blend fitted on that would trust it too much.

    Without ``groups`` this is right for new molecules that resemble the known ones as these
    resemble each other. Where they will differ more, as in a split by scaffold, or where a molecule
    occurs twice, name the groups: else a row is scored by a forest that has seen its near copies.

    Args:
        features: (n, W) fingerprints of 0 and 1.
        target: (n,) or (n, L) of 0, 1 and NaN. A row where a label is unknown gets a score too, by
            the forest of one fold.
        options: of the trees, and the number of folds.
        seed: in [0, 2**32); of the folds and of every forest.
        groups: (n,) names, such as scaffolds; a group is never divided between folds.
        labels: names of the L labels, for messages.
        threads: that grow trees at the same time.
        progress: show a bar that counts trees.

    Raises:
        ValueError: as for :func:`fit_forest`; groups that do not fit; too few rows, or groups, of
            a class for the folds.
    """
    bits, columns, names = _checked(features, target, options, seed, labels, threads)
    units = check_groups(groups, len(bits))
    folds = [
        fold_of_rows(column, units, options.folds, seed=seed, label=name)
        for name, column in zip(names, columns.T, strict=True)
    ]
    scores = np.empty(columns.shape)
    count = columns.shape[1] * options.folds * options.trees
    with _bar("forest, out of fold", count, progress) as bar:
        for label, fold in enumerate(folds):
            for held in range(options.folds):
                out = fold == held
                trees = _grow(bits[~out], columns[~out, label], options, seed, threads, bar)
                forest = Forest((names[label],), bits.shape[1], (trees,))
                scores[out, label] = forest.scores(bits[out])[:, 0]
    return scores


def _checked(
    features: ArrayLike,
    target: ArrayLike,
    options: ForestOptions,
    seed: int,
    labels: Sequence[str] | None,
    threads: int,
) -> tuple[NDArray[np.uint8], NDArray[np.float64], tuple[str, ...]]:
    if problems := list(options.problems()):
        raise ValueError("; ".join(problems))
    check_options(seed, threads)
    bits = check_bits(features)
    return bits, *check_target(target, len(bits), labels)


def _bar(title: str, trees: int, progress: bool) -> "tqdm[Any]":
    from tqdm import tqdm  # comes with aucmax[train]

    return tqdm(
        total=trees,
        desc=title,
        unit="tree",
        disable=not progress,
        dynamic_ncols=True,
        leave=False,
    )


def _grow(
    bits: NDArray[np.uint8],
    target: NDArray[np.float64],
    options: ForestOptions,
    seed: int,
    threads: int,
    bar: "tqdm[Any]",
) -> tuple[Tree, ...]:
    """The trees of one label, grown in steps; the same as in one."""
    from sklearn.ensemble import RandomForestClassifier  # comes with aucmax[train]

    known = ~np.isnan(target)
    # Column after column: a tree reads few columns and many rows. A third of the time is saved.
    rows = np.ascontiguousarray(bits[known].T, dtype=np.float32).T
    forest = RandomForestClassifier(
        criterion=options.criterion,
        min_samples_leaf=options.min_samples_leaf,
        class_weight={0: 1.0, 1: options.positive_weight},
        random_state=seed,
        n_jobs=threads,
        warm_start=True,
    )
    for first in range(0, options.trees, _STEP):
        step = min(_STEP, options.trees - first)
        forest.set_params(n_estimators=first + step).fit(rows, target[known])
        bar.update(step)
    return tuple(Tree.of(tree.tree_) for tree in forest.estimators_)
