"""Read PolNeAR (Newell, Margolin and Ruths 2018): news text with attributions in brat standoff.

A split's folder holds `text/NAME.txt` and `attributions/NAME_ANNOTATOR.ann`, where lines such as
`T3<tab>Content 617 629<tab>her presence` give spans (`;` between the pieces of one that is
interrupted) and lines such as `E1<tab>Attribution:T4 Content:T3 Cue:T2 Source:T1` join a source,
its cue and what it says.

PolNeAR marks attributions, not paragraphs. A paragraph is `quote` if at least half of its words,
leaving aside sources and cues, are content inside quotation marks; else, if attributed words are
at least half, `official_statement` or `expert_opinion` where the source tells which, and no label
where it does not; else `other`. Page furniture is not told apart: PolNeAR has next to none.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from nutgraf.article import Article, Segment
from nutgraf.classifier import decode
from nutgraf.errors import DataError, InputError

_QUOTED = re.compile('[“"«„][^“”"«»„]*(?:[”"»]|$)')
_WORD = re.compile(r"\w+(?:['’]\w+)*")
_OFFICIAL = re.compile(
    r"\b(?:spokes\w+|minist\w+|president|premier|chancellor|secretary|senator|sen\.|rep\."
    r"|gov\.|governor|mayor|congress\w*|lawmakers?|candidate|campaign|nominee|white house|kremlin"
    r"|police|prosecutors?|judge|court|army|military|general|officials?|department|agency|bureau"
    r"|council|commission|company|chief executive|ceo|chairman|union|committee|administration"
    r"|party|republicans|democrats)\b",
    re.IGNORECASE,
)
_EXPERT = re.compile(
    r"\b(?:former|ex-\w+|retired|analysts?|professor|experts?|economists?|researchers?"
    r"|scholars?|historians?|scientists?|stud(?:y|ies)|doctors?|dr\.|physicians?|lawyers?"
    r"|attorneys?|strategists?|think tank|institute|pollsters?|critics?)\b",
    re.IGNORECASE,
)

Span = tuple[int, int]


@dataclass(frozen=True)
class Attribution:
    """Who says what: spans of source, cue and content, and the source's words."""

    source: str
    frame: list[Span]
    content: list[Span]


def read_polnear(folder: Path) -> list[Article]:
    """Read a split of PolNeAR, such as `data/dev`.

    Raises:
        DataError: for a folder of another layout; by file and line for malformed standoff.
    """
    texts = sorted((folder / "text").glob("*.txt"))
    if not texts:
        raise DataError(f"{folder}: no text/*.txt: expected a split of PolNeAR")
    articles = []
    for file in texts:
        annotations = sorted((folder / "attributions").glob(f"{file.stem}*.ann"))
        if not annotations:
            raise DataError(f"{file}: no attributions/{file.stem}*.ann")
        try:
            text = decode(file.read_bytes())
        except InputError as error:
            raise DataError(f"{file}: {error}") from None
        if not text.strip():
            raise DataError(f"{file}: no text in this file")
        # Where several annotators read an article, the first in the order of names counts.
        attributions = read_standoff(annotations[0])
        segments = tuple(
            Segment(text[start:end], label_paragraph(text, (start, end), attributions), start, end)
            for start, end in _paragraphs(text)
        )
        articles.append(Article(file.stem, segments, provenance={"source": "PolNeAR"}))
    return articles


def read_standoff(file: Path) -> list[Attribution]:
    """Read the attributions of one brat file."""
    spans: dict[str, tuple[list[Span], str]] = {}
    events: list[list[tuple[str, str]]] = []
    try:
        lines = decode(file.read_bytes()).splitlines()
    except InputError as error:
        raise DataError(f"{file}: {error}") from None
    for number, line in enumerate(lines, start=1):
        try:
            if line.startswith("T"):
                name, place, text = line.split("\t")
                pieces = place.split(" ", 1)[1].split(";")
                spans[name] = ([(int(a), int(b)) for a, b in map(str.split, pieces)], text)
            elif line.startswith("E"):
                _, roles = line.split("\t")
                events.append([(r.split(":")[0], r.split(":")[1]) for r in roles.split()])
        except (ValueError, IndexError):
            raise DataError(f"{file}:{number}: malformed standoff: {line[:60]!r}") from None
    attributions = []
    for event in events:
        found: dict[str, list[Span]] = {"Source": [], "Cue": [], "Content": []}
        source = []
        for role, name in event:
            if name not in spans:
                raise DataError(f"{file}: {name}: is named by an event but not defined")
            kind = role.rstrip("0123456789")
            if kind in found:
                found[kind] += spans[name][0]
                if kind == "Source":
                    source.append(spans[name][1])
        frame = found["Source"] + found["Cue"]
        attributions.append(Attribution(" ".join(source), frame, found["Content"]))
    return attributions


def label_paragraph(text: str, place: Span, attributions: list[Attribution]) -> str | None:
    """Label one paragraph by the half-of-the-words rule; None where the source does not tell."""
    words = [
        (place[0] + m.start(), place[0] + m.end()) for m in _WORD.finditer(text[slice(*place)])
    ]
    marked = [
        (place[0] + m.start(), place[0] + m.end()) for m in _QUOTED.finditer(text[slice(*place)])
    ]
    frame = [w for w in words if any(_inside(w, a.frame) for a in attributions)]
    content = [w for w in words if any(_inside(w, a.content) for a in attributions)]
    verbatim = [w for w in content if _inside(w, marked)]
    if 2 * len(verbatim) >= len(words) - len(frame) and verbatim:
        return "quote"
    if 2 * len({*frame, *content}) < len(words) or not words:
        return "other"
    weights = {"official_statement": 0, "expert_opinion": 0}
    for attribution in attributions:
        label = source_label(attribution.source)
        if label:
            spans = attribution.frame + attribution.content
            weights[label] += sum(_inside(w, spans) for w in words)
    best = max(weights, key=lambda label: weights[label])
    return best if weights[best] else None


def source_label(source: str) -> str | None:
    """What a source's paraphrase is, as far as its own words tell."""
    if _EXPERT.search(source):
        return "expert_opinion"
    if _OFFICIAL.search(source):
        return "official_statement"
    return None


def _inside(word: Span, spans: list[Span]) -> bool:
    return any(start <= word[0] and word[1] <= end for start, end in spans)


def _paragraphs(text: str) -> list[Span]:
    return [(m.start(), m.end()) for m in re.finditer(r"\S(?:[^\n]*\S)?", text)]
