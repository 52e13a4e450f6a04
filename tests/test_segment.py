from pathlib import Path

import pytest

from nutgraf import read_articles, segment_text
from tests.conftest import ROOT


def texts(source: str) -> list[str]:
    return [segment.text for segment in segment_text(source)]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\u2028"])
def test_blank_lines_and_line_ends(end: str) -> None:
    source = end.join(["", "One.", " ", "Two.", "", "", "Three.", ""])
    assert texts(source) == ["One.", "Two.", "Three."]


def test_single_line_breaks_separate_paragraphs() -> None:
    assert texts("Home\nPolitics\nSport") == ["Home", "Politics", "Sport"]
    long = "A paragraph on one line. " * 20
    assert texts(f"{long}\nNext paragraph.") == [long.strip(), "Next paragraph."]


def test_hard_wrapped_lines_are_one_paragraph() -> None:
    wrapped = (
        "The council met on Tuesday to hear the report on\n"
        "the bridge, which has been closed to lorries for\n"
        "eleven months, and put off its decision."
    )
    assert texts(f"{wrapped}\n\nNext.") == [wrapped, "Next."]


def test_bullets_start_segments_even_when_wrapped() -> None:
    source = (
        "• The first item is about as long as a line gets\n"
        "before it is wrapped\n"
        "• The second item\n"
        "- A third\n"
        "4. A fourth"
    )
    assert texts(source) == [
        "• The first item is about as long as a line gets\nbefore it is wrapped",
        "• The second item",
        "- A third",
        "4. A fourth",
    ]


def test_a_figure_at_the_start_of_a_line_is_no_bullet() -> None:
    assert texts("4.5 per cent\nmore") == ["4.5 per cent", "more"]


def test_seed_article_splits_as_its_gold_labels_do() -> None:
    source = Path(ROOT / "seeds/nato.txt").read_text(encoding="utf-8")
    (gold,) = read_articles(ROOT / "seeds/nato.jsonl")
    assert texts(source) == [segment.text for segment in gold.segments]
