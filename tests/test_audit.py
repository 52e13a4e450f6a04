from dataclasses import replace
from pathlib import Path

import pytest

from nutgraf import LABELS, Article, Segment, write_articles
from training.audit import Splits, diversity, label_errors, main, must_not_be
from training.similarity import near_duplicates, overlaps, shared_ngrams
from training.twosample import two_sample

WORDS = (
    "river council bridge storm school market police minister train harvest museum winter ship "
    "doctor factory election village teacher engine forest island border theatre budget captain"
).split()


def story(id: str, brief: str, shift: int) -> Article:
    """An article of its own words: every label, a body that shares no run with another's."""
    segments = []
    for i in range(10):
        run = [f"{WORDS[(shift * 7 + i * 3 + j * j) % len(WORDS)]}{shift}" for j in range(20)]
        segments.append(Segment(" ".join(run), LABELS[i % 5]))
    return Article(id, tuple(segments), "T", "wire", {"brief": brief, "country": "Peru"})


@pytest.fixture
def splits() -> Splits:
    names = ("train", "validation", "test")
    return {
        name: [story(f"{name}{n}", name, 100 * k + n) for n in range(15)]
        for k, name in enumerate(names)
    }


def failures(splits: Splits, real: list[Article] | None = None) -> list[str]:
    return [check.name for check in must_not_be(splits, real or []) if check.failed]


def test_a_clean_corpus_passes(splits: Splits) -> None:
    assert failures(splits) == []


def test_what_must_not_be_is_found(splits: Splits) -> None:
    train, validation = splits["train"], splits["validation"]
    copy = replace(train[0], id="copy", provenance={"brief": "train"})
    assert "bodies alike (Jaccard of 0.3 or more)" in failures({**splits, "train": [*train, copy]})
    crossed = [*validation, replace(train[0], id="v", provenance={"brief": "train"})]
    found = failures({**splits, "validation": crossed})
    assert "briefs that cross splits" in found
    assert "openings that cross splits" in found
    assert "body texts that occur in two articles" in found
    assert failures({**splits, "test": [*splits["test"], train[3]]})[0].startswith("ids")
    few = {**splits, "test": splits["test"][:2]}
    assert failures(few) == ["labels with fewer than 30 segments in a split"]


def test_words_of_real_articles_are_found(splits: Splits) -> None:
    text = splits["test"][4].segments[3].text
    real = Article("real", (Segment("Before. " + " ".join(text.split()[5:13]), "other"),))
    assert failures(splits, [real]) == ["runs of 8 words that stand in a real article"]


def test_a_run_in_four_articles_is_found_unless_it_is_a_set_phrase(splits: Splits) -> None:
    run = "a run of words that stands in far too many articles"
    phrase = "did not immediately respond to a request for comment"
    for text, expected in ((run, 1), (phrase, 0)):
        changed = [
            replace(a, segments=(*a.segments, Segment(f"{a.id} {text}", "other")))
            for a in splits["train"][:4]
        ]
        found = failures({**splits, "train": changed + splits["train"][4:]})
        assert len(found) == expected


def test_the_script_fails_and_writes_its_findings(splits: Splits, tmp_path: Path) -> None:
    splits["test"] = splits["test"][:2]
    for name, articles in splits.items():
        write_articles(tmp_path / f"{name}.jsonl", articles)
    out = tmp_path / "audit.md"
    with pytest.raises(SystemExit) as stop:
        main([str(tmp_path), "--out", str(out)])
    assert stop.value.code == 1
    assert "test: quote: 4" in out.read_text(encoding="utf-8")


def test_a_wrong_label_is_doubted() -> None:
    def plain(n: int) -> Article:
        return Article(f"p{n}", tuple(Segment(f"{x} is its kind {n}", x) for x in LABELS))

    wrong = Article("wrong", (Segment("quote is its kind", "other"),))
    found = label_errors([*(plain(n) for n in range(40)), wrong])
    assert found == ["wrong[0] other, perhaps quote: quote is its kind"]


def test_diversity_lists_the_least_varied_first(splits: Splits) -> None:
    dull = Article("d", (Segment("the same words again " * 200, "other"),))
    dull = replace(dull, provenance={"outlet": "dull"})
    assert diversity([*splits["train"], dull])[0].startswith("dull: 0.0")


def test_similarity_measures() -> None:
    a = Article("a", (Segment("one two three four five six", "other"),))
    b = Article("b", (Segment("One two, three four five six!", "quote"),))
    c = Article("c", (Segment("something else entirely is said here", "other"),))
    clutter = Article("d", (Segment("one two three four five six", "navigation_clutter"),))
    assert [pair[:2] for pair in near_duplicates([a, b, c, clutter], 0.8)] == [("a", "b")]
    assert shared_ngrams([a, b, c, clutter], 6, 1) == {"one two three four five six": ["a", "b"]}
    assert overlaps([a], [b], 6) == [("a", "one two three four five six")]
    assert overlaps([a], [c], 6) == []


def test_two_samples_of_one_kind_cannot_be_told_apart_and_of_two_can() -> None:
    ours = [story(f"o{n}", "x", 0) for n in range(30)]
    same = [story(f"s{n}", "x", 0) for n in range(30)]
    other = [story(f"r{n}", "x", 1) for n in range(30)]
    assert all(0.3 < auc < 0.7 for _, auc, _ in two_sample(ours, same))
    assert all(auc > 0.9 for _, auc, _ in two_sample(ours, other))
