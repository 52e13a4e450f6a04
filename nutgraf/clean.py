"""Which blocks of a page are its article: what the tree says, joined with what the text says.

Each block gets the log-odds that it is article text: what its elements speak for or against (tag,
link density, the names that sites give to furniture) plus the model's own log-odds. The article
is then the subtree with the largest sum of block scores (after the maximum subsequence of
Pasternack and Roth, "Extracting Article Text from the Web with Maximum Subsequence Segmentation",
2009, on the tree instead of the line), less the blocks within it that read as clutter.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from lxml import html as lxml_html

from nutgraf.errors import InputError
from nutgraf.html import Block

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_FURNITURE = re.compile(
    r"caption|gallery|slideshow|comment(?!ary)|disqus|cookie|consent|gdpr|newsletter|subscri"
    r"|sign-?up|outbrain|taboola|breadcrumb|copyright|trackback|respond\b|modal|popup|skip-link"
    r"|screen-reader|social|share(?!d|holder)|sharing|advert|sponsor|promo|banner",
    re.IGNORECASE,
)
"""Class names, ids and roles that sites give to furniture and hardly to anything else."""

_SUSPECT = re.compile(
    r"related|recommend|recirc|sidebar|footer|masthead|\bnav|menu|\bads?\b|\btags?\b|tag-?list"
    r"|author|byline|credit|widget|popular|trending|more-?(from|on|stories|news)"
    r"|read-?(more|next)|login|timestamp|dateline|pagination|toolbar|rating|teaser|disclaimer"
    r"|post-?meta|entry-?meta|crumb|topics|carousel|latest|most-|recent|up-?next|hero|thumb",
    re.IGNORECASE,
)
"""Names that are as often given to what holds the article."""

_TAGS = {
    "nav": -5.0,
    "figcaption": -5.0,
    "footer": -4.0,
    "button": -4.0,
    "menu": -4.0,
    "dialog": -4.0,
    "h1": -4.0,
    "aside": -3.0,
    "form": -3.0,
    "figure": -3.0,
    "address": -3.0,
    "time": -3.0,
    "label": -3.0,
    "caption": -3.0,
    "header": -1.5,
}
"""Log-odds for text within such an element."""

# All log-odds. They were set by hand on 85 whole pages (data/README.md), in round numbers: the
# F1 there stays within half a point when any one of them is changed by a third.
_IN_FURNITURE = -6.0
_IN_SUSPECT = -1.5
_LINKED = -5.0
_TEASER = -5.0
_NESTED_ARTICLE = -4.0
_PARAGRAPH = 1.0
_WITHIN_ARTICLE = 1.2
_MODEL_WEIGHT = 0.4
_MODEL_LIMIT = 4.0
_NEIGHBOURS_WEIGHT = 0.3
_NEIGHBOURS_LIMIT = 3.0
_LONG, _SHORT = 1.0, -0.7

_THRESHOLD = 0.4
"""A block counts for a subtree by how much likelier than this it is to be article text."""

_LONG_TEXT, _SHORT_TEXT, _LINK_TEXT = 150, 48, 240
"""Characters: longer blocks are likelier text, shorter ones likelier furniture; in longer ones
than the last, links are no sign of furniture."""

_WHOLE_PAGE = 0.8
"""An element with so much of the page's text holds the article, whatever its name."""

_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Page:
    """The blocks of a page with what its tree says of them.

    Attributes:
        blocks: n blocks in reading order.
        holders: shape (n,), the number of the element that holds each block.
        parents: the number of each element's parent, which is smaller than its own; -1 at the root.
        evidence: shape (n,), log-odds of each block being article text.
        headline: the number of the block that is the page's headline, if one was found.
    """

    blocks: Sequence[Block]
    holders: IntArray
    parents: Sequence[int]
    evidence: FloatArray
    headline: int | None

    def unsettled(self) -> list[int]:
        """The blocks that may belong to the article, if the model reads them so."""
        most = (
            self.evidence
            + _WITHIN_ARTICLE
            + _MODEL_WEIGHT * _MODEL_LIMIT
            + _NEIGHBOURS_WEIGHT * _NEIGHBOURS_LIMIT
        )
        return [int(i) for i in np.flatnonzero(most > 0)]

    def article(self, clutter: Mapping[int, float]) -> list[int]:
        """The blocks that are article text, in reading order.

        Args:
            clutter: for each of the `unsettled` blocks how likely its text is clutter.
        """
        probabilities = np.array([1 - clutter.get(i, 1.0) for i in range(len(self.blocks))])
        odds = self.evidence + _MODEL_WEIGHT * _limited(_log_odds(probabilities), _MODEL_LIMIT)
        lengths = np.array([len(block.text) for block in self.blocks])
        by_length = np.where(
            lengths > _LONG_TEXT, _LONG, np.where(lengths < _SHORT_TEXT, _SHORT, 0.0)
        )
        scores = lengths * (1 / (1 + np.exp(-odds - by_length)) - _THRESHOLD)
        inside = _within(self.parents, _heaviest(self.parents, self.holders, scores))
        members = np.flatnonzero(inside[self.holders])
        odds = odds[members] + _WITHIN_ARTICLE
        odds = odds + _NEIGHBOURS_WEIGHT * _around(_limited(odds, _NEIGHBOURS_LIMIT))
        return [int(i) for i in members[odds > 0]]


def extract_article(page: str | bytes) -> str:
    """The article as trafilatura extracts it (Barbaresi 2021), a paragraph a line.

    Raises:
        InputError: if trafilatura is missing or finds no article.
    """
    try:
        import trafilatura
    except ImportError:
        raise InputError("trafilatura is missing: pip install 'nutgraf[trafilatura]'") from None
    text = trafilatura.extract(page, include_comments=False, include_tables=False)
    if not text:
        raise InputError("trafilatura finds no article in this page")
    return str(text)


def read_page(blocks: Sequence[Block]) -> Page:
    """Gather what the tree says of each block of a page."""
    elements, parents, holders = _number(blocks)
    text = np.array([len(b.text) * (1 - b.link_share) for b in blocks])
    mass = _subtree_sums(parents, holders, text)
    innocent = mass >= _WHOLE_PAGE * mass[0]
    headline = _headline(blocks)
    if headline is not None:
        number = parents[holders[headline]]
        while number >= 0:
            innocent[number] = True
            number = parents[number]
    teasers = {
        item
        for block in blocks
        if block.link_share > 0.8 and len(_WORD.findall(block.text)) >= 3
        for item in [next(_list_items(block.element), None)]
        if item is not None
    }
    by_tag = np.zeros(len(elements))
    furniture, suspect, teaser, nested, in_article = (
        np.zeros(len(elements), dtype=bool) for _ in range(5)
    )
    for i, (element, parent) in enumerate(zip(elements, parents, strict=True)):
        if parent >= 0:
            for inherited in (by_tag, furniture, suspect, teaser, nested, in_article):
                inherited[i] = inherited[parent]
        teaser[i] |= element in teasers
        if element.tag == "article":
            # By the HTML standard an article within another is a comment or a related story.
            nested[i] |= in_article[i] and mass[i] < mass[0] / 2
            in_article[i] = True
        if not innocent[i]:
            by_tag[i] += _TAGS.get(element.tag, 0.0)
            names = " ".join(element.get(key, "") for key in ("class", "id", "role", "itemprop"))
            furniture[i] |= _FURNITURE.search(names) is not None
            suspect[i] |= _SUSPECT.search(names) is not None
    of_element = (
        by_tag
        + _IN_FURNITURE * furniture
        + _IN_SUSPECT * suspect
        + _TEASER * teaser
        + _NESTED_ARTICLE * nested
    )
    of_block = [
        _PARAGRAPH * (block.element.tag == "p")
        + _LINKED * block.link_share * (len(block.text) < _LINK_TEXT)
        for block in blocks
    ]
    return Page(blocks, holders, parents, of_element[holders] + np.array(of_block), headline)


def _number(
    blocks: Sequence[Block],
) -> tuple[list[lxml_html.HtmlElement], list[int], IntArray]:
    """Number the elements around blocks, parents before children."""
    numbers: dict[lxml_html.HtmlElement, int] = {}
    parents: list[int] = []
    for block in blocks:
        path = []
        element = block.element
        while element is not None and element not in numbers:
            path.append(element)
            element = element.getparent()
        parent = -1 if element is None else numbers[element]
        for element in reversed(path):
            parents.append(parent)
            numbers[element] = parent = len(numbers)
    return list(numbers), parents, np.array([numbers[block.element] for block in blocks])


def _subtree_sums(parents: Sequence[int], holders: IntArray, values: FloatArray) -> FloatArray:
    """For each element the sum of the values of all blocks in it."""
    sums = np.bincount(holders, values, len(parents)).astype(np.float64)
    for i in range(len(parents) - 1, 0, -1):
        sums[parents[i]] += sums[i]
    return sums


def _heaviest(parents: Sequence[int], holders: IntArray, scores: FloatArray) -> int:
    """The element with the largest sum of scores; of several the innermost."""
    sums = _subtree_sums(parents, holders, scores)
    return len(sums) - 1 - int(sums[::-1].argmax())


def _within(parents: Sequence[int], root: int) -> npt.NDArray[np.bool_]:
    """For each element whether it is the root or stands in it."""
    inside = np.zeros(len(parents), dtype=bool)
    inside[root] = True
    for i in range(root + 1, len(parents)):
        inside[i] |= inside[parents[i]]
    return inside


def _headline(blocks: Sequence[Block]) -> int | None:
    """The block whose words are most nearly those of the page's title, if one is at all."""
    root = blocks[0].element.getroottree()
    titles = [root.findtext(".//title"), *root.xpath("//meta[@property='og:title']/@content")]
    title = set(_WORD.findall(" ".join(filter(None, titles)).lower()))
    best, most = None, 0.4
    for i, block in enumerate(blocks):
        words = _WORD.findall(block.text[:_LINK_TEXT].lower())
        if not 3 <= len(words) <= 40:
            continue
        covered = min(1.0, len(words) / max(3.0, len(title) / 2))
        likeness = sum(word in title for word in words) / len(words) * covered
        likeness *= 1 + 0.3 * (block.element.tag == "h1") - 0.5 * block.link_share
        if likeness > most:
            best, most = i, likeness
    return best


def _list_items(element: lxml_html.HtmlElement) -> Iterator[lxml_html.HtmlElement]:
    """The list items around an element, itself included, from the inside out."""
    return (e for e in (element, *element.iterancestors("li")) if e.tag == "li")


def _log_odds(probabilities: FloatArray) -> FloatArray:
    kept = np.clip(probabilities, 1e-9, 1 - 1e-9)
    return np.log(kept / (1 - kept))


def _limited(values: FloatArray, limit: float) -> FloatArray:
    return np.clip(values, -limit, limit)


def _around(values: FloatArray) -> FloatArray:
    """For each value the mean of the two before and the two after it, of those that there are."""
    sums, counts = np.zeros_like(values), np.zeros_like(values)
    for step in (1, 2):
        sums[step:] += values[:-step]
        sums[:-step] += values[step:]
        counts[step:] += 1
        counts[:-step] += 1
    return sums / np.maximum(counts, 1)
