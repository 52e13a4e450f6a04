"""The label set: what a segment of a news article can be (defined in data/GUIDELINES.md)."""

from typing import Final

LABELS: Final = (
    "quote",
    "official_statement",
    "expert_opinion",
    "navigation_clutter",
    "other",
)
"""All labels, in the order of a model's outputs."""

NAMED_LABELS: Final = LABELS[:-1]
"""The four labels that say something; `other` is "none of these"."""
