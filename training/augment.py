"""What scraping does to text, done to an article whose labels stay aligned.

Every function takes an article's segments and a random generator and returns new segments.
"""

import random
import re
import textwrap
from collections.abc import Callable, Mapping, Sequence

from nutgraf.article import Article, Segment

from .config import Augment

_MARKS = re.compile("[“”\"«»„‟]|(?<!\\w)[‘'’](?=\\w)|(?<=[\\w.,!?…])[’'](?!\\w)")
"""Quotation marks, but not apostrophes."""
_DOUBLE = re.compile('[“”"«»„‟]')
_MIN_SPLIT_WORDS = 8
_PRECEDENCE: Mapping[str | None, int] = {
    "quote": 0,
    "official_statement": 1,
    "expert_opinion": 1,
    "other": 2,
    "navigation_clutter": 3,
}
_OTHER_PRECEDENCE = 1
"""Of a label of another set: it says something."""

Segments = list[Segment]


def augment(articles: Sequence[Article], config: Augment, seed: int) -> list[Article]:
    """Return `config.passes` readings of the articles, in each of which an article is damaged with
    probability `config.share`. The same articles, config and seed give the same readings.
    """
    clutter = [s for a in articles for s in a.segments if s.label == "navigation_clutter"]
    result = []
    for number in range(config.passes):
        for article in articles:
            rng = random.Random(f"{seed}/{number}/{article.id}")
            if rng.random() >= config.share:
                result.append(article)
                continue
            segments = damage(list(article.segments), config, clutter, rng)
            result.append(Article(f"{article.id}~{number}", tuple(segments)))
    return result


def once(config: Augment) -> Augment:
    """The same damage in a single reading of the articles."""
    return config.model_copy(update={"passes": 1})


def damage(
    segments: Segments, config: Augment, clutter: Sequence[Segment], rng: random.Random
) -> Segments:
    """Damage one article by each kind at its rate."""
    if rng.random() < config.crop:
        segments = crop(segments, rng)
    if rng.random() < config.insert_clutter and clutter:
        segments = insert_clutter(segments, clutter, rng)
    if rng.random() < config.strip_marks:
        segments = change_texts(segments, strip_marks)
    elif rng.random() < config.restyle_marks:
        style = rng.choice(_STYLES)
        segments = change_texts(segments, lambda text: restyle_marks(text, style))
    if rng.random() < config.mojibake:
        segments = change_texts(segments, mojibake)
    for change, rate in (
        (lambda text: drop_mark(text, rng), config.drop_mark),
        (lambda text: f"{rng.choice('•-*·')} {text}", config.bullet),
        (lambda text: wrap(text, rng), config.wrap),
    ):
        segments = [
            part
            for segment in segments
            for part in (change_texts([segment], change) if rng.random() < rate else [segment])
        ]
    segments = merge(segments, config.merge, config.mix, rng)
    return [
        part
        for segment in segments
        for part in (split(segment, rng) if rng.random() < config.split else [segment])
    ]


def change_texts(segments: Sequence[Segment], change: Callable[[str], str]) -> Segments:
    """Change every text; a text of which nothing would be left stays as it is."""
    return [Segment(change(s.text).strip() or s.text, s.label) for s in segments]


def strip_marks(text: str) -> str:
    """Remove every quotation mark."""
    return _MARKS.sub("", text)


_STYLES = (("“", "”"), ('"', '"'), ("«", "»"), ("„", "“"), ("''", "''"), ("‘", "’"))


def restyle_marks(text: str, style: tuple[str, str]) -> str:
    """Write double quotation marks in another style."""

    def replace(match: re.Match[str]) -> str:
        before = text[match.start() - 1] if match.start() else " "
        opens = before.isspace() or before in "([—–-"
        return style[0] if opens else style[1]

    return _DOUBLE.sub(replace, text)


def drop_mark(text: str, rng: random.Random) -> str:
    """Lose one double quotation mark."""
    marks = list(_DOUBLE.finditer(text))
    if not marks:
        return text
    lost = rng.choice(marks)
    return text[: lost.start()] + text[lost.end() :]


def mojibake(text: str) -> str:
    """Read UTF-8 as Windows-1252, the commonest mis-encoding of the web."""
    return text.encode().decode("windows-1252", "replace")


def wrap(text: str, rng: random.Random) -> str:
    """Wrap a text hard, as mail and old terminals do."""
    return textwrap.fill(text, rng.randint(50, 80), break_long_words=False)


def merge(segments: Segments, same: float, mixed: float, rng: random.Random) -> Segments:
    """Run neighbours into one segment: each pair of one label at the rate `same`, each pair of
    two labels at the rate `mixed`. Page furniture runs into furniture only.

    By GUIDELINES a segment is what covers most of its words, and where two cover as much, what
    takes precedence.
    """
    merged: Segments = []
    for segment in segments:
        previous = merged[-1] if merged else None
        if previous and rng.random() < _merge_rate(previous, segment, same, mixed):
            label = max((previous, segment), key=_weight).label
            merged[-1] = Segment(f"{previous.text} {segment.text}", label)
        else:
            merged.append(segment)
    return merged


def _weight(segment: Segment) -> tuple[int, int]:
    return len(segment.text.split()), -_PRECEDENCE.get(segment.label, _OTHER_PRECEDENCE)


def _merge_rate(a: Segment, b: Segment, same: float, mixed: float) -> float:
    if a.label == b.label:
        return same
    return 0.0 if "navigation_clutter" in (a.label, b.label) else mixed


def split(segment: Segment, rng: random.Random) -> Segments:
    """Cut a segment at a random word; both parts keep its label."""
    words = [m.start() for m in re.finditer(r"\S+", segment.text)]
    if len(words) < _MIN_SPLIT_WORDS:
        return [segment]
    cut = rng.choice(words[2:-1])
    parts = segment.text[:cut].rstrip(), segment.text[cut:]
    return [Segment(part, segment.label) for part in parts]


def insert_clutter(segments: Segments, clutter: Sequence[Segment], rng: random.Random) -> Segments:
    """Put one to four pieces of other pages' furniture between two segments."""
    position = rng.randint(0, len(segments))
    inserted = [rng.choice(clutter) for _ in range(rng.randint(1, 4))]
    return segments[:position] + inserted + segments[position:]


def crop(segments: Segments, rng: random.Random) -> Segments:
    """Keep a run of half of the segments or more."""
    keep = rng.randint((len(segments) + 1) // 2, len(segments))
    start = rng.randint(0, len(segments) - keep)
    return segments[start : start + keep]
