"""One decision tree over bits, as two plain arrays."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

_STRIDE = 8
"""Steps between two looks at which rows have reached a leaf."""


@dataclass(frozen=True, eq=False)
class Tree:
    """A tree in level order: the children of its k-th inner node are the nodes 2k + 1 and 2k + 2.

    So the questions alone tell the shape, and a file of them needs no other library to be read.
    """

    feature: NDArray[np.int32]
    """(N,) column that a node asks for, -1 at a leaf; a row goes to the first child at 0."""
    share: NDArray[np.float64]
    """(K,) weighted share of positives at each leaf, in the order of the leaves."""

    @classmethod
    def of(cls, grown: Any) -> Self:
        """The same tree as one that scikit-learn grew on bits.

        Args:
            grown: ``DecisionTreeClassifier.tree_`` for the classes 0 and 1.
        """
        left, right = grown.children_left, grown.children_right
        levels, level = [], np.zeros(1, dtype=np.intp)
        while len(level):
            levels.append(level)
            inner = level[left[level] >= 0]
            level = np.stack([left[inner], right[inner]], axis=1).ravel()
        order = np.concatenate(levels)
        leaf = left[order] < 0
        feature = np.where(leaf, -1, grown.feature[order]).astype(np.int32)
        return cls(feature, np.array(grown.value[order[leaf], 0, 1], dtype=np.float64))

    def is_sound(self, width: int) -> bool:
        """Whether every walk stays inside the tree and ends at a leaf with a share in [0, 1].

        Args:
            width: W, columns of the rows to come.
        """
        inner = self.feature >= 0
        return (
            len(self.feature) == 2 * inner.sum() + 1 == 2 * len(self.share) - 1
            and bool((self.feature >= -1).all() and (self.feature < width).all())
            and bool((self._children()[inner] > np.flatnonzero(inner)).all())
            and bool(((self.share >= 0) & (self.share <= 1)).all())
        )

    def scores(self, bits: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Share of positives at the leaf of each row, (n,) in [0, 1].

        Args:
            bits: (n, W + 1) 0 or 1, C-contiguous, with a last column of zeros.
        """
        width = bits.shape[1] - 1
        # A leaf asks for the column of zeros and is its own child: rows may rest there.
        question = np.where(self.feature < 0, width, self.feature).astype(np.int64)
        child, flat = self._children(), bits.ravel()
        end, moving = np.zeros(len(bits), dtype=np.int64), np.arange(len(bits))
        while len(moving):
            node, start = end[moving], moving * (width + 1)
            for _ in range(_STRIDE):
                node = child.take(node) + flat.take(start + question.take(node))
            end[moving] = node
            moving = moving[self.feature[node] >= 0]
        rank = np.cumsum(self.feature < 0) - 1
        return self.share[rank[end]]

    def _children(self) -> NDArray[np.int64]:
        """The first child of each inner node; a leaf is its own."""
        inner = self.feature >= 0
        return np.where(inner, 2 * np.cumsum(inner) - 1, np.arange(len(inner)))
