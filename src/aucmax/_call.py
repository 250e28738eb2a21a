"""How a loss is called: with logits, or with the output of a Hugging Face model."""

from typing import Any

from torch import Tensor, nn


class LossModule(nn.Module):
    """A module called ``loss(logits, target, index=None)``.

    The output of a Hugging Face model may stand in place of the logits, so that a loss can be the
    ``compute_loss_func`` of a ``transformers.Trainer``.
    """

    def __call__(
        self, logits: Any, target: Any, index: Any = None, *, num_items_in_batch: Any = None
    ) -> Tensor:
        """Call ``forward``, with the logits of a model's output if it is given one.

        ``num_items_in_batch``, which a ``transformers.Trainer`` passes, is the number of rows of
        all batches whose gradients are accumulated. The value is scaled by the share of this batch,
        so that the accumulated gradient is that of the mean over the batches.
        """
        if not isinstance(logits, Tensor):
            logits = _logits_of(logits)
        value = super().__call__(logits, target, index)
        if num_items_in_batch is None:
            return value
        return value * (len(target) / num_items_in_batch)


def _logits_of(output: Any) -> Any:
    """The logits of a model's output; anything else as it is, for the loss to refuse."""
    if isinstance(output, dict):
        return output.get("logits", output)
    return getattr(output, "logits", output)
