"""The colours of labels, on white paper and on black.

They start from the palette of Okabe and Ito (2008), moved in CIELAB so that the marks of any two
labels stay apart under each of the three kinds of colour blindness, as Machado, Oliveira and
Fernandes (2009) simulate them, and so that text on each tint is easy to read; the tests measure
both. A label is always written out beside its colour as well.
"""

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from nutgraf.labels import LABELS

Shades = tuple[str, str]
"""The same colour for light and for dark mode, each as `#rrggbb`."""


@dataclass(frozen=True, slots=True)
class Colour:
    """What a label looks like: `mark` for bars and swatches, `tint` behind its text."""

    mark: Shades
    tint: Shades


PAPER: Final[Shades] = ("#ffffff", "#15171a")
"""Behind everything."""
PANEL: Final[Shades] = ("#f4f4f2", "#202327")
"""Behind controls and tooltips."""
LINE: Final[Shades] = ("#d3d3cf", "#41454b")
"""Thin lines between things, which carry no meaning."""
INK: Final[Shades] = ("#1a1a1a", "#ececea")
"""Text."""
SOFT: Final[Shades] = ("#505050", "#b9bcc1")
"""Text of less weight: labels, counts, hints."""

_NAMED: Final = (
    Colour(mark=("#0a5aa6", "#8aa0e3"), tint=("#d3e4f7", "#1e3260")),
    Colour(mark=("#c04a00", "#dc6b06"), tint=("#fbdfc9", "#472c12")),
    Colour(mark=("#269056", "#3dca80"), tint=("#e0f6df", "#205034")),
    Colour(mark=("#8a9194", "#6d6b64"), tint=("#e6e3e1", "#36373a")),
    Colour(mark=("#2a2f33", "#eef1ea"), tint=PAPER),
)
_FURTHER: Final = (
    Colour(mark=("#b26aac", "#b82198"), tint=("#c4c2e8", "#573285")),
    Colour(mark=("#7d8ae1", "#a5e0fe"), tint=("#a7cace", "#434969")),
    Colour(mark=("#a29545", "#f6da6e"), tint=("#c2db7b", "#69410d")),
    Colour(mark=("#7d2e0f", "#925f2c"), tint=("#cdc98e", "#2e2419")),
    Colour(mark=("#70376f", "#e28cae"), tint=("#d8b6fe", "#3f0838")),
)
COLOURS: Final = _NAMED + _FURTHER
"""Those of `nutgraf.LABELS` in their order, then those for labels of a user's own."""


def colours(labels: Iterable[str]) -> dict[str, int]:
    """Give each label the index of its colour in `COLOURS`.

    A label of the user's own gets one by its name, so that it looks the same on every page; only
    where two labels of a set meet does the later in the alphabet move on to the next that is
    free, and only a set with more labels of its own than there are further colours repeats one.
    """
    labels = list(labels)
    own = sorted(set(labels) - set(LABELS))
    taken: dict[str, int] = {}
    for label in own:
        wish = zlib.crc32(label.encode("utf-8", "surrogatepass"))
        slots = [(wish + step) % len(_FURTHER) for step in range(len(_FURTHER))]
        used = set(taken.values())
        taken[label] = next((slot for slot in slots if slot not in used), slots[0])
    return {
        label: LABELS.index(label) if label in LABELS else len(_NAMED) + taken[label]
        for label in labels
    }
