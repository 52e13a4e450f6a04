"""The corpus keeps its promises."""

import json
from collections import Counter

import datasets
import pytest

from nutgraf import LABELS, Article, read_articles
from tests.conftest import ROOT

SPLITS = ("train", "validation", "test")


@pytest.fixture(scope="module")
def splits() -> dict[str, list[Article]]:
    return {name: read_articles(ROOT / f"data/{name}.jsonl") for name in SPLITS}


def test_no_article_and_no_brief_crosses_a_split(splits: dict[str, list[Article]]) -> None:
    for key in (lambda a: a.id, lambda a: a.provenance["brief"]):
        sets = [{key(a) for a in articles} for articles in splits.values()]
        assert sum(map(len, sets)) == len(set().union(*sets))


def test_no_body_text_occurs_twice(splits: dict[str, list[Article]]) -> None:
    texts = Counter(
        s.text
        for articles in splits.values()
        for a in articles
        for s in a.segments
        if s.label != "navigation_clutter" and len(s.text.split()) >= 8
    )
    # A story's headline may stand again as the standfirst or lead of the same page.
    assert [t for t, n in texts.items() if n > 2] == []


def test_every_split_has_every_label(splits: dict[str, list[Article]]) -> None:
    for articles in splits.values():
        assert {s.label for a in articles for s in a.segments} == set(LABELS)


def test_metadata_is_complete(splits: dict[str, list[Article]]) -> None:
    for articles in splits.values():
        for article in articles:
            assert article.title
            assert article.style
            assert article.provenance["country"]


def test_the_seed_is_in_no_split(splits: dict[str, list[Article]]) -> None:
    (seed,) = read_articles(ROOT / "seeds/nato.jsonl")
    texts = {s.text for articles in splits.values() for a in articles for s in a.segments}
    long = {s.text for s in seed.segments if len(s.text.split()) > 3}
    assert not texts & long


def test_annotations_match_the_articles(splits: dict[str, list[Article]]) -> None:
    articles = {a.id: a for split in splits.values() for a in split}
    lines = (ROOT / "data/annotations.jsonl").read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    assert {r["id"] for r in records} == set(articles)
    for record in records:
        settled = {s["segment"]: s["label"] for s in record["settled"]}
        for i, segment in enumerate(articles[record["id"]].segments):
            first, second = record["writer"][i], record["second"][i]
            # What a later convention decides is settled too, where both hands agreed before it.
            assert first == second or i in settled
            assert segment.label == settled.get(i, first)


def test_datasets_reads_the_files_as_they_are(splits: dict[str, list[Article]]) -> None:
    files = {name: str(ROOT / f"data/{name}.jsonl") for name in SPLITS}
    loaded = datasets.load_dataset("json", data_files=files)
    assert {name: len(loaded[name]) for name in SPLITS} == {k: len(v) for k, v in splits.items()}
    assert loaded["train"][0]["segments"][0]["label"] in LABELS
