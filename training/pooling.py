"""From token logits to segment logits, in torch, and the loss on them.

A segment's logits are the mean of its tokens' logits: the same as mean pooling of the encoder's
states, since the head is linear. `nutgraf.windows.segment_logits` does the same in numpy.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional

from .dataset import IGNORED


def pool(token_logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Average token logits over each target.

    Args:
        token_logits: shape (windows, tokens, labels).
        labels: shape (windows, targets, 3 + labels), as `Collator` makes it.

    Returns:
        Shape (windows, targets, labels); zeros where a window has no such target.
    """
    position = torch.arange(token_logits.shape[1], device=token_logits.device)
    start, stop = labels[..., 1:2], labels[..., 2:3]
    inside = ((position >= start) & (position < stop)).to(token_logits.dtype)
    return inside @ token_logits / inside.sum(-1, keepdim=True).clamp(min=1)


def segment_loss(weight: torch.Tensor | None) -> Callable[..., torch.Tensor]:
    """Return the Trainer's loss: cross-entropy between the distribution that each target should
    get and the one it gets, averaged over the targets of a batch, weighted by label."""

    def loss(outputs: Any, labels: torch.Tensor, num_items_in_batch: Any = None) -> torch.Tensor:
        logits = pool(outputs["logits"], labels)
        real = labels[..., 0] != IGNORED
        wanted = labels[real][:, 3:].to(logits.dtype)
        if weight is not None:
            wanted = wanted * weight.to(logits.device, logits.dtype)
        found = functional.log_softmax(logits[real], dim=-1)
        return -(wanted * found).sum() / wanted.sum()

    return loss
