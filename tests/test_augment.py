import random

import pytest

from nutgraf import Article, Segment
from tests.conftest import ARTICLES
from training.augment import (
    augment,
    crop,
    drop_mark,
    insert_clutter,
    merge,
    mojibake,
    restyle_marks,
    split,
    strip_marks,
    wrap,
)
from training.config import Augment

KINDS = [name for name in Augment.model_fields if name not in ("passes", "share")]
EVERYTHING = Augment(passes=3, share=1.0, **dict.fromkeys(KINDS, 0.5))


def test_the_seed_decides() -> None:
    first, again, other = (augment(ARTICLES, EVERYTHING, seed) for seed in (1, 1, 2))
    assert len(first) == 3 * len(ARTICLES)
    assert first == again
    assert first != other


def test_no_damage_by_default() -> None:
    assert augment(ARTICLES, Augment(passes=2), 0) == [*ARTICLES, *ARTICLES]


def test_share_is_the_share_of_damaged_articles() -> None:
    config = Augment(passes=20, share=0.3, insert_clutter=1.0)
    result = augment(ARTICLES, config, 0)
    damaged = sum(a not in ARTICLES for a in result) / len(result)
    assert 0.2 < damaged < 0.4


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_damage_changes_something(kind: str) -> None:
    segments = (
        Segment("“Enough,” he said, and no one in the hall would go in.", "quote"),
        Segment("“We will not go,” he said.", "quote"),
        Segment("The storm came on Monday.", "other"),
        Segment("Share", "navigation_clutter"),
    )
    config = Augment.model_validate({"passes": 8, "share": 1.0, kind: 1.0})
    assert any(a.segments != segments for a in augment([Article("a", segments)], config, 5))


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ("“We don’t know,” he said.", "We don’t know, he said."),
        ("'It's the dogs' food,' she said", "It's the dogs food, she said"),
        ("« Oui », dit-il. „Ja“", " Oui , dit-il. Ja"),
        ("no marks", "no marks"),
    ],
)
def test_marks_are_stripped_and_apostrophes_kept(text: str, bare: str) -> None:
    assert strip_marks(text) == bare


def test_restyled_marks_open_and_close() -> None:
    assert restyle_marks('"So," he said, "no."', ("«", "»")) == "«So,» he said, «no.»"


def test_one_mark_is_dropped() -> None:
    assert len(drop_mark("“a” “b”", random.Random(0))) == len("“a” “b”") - 1
    assert drop_mark("none", random.Random(0)) == "none"


def test_split_parts_make_up_the_segment() -> None:
    segment = Segment("one two three four five six seven eight nine", "quote")
    for seed in range(20):
        parts = split(segment, random.Random(seed))
        assert len(parts) == 2
        assert " ".join(p.text for p in parts) == segment.text
        assert {p.label for p in parts} == {"quote"}
    assert split(Segment("too short", "quote"), random.Random(0)) == [Segment("too short", "quote")]


def test_mojibake_is_what_a_wrong_decoding_gives() -> None:
    assert mojibake("“Oui”, café") == "â€œOuiâ€\ufffd, cafÃ©"


def test_merged_neighbours_of_one_label_keep_it() -> None:
    segments = [Segment("a", "other"), Segment("b", "other"), Segment("c", "quote")]
    expected = [Segment("a b", "other"), Segment("c", "quote")]
    assert merge(segments, 1.0, 0.0, random.Random(0)) == expected
    assert merge(segments, 0.0, 0.0, random.Random(0)) == segments


@pytest.mark.parametrize(
    ("first", "second", "label"),
    [
        (("a b c", "other"), ("d e", "quote"), "other"),
        (("a b", "other"), ("d e f", "quote"), "quote"),
        (("a b", "other"), ("d e", "quote"), "quote"),
        (("a b", "expert_opinion"), ("d e", "official_statement"), "expert_opinion"),
        (("a b", "other"), ("d e", "official_statement"), "official_statement"),
    ],
)
def test_mixed_neighbours_get_the_label_that_covers_more(
    first: tuple[str, str], second: tuple[str, str], label: str
) -> None:
    (merged,) = merge([Segment(*first), Segment(*second)], 0.0, 1.0, random.Random(0))
    assert merged == Segment(f"{first[0]} {second[0]}", label)


def test_furniture_does_not_run_into_text() -> None:
    segments = [Segment("Share", "navigation_clutter"), Segment("A storm came.", "other")]
    assert merge(segments, 1.0, 1.0, random.Random(0)) == segments


def test_wrapped_text_has_the_same_words() -> None:
    text = "word " * 100
    wrapped = wrap(text, random.Random(0))
    assert wrapped.split() == text.split()
    assert max(map(len, wrapped.splitlines())) <= 80


def test_crop_keeps_a_run_of_at_least_half() -> None:
    segments = [Segment(str(i)) for i in range(9)]
    for seed in range(20):
        kept = crop(segments, random.Random(seed))
        assert len(kept) >= 5
        start = int(kept[0].text)
        assert kept == segments[start : start + len(kept)]


def test_clutter_is_inserted_between_segments() -> None:
    segments = [Segment(str(i)) for i in range(3)]
    result = insert_clutter(segments, [Segment("ad")], random.Random(0))
    assert [s for s in result if s.text != "ad"] == segments
    assert 4 <= len(result) <= 7
