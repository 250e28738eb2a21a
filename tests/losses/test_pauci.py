import copy
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles_losses import mean_over_labels
from oracles_pauci import mean_of, objective, partial_square, region
from torch.nn import Identity

from aucmax.losses import AUCSquareLoss
from aucmax.losses.pauci import PAUCILoss

NAN, INF = float("nan"), math.inf
REGIONS = pytest.mark.parametrize(
    ("max_fpr", "min_tpr"), [(0.3, 0.0), (0.25, 0.5), (1.0, 0.6), (0.37, 0.21), (0.01, 0.99)]
)
KAPPAS = pytest.mark.parametrize("kappa", [5.0, 100.0, INF])


def batch(shape=(40,)):
    """Scores without ties, and targets, every fourth positive."""
    target = (torch.arange(torch.Size(shape).numel()) % 4 == 0).double().reshape(shape)
    return torch.rand(shape, dtype=torch.float64), target


def raw(*args, **options):
    """The loss on scores themselves, in float64."""
    return PAUCILoss(*args, activation=Identity(), **options).double()


def set_variables(loss, **values):
    for name, value in values.items():
        parameter = getattr(loss, name)
        if parameter is not None:
            parameter.data = torch.as_tensor(value, dtype=parameter.dtype).expand_as(parameter)
            parameter.data = parameter.data.clone()
    return loss


@REGIONS
def test_at_its_saddle_it_is_the_mean_square_over_the_pairs_of_the_region(max_fpr, min_tpr):
    h, target = batch()
    h.requires_grad_()
    loss = raw(max_fpr, min_tpr, kappa=INF)
    loss.start_at(h, target)
    value, expected = loss(h, target), partial_square(h, target, max_fpr, min_tpr)
    torch.testing.assert_close(value, expected)
    value.backward()
    torch.testing.assert_close(h.grad, torch.autograd.grad(expected, h)[0])
    for name, parameter in loss.named_parameters():
        assert abs(parameter.grad) < 1e-12, name


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(0, 6).map(lambda i: i / 6), min_size=4, max_size=14),
    st.floats(0.05, 1.0),
    st.floats(0.0, 0.95),
)
def test_the_saddle_value_with_any_ties(scores, max_fpr, min_tpr):
    h = torch.tensor(scores, dtype=torch.float64)
    target = (torch.arange(len(h)) % 3 == 0).double()
    loss = raw(max_fpr, min_tpr, kappa=INF)
    loss.start_at(h, target)
    value = loss(h, target)
    torch.testing.assert_close(value, partial_square(h, target, max_fpr, min_tpr))
    value.backward()
    for parameter in loss.parameters():
        assert abs(parameter.grad) < 1e-9


@REGIONS
def test_it_is_a_saddle(max_fpr, min_tpr):
    h, target = batch()
    loss = raw(max_fpr, min_tpr, kappa=INF)
    loss.start_at(h, target)
    best = loss(h, target).item()
    for name, _ in loss.named_parameters():
        for step in torch.linspace(-0.4, 0.4, 9).tolist():
            moved = copy.deepcopy(loss)
            getattr(moved, name).data += step
            value = moved.eval()(h, target).item()
            if name == "alpha":
                assert value <= best + 1e-12
            else:
                assert value >= best - 1e-12


@REGIONS
@KAPPAS
def test_value_and_gradients_are_those_of_the_papers_form(max_fpr, min_tpr, kappa):
    h, target = batch((24, 4))
    target[:5, 0], target[:, 1], target[:9, 2], target[:, 3] = NAN, 1.0, NAN, 0.0
    target[0, 2], target[1, 3] = 1.0, NAN
    h.requires_grad_()
    loss = raw(max_fpr, min_tpr, num_labels=4, kappa=kappa, omega=0.3)
    set_variables(
        loss,
        a=[0.7, 0.3, 0.9, 0.5],
        b=[0.2, 0.4, 0.1, 0.5],
        alpha=[0.6, 0.9, 1.5, 1.0],
        s_positive=[0.5, 0.1, 0.8, 0.4],
        s_negative=[0.4, 0.7, 0.9, 0.2],
    )
    own = dict(loss.named_parameters())

    def one_label(scores, targets, label):
        of_label = {name: parameter[label] for name, parameter in own.items()}
        # The loss hands over the gradient of alpha negated.
        of_label["alpha"] = 2 * of_label["alpha"].detach() - of_label["alpha"]
        return objective(scores, targets, of_label, max_fpr, min_tpr, kappa, 0.3)

    value, expected = loss(h, target), mean_over_labels(h, target, one_label)
    torch.testing.assert_close(value, expected)
    leaves = [h, *own.values()]
    found = torch.autograd.grad(value, leaves)
    wanted = torch.autograd.grad(expected, leaves)
    torch.testing.assert_close(found, wanted, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("kappa", [2.0, INF])
def test_over_the_whole_curve_it_is_the_square_loss(kappa):
    h, target = batch((30, 3))
    target[0, 0], target[:, 2] = NAN, 0.0
    whole = raw(1.0, 0.0, num_labels=3, kappa=kappa)
    assert whole.s_positive is None
    assert whole.s_negative is None
    square = AUCSquareLoss(num_labels=3, activation=Identity()).double()
    for loss in (whole, square):
        set_variables(loss, a=[0.6, 0.2, 0.9], b=[0.1, 0.4, 0.3], alpha=[0.3, 1.9, 0.0])
    gradients = []
    for loss in (whole, square):
        scores = h.clone().requires_grad_()
        value = loss(scores, target)
        leaves = [scores, loss.a, loss.b, loss.alpha]
        gradients.append((value, *torch.autograd.grad(value, leaves)))
    torch.testing.assert_close(*gradients)


@REGIONS
def test_smoothing_adds_at_most_what_is_said_and_fades(max_fpr, min_tpr):
    h, target = batch()
    exact = raw(max_fpr, min_tpr, kappa=INF)
    exact.start_at(h, target)
    shares = [share for share in (max_fpr, 1 - min_tpr) if share < 1]
    gaps = []
    for kappa in (1.0, 10.0, 100.0, 1e4):
        smooth = raw(max_fpr, min_tpr, kappa=kappa)
        smooth.load_state_dict(exact.state_dict())
        gap = (smooth(h, target) - exact(h, target)).item()
        assert 0 <= gap <= sum(math.log(2) / (kappa * share) for share in shares)
        gaps.append(gap)
    assert gaps == sorted(gaps, reverse=True)


@pytest.mark.parametrize("omega", [0.0, 0.5, 3.0])
def test_alpha_is_best_where_start_at_puts_it(omega):
    h, target = batch()
    loss = raw(0.3, 0.4, kappa=INF, omega=omega)
    loss.start_at(h, target)
    positives, negatives = region(h, target, 0.3, 0.4)
    gap = mean_of(negatives) - mean_of(positives)
    torch.testing.assert_close(loss.alpha.detach()[0], 1 + gap / (1 + omega))
    loss(h, target).backward()
    assert abs(loss.alpha.grad) < 1e-12
    assert loss(h, target).item() == pytest.approx(
        partial_square(h, target, 0.3, 0.4).item() - gap.item() ** 2 * omega / (1 + omega)
    )


@settings(max_examples=30, deadline=None)
@given(*[st.floats(0, 1) for _ in range(4)], st.floats(0.05, 0.9), st.floats(0.1, 0.9))
def test_the_exact_objective_is_a_parabola_in_alpha_at_any_threshold(a, b, s1, s0, share, tpr):
    h, target = batch()
    loss = raw(share, tpr, kappa=INF, omega=0.25)
    low = max(b, 1 - a)
    values = []
    for alpha in (low, (low + 2) / 2, 2.0):
        set_variables(loss, a=a, b=b, s_positive=s1, s_negative=s0, alpha=alpha)
        values.append(loss(h, target).item())
    bend = values[0] - 2 * values[1] + values[2]
    assert bend == pytest.approx(-2 * 1.25 * ((2 - low) / 2) ** 2, abs=1e-9)


@KAPPAS
def test_saturated_scores_stay_finite_in_float32(kappa):
    logits = torch.tensor([1e4, -1e4, 1e4, -1e4, 0.0, 30.0], requires_grad=True)
    target = torch.tensor([1.0, 1.0, 0.0, 0.0, 0.0, 1.0])
    loss = PAUCILoss(0.34, 0.34, kappa=kappa)
    loss.start_at(logits, target)
    value = loss(logits, target)
    value.backward()
    h = torch.sigmoid(logits.detach().double())
    expected = partial_square(h, target, 0.34, 0.34)
    bound = 0 if kappa == INF else math.log(2) / kappa * (1 / 0.34 + 1 / 0.66)
    assert -1e-6 <= value.item() - expected.item() <= bound + 1e-6
    assert logits.grad.isfinite().all()
    assert all(parameter.grad.isfinite() for parameter in loss.parameters())


@pytest.mark.parametrize("kappa", [100.0, INF])
def test_compiled_in_one_graph_for_any_batch_size(kappa):
    loss = PAUCILoss(0.3, 0.4, num_labels=2, kappa=kappa)
    twin = copy.deepcopy(loss)
    compiled = torch.compile(twin, fullgraph=True, dynamic=True, backend="aot_eager")
    for rows in (9, 12, 5):
        z, target = torch.randn(rows, 2), (torch.rand(rows, 2) < 0.5).float()
        target[0, 0] = NAN
        for one in (loss, twin):
            one.zero_grad()
            set_variables(one, alpha=rows - 10.0)
        expected, found = loss(z, target), compiled(z, target)
        torch.testing.assert_close(found, expected)
        expected.backward()
        found.backward()
        for a, b in zip(loss.parameters(), twin.parameters(), strict=True):
            torch.testing.assert_close(a, b)
            torch.testing.assert_close(a.grad, b.grad)
