"""HTML to segments: every visible block in reading order, menus and footers included."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lxml import etree
from lxml import html as lxml_html

from nutgraf.errors import InputError
from nutgraf.segment import check_length

_INLINE = frozenset(
    "a abbr acronym b bdi bdo big cite code data del dfn em font i ins kbd mark nobr q rb rp rt"
    " ruby s samp small span strike strong sub sup time tt u var wbr".split()
)
"""Elements that run on in the line of text around them; any other element is a block."""

_INVISIBLE = frozenset(
    "applet area audio base canvas col colgroup datalist embed frame frameset head iframe img"
    " input link map math meta noembed noframes noscript object option param picture progress"
    " script select source style svg template textarea title track video".split()
)
"""Elements that show no text of their own that a reader of the page would call a block of text."""

_HIDDEN_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_CHARSET = re.compile(rb"charset\s*=\s*[\"']?\s*([a-z0-9_-]+)", re.IGNORECASE)
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
"""The byte order marks of UTF-16, whose text is full of NUL bytes."""
_BINARY = {
    re.compile(rb"\s*%PDF-\d"): "a PDF file: extract its text first",
    re.compile(rb"\x1f\x8b\x08"): "gzip data: decompress it first",
    re.compile(rb"PK\x03\x04"): "a ZIP archive or an office document: extract its text first",
    # It starts with the byte order mark of UTF-16, too.
    re.compile(rb"\xff\xfe\0\0"): "UTF-32 text: convert it to UTF-8 first",
}
"""What is often saved as a page or as text, and may even parse as such, by its first bytes."""
MAX_ATTRIBUTES = 1_000
"""A tag with more attributes is refused: no page has one, and the time it takes to put them into a
tree grows with the square of their number."""

MAX_DEPTH = 2_040
"""A page with elements nested deeper is refused: of a tree of 2,048 levels libxml2 drops the rest,
and the time for an end tag that fits no element grows with the depth."""

_PIECE_BYTES = 65_536

_PROBE = b'<p id="a-b">\\u0041</p>'
"""Any encoding that a page can declare within its markup reads markup as ASCII does."""
_BREAK = "\x00"
"""Stands for `<br>` while a block is collected (HTML text cannot hold a NUL)."""

_MARKUP = re.compile(
    r"<!doctype\s+html|<(?:html|head|body)[\s>]|</(?:p|div|h[1-6]|li|ul|article|section|span|a)\s*>",
    re.IGNORECASE,
)


def looks_like_html(text: str) -> bool:
    """Tell markup from plain text by its first 10,000 characters."""
    return "<" in text[:10_000] and _MARKUP.search(text, 0, 10_000) is not None


def binary_kind(raw: bytes) -> str | None:
    """What a file is by its first bytes, with what to do about it, or None if it may be text."""
    return next((kind for start, kind in _BINARY.items() if start.match(raw, 0, 64)), None)


@dataclass(frozen=True, slots=True)
class Block:
    """A visible block of a page.

    Attributes:
        text: its text, white space collapsed.
        element: the element that holds it: the innermost one around it that is not inline.
        link_share: how much of the text, by characters, stands in links.
    """

    text: str
    element: lxml_html.HtmlElement
    link_share: float


def segment_html(source: str | bytes) -> list[str]:
    """Split an HTML page into the texts of its visible blocks, in reading order.

    Text of inline elements runs on; every other element starts and ends a block, and so do two
    `<br>` in a row (one is white space). Scripts, styles, form fields, `hidden` elements and
    those hidden by their own `style` attribute are left out. White space is collapsed.

    Args:
        source: a page as text, or as bytes in UTF-16 with a byte order mark, in UTF-8, in the
            encoding that the page declares, or else in Windows-1252.

    Raises:
        InputError: if there is no markup to parse, for a binary file, and for elements nested
            more deeply than `MAX_DEPTH`, a tag with more than `MAX_ATTRIBUTES` attributes, or a
            page of more than `nutgraf.segment.MAX_TEXT_LENGTH` characters or bytes.

    >>> segment_html("<nav>Home</nav><p>It <b>rained</b>.</p>")
    ['Home', 'It rained.']
    """
    return [block.text for block in html_blocks(source)]


def html_blocks(source: str | bytes) -> list[Block]:
    """Split an HTML page into its visible blocks: those of `segment_html`, with their elements.

    Raises:
        InputError: as `segment_html` does.
    """
    check_length(source)
    text = source if isinstance(source, str) else _decode(source)
    if not text.strip():
        raise InputError("no HTML to read: the page is empty")
    raw = text.encode("utf-8", "replace")
    # A declared encoding is about the bytes that the text was decoded from, so it is overruled.
    _check_limits(raw)
    parser = lxml_html.HTMLParser(encoding="utf-8", huge_tree=True, remove_comments=True)
    try:
        root = lxml_html.document_fromstring(raw, parser=parser)
    except (etree.ParserError, ValueError) as error:
        raise InputError(f"no HTML to read: {error}") from None
    return list(_blocks(root))


def _check_limits(raw: bytes) -> None:
    """Look a page over with a parser that builds no tree: that takes time in proportion to it."""
    parser = etree.HTMLParser(encoding="utf-8", huge_tree=True, target=_Limits())  # type: ignore[arg-type]
    # In pieces: an error that a target raises ends the parsing only where the parser is fed.
    for start in range(0, len(raw), _PIECE_BYTES):
        parser.feed(raw[start : start + _PIECE_BYTES])
    parser.close()


class _Limits:
    """A parser target that refuses what `MAX_DEPTH` and `MAX_ATTRIBUTES` speak of."""

    def __init__(self) -> None:
        self._depth = 0

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise InputError("elements are nested too deeply to read all of the page")
        if len(attributes) > MAX_ATTRIBUTES:
            raise InputError(
                f"a tag has {len(attributes):,} attributes, more than the {MAX_ATTRIBUTES:,} "
                "allowed: is this a news article?"
            )

    def end(self, tag: str) -> None:
        self._depth -= 1

    def close(self) -> None:
        """Nothing is left to do."""


def _decode(source: bytes) -> str:
    if source.startswith(UTF16_MARKS):
        return source.decode("utf-16", "replace")
    if (position := source.find(b"\0")) >= 0:
        raise InputError(f"not HTML: NUL byte at offset {position:,}")
    if kind := binary_kind(source):
        raise InputError(f"this is {kind}")
    try:
        # Text in another encoding is next to never valid UTF-8, whatever the page declares.
        return source.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    declared = _CHARSET.search(source, 0, 4096)
    name = declared.group(1).decode("ascii").lower() if declared else ""
    if name in ("", "iso-8859-1", "latin1", "us-ascii", "ascii"):
        # By the HTML standard these mean Windows-1252, which has curly quotation marks.
        name = "windows-1252"
    return source.decode(name if _reads_markup(name) else "windows-1252", "replace")


def _reads_markup(encoding: str) -> bool:
    """Whether it is an encoding for web pages, not one unknown or one of Python's others.

    `idna`, say, cannot decode a page, and `punycode` takes time with the square of its length.
    """
    try:
        return _PROBE.decode(encoding, "replace") == _PROBE.decode("ascii")
    except (LookupError, UnicodeError):
        return False


def _blocks(root: lxml_html.HtmlElement) -> Iterator[Block]:
    """Walk the tree (without recursion: pages nest thousands deep) and yield blocks of text."""
    parts: list[_Part] = []
    holders = [root]
    links = 0
    walker = etree.iterwalk(root, events=("start", "end"))
    for event, element in walker:
        tag = element.tag if isinstance(element.tag, str) else ""
        visible = bool(tag) and tag not in _INVISIBLE and not _is_hidden(element)
        ends_block = tag not in _INLINE and tag != "br" and visible
        if event == "start":
            if not visible:
                walker.skip_subtree()
                continue
            if ends_block:
                yield from _flush(parts, holders[-1])
                holders.append(element)
            links += tag == "a"
            if tag == "br":
                parts.append((_BREAK, False))
            if element.text:
                parts.append((element.text, links > 0))
        else:
            if ends_block:
                yield from _flush(parts, holders[-1])
                holders.pop()
            links -= tag == "a" and visible
            if element.tail and element is not root:
                parts.append((element.tail, links > 0))
    yield from _flush(parts, root)


def _is_hidden(element: lxml_html.HtmlElement) -> bool:
    if element.get("hidden") is not None:
        return True
    style = element.get("style")
    return style is not None and _HIDDEN_STYLE.search(style) is not None


_Part = tuple[str, bool]
"""A piece of text, and whether it stands in a link."""


def _flush(parts: list[_Part], holder: lxml_html.HtmlElement) -> Iterator[Block]:
    if not parts:
        return
    paragraph: list[_Part] = []
    breaks = 0
    for part in [*parts, (_BREAK, False), (_BREAK, False)]:
        if part[0] != _BREAK:
            paragraph.append(part)
            breaks = 0 if part[0].strip() else breaks
            continue
        breaks += 1
        paragraph.append((" ", False))
        if breaks == 2:
            yield from _block(paragraph, holder)
            paragraph = []
    parts.clear()


def _block(parts: list[_Part], holder: lxml_html.HtmlElement) -> Iterator[Block]:
    text = " ".join("".join(part for part, _ in parts).split())
    if text:
        linked = sum(len(part.strip()) for part, in_link in parts if in_link)
        yield Block(text, holder, min(1.0, linked / len(text)))
