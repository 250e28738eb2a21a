import numpy as np
import pytest
from hypothesis import assume, given, settings
from oracles_metrics import components, delong_covariance, obuchowski_terms, rankings

from aucmax.metrics import auroc
from aucmax.metrics._inputs import as_groups, as_rows
from aucmax.metrics.influence import difference, influence, influences, mean, placements

quick = settings(deadline=None, max_examples=60)


def enough(target):
    return min(sum(target), len(target) - sum(target)) >= 2


@quick
@given(rankings())
def test_placements_are_delongs_components_in_row_order(case):
    scores, target = np.array(case[0]), np.array(case[1])
    auc, values = placements(scores, target == 1)
    v10, v01 = components(scores, target)
    np.testing.assert_allclose(values[target == 1], v10, atol=1e-14)
    np.testing.assert_allclose(values[target == 0], v01, atol=1e-14)
    assert auc == auroc(scores, target)  # to the last bit


@quick
@given(rankings(models=2, min_size=4))
def test_sums_of_influence_products_are_delongs_covariances(case):
    a, b, target = case
    assume(enough(target))
    positive = np.array(target) == 1
    expected = delong_covariance([a, b], target)
    of_a, of_b = influence(np.array(a), positive), influence(np.array(b), positive)
    assert of_a.rows @ of_b.rows == pytest.approx(expected[0, 1], abs=1e-14)
    assert of_a.rows @ of_a.rows == pytest.approx(expected[0, 0], abs=1e-14)
    assert float((of_a.rows - of_b.rows) @ (of_a.rows - of_b.rows)) == pytest.approx(
        expected[0, 0] + expected[1, 1] - 2 * expected[0, 1], abs=1e-14
    )


def test_influence_of_a_row_is_its_derivative():
    rng = np.random.default_rng(0)
    scores, target = rng.normal(size=30), np.repeat([1, 0], [12, 18])
    estimate = influence(scores, target == 1)
    row = 4  # one more copy of a positive moves the mean of 12 placements by (V - A) / 13
    moved = auroc(np.append(scores, scores[row]), np.append(target, 1)) - auroc(scores, target)
    assert moved * 13 / np.sqrt(12 * 11) == pytest.approx(estimate.rows[row], abs=1e-14)


@quick
@given(rankings(min_size=8, max_size=30))
def test_group_variance_is_obuchowskis(case):
    scores, target = np.array(case[0]), np.array(case[1])
    groups = np.arange(len(target)) % max(4, len(target) // 3)
    of_pos, of_neg = set(groups[target == 1]), set(groups[target == 0])
    assume(min(len(of_pos), len(of_neg)) > 1)
    estimate = influence(scores, target == 1, as_groups(groups, len(groups)))
    assume(estimate.parts[0].estimable)
    positive, negative, cross = obuchowski_terms(scores, target, groups)
    i, k, size = len(of_pos), len(of_neg), len(set(groups))
    ours = np.sqrt(i / (i - 1) * k / (k - 1))  # the cross term's factor, in place of size/(size-1)
    expected = positive + negative + cross * ours / (size / (size - 1))
    assert estimate.variance(as_groups(groups, len(groups))) == pytest.approx(expected, abs=1e-13)


def test_groups_of_one_row_are_no_groups():
    rng = np.random.default_rng(0)
    scores, target = rng.normal(size=40), rng.integers(0, 2, 40)
    codes = as_groups(rng.permutation(40), 40)
    grouped, plain = influence(scores, target == 1, codes), influence(scores, target == 1)
    assert grouped.variance(codes) == pytest.approx(plain.variance(None), rel=1e-12)


def test_rows_with_unknown_target_move_nothing():
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(40, 2))
    target = rng.integers(0, 2, (40, 2)).astype(float)
    target[::3, 1] = np.nan
    codes = as_groups(np.arange(40) // 2, 40)
    estimate = influences(as_rows(scores, target), codes)[1]
    known = ~np.isnan(target[:, 1])
    alone = influence(scores[known, 1], target[known, 1] == 1, np.arange(40)[known] // 2)
    assert (estimate.rows[~known] == 0).all()
    np.testing.assert_array_equal(estimate.rows[known], alone.rows)
    assert estimate.variance(codes) == pytest.approx(alone.variance(np.arange(40)[known] // 2))


@pytest.mark.parametrize(
    ("scores", "target"),
    [
        ([1.0, 2, 3, 4], [0, 0, 1, 1]),  # perfect
        ([1.0, 2, 3, 4], [1, 1, 0, 0]),  # perfectly wrong
        ([5.0, 5, 5, 5], [0, 1, 0, 1]),  # constant
        ([1.0, 3, 2, 4], [0, 0, 1, 0]),  # one positive
    ],
)
def test_where_delong_sees_no_variation_the_score_interval_speaks(scores, target):
    estimate = influence(np.array(scores), np.array(target) == 1)
    assert not estimate.parts[0].estimable
    assert (estimate.rows == 0).all()
    assert estimate.freedom(None) == np.inf


def test_positives_of_one_group_count_once():
    scores = np.array([1.0, 4, 2, 6, 3, 5])
    estimate = influence(scores, np.array([0, 0, 0, 1, 1, 1]) == 1, np.array([0, 1, 2, 3, 3, 3]))
    assert (estimate.parts[0].positives, estimate.parts[0].negatives) == (1, 3)
    assert not estimate.parts[0].estimable


def test_sums_keep_their_parts_and_weights():
    rng = np.random.default_rng(0)
    scores, positive = rng.normal(size=(2, 30)), np.arange(30) > 20
    a, b = (influence(s, positive) for s in scores)
    middle, gap = mean([a, b]), difference(a, b)
    assert [p.weight for p in middle.parts] == [0.5, 0.5]
    assert [p.weight for p in gap.parts] == [1, -1]
    assert middle.value == pytest.approx((a.value + b.value) / 2)
    assert gap.value == pytest.approx(a.value - b.value)
    np.testing.assert_allclose(gap.rows, a.rows - b.rows)
    assert difference(middle, middle).variance(None) == pytest.approx(0, abs=1e-30)


def test_degrees_of_freedom_by_the_fourth_moment():
    rng = np.random.default_rng(0)
    positive = np.arange(400) < 200
    estimate = influence(rng.normal(size=400), positive)
    u = estimate.rows
    expected = 2 * (u**2).sum() ** 2 / (u**4).sum()
    assert estimate.freedom(None) == pytest.approx(min(expected, 199))
    groups = np.arange(400) // 4
    sums = np.array([u[groups == g].sum() for g in range(100)])
    found = estimate.freedom(as_groups(groups, 400))
    assert found == pytest.approx(min(2 * (sums**2).sum() ** 2 / (sums**4).sum(), 199))
    few = influence(rng.normal(size=400), np.arange(400) < 4)
    assert few.freedom(None) <= 3
