"""A learning rate that rises and falls smoothly, step by step. Needs torch only."""

import math
from functools import partial

from torch.optim.lr_scheduler import LambdaLR
from torch.optim.optimizer import Optimizer

WARMUP = 0.1
"""Share of the steps in which the learning rate rises."""


def one_cycle(optimizer: Optimizer, steps: int) -> LambdaLR:
    """Up in a line for a tenth of the steps, then down along half a cosine."""
    return LambdaLR(optimizer, partial(factor, steps=steps))


def factor(step: int, steps: int) -> float:
    """Of the learning rate, for a step counted from 0: in [0, 1]."""
    rising = WARMUP * steps
    if step < rising:
        return (step + 1) / (rising + 1)
    return (1 + math.cos(math.pi * (step - rising) / (steps - rising))) / 2
