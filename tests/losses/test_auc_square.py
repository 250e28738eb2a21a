import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles_losses import SURROGATES as SLOW
from oracles_losses import pairwise
from torch.nn import Identity

from aucmax.losses import AUCSquareLoss, PairwiseAUCLoss


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-4, 4, width=32), min_size=2, max_size=12), st.floats(0.1, 3))
def test_at_its_saddle_it_is_the_mean_square_of_all_pairs(scores, margin):
    h = torch.tensor(scores, dtype=torch.float64)
    target = (torch.arange(len(h)) % 3 == 1).double()
    loss = AUCSquareLoss(margin, activation=Identity()).double()
    loss.margin.fill_(margin)
    loss.a.data[:], loss.b.data[:] = h[target == 1].mean(), h[target == 0].mean()
    loss.alpha.data[:] = margin + loss.b.data - loss.a.data  # also where it is negative
    value = loss(h, target)
    torch.testing.assert_close(value, pairwise(h, target, SLOW["square"], margin))
    pairs = PairwiseAUCLoss("square", margin, activation=Identity())
    torch.testing.assert_close(value, pairs(h, target))
    value.backward()
    for parameter in loss.parameters():
        assert parameter.grad.abs() < 1e-12


def test_a_negative_alpha_stays():
    loss = AUCSquareLoss()
    loss.alpha.data.fill_(-1.0)
    loss(torch.tensor([0.5, -0.5]), torch.tensor([1, 0]))
    assert loss.alpha == -1
