"""The label set: what a segment of a news article can be (defined in data/GUIDELINES.md)."""

from collections.abc import Sequence
from typing import Final

LABELS: Final = (
    "quote",
    "official_statement",
    "expert_opinion",
    "navigation_clutter",
    "other",
)
"""All labels, in the order of a model's outputs."""

CLUTTER: Final = "navigation_clutter"
"""The label of page furniture, which `Classifier.clean` takes away."""

NAMED_LABELS: Final = LABELS[:-1]
"""The four labels that say something; `other` is "none of these"."""


def named(labels: Sequence[str]) -> tuple[str, ...]:
    """The labels of any set that say something: all but `other`."""
    return tuple(label for label in labels if label != "other")
