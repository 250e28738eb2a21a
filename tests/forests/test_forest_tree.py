import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.tree import DecisionTreeClassifier

from aucmax.forests._tree import Tree

WIDTH = 5
NONE = np.zeros((0, WIDTH + 1), dtype=np.uint8)


def tree_of(feature, share=None):
    leaves = feature.count(-1)
    share = [k / max(leaves, 1) for k in range(leaves)] if share is None else share
    return Tree(np.array(feature, dtype=np.int32), np.array(share, dtype=float))


@st.composite
def sound_trees(draw):
    """Questions in level order, as long as a node is open."""
    feature, open_nodes = [], 1
    while open_nodes:
        deep = len(feature) + open_nodes > 60
        asks = draw(st.integers(-1, -1 if deep else WIDTH - 1))
        feature.append(asks)
        open_nodes += 1 if asks >= 0 else -1
    return tree_of(feature)


def walk(tree, row):
    """One row, one node at a time: children are what comes next in a queue."""
    queue, children = 0, {}
    for node, asks in enumerate(tree.feature):
        if asks >= 0:
            children[node] = (queue + 1, queue + 2)
            queue += 2
    node = 0
    while tree.feature[node] >= 0:
        node = children[node][row[tree.feature[node]]]
    return tree.share[list(np.flatnonzero(tree.feature < 0)).index(node)]


def reached(feature):
    """Nodes in the order in which a queue of children brings them up; None if it breaks off."""
    seen, last = [], 0
    waiting = [0]
    while waiting:
        node = waiting.pop(0)
        if node >= len(feature):
            return None
        seen.append(node)
        if feature[node] >= 0:
            waiting += [last + 1, last + 2]
            last += 2
    return seen


def padded(bits):
    return np.pad(np.asarray(bits, dtype=np.uint8), ((0, 0), (0, 1)))


@given(tree=sound_trees(), seed=st.integers(0, 99))
def test_scores_are_those_of_a_walk_node_by_node(tree, seed):
    bits = np.random.default_rng(seed).integers(0, 2, (20, WIDTH))
    assert tree.is_sound(WIDTH)
    assert tree.scores(padded(bits)).tolist() == [walk(tree, row) for row in bits]


def test_a_deep_tree():
    """Longer than many strides: each node asks for a bit of its own, the last leaf is all ones."""
    depth = 67
    tree = tree_of([v for k in range(depth) for v in ([k] if k == 0 else [-1, k])] + [-1, -1])
    rows = padded(np.tri(depth + 1, depth, -1))
    assert tree.is_sound(depth)
    assert tree.scores(rows).tolist() == [k / (depth + 1) for k in range(depth + 1)]


def test_no_rows_and_a_single_leaf():
    assert tree_of([-1], [0.3]).scores(padded(np.ones((2, WIDTH)))).tolist() == [0.3, 0.3]
    assert tree_of([2, -1, -1]).scores(NONE).shape == (0,)


@pytest.mark.parametrize("depth", [None, 1, 4])
def test_of_scikit_learns_tree(depth):
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2, (300, WIDTH + 7))
    target = (bits[:, :3].sum(1) + rng.normal(size=300) > 1.5).astype(float)
    grown = DecisionTreeClassifier(max_depth=depth, random_state=0).fit(bits, target)
    tree = Tree.of(grown.tree_)
    assert tree.is_sound(bits.shape[1])
    assert (tree.scores(padded(bits)) == grown.predict_proba(bits)[:, 1]).all()
    assert len(tree.feature) == grown.tree_.node_count


@given(feature=st.lists(st.integers(-2, WIDTH), min_size=1, max_size=9))
def test_is_sound_exactly_if_every_node_is_reached_in_order(feature):
    inside = all(-1 <= asks < WIDTH for asks in feature)
    whole = reached(feature) == list(range(len(feature)))
    assert tree_of(feature).is_sound(WIDTH) == (inside and whole)


@pytest.mark.parametrize("share", [[0.5], [0.5, 1.1], [0.5, -0.1], [np.nan, 0.5], [0, 0.5, 1]])
def test_shares_that_are_none(share):
    assert tree_of([0, -1, -1], [0.0, 1.0]).is_sound(WIDTH)
    assert not tree_of([0, -1, -1], share).is_sound(WIDTH)
