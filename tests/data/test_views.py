"""Views joined to studies, against plain loops."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aucmax.data import max_over_views, mean_over_views, study_names


def slowly(scores, studies, join):
    order = list(dict.fromkeys(studies))
    return order, [join([s for s, t in zip(scores, studies, strict=True) if t == o]) for o in order]


@given(
    st.lists(
        st.tuples(st.floats(-5, 5), st.floats(-5, 5), st.sampled_from("dcba")),
        min_size=1,
        max_size=30,
    )
)
def test_as_a_loop(rows):
    scores = np.array([row[:2] for row in rows])
    studies = [row[2] for row in rows]
    truth = {name: np.array([k % 2, np.nan]) for k, name in enumerate("abcd")}
    target = np.array([truth[name] for name in studies])
    for joined, slow in ((max_over_views, max), (mean_over_views, lambda v: sum(v) / len(v))):
        found = joined(scores, target, studies=studies)
        for column in (0, 1):
            order, expected = slowly(scores[:, column], studies, slow)
            np.testing.assert_allclose(found.scores[:, column], expected, rtol=1e-12, atol=1e-12)
            assert found.names.tolist() == order
            flat = joined(scores[:, column], studies=studies)
            np.testing.assert_allclose(flat.scores, expected, rtol=1e-12, atol=1e-12)
            assert flat.target is None
        np.testing.assert_array_equal(found.target, [truth[name] for name in order])


def test_a_view_that_knows_speaks_for_the_study():
    joined = max_over_views([0.1, 0.2], [np.nan, 1], studies=["a", "a"])
    assert joined.target.tolist() == [1]


def test_study_names():
    ids = ["train/patient1/study1/view1_frontal.jpg", "train/patient1/study1/view2_lateral.jpg"]
    assert study_names(ids).tolist() == ["train/patient1/study1"] * 2
    with pytest.raises(
        ValueError, match="ids must be paths STUDY/IMAGE to tell the study, got 'x'"
    ):
        study_names(["a/b", "x"])


@pytest.mark.parametrize("join", [max_over_views, mean_over_views])
@pytest.mark.parametrize(
    ("scores", "target", "studies", "message"),
    [
        ([], None, [], r"scores must have shape \(n,\) or \(n, L\) with n > 0, got \(0,\)"),
        ([[[1.0]]], None, ["a"], r"got \(1, 1, 1\)"),
        ([1.0, 2.0], None, ["a"], r"studies must have shape \(2,\), got \(1,\)"),
        ([1.0, np.nan], None, ["a", "b"], "scores must be finite, got NaN or infinity"),
        ([1.0, 2.0], [[1], [0]], ["a", "b"], r"target must have the shape of scores \(2,\)"),
        ([1.0, 2.0], [1, -1], ["a", "b"], "target must be 0, 1 or NaN"),
        ([1.0, 2.0, 3.0], [1, 0, 0], ["a", "b", "a"], "target must be the same .* differs in 'a'"),
    ],
)
def test_refused(join, scores, target, studies, message):
    with pytest.raises(ValueError, match=message):
        join(scores, target, studies=studies)
