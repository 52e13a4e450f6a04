"""The order in which a run reads its windows: drawn from the seed and the epoch alone."""

from collections.abc import Iterator, Sequence

import torch
from transformers.trainer_pt_utils import LengthGroupedSampler


class SeededSampler(LengthGroupedSampler):
    """Windows of like length together, in another order each epoch.

    The Trainer's own sampler draws from the global random state, which dropout moves on: several
    processes would each read an order of their own. Here all of them agree.

    Args:
        batch_size: windows a batch.
        lengths: of all windows, in tokens.
        seed: of the order.
    """

    def __init__(self, batch_size: int, lengths: Sequence[int], *, seed: int) -> None:
        super().__init__(batch_size, lengths=list(lengths))
        self._seed = seed
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Tell which epoch is read next; the Trainer does."""
        self._epoch = epoch

    def __iter__(self) -> Iterator[int]:
        self.generator = torch.Generator().manual_seed(2**16 * self._seed + self._epoch)
        order: Iterator[int] = super().__iter__()
        return order
