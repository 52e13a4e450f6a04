"""What must hold for any input: said once, for the property tests and for the fuzzer."""

from itertools import pairwise
from pathlib import Path

from lxml import html as lxml_html

from nutgraf import (
    Article,
    DataError,
    Segment,
    read_articles,
    segment_text,
    write_articles,
)
from nutgraf.classifier import Format, _segments
from nutgraf.clean import read_page
from nutgraf.html import _INLINE, _INVISIBLE, _decode, _is_hidden, html_blocks


def check_segments(source: str, segments: list[Segment]) -> None:
    """Segments reproduce the source, in order, but for the white space between them."""
    position = 0
    for segment in segments:
        assert segment.start is not None
        assert segment.end is not None
        assert position <= segment.start < segment.end, "in order, and none is empty"
        assert not source[position : segment.start].strip(), "only white space is left out"
        assert source[segment.start : segment.end] == segment.text == segment.text.strip()
        position = segment.end
    assert not source[position:].strip(), "only white space is left out"


def check_text(source: str) -> None:
    """Check `segment_text`; the texts of the segments, with blank lines between, split alike."""
    segments = segment_text(source)
    check_segments(source, segments)
    assert [s.text for s in segment_text("\n\n".join(s.text for s in segments))] == [
        s.text for s in segments
    ]


def check_html(source: str | bytes) -> None:
    """Check `html_blocks`: every visible word comes out, once and in order; and `read_page`."""
    blocks = html_blocks(source)
    texts = [block.text for block in blocks]
    assert all(text == " ".join(text.split()) != "" for text in texts)
    assert all(0 <= block.link_share <= 1 for block in blocks)
    assert " ".join(texts).split() == visible_words(source)
    if blocks:
        page = read_page(blocks)
        article = page.article(dict.fromkeys(page.unsettled(), 0.5))
        assert all(a < b for a, b in pairwise([-1, *article, len(blocks)]))


def visible_words(source: str | bytes) -> list[str]:
    """The words of the text nodes that are shown, from the tree of the page, node by node."""
    text = source if isinstance(source, str) else _decode(source)
    parser = lxml_html.HTMLParser(encoding="utf-8", huge_tree=True)
    root = lxml_html.document_fromstring(text.encode("utf-8", "replace"), parser=parser)
    shown: list[str] = []
    stack: list[lxml_html.HtmlElement | str] = [root]
    while stack:
        node = stack.pop()
        if isinstance(node, str):
            shown.append(node)
            continue
        # A comment or a processing instruction has a function for a tag, and shows nothing.
        visible = isinstance(node.tag, str) and node.tag not in _INVISIBLE and not _is_hidden(node)
        edge = "" if node.tag in _INLINE else " "
        inside = [edge, node.text or "", *node, edge] if visible else []
        stack.extend(reversed([*inside, node.tail or ""]))
    return "".join(shown).split()


def check_source(article: str | bytes, format: Format = "auto") -> None:
    """Check how the classifier reads a text or a page: the offsets are into its source."""
    source, segments = _segments(article, format)
    position = 0
    for segment in segments:
        assert segment.start is not None
        assert segment.end is not None
        assert position <= segment.start < segment.end
        assert source[segment.start : segment.end] == segment.text
        source.encode()  # as the tokenizer and any file will
        position = segment.end


def check_jsonl(raw: bytes, file: Path) -> None:
    """Check `read_articles` on any bytes: articles that can be written and read again, or an
    error that begins with file and line."""
    file.write_bytes(raw)
    try:
        articles = read_articles(file, require_labels=False)
    except DataError as error:
        message = str(error)
        assert "\n" not in message
        assert len(message) < 500 + 2 * len(str(file))
        where, _, what = message.removeprefix(f"{file}").partition(": ")
        assert what
        assert (where, what) == ("", "no article in this file") or (
            where[0] == ":" and 1 <= int(where[1:]) <= raw.count(b"\n") + 1
        )
        return
    check_round_trip(articles, file)


def check_round_trip(articles: list[Article], file: Path) -> None:
    """What is written is read again, and what is read is written the same.

    Articles are compared by their lines: JSON as Python reads it may hold a NaN, which is not
    equal to itself.
    """
    write_articles(file, articles)
    written = file.read_bytes()
    again = read_articles(file, require_labels=False)
    assert [(a.id, a.segments, a.title, a.style) for a in again] == [
        (a.id, a.segments, a.title, a.style) for a in articles
    ]
    write_articles(file, again)
    assert file.read_bytes() == written
