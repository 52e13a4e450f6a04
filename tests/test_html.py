import pytest

from nutgraf import InputError, segment_html
from nutgraf.html import looks_like_html


def test_every_visible_block_in_reading_order() -> None:
    page = """<!doctype html><html><head><title>No</title><style>p{}</style></head><body>
    <nav><ul><li><a href=/>Home</a></li><li><a>World</a></ul></nav>
    <h1>Bridge   closed</h1><div>By A. Writer<p>First <b>para</b>graph.</p>loose text</div>
    <script>var x = "<p>no</p>"</script><noscript>no</noscript><!-- no -->
    <figure><img alt="no"><figcaption>A caption</figcaption></figure>
    <table><tr><td>1</td><td>2</td></tr></table><footer>© 2020</footer></body></html>"""
    assert segment_html(page) == [
        "Home",
        "World",
        "Bridge closed",
        "By A. Writer",
        "First paragraph.",
        "loose text",
        "A caption",
        "1",
        "2",
        "© 2020",
    ]


def test_hidden_elements_are_dropped_with_all_they_hold() -> None:
    page = (
        "<p>shown<span hidden>no</span></p><div style='display: none'>no<p>no</p></div>after"
        "<p style='visibility:hidden'>no</p>"
    )
    assert segment_html(page) == ["shown", "after"]


def test_two_line_breaks_part_paragraphs_and_one_is_a_space() -> None:
    assert segment_html("<div>one<br>line<br/><br> two</div>") == ["one line", "two"]


def test_inline_elements_do_not_split_words() -> None:
    assert segment_html("<p>un<i>believ</i>able<sup>1</sup></p>") == ["unbelievable1"]


def test_bytes_are_decoded_as_declared() -> None:
    page = '<html><meta charset="windows-1251"><p>Привет</p></html>'
    assert segment_html(page.encode("windows-1251")) == ["Привет"]
    assert segment_html(page) == ["Привет"], "text is decoded already, whatever it declares"
    assert segment_html(page.encode("utf-16")) == ["Привет"]
    assert segment_html("<p>“Привет”</p>".encode()) == ["“Привет”"], "UTF-8 needs no declaration"
    assert segment_html("<p>“café”</p>".encode("windows-1252")) == ["“café”"]
    wrong = '<script charset="x"></script><meta charset="latin1"><p>“café”</p>'
    assert segment_html(wrong.encode()) == ["“café”"], "valid UTF-8 is UTF-8"
    unknown = '<meta charset="x-nonsense"><p>“café”</p>'
    assert segment_html(unknown.encode("windows-1252")) == ["“café”"]
    broken = '<meta charset="utf-8"><p>caf\\xe9 “</p>'
    assert segment_html(broken.encode().replace(b"\\xe9", b"\xe9")) == ["caf\ufffd “"]
    latin = '<meta charset="ISO-8859-1"><p>“café”</p>'
    assert segment_html(latin.encode("windows-1252")) == ["“café”"]


def test_deep_nesting() -> None:
    def page(depth: int) -> str:
        return "<div>" * depth + "deep" + "</div>" * depth + "<p>after</p>"

    assert segment_html(page(2000)) == ["deep", "after"]
    with pytest.raises(InputError, match="nested"):
        segment_html(page(5000))


@pytest.mark.parametrize("page", ["", "   ", b""])
def test_nothing_to_parse(page: str | bytes) -> None:
    with pytest.raises(InputError):
        segment_html(page)


def test_nothing_to_read() -> None:
    assert segment_html("<!-- nothing --><script>x</script>") == []


def test_binary_files_are_refused() -> None:
    with pytest.raises(InputError, match="NUL byte"):
        segment_html(b"%PDF-1.4 <p>x</p>\0\xff")


def test_markup_is_told_from_text() -> None:
    assert looks_like_html("<!DOCTYPE html><p>x")
    assert looks_like_html("text <p>x</p>")
    assert not looks_like_html("2 < 3 and 4 > 3")
    assert not looks_like_html("write to <desk@example.org>")
