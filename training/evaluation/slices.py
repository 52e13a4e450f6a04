"""Parts of the data on which a classifier may do better or worse than on the whole."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from nutgraf.article import Article
from nutgraf.labels import LABELS

from .figures import confusion, count_figures
from .outcomes import Floats, Ints, Outcomes

FEW = 30
"""A slice with fewer segments than this is marked: its figures say little."""

_OPENING = "“„«‹‟"
_CLOSING = "”»›"
_STRAIGHT = '"'
_ENDING = re.compile(r"[.!?…:;][\"'”’»)\]]*$")


@dataclass(frozen=True)
class Slice:
    """The segments (their numbers, in reading order) that have something in common."""

    group: str
    name: str
    segments: Ints


def make_slices(articles: Sequence[Article]) -> list[Slice]:
    """Sort every segment into a slice of each group, where the group applies to it.

    Groups: the article's source and style, length in words, quotation marks, fragment or whole
    paragraph, position in the article, label, and for quotations whether the segment opens one
    or continues one.
    """
    members: dict[tuple[str, str], list[int]] = {}
    number = 0
    for article in articles:
        for position in range(len(article.segments)):
            for group, describe in _GROUPS.items():
                name = describe(article, position)
                if name:
                    members.setdefault((group, name), []).append(number)
            number += 1
    order = {group: i for i, group in enumerate(_GROUPS)}
    return [
        Slice(group, name, np.array(numbers))
        for (group, name), numbers in sorted(
            members.items(), key=lambda item: (order[item[0][0]], _rank(item[0][1]), item[0][1])
        )
    ]


def _source(article: Article, position: int) -> str:
    if "source" in article.provenance:
        return str(article.provenance["source"])
    return f"round {article.provenance['round']}" if "round" in article.provenance else ""


def _style(article: Article, position: int) -> str:
    return str(article.provenance.get("outlet", article.style))


_LENGTHS = ((5, "1 to 5 words"), (15, "6 to 15 words"), (30, "16 to 30 words"), (60, "31 to 60"))


def _length(article: Article, position: int) -> str:
    words = len(article.segments[position].text.split())
    return next((name for most, name in _LENGTHS if words <= most), "more than 60 words")


def quotation_marks(text: str) -> str:
    """Whether double quotation marks are absent, balanced or unbalanced in a text."""
    opening = sum(text.count(mark) for mark in _OPENING)
    closing = sum(text.count(mark) for mark in _CLOSING)
    straight = text.count(_STRAIGHT)
    if not opening + closing + straight:
        return "absent"
    # „so“ closes with the mark that opens in “so”.
    if "„" in text and not closing:
        opening, closing = text.count("„"), text.count("“")
    return "balanced" if opening == closing and straight % 2 == 0 else "unbalanced"


def _marks(article: Article, position: int) -> str:
    return quotation_marks(article.segments[position].text)


def is_fragment(text: str) -> bool:
    """Whether a text starts in the middle of a sentence or, being long, ends in one."""
    text = text.strip()
    first = text.lstrip("\"'“”‘’„«»(—–- ")[:1]
    return first.islower() or (len(text.split()) > 15 and not _ENDING.search(text))


def _fragment(article: Article, position: int) -> str:
    return "fragment" if is_fragment(article.segments[position].text) else "whole paragraph"


_POSITIONS = ("first segment", "first third", "middle third", "last third", "last segment")


def _position(article: Article, position: int) -> str:
    last = len(article.segments) - 1
    if position == 0:
        return _POSITIONS[0]
    if position == last:
        return _POSITIONS[-1]
    return _POSITIONS[1 + 3 * position // (last + 1)]


def _label(article: Article, position: int) -> str:
    return article.segments[position].label or ""


def _quotation(article: Article, position: int) -> str:
    """A quotation's first paragraph or a later one."""
    if _label(article, position) != "quote":
        return ""
    continued = position > 0 and _label(article, position - 1) == "quote"
    return "continues a quotation" if continued else "opens a quotation"


_GROUPS: dict[str, Callable[[Article, int], str]] = {
    "label": _label,
    "source": _source,
    "style": _style,
    "length": _length,
    "quotation marks": _marks,
    "wholeness": _fragment,
    "position": _position,
    "quotation": _quotation,
}
_ORDER = [*LABELS, *(name for _, name in _LENGTHS), "more than 60 words", *_POSITIONS]


def _rank(name: str) -> int:
    """Names with an order of their own stand in it, the others by the alphabet."""
    return _ORDER.index(name) if name in _ORDER else len(_ORDER)


def slice_figures(
    outcomes: Outcomes, slices: Sequence[Slice], article_weights: Floats
) -> dict[str, float]:
    """Accuracy, and macro-F1 over its true labels, of each slice: `NUMBER.accuracy` and
    `NUMBER.macro_f1`. NaN where no segment of it has weight, and for the macro-F1 of a slice with
    a single true label, whose precision says nothing."""
    return dict(_slice_figures(outcomes, slices, article_weights))


def _slice_figures(
    outcomes: Outcomes, slices: Sequence[Slice], article_weights: Floats
) -> Iterator[tuple[str, float]]:
    weights = article_weights[outcomes.article]
    for number, part in enumerate(slices):
        matrix = confusion(outcomes, weights, part.segments)
        if not matrix.any():
            yield f"{number}.accuracy", np.nan
            yield f"{number}.macro_f1", np.nan
            continue
        occurs = matrix.sum(axis=1) > 0
        found = count_figures(matrix, outcomes.labels)
        f1 = [found[f"labels.{x}.f1"] for x, o in zip(outcomes.labels, occurs, strict=True) if o]
        yield f"{number}.accuracy", found["accuracy"]
        yield f"{number}.macro_f1", float(np.mean(f1)) if len(f1) > 1 else np.nan
