"""What counts as a set of predictions."""

import numpy as np
import pytest

from aucmax.report import Predictions

ONE = np.zeros((1, 1))


def test_values_are_kept_as_float64_in_the_shape_given():
    p = Predictions(["a", "b"], ["x"], np.array([[1], [2]]), [[0], [np.nan]], ["p", "q"])
    assert p.scores.dtype == p.target.dtype == np.float64
    assert (p.ids, p.labels, len(p)) == (("a", "b"), ("x",), 2)
    assert p.groups.tolist() == ["p", "q"]


def test_select_takes_rows_in_the_order_asked():
    p = Predictions(("a", "b", "c"), ("x",), [[1], [2], [3]], [[0], [1], [0]], ["p", "q", "r"])
    q = p.select([2, 0])
    assert q.ids == ("c", "a")
    assert q.scores.ravel().tolist() == [3, 1]
    assert q.target.ravel().tolist() == [0, 0]
    assert q.groups.tolist() == ["r", "p"]
    bare = Predictions(("a", "b"), ("x",), [[1], [2]]).select([1])
    assert bare.target is None
    assert bare.groups is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((), ("x",), np.zeros((0, 1))), "at least one sample"),
        ((("a",), (), np.zeros((1, 0))), "at least one label"),
        ((("a", "a"), ("x",), np.zeros((2, 1))), "each id must occur once, 'a' occurs more"),
        ((("a",), ("x", "x"), np.zeros((1, 2))), "each label must occur once, 'x'"),
        (((" ",), ("x",), ONE), "each id must have a name"),
        ((("a",), ("",), ONE), "each label must have a name"),
        ((("a",), ("x ",), ONE), "must not begin or end with a space, got 'x '"),
        ((("a",), ("x",), np.zeros(1)), r"scores must have one row .* \(1, 1\), got shape \(1,\)"),
        (
            (("a",), ("x",), ONE, np.zeros((1, 2))),
            r"target must have one row .* got shape \(1, 2\)",
        ),
        ((("a",), ("x",), ONE, None, ["g", "h"]), r"groups must have shape \(1,\).* got \(2,\)"),
        ((("a",), ("x",), ONE * np.nan), "scores must be finite, got nan for id 'a', label 'x'"),
        ((("a",), ("x",), ONE + np.inf), "scores must be finite, got inf"),
        ((("a",), ("x",), ONE, ONE - 1), "target must be 0, 1 or NaN .* got -1.0; recode"),
    ],
)
def test_what_breaks_a_rule_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Predictions(*arguments)
