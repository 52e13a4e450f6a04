import sys

import pytest

from nutgraf import Classifier, InputError, ModelError
from nutgraf.clean import read_page
from nutgraf.html import html_blocks


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return Classifier.load()


BODY = [
    "The harbour board of Lindesund voted on Tuesday night to close the east pier until spring, "
    "after divers found that four of its oak piles had rotted through below the waterline.",
    "“We would rather have angry fishermen than drowned ones,” said Marit Solberg, who chairs "
    "the board and keeps a boat at the pier herself.",
    "The repairs will cost about 2.4 million kroner, the board's engineer told the meeting, and "
    "cannot begin before the ice has left the inner basin.",
    "Boats that lie at the pier will be moved to the guest harbour, where the council has waived "
    "the winter fee.",
]
FIRST, QUOTE, COST, LAST = BODY


def page(body: str, *, after: str = "") -> str:
    return f"""<!doctype html><html><head><title>East pier closed until spring - The Lindesund
    Post</title></head><body class="page social-on"><header><a href="/">The Lindesund Post</a>
    <nav><ul><li><a href="/n">News</a></li><li><a href="/s">Sport</a></li></ul></nav></header>
    <div id="content"><h1>East pier closed until spring</h1>{body}</div>{after}
    <footer><p>© The Lindesund Post. Editor in chief: Jon Vik. All rights reserved.</p></footer>
    </body></html>"""


def paragraphs(*texts: str) -> str:
    return "".join(f"<p>{text}</p>" for text in texts)


def test_the_body_alone_is_left(classifier: Classifier) -> None:
    found = classifier.clean(page(paragraphs(*BODY)))
    assert [p.text for p in found] == BODY
    assert found.source == "\n\n".join(BODY)
    assert all(found.source[p.start : p.end] == p.text for p in found)


def test_segments_keep_their_labels_among_all_but_clutter(classifier: Classifier) -> None:
    found = classifier.clean(page(paragraphs(*BODY)))
    assert found[1].label == "quote"
    for prediction in found:
        assert "navigation_clutter" not in prediction.probabilities
        assert sum(prediction.probabilities.values()) == pytest.approx(1)


@pytest.mark.parametrize(
    "furniture",
    [
        "<figure><img src=a><figcaption>The east pier on Monday, with the ice still in the inner "
        "basin. Photo: Ane Lie</figcaption></figure>",
        "<aside><h3>Related</h3><ul><li><a href=/1>Ferry to Holmen back after ten weeks in dock"
        "</a></li><li><a href=/2>Council wants a new breakwater</a></li></ul></aside>",
        "<ul><li><a href=/1>Ferry to Holmen back after ten weeks</a><div>The ferry to Holmen "
        "sailed again on Sunday, ten weeks after it ran aground outside the harbour, and the "
        "islanders met it with coffee and a brass band on the quay.</div></li></ul>",
        "<div class='newsletter-box'><p>Get the news of the fjord in your inbox every morning, "
        "free of charge, from our reporters in Lindesund and Holmen.</p></div>",
        "<p><a href=/3>Also read: What the divers found under the pier last week</a></p>",
    ],
)
def test_furniture_within_the_article_goes(classifier: Classifier, furniture: str) -> None:
    body = paragraphs(FIRST, QUOTE) + furniture + paragraphs(COST, LAST)
    assert [p.text for p in classifier.clean(page(body))] == BODY


def test_readers_comments_go_even_where_they_are_longer(classifier: Classifier) -> None:
    comments = "".join(
        f"<li class=comment><p>{name}: I have kept a boat at that pier for thirty years and nobody "
        f"on the board has ever asked me what I think of the piles. {rest}</p></li>"
        for name, rest in [
            ("Ola", "They were new in 1974, and my father helped to drive them with a hand winch."),
            ("Siri", "The guest harbour has no shelter from the north, so where is the sense?"),
            ("Per", "Two million for four logs is what you get when engineers hold meetings."),
            ("Tor", "Well done, Marit, better now than after somebody has gone through the deck."),
            ("Liv", "And where are the kayakers to go, if I may ask? Nobody thinks of us, ever."),
        ]
    )
    html = page(paragraphs(*BODY), after=f"<div id=comments><ol>{comments}</ol></div>")
    assert [p.text for p in classifier.clean(html)] == BODY


def test_paragraphs_parted_by_line_breaks(classifier: Classifier) -> None:
    html = page(f"<div>{'<br><br>'.join(BODY)}</div>")
    assert [p.text for p in classifier.clean(html)] == BODY


def test_headings_and_lists_of_the_article_stay(classifier: Classifier) -> None:
    items = ["12 fishing boats of more than eight metres", "the rescue company's spare launch"]
    listed = f"<h2>What has to move</h2><ul>{''.join(f'<li>{i}</li>' for i in items)}</ul>"
    body = paragraphs(FIRST, QUOTE, COST) + listed + paragraphs(LAST)
    found = [p.text for p in classifier.clean(page(body))]
    assert found == [FIRST, QUOTE, COST, "What has to move", *items, LAST]


def test_the_headline_stays_when_asked_for(classifier: Classifier) -> None:
    found = classifier.clean(page(paragraphs(*BODY)), headline=True)
    assert [p.text for p in found] == ["East pier closed until spring", *BODY]


def test_an_element_that_holds_the_headline_is_no_furniture_whatever_its_name() -> None:
    html = page(paragraphs(*BODY)).replace('id="content"', 'class="sidebar social-share"')
    blocks = html_blocks(html)
    evidence = read_page(blocks).evidence
    assert [e > 0 for b, e in zip(blocks, evidence, strict=True) if b.text in BODY] == [True] * 4


def test_raw_text_and_lists_lose_what_reads_as_clutter(classifier: Classifier) -> None:
    segments = ["Home | News | Sport", FIRST, QUOTE, "Read also: Ferry to Holmen back", LAST]
    expected = [FIRST, QUOTE, LAST]
    assert [p.text for p in classifier.clean(segments)] == expected
    assert [p.text for p in classifier.clean("\n\n".join(segments))] == expected


def test_trafilatura_extracts_and_the_model_reads(classifier: Classifier) -> None:
    found = classifier.clean(page(paragraphs(*BODY)), method="trafilatura")
    assert [p.text for p in found if p.text in BODY] == BODY
    assert not any("All rights reserved" in p.text for p in found)


def test_a_page_of_furniture_leaves_nothing(classifier: Classifier) -> None:
    found = classifier.clean("<nav><a href=/>Home</a></nav><footer>© 2020</footer>")
    assert len(found) == 0
    assert found.source == ""


def test_what_cannot_be_cleaned_is_refused(
    classifier: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match="empty"):
        classifier.clean("<div></div>")
    with pytest.raises(InputError, match="method: 'tre'; did you mean 'tree'"):
        classifier.clean("<p>x</p>", method="tre")  # type: ignore[arg-type]
    monkeypatch.setitem(sys.modules, "trafilatura", None)
    with pytest.raises(InputError, match=r"nutgraf\[trafilatura\]"):
        classifier.clean("<p>x</p>", method="trafilatura")


def test_a_model_without_the_label_cannot_clean(
    classifier: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Classifier, "labels", ("quote", "other"))
    with pytest.raises(ModelError, match="navigation_clutter"):
        classifier.clean("<p>x</p>")


def test_a_stream_of_pages_is_cleaned_in_order(classifier: Classifier) -> None:
    pages = [page(paragraphs(*BODY[i:])) for i in range(3)] * 5
    pages += ["\n\n".join(BODY), "<nav><a href=/>Home</a></nav><footer>© 2020</footer>"]
    assert list(classifier.clean_stream(iter(pages))) == [classifier.clean(p) for p in pages]


def test_a_stream_of_pages_goes_on_after_a_bad_one(classifier: Classifier) -> None:
    pages = [page(paragraphs(*BODY)), "<div></div>", page(paragraphs(*BODY))]
    with pytest.raises(InputError, match="article 1: no text"):
        list(classifier.clean_stream(pages))
    first, error, last = classifier.clean_stream(pages, errors="return")
    assert isinstance(error, InputError)
    assert first == last == classifier.clean(pages[0])
