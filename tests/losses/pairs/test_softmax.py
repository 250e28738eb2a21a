import pytest
import torch
from oracles_losses import SURROGATES as SLOW
from oracles_losses import cubic
from oracles_smooth import log_mean_exp, rows_of_pairs

from aucmax.losses.pairs import softmax as pair_softmax
from aucmax.losses.pairs.series import MAX_EXPONENT, Series
from aucmax.losses.pairs.softmax import Blocks, PairSoftmax
from aucmax.surrogates import SURROGATES, square, squared_hinge

NAMES = list(SURROGATES)
QUADRATIC = pytest.mark.parametrize("surrogate", [square, squared_hinge])


def problem(rows, labels=None, dtype=torch.float64):
    """Scores in (0, 1) with ties, masks of both classes, weights; one row of neither class."""
    shape = (rows,) if labels is None else (rows, labels)
    h = (torch.rand(shape, dtype=dtype) * 12).round() / 12
    target = (torch.arange(h.numel()).reshape(shape) % 5 < 2).to(dtype)
    positive, negative = target, 1 - target
    negative[-1] = positive[-1] = 0
    return h, positive, negative, torch.rand(shape, dtype=dtype)


def softmax(h, positive, negative, weight, surrogate, margin=1.0, temperature=0.7):
    rows = PairSoftmax(h, positive, negative, surrogate, margin, temperature)
    return rows.log_means, rows.gradient(weight * positive)


def path(h, positive, negative, surrogate, margin, temperature):
    """The class that computes a problem of one label."""
    rows = PairSoftmax(h, positive, negative, surrogate, margin, temperature)
    return type(rows._labels[0][-1])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("temperature", [0.05, 0.7, 30.0])
def test_means_and_gradient_equal_the_double_loop(name, temperature):
    h, positive, negative, weight = problem(11)
    target = torch.where(positive + negative > 0, positive, torch.nan)
    found = softmax(h, positive, negative, weight, SURROGATES[name], 0.63, temperature)
    h.requires_grad_()
    rows = rows_of_pairs(h, target, SLOW[name], 0.63)
    means = torch.stack([log_mean_exp([x / temperature for x in row]) for row in rows])
    (grad,) = torch.autograd.grad(temperature * (weight[positive > 0] * means).sum(), h)
    expected = torch.zeros(11, dtype=torch.float64)
    expected[positive > 0] = means.detach()
    torch.testing.assert_close(found, (expected, grad), rtol=1e-10, atol=1e-10)


def test_the_series_serves_scores_within_the_margin():
    h, positive, negative, _ = problem(20)
    assert path(h, positive, negative, squared_hinge, 1.0, 0.1) is Series
    assert path(h, positive, negative, square, 0.1, 0.1) is Series
    assert path(h, positive, negative, squared_hinge, 0.1, 0.1) is Blocks
    assert path(h, positive, negative, square, 1.0, 0.01) is Blocks
    assert path(h, positive, negative, cubic, 1.0, 1.0) is Blocks


@pytest.mark.parametrize("temperature", [2 / MAX_EXPONENT * 1.001, 1.0, 10.0])
@QUADRATIC
def test_the_series_keeps_the_precision_of_float32(surrogate, temperature):
    h, positive, negative, weight = problem(400, dtype=torch.float32)
    h[:2], h[2:4] = torch.tensor([0.0, 1.0]), torch.tensor([0.0, 1.0])
    assert path(h, positive, negative, surrogate, 1.0, temperature) is Series
    found = softmax(h, positive, negative, weight, surrogate, 1.0, temperature)
    doubles = (x.double() for x in (h, positive, negative, weight))
    expected = softmax(*doubles, surrogate, 1.0, temperature)
    assert found[1].dtype == torch.float32
    torch.testing.assert_close([x.double() for x in found], list(expected), rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("kept", [0, 10**9])
@pytest.mark.parametrize("pairs", [1, 40, 10**9])
@pytest.mark.parametrize("surrogate", [squared_hinge, SURROGATES["logistic"]])
def test_blocks_of_any_size_agree(monkeypatch, surrogate, pairs, kept):
    h, positive, negative, weight = problem(23, labels=2)
    expected = softmax(h, positive, negative, weight, surrogate, 0.4)
    monkeypatch.setattr(pair_softmax, "BLOCK_PAIRS", pairs)
    monkeypatch.setattr(pair_softmax, "KEPT_PAIRS", kept)
    torch.testing.assert_close(softmax(h, positive, negative, weight, surrogate, 0.4), expected)


def test_no_more_than_a_block_of_pairs_is_held(monkeypatch):
    sizes = []

    def watched(gap, margin):
        sizes.append(gap.numel())
        return squared_hinge(gap, margin)

    monkeypatch.setattr(pair_softmax, "BLOCK_PAIRS", 500)
    monkeypatch.setattr(pair_softmax, "KEPT_PAIRS", 1000)
    h, positive, negative, weight = problem(200)
    softmax(h, positive, negative, weight, watched)
    assert max(sizes) <= 500
    assert sum(sizes) == 2 * positive.sum() * negative.sum()  # once for the means, once more


def test_few_pairs_are_computed_once():
    sizes = []

    def watched(gap, margin):
        sizes.append(gap.numel())
        return squared_hinge(gap, margin)

    h, positive, negative, weight = problem(30)
    softmax(h, positive, negative, weight, watched)
    assert sum(sizes) == positive.sum() * negative.sum()


@pytest.mark.parametrize("surrogate", [squared_hinge, square, cubic])
def test_rows_of_other_labels_and_lonely_classes_have_no_part(surrogate):
    h, positive, negative, weight = problem(12, labels=3)
    negative[:, 1] = 0
    log_means, grad = softmax(h, positive, negative, weight, surrogate)
    assert log_means[:, 1].eq(0).all()
    assert log_means[positive == 0].eq(0).all()
    assert grad[:, 1].eq(0).all()
    assert grad[-1].eq(0).all()
    for label in (0, 2):
        alone = softmax(*(x[:, label] for x in (h, positive, negative, weight)), surrogate)
        torch.testing.assert_close((log_means[:, label], grad[:, label]), alone)


@pytest.mark.parametrize("scale", [1.0, 100.0, 1e4, 1e8])
@pytest.mark.parametrize("name", ["square", "squared_hinge", "hinge", "logistic", "barrier_hinge"])
def test_nothing_overflows_in_float32(name, scale):
    h = torch.linspace(-1, 1, 40) * scale
    positive = (torch.arange(40) % 3 == 0).float()
    weight = positive / positive.sum()
    found = softmax(h, positive, 1 - positive, weight, SURROGATES[name], 1.0, 1e-3)
    assert all(x.isfinite().all() for x in found)
    doubles = (x.double() for x in (h, positive, 1 - positive, weight))
    expected = softmax(*doubles, SURROGATES[name], 1.0, 1e-3)
    bound = expected[1].abs().max()
    torch.testing.assert_close(found[1].double() / bound, expected[1] / bound, rtol=0, atol=2e-2)


@QUADRATIC
@pytest.mark.parametrize(("ones", "zeros"), [([0.5], [0.25]), ([0.5, 0.5], [0.5, 0.5, 0.5])])
def test_one_pair_and_equal_scores(surrogate, ones, zeros):
    h = torch.tensor([*ones, *zeros], dtype=torch.float64)
    positive = torch.tensor([1.0] * len(ones) + [0.0] * len(zeros), dtype=torch.float64)
    gap = ones[0] - zeros[0]
    log_means, grad = softmax(h, positive, 1 - positive, positive / len(ones), surrogate)
    expected = torch.full((len(ones),), (1 - gap) ** 2 / 0.7, dtype=torch.float64)
    torch.testing.assert_close(log_means[: len(ones)], expected)
    assert grad[0] == pytest.approx(-2 * (1 - gap) / len(ones))
    assert grad[-1] == pytest.approx(2 * (1 - gap) / len(zeros))
