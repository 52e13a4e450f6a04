"""Does memory grow? What samples of it say once a program is warm."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

Sample = tuple[float, int]
"""Seconds since the start, and bytes."""

SAMPLES_TO_JUDGE = 20
"""Of a run with fewer samples after the warm-up nothing is said."""


@dataclass(frozen=True)
class Memory:
    """Resident memory over a run, in bytes.

    Attributes:
        warm_up: seconds.
        start: the median of the first samples after the warm-up.
        end: the median of the last samples.
        peak: the largest sample, warm-up included.
        slope: bytes a minute after the warm-up, by least squares.
    """

    warm_up: float
    start: float
    end: float
    peak: int
    slope: float

    @property
    def growth(self) -> float:
        """The share by which memory grew after the warm-up."""
        return self.end / self.start - 1

    def summary(self) -> str:
        """One line."""
        return (
            f"{self.start / 1e6:.0f} MB after {self.warm_up:.0f} s, {self.end / 1e6:.0f} MB at "
            f"the end ({self.growth:+.1%}), peak {self.peak / 1e6:.0f} MB, "
            f"{self.slope / 1e6:+.2f} MB a minute"
        )


def judge(samples: Sequence[Sample], warm_up: float, at_least: float = 0.0) -> Memory | None:
    """What memory did after the warm-up, or None if the run is too short to tell.

    Args:
        samples: in the order of time.
        warm_up: seconds, but at most 40 % of the run.
        at_least: seconds that the warm-up takes however short the run is, until the largest input
            has been seen, say.
    """
    if not samples:
        return None
    warm_up = max(min(warm_up, 0.4 * samples[-1][0]), at_least)
    after = [sample for sample in samples if sample[0] >= warm_up]
    if len(after) < SAMPLES_TO_JUDGE:
        return None
    seconds, sizes = zip(*after, strict=True)
    few = SAMPLES_TO_JUDGE // 4
    slope = 60 * float(np.polyfit(seconds, sizes, 1)[0])
    peak = max(size for _, size in samples)
    return Memory(warm_up, median(sizes[:few]), median(sizes[-few:]), peak, slope)
