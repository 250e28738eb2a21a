"""Paired comparisons against the table of all pairs, and what is said of them."""

import json

import numpy as np
import pytest
from oracles_report import delong_difference, made_predictions, pairwise_auc, slow_holm, with_scores

from aucmax import metrics
from aucmax.report import Predictions, align, compare, compare_seeds

NAMES = ("new", "old")


def _near(expected):
    return pytest.approx(expected, rel=1e-8)


def test_difference_and_p_are_delongs():
    a = made_predictions(0, n=80, labels=("x", "y"), unknown=0.1)
    b = with_scores(a, 1, shift=0.3)
    found = compare(a, b, names=NAMES)
    for j, label in enumerate(a.labels):
        known = ~np.isnan(a.target[:, j])
        s, t, y = a.scores[known, j], b.scores[known, j], a.target[known, j]
        gap, error, p, q = delong_difference(s, t, y)
        one = found["labels"][label]
        assert one["difference"]["estimate"] == _near(gap)
        assert one["z"] == _near(gap / error)
        assert one["p_value"] == _near(p)
        assert one["difference"]["high"] == _near(gap + q * error)
        assert one["auroc"]["new"]["estimate"] == _near(pairwise_auc(s, y))
        assert one["auroc"]["old"]["estimate"] == _near(pairwise_auc(t, y))
    assert (found["names"], found["n"]) == (["new", "old"], 80)


def test_order_of_rows_does_not_matter_and_order_of_sides_turns_the_sign():
    a = made_predictions(1, labels=("x", "y"))
    b = with_scores(a, 2, shift=0.2)
    one = compare(a, b, names=NAMES)
    assert compare(a, b.select(np.arange(60)[::-1]), names=NAMES) == one
    turned = compare(b, a, names=NAMES[::-1])
    assert turned["macro"]["p_value"] == _near(one["macro"]["p_value"])
    assert turned["macro"]["difference"]["low"] == _near(-one["macro"]["difference"]["high"])
    assert turned["macro"]["auroc"] == one["macro"]["auroc"]


def test_macro_is_the_test_of_the_mean_over_whole_labels():
    a = made_predictions(2, labels=("x", "y", "empty"))
    target = a.target.copy()
    target[:, 2] = 0
    a = Predictions(a.ids, a.labels, a.scores, target)
    b = with_scores(a, 3, shift=0.2)
    found = compare(a, b)
    test = metrics.macro_auroc_test(a.scores[:, :2], b.scores[:, :2], target[:, :2])
    assert found["macro"]["labels"] == ["x", "y"]
    assert found["macro"]["p_value"] == _near(test.p_value)
    assert found["macro"]["difference"]["low"] == _near(test.difference.low)
    assert found["labels"]["empty"]["meaning"] == "No AUC: no sample is positive."
    json.dumps(found, allow_nan=False)


def test_groups_of_either_side_widen_the_interval():
    a = made_predictions(3, n=60)
    scores, target = np.repeat(a.scores, 2, 0), np.repeat(a.target, 2, 0)
    ids = [str(i) for i in range(120)]
    patients = np.repeat(np.arange(60), 2).astype(str)
    alone = Predictions(ids, ("x",), scores, target)
    grouped = Predictions(ids, ("x",), with_scores(alone, 1, 0.2).scores, target, patients)
    bare = Predictions(ids, ("x",), grouped.scores, target)
    narrow, wide = compare(alone, bare), compare(alone, grouped)
    assert wide["groups"] == 60
    assert "groups" not in narrow
    test = metrics.auroc_test(scores[:, 0], grouped.scores[:, 0], target[:, 0], groups=patients)
    assert wide["labels"]["x"]["p_value"] == _near(test.p_value)
    assert wide["labels"]["x"]["p_value"] != narrow["labels"]["x"]["p_value"]


def test_holm_is_added_when_there_are_several_labels():
    a = made_predictions(4, labels=tuple("vwxyz"))
    found = compare(a, with_scores(a, 5, shift=0.4))["labels"].values()
    expected = slow_holm([one["p_value"] for one in found])
    assert [one["p_value_holm"] for one in found] == _near(expected)
    single = made_predictions(4)
    (one,) = compare(single, with_scores(single, 5, shift=0.4))["labels"].values()
    assert "p_value_holm" not in one


def test_seeds_are_averaged_and_paired():
    runs = [made_predictions(6, labels=("x", "y"))]
    runs += [with_scores(runs[0], seed, shift=1.0) for seed in (1, 2)]
    others = [with_scores(runs[0], seed, shift=0.5) for seed in (3, 4, 5)]
    found = compare_seeds(runs, [others[0].select(np.arange(60)[::-1]), *others[1:]], names=NAMES)
    assert found["seeds"] == 3
    mean = np.mean([metrics.auroc(r.scores[:, 0], r.target[:, 0]) for r in runs])
    assert found["labels"]["x"]["auroc"]["new"]["estimate"] == _near(mean)
    stacks = [np.stack([run.scores for run in side]) for side in (runs, others)]
    test = metrics.auroc_test_over_seeds(*stacks, runs[0].target)
    assert found["macro"]["p_value"] == _near(test.p_value)
    assert "seeds" not in compare_seeds(runs[:1], others[:1])


def test_names_and_groups_known_to_one_run_hold_for_all():
    a = made_predictions(7, groups=True)
    bare = Predictions(a.ids, a.labels, a.scores + 0.0, a.target)
    named = Predictions(a.ids, ("cancer",), with_scores(a, 1, 0.0).scores, a.target)
    found = compare_seeds([bare, bare], [a, named])
    assert list(found["labels"]) == ["cancer"]
    assert found["groups"] == 30
    assert align(bare, named)[0].labels == ("cancer",)


def test_the_sentence_says_which_is_better_and_by_how_much():
    a = made_predictions(8, n=300, shift=2.0)
    b = with_scores(a, 1, shift=0.0)
    gap, error, p, q = delong_difference(a.scores[:, 0], b.scores[:, 0], a.target[:, 0])
    low, high = gap - q * error, gap + q * error
    expected = (
        f"new is better: its AUC is {gap:.4f} higher than that of old "
        f"(95 % interval {low:.4f} to {high:.4f}, p < 0.0001)."
    )
    assert p < 1e-4
    assert compare(a, b, names=NAMES)["labels"]["target"]["meaning"] == expected
    # The better one is named first whatever the order of the arguments, with the same numbers.
    assert compare(b, a, names=NAMES[::-1])["labels"]["target"]["meaning"] == expected


def test_the_sentence_says_when_nothing_is_shown():
    a = made_predictions(9)
    same = compare(a, a, names=NAMES)["labels"]["target"]
    assert (same["p_value"], same["z"], same["difference"]["estimate"]) == (1, 0, 0)
    assert same["meaning"].startswith(
        "No difference shown: AUC of new minus that of old is +0.0000"
    )


def test_the_sentence_tells_what_holm_takes_back():
    a = made_predictions(10, n=150, labels=tuple("abcdefghij"), shift=0.5)
    b = with_scores(a, 11, shift=0.4)
    found = compare(a, b)
    taken = [one for one in found["labels"].values() if one["p_value"] < 0.05 < one["p_value_holm"]]
    assert taken
    for one in taken:
        assert (
            "No difference shown that lasts after Holm's correction for 10 labels" in one["meaning"]
        )
    assert "mean AUC over 10 labels" in found["macro"]["meaning"]


@pytest.mark.parametrize(
    ("sides", "names", "message"),
    [
        (("a", ""), NAMES, "as many of both, at least one, got 1 of 'new' and 0 of 'old'"),
        (("", ""), NAMES, "got 0 of 'new'"),
        (("aa", "b"), NAMES, "got 2 of 'new' and 1 of 'old'"),
        (("a", "b"), ("x", "x"), "names must differ, got 'x' twice"),
        (("a", "c"), NAMES, "predictions have no targets"),
        (("d", "d"), NAMES, "no label has both .* target: no AUC: no sample is negative"),
        (("a", "e"), NAMES, "same ids"),
    ],
)
def test_sides_that_cannot_be_compared_are_refused(sides, names, message):
    a = made_predictions(0)
    known = {
        "a": a,
        "b": with_scores(a, 1, 0.0),
        "c": Predictions(a.ids, a.labels, a.scores),
        "d": Predictions(a.ids, a.labels, a.scores, np.ones((60, 1))),
        "e": a.select(range(50)),
    }
    with pytest.raises(ValueError, match=message):
        compare_seeds(*([known[k] for k in side] for side in sides), names=names)
