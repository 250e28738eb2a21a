"""A moving average of weights, beside training and at no cost of passes. Needs torch only."""

import copy
from typing import Any

import torch
from torch import Tensor, nn

HORIZON = 0.1
"""Steps that the average reaches back, as a share of the run."""


class Average:
    """The average of a model's weights and running statistics, as a model of its own.

    At first it follows the weights closely, so that the start is soon forgotten.
    """

    def __init__(self, model: nn.Module, steps: int) -> None:
        self.model = copy.deepcopy(model)
        self.decay = 1 - 1 / max(2.0, HORIZON * steps)
        self.count = 0
        self._pairs = [_floats(one) for one in (self.model, model)]

    @torch.no_grad()
    def update(self) -> None:
        """Take in the weights of this step."""
        self.count += 1
        decay = min(self.decay, (1 + self.count) / (10 + self.count))
        torch._foreach_lerp_(self._pairs[0], self._pairs[1], 1 - decay)  # pyright: ignore[reportPrivateImportUsage] -- as torch.optim.swa_utils does

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint must hold."""
        return {"model": self.model.state_dict(), "count": self.count}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where ``state_dict`` was taken."""
        self.model.load_state_dict(state["model"])
        self.count = state["count"]


def _floats(model: nn.Module) -> list[Tensor]:
    """Weights and running statistics.

    The parameters themselves, not views of them: LibAUC's optimizers put new tensors in place.
    """
    named = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    return [tensor for tensor in named.values() if tensor.is_floating_point()]
