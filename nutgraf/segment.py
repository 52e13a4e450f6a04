"""Raw text to segments: paragraphs in reading order, nothing dropped.

Clutter is the model's to find, so every line of the source belongs to some segment, and
`source[segment.start:segment.end] == segment.text`.
"""

import re
from collections.abc import Iterator
from itertools import pairwise

from nutgraf.article import Segment
from nutgraf.errors import InputError

MAX_TEXT_LENGTH = 20_000_000
"""A longer text or page is refused unread: no article is that long, and labelling all the
paragraphs of a corpus in one call would look like a hang and fill the memory."""

_LINE = re.compile(r"[^\r\n\u0085\u2028\u2029]*(?:\r\n|[\r\n\u0085\u2028\u2029]|$)")
_BULLET = re.compile(r"\s*(?:[•‣◦▪▸►●∙·*–—-]|\d{1,2}[.)])\s+\S")

_MIN_WRAP_WIDTH = 40
"""Narrower blocks are menus and lists: their lines are segments of their own."""
_MAX_WRAP_WIDTH = 140
"""Longer lines were not wrapped by hand or by a mail program: each is a paragraph."""


def check_length(source: str | bytes) -> None:
    """Refuse a text that is too long to be an article.

    Raises:
        InputError: for more than `MAX_TEXT_LENGTH` characters or bytes.
    """
    if len(source) > MAX_TEXT_LENGTH:
        unit = "bytes" if isinstance(source, bytes) else "characters"
        raise InputError(
            f"more than the {MAX_TEXT_LENGTH:,} {unit} allowed: is this a news article?"
        )


def segment_text(source: str) -> list[Segment]:
    """Split raw text into segments.

    A blank line ends a segment, a bullet or list number starts one, and so does any other line
    break, unless the lines between two blank lines look hard-wrapped (each is broken just where
    the next word would have passed the longest line). Line ends may be those of Unix, Windows or
    old Macs.

    Returns:
        Segments with character offsets into `source`; leading and trailing white space is in no
        segment, so that the segments' texts together are `source` but for white space.

    >>> [segment.text for segment in segment_text("A headline\\n\\n• One\\n• Two")]
    ['A headline', '• One', '• Two']
    """
    segments = []
    for block in _blocks(source):
        for start, end in _split_block(source, block):
            segments.append(Segment(source[start:end], start=start, end=end))
    return segments


_Span = tuple[int, int]


def _blocks(source: str) -> Iterator[list[_Span]]:
    """Yield runs of lines between blank lines, each line as the span of its stripped text."""
    block: list[_Span] = []
    for match in _LINE.finditer(source):
        line = match.group()
        text = line.strip()
        if text:
            start = match.start() + line.index(text[0])
            block.append((start, start + len(text)))
        elif block:
            yield block
            block = []
    if block:
        yield block


def _split_block(source: str, lines: list[_Span]) -> Iterator[_Span]:
    run: list[_Span] = []
    for line in lines:
        if run and _BULLET.match(source, line[0], line[1]):
            yield from _join(source, run)
            run = []
        run.append(line)
    yield from _join(source, run)


def _join(source: str, lines: list[_Span]) -> Iterator[_Span]:
    """One span for a hard-wrapped run of lines, else a span for each line."""
    if _is_wrapped(source, lines):
        yield lines[0][0], lines[-1][1]
    else:
        yield from lines


def _is_wrapped(source: str, lines: list[_Span]) -> bool:
    if len(lines) < 2:
        return False
    width = max(end - start for start, end in lines)
    if not _MIN_WRAP_WIDTH <= width <= _MAX_WRAP_WIDTH:
        return False
    for (start, end), (following, following_end) in pairwise(lines):
        first_word = source[following:following_end].split(maxsplit=1)[0]
        if end - start + 1 + len(first_word) <= width:
            return False
    return True
