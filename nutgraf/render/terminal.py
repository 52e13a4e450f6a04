"""A labelled article as lines of coloured text."""

from collections.abc import Mapping
from typing import Final

from nutgraf.article import LabelledArticle
from nutgraf.labels import LABELS

_ANSI: Final[Mapping[str, str]] = {
    "quote": "34",
    "official_statement": "33",
    "expert_opinion": "32",
    "navigation_clutter": "90",
    "other": "39",
}
_JOINERS: Final = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"
_WIDTH: Final = max(len(label) for label in LABELS)


def to_terminal(article: LabelledArticle, *, colour: bool) -> str:
    """One line a segment: label, probability and text."""
    lines = []
    for prediction in article:
        text = printable(" ".join(prediction.text.split()))
        line = f"{prediction.label:<{_WIDTH}}  {prediction.probability:.2f}  {text}"
        if colour:
            line = f"\x1b[{_ANSI.get(prediction.label, '35')}m{line}\x1b[0m"
        lines.append(line)
    return "\n".join(lines) + "\n"


def printable(text: str) -> str:
    """Replace control characters, so that scraped text cannot drive the terminal.

    The two joiners stay: they do no more than shape emoji and the letters of Persian or Hindi.
    """
    return "".join(
        c if c.isprintable() or c in _JOINERS else "\N{REPLACEMENT CHARACTER}" for c in text
    )
