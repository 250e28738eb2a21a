"""Pooling and AUCMLoss together are MIDAM: gradients and averages of the paper, by hand."""

import torch
from oracles_bags import midam_attention, midam_smooth_max
from torch import nn

from aucmax.bags import AttentionPooling, SmoothMaxPooling
from aucmax.losses import AUCMLoss

BAGS, STEPS, GAMMA, TAU = 6, 8, 0.3, 0.2
VARIABLES = 0.4, 0.1, 0.3


def aucm(activation):
    loss = AUCMLoss(activation=activation).double()
    for parameter, value in zip((loss.a, loss.b, loss.alpha), VARIABLES, strict=True):
        parameter.data.fill_(value)
    return loss


def batches():
    """Rows of four bags, two of either class."""
    target = torch.tensor([0.0, 1.0, 0.0, 1.0, 1.0, 0.0])
    for _ in range(STEPS):
        pools = [(target == y).nonzero().flatten() for y in (0, 1)]
        index = torch.cat([pool[torch.randperm(3)[:2]] for pool in pools])
        yield index, target[index]


def test_smooth_maximum():
    pool, loss = SmoothMaxPooling(TAU, BAGS, gamma=GAMMA).double(), aucm(nn.Identity())
    old = [None] * BAGS
    for index, target in batches():
        logits = torch.randn(4, 5, dtype=torch.float64, requires_grad=True)
        loss(pool(logits.sigmoid(), index=index), target).backward()
        rows = index.tolist()
        gradient, sums = midam_smooth_max(
            logits.tolist(), target.tolist(), [old[i] for i in rows], TAU, GAMMA, VARIABLES
        )
        for i, u in zip(rows, sums, strict=True):
            old[i] = u
        torch.testing.assert_close(logits.grad, torch.tensor(gradient).double(), rtol=1e-6, atol=0)
    torch.testing.assert_close(pool.average.value.exp(), torch.tensor(old).double())


def test_attention():
    pool, loss = AttentionPooling(BAGS, gamma=GAMMA).double(), aucm(torch.sigmoid)
    old = [(None, None)] * BAGS
    for index, target in batches():
        phi, g = (torch.randn(4, 5, dtype=torch.float64, requires_grad=True) for _ in range(2))
        loss(pool(phi, g, index=index), target).backward()
        rows = index.tolist()
        of_phi, of_g, sums = midam_attention(
            phi.tolist(), g.tolist(), target.tolist(), [old[i] for i in rows], GAMMA, VARIABLES
        )
        for i, pair in zip(rows, sums, strict=True):
            old[i] = pair
        torch.testing.assert_close(phi.grad, torch.tensor(of_phi).double(), rtol=1e-6, atol=1e-9)
        torch.testing.assert_close(g.grad, torch.tensor(of_g).double(), rtol=1e-6, atol=1e-9)
    denominator = pool.average.denominator.value.exp()
    kept = torch.stack([pool.average.ratio * denominator, denominator], 1)
    torch.testing.assert_close(kept, torch.tensor(old).double())
