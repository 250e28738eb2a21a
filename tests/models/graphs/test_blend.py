"""Scores of a network and of a forest, mixed by a learnt weight."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles_graphs import batched, random_molecule
from torch import nn

from aucmax import AUCMLoss, BCELoss, param_groups
from aucmax.models import reset_head
from aucmax.models.graphs import DeeperGCN, GraphBlend
from aucmax.models.graphs.blend import EPSILON


class Given(nn.Module):
    """A network that gives the logits that it was told."""

    def __init__(self, g):
        super().__init__()
        self.g = nn.Parameter(torch.as_tensor(g, dtype=torch.float64))

    def forward(self, graphs):
        return self.g


class Forest:
    def __init__(self, f, dtype=torch.float64):
        self.forest = torch.as_tensor(f, dtype=dtype)


def blend(g, beta):
    return GraphBlend(Given(g), beta).double()


share = st.floats(0, 1)


@settings(deadline=None)
@given(g=st.floats(-20, 20), f=share, beta=share)
def test_sigmoid_of_the_logits_is_the_mixed_score(g, f, beta):
    logits = blend([[g]], beta)(Forest([[f]]))
    sigma = 1 / (1 + torch.tensor(-g, dtype=torch.float64).exp())
    torch.testing.assert_close(logits.sigmoid().item(), float((1 - beta) * sigma + beta * f))


@settings(deadline=None)
@given(g=st.floats(-15, 15), f=share, beta=st.floats(0, 1))
def test_gradients_are_those_of_the_closed_form(g, f, beta):
    """Also where beta is 0 or 1, where finite differences would leave its range."""
    model = blend([[g]], beta)
    model(Forest([[f]])).sigmoid().sum().backward()
    sigma = torch.tensor(g, dtype=torch.float64).sigmoid()
    expected = (1 - beta) * sigma * (1 - sigma)
    torch.testing.assert_close(model.network.g.grad, expected.reshape(1, 1), rtol=1e-3, atol=1e-9)
    torch.testing.assert_close(model.beta.grad[0], f - sigma, rtol=1e-3, atol=1e-9)


def test_gradients_by_finite_differences():
    g = torch.linspace(-6, 6, 12, dtype=torch.float64).reshape(6, 2)
    f = torch.rand(6, 2, dtype=torch.float64)
    f[0, 0], f[5, 1] = 0.0, 1.0
    loss, target = AUCMLoss(num_labels=2).double(), torch.tensor([[0, 1], [1, 0]] * 3)

    def value(g, beta):
        model = blend(g.detach(), 0.5)
        mixed = torch.func.functional_call(model, {"network.g": g, "beta": beta}, (Forest(f),))
        return mixed, loss(mixed, target), BCELoss()(mixed, target)

    inputs = g.requires_grad_(), torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(value, inputs)


def test_a_loss_sees_the_same_score_as_without_logits():
    """AUCM of the logits, and AUCM with no activation of the scores themselves."""
    g, f = torch.randn(40, 1, dtype=torch.float64), torch.rand(40, 1, dtype=torch.float64)
    target = torch.arange(40) % 2
    model = blend(g, 0.4)
    loss = AUCMLoss().double()(model(Forest(f)), target)
    loss.backward()
    h, beta = g.clone().requires_grad_(), torch.tensor(0.4, dtype=torch.float64, requires_grad=True)
    direct = AUCMLoss(activation=nn.Identity()).double()(
        (1 - beta) * h.sigmoid() + beta * f, target
    )
    direct.backward()
    torch.testing.assert_close(loss, direct)
    torch.testing.assert_close(model.network.g.grad, h.grad)
    torch.testing.assert_close(model.beta.grad[0], beta.grad)


def test_ends():
    g, f = torch.tensor([[-3.0], [2.0]]).double(), torch.tensor([[0.25], [0.75]]).double()
    torch.testing.assert_close(blend(g, 0.0)(Forest(f)), g)
    torch.testing.assert_close(blend(g, 1.0)(Forest(f)), f.logit())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_certain_forests_and_large_logits_stay_finite(dtype):
    g = torch.tensor([[-1e4], [1e4], [0.0], [0.0], [-1e4]], dtype=dtype)
    f = [[0.0], [1.0], [0.0], [1.0], [1.0]]
    for beta in (0.0, 0.5, 1.0):
        model = GraphBlend(Given(g), beta).to(dtype)
        logits = model(Forest(f, dtype))
        limit = torch.tensor(1 / EPSILON - 1, dtype=torch.float64).log()
        assert logits.dtype == dtype
        assert (logits.abs() <= limit + 1e-5).all()
        BCELoss()(logits.squeeze(1), torch.tensor([1, 0, 1, 0, 1])).backward()
        assert model.beta.grad.isfinite()
        assert model.network.g.grad.isfinite().all()


def test_small_scores_keep_their_order_in_float32():
    g = torch.linspace(-26, -10, 50)[:, None]
    model = GraphBlend(Given(g), 0.5).float()
    assert (model(Forest(torch.zeros(50, 1), torch.float32)).diff(dim=0) > 0).all()
    model = GraphBlend(Given(-g), 0.5).float()
    assert (model(Forest(torch.ones(50, 1), torch.float32)).diff(dim=0) < 0).all()


@pytest.mark.parametrize(("step", "end"), [(-0.7, 0.0), (0.7, 1.0), (0.2, 0.7)])
def test_beta_is_projected_at_the_head_of_forward(step, end):
    model = blend([[0.0]], 0.5)
    model.beta.data.add_(step)
    model(Forest([[0.5]]))
    assert model.beta.item() == pytest.approx(end, abs=1e-12)


def test_beta_leaves_the_end_when_the_forest_is_wrong():
    """At beta = 1 with a forest of zeros and ones alone, gradients must still come through."""
    model = blend([[3.0], [-3.0]], 1.0)
    wrong = Forest([[0.0], [1.0]])
    optimizer = torch.optim.SGD([model.beta], lr=0.1)
    loss = nn.MSELoss()
    for _ in range(50):
        optimizer.zero_grad()
        loss(model(wrong).sigmoid(), torch.tensor([[1.0], [0.0]]).double()).backward()
        optimizer.step()
    model(wrong)
    assert model.beta.item() == 0.0


def test_a_whole_blend():
    graphs = batched([random_molecule(seed, atoms=4) for seed in range(12)])
    graphs.forest = torch.rand(12, 1)
    network = DeeperGCN(2, 8).eval()
    model, loss = GraphBlend(network), AUCMLoss()
    assert sum(p.numel() for p in model.parameters()) == 1 + sum(
        p.numel() for p in network.parameters()
    )
    assert len(param_groups(model, loss)[0]["params"]) > 1
    loss(model(graphs), torch.arange(12)[:, None] % 2).backward()
    assert all(p.grad is not None and p.grad.any() for p in model.parameters())
    model.eval()
    s = 0.5 * network(graphs).sigmoid() + 0.5 * graphs.forest
    torch.testing.assert_close(model(graphs).sigmoid(), s)
    other = GraphBlend(DeeperGCN(2, 8), beta=0.1).eval()
    other.load_state_dict(model.state_dict())
    assert torch.equal(other(graphs), model(graphs))
    reset_head(model, 3)
    assert model.get_classifier() is network.fc
    assert (model.num_features, network.fc.out_features) == (8, 3)


def test_the_full_size():
    """HIG's entry on ogbg-molhiv states 1,019,408 weights."""
    assert sum(p.numel() for p in GraphBlend(DeeperGCN()).parameters()) == 1_019_408


def test_refused():
    for beta in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match=r"beta, .*, must lie in \[0, 1\], got"):
            GraphBlend(Given([[0.0]]), beta)
    model = blend([[0.0], [1.0]], 0.5)
    with pytest.raises(
        TypeError, match=r"the forest's probabilities as a tensor 'forest', .* got None"
    ):
        model(object())
    for wrong in (torch.zeros(2), torch.zeros(2, 2), torch.zeros(2, 1, dtype=torch.int64)):
        with pytest.raises(
            ValueError, match=r"forest must be floating point of shape \(2, 1\), as"
        ):
            model(Forest(wrong, wrong.dtype))
    for value in (-0.5, 1.5, float("nan")):
        with pytest.raises(ValueError, match=r"forest must hold probabilities in \[0, 1\], got"):
            model(Forest([[0.5], [value]]))
