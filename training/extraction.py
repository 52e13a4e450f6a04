"""Measure `Classifier.clean` on whole pages: python -m training.extraction PAGES [--model MODEL]

PAGES holds `html/ID.html.gz` and `ground-truth.json` (id -> articleBody), as the article extraction
benchmark of Zyte has them (github.com/scrapinghub/article-extraction-benchmark), and is scored
as there: texts become multisets of 4-word shingles, precision and recall are means over pages, F1
is made from the two. Prints the same without what the tree says, and for trafilatura, alone and
followed by the model, with pages a second, and what kinds of blocks `clean` kept or lost in error.
"""

import argparse
import gzip
import json
import re
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import trafilatura

from nutgraf.classifier import Classifier
from nutgraf.errors import DataError, InputError
from nutgraf.html import Block, html_blocks
from nutgraf.labels import CLUTTER

from .progress import track
from .script import run
from .table import table

Shingles = Counter[tuple[str, ...]]
_WORD = re.compile(r"\w+")


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m training.extraction", description=__doc__)
    parser.add_argument("pages", type=Path, help="a folder of pages")
    parser.add_argument("--model", help="a model folder (default: the released model)")
    options = parser.parse_args(arguments)
    pages, bodies = read_pages(options.pages)
    classifier = Classifier.load(options.model)
    ways: dict[str, Callable[[Iterable[bytes]], Iterable[str]]] = {
        "nutgraf": lambda pages: (a.source for a in classifier.clean_stream(pages, format="html")),
        "nutgraf, by the text alone": lambda pages: (by_text(classifier, page) for page in pages),
        "trafilatura": lambda pages: (
            trafilatura.extract(page, include_comments=False) or "" for page in pages
        ),
        "trafilatura, then nutgraf": lambda pages: (
            "" if isinstance(article, InputError) else article.source
            for article in classifier.clean_stream(
                pages, format="html", method="trafilatura", errors="return"
            )
        ),
    }
    rows, found = [], {}
    for name, way in ways.items():
        start = time.perf_counter()
        articles = way(track(list(pages.values()), name))
        found[name] = dict(zip(pages, articles, strict=True))
        seconds = time.perf_counter() - start
        figures = score(found[name], bodies)
        rows.append([name, *(f"{x:.3f}" for x in figures), f"{len(pages) / seconds:.1f}"])
    print(table(["way", "precision", "recall", "F1", "pages a second"], rows), end="\n\n")
    print(confusions(pages, bodies, found["nutgraf"]))


def read_pages(folder: Path) -> tuple[dict[str, bytes], dict[str, str]]:
    """The pages and the bodies of their articles, by id."""
    try:
        truth = json.loads((folder / "ground-truth.json").read_text(encoding="utf-8"))
        pages = {
            id: gzip.decompress((folder / "html" / f"{id}.html.gz").read_bytes()) for id in truth
        }
    except (OSError, EOFError, ValueError) as error:
        raise DataError(f"{folder}: not a folder of pages: {error}") from None
    return pages, {id: entry["articleBody"] for id, entry in truth.items()}


def by_text(classifier: Classifier, page: bytes) -> str:
    """All visible blocks but those that read as clutter."""
    found = classifier.classify(page, format="html")
    return "\n\n".join(p.text for p in found if p.label != CLUTTER)


def shingles(text: str) -> Shingles:
    """The multiset of runs of four words; of a shorter text, the text."""
    words = _WORD.findall(text)
    return Counter(tuple(words[i : i + 4]) for i in range(max(1, len(words) - 3)) if words)


def score(found: dict[str, str], bodies: dict[str, str]) -> tuple[float, float, float]:
    """Precision, recall and F1 over pages."""
    precision, recall = [], []
    for id, body in bodies.items():
        wanted, got = shingles(body), shingles(found[id])
        shared = (wanted & got).total()
        if got:
            precision.append(shared / got.total())
        if wanted:
            recall.append(shared / wanted.total())
    p, r = statistics.mean(precision), statistics.mean(recall)
    return p, r, 2 * p * r / (p + r)


def confusions(pages: dict[str, bytes], bodies: dict[str, str], found: dict[str, str]) -> str:
    """Blocks kept and lost in error, by kind, with their share of all words of the bodies."""
    kept: Counter[str] = Counter()
    lost: Counter[str] = Counter()
    for id, page in pages.items():
        body, got = shingles(bodies[id]), shingles(found[id])
        for block in html_blocks(page):
            inside, taken = _holds(body, block.text), _holds(got, block.text)
            if inside != taken:
                (kept if taken else lost)[kind(block)] += len(_WORD.findall(block.text))
    words = sum(len(_WORD.findall(body)) for body in bodies.values())
    rows = [
        [name, kept[name], f"{kept[name] / words:.2%}", lost[name], f"{lost[name] / words:.2%}"]
        for name, _ in (kept + lost).most_common()
    ]
    head = ["block", "words kept in error", "of all", "words lost in error", "of all"]
    return table(head, rows)


def _holds(text: Shingles, block: str) -> bool:
    """Whether most of a block stands in a text."""
    own = shingles(block)
    return bool(own) and 2 * (own & text).total() > own.total()


_KINDS = {
    "in a figure": "figure|figcaption|caption",
    "heading": "h[1-6]",
    "list item": "li|dd|dt",
    "table cell": "td|th",
    "in an aside, header, footer or nav": "aside|header|footer|nav",
}


def kind(block: Block) -> str:
    """What kind of block it is, by the elements around it."""
    tags = {e.tag for e in (block.element, *block.element.iterancestors())}
    for name, pattern in _KINDS.items():
        if any(isinstance(tag, str) and re.fullmatch(pattern, tag) for tag in tags):
            return name
    if block.link_share > 0.5:
        return "mostly links"
    return "paragraph" if block.element.tag == "p" else "other text"


if __name__ == "__main__":
    run(main)
