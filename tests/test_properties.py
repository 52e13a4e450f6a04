"""Properties that hold for any input, tried on inputs that Hypothesis makes up.

By default the same few examples every time; `pytest --hypothesis-profile=long` tries thousands of
new ones.
"""

import json
import re
import tempfile
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nutgraf import (
    LABELS,
    Article,
    Classifier,
    LabelledArticle,
    Segment,
    read_articles,
    segment_html,
    segment_text,
    write_articles,
)
from nutgraf.classifier import ArticleLike
from nutgraf.windows import MIN_TARGET_TOKENS, SpecialTokens, WindowConfig, make_windows
from tests.conftest import ROOT
from tests.properties import check_html, check_jsonl, check_round_trip, check_text
from training.augment import augment
from training.config import Augment

with_model = settings(max_examples=settings().max_examples // 5)
"""Fewer examples: in each the model reads."""


@pytest.fixture(scope="module")
def file() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "data.jsonl"


# Segments

PARAGRAPH = st.one_of(
    st.text(),
    st.text(alphabet="ab \t•-1.)«”é\u200b\x0b\x1c"),
    # Around the widths between which lines count as wrapped.
    st.lists(st.integers(1, 12), min_size=4, max_size=30).map(
        lambda lengths: " ".join("x" * n for n in lengths)
    ),
)
LINE_END = st.sampled_from(["\n", "\n\n", "\r\n", "\r", "\u2028", "\x85", " \n \n"])


@given(st.lists(st.tuples(PARAGRAPH, LINE_END), max_size=12))
def test_segments_of_text_reproduce_it(lines: list[tuple[str, str]]) -> None:
    check_text("".join(chain.from_iterable(lines)))


TAGS = (
    "html head title body p div span b a li ul table tr td h1 nav article aside form button"
    " select option script style noscript textarea svg math template iframe frameset br x-y o:p"
).split()
ATTRIBUTES = ["", " hidden", " style='display : none'", ' class="related x"', " href=x", " x='<p>'"]
MARKUP = st.one_of(
    st.builds("<{}{}>".format, st.sampled_from(TAGS), st.sampled_from(ATTRIBUTES)),
    st.builds("</{}>".format, st.sampled_from(TAGS)),
    st.sampled_from(["<br><br>", "<br/> <br>", "<!-- x -->", "<!--", "<![CDATA[x]]>", "<?x y?>"]),
    st.sampled_from(["&amp;", "&nbsp;", "&#0;", "&#xd800;", "&#x2028;", "&foo;", "&", "<", ">"]),
)


@given(st.lists(st.one_of(MARKUP, st.text(max_size=8), st.sampled_from([" ", "a", "b c"]))))
def test_every_visible_word_of_a_page_comes_out_once(parts: list[str]) -> None:
    # The word makes it a page with something to read.
    check_html("word" + "".join(parts))


# Predictions

REAL = [s.text for a in read_articles(ROOT / "data/test.jsonl")[:20] for s in a.segments]
# In bytes, a NUL makes a page a binary file.
TEXT = st.sampled_from(REAL) | st.text(
    st.characters(codec="utf-8", exclude_characters="\0"), max_size=30
)
TEXTS = st.lists(TEXT, min_size=1, max_size=12)


def as_text(texts: list[str]) -> str:
    return "\n\n".join(["word", *texts])


def as_page(texts: list[str]) -> str:
    return "<!doctype html><h1>word</h1>" + "".join(f"<p>{text}</p>" for text in texts)


KINDS: list[Callable[[list[str]], ArticleLike]] = [
    list,
    lambda texts: Article("a", tuple(map(Segment, texts))),
    as_text,
    as_page,
    lambda texts: as_page(texts).encode(),
]
ARTICLE = st.builds(lambda kind, texts: kind(texts), st.sampled_from(KINDS), TEXTS)


@pytest.fixture(scope="module")
def released() -> dict[int, Classifier]:
    """The released model, by its number of threads."""
    return {threads: Classifier.load(threads=threads) for threads in (1, 2, 3)}


def check_prediction(result: LabelledArticle, texts: list[str], labels: tuple[str, ...]) -> None:
    """One prediction for each text, in order, each where it says in the source."""
    assert [p.text for p in result] == texts
    position = 0
    for p in result:
        assert position <= p.start
        assert result.source[p.start : p.end] == p.text
        assert tuple(p.probabilities) == labels
        assert sum(p.probabilities.values()) == pytest.approx(1)
        assert p.probability == max(p.probabilities.values())
        position = p.end


@with_model
@given(texts=TEXTS)
def test_there_is_one_prediction_for_each_segment(
    released: dict[int, Classifier], texts: list[str]
) -> None:
    classifier = released[1]
    check_prediction(classifier.classify(texts), texts, classifier.labels)
    text, page = as_text(texts), as_page(texts)
    result = classifier.classify(text, format="text")
    check_prediction(result, [s.text for s in segment_text(text)], classifier.labels)
    assert result.source == text
    for source in (page, page.encode()):
        check_prediction(classifier.classify(source), segment_html(page), classifier.labels)


@with_model
@given(articles=st.lists(ARTICLE, min_size=2, max_size=5), threads=st.integers(2, 3))
def test_an_answer_depends_neither_on_the_batch_nor_on_the_threads(
    released: dict[int, Classifier], articles: list[ArticleLike], threads: int
) -> None:
    alone = [released[1].classify(article) for article in articles]
    together = released[threads].classify_many(articles)
    backwards = released[threads].classify_many(articles[::-1])[::-1]
    for results in (together, backwards):
        for a, b in zip(chain(*alone), chain(*results), strict=True):
            assert (a.text, a.label) == (b.text, b.label)
            assert b.probabilities == pytest.approx(a.probabilities, abs=1e-4)


# Windows

SPECIAL = SpecialTokens(cls=-1, sep=-2, pad=-3, unk=-4)


@st.composite
def window_configs(draw: st.DrawFn) -> WindowConfig:
    tokens = draw(st.integers(MIN_TARGET_TOKENS + 2, 160))
    context = draw(st.integers(0, (tokens - 2 - MIN_TARGET_TOKENS) // 2))
    return WindowConfig(tokens, context, draw(st.none() | st.integers(1, 4)), draw(st.booleans()))


@given(
    lengths=st.lists(st.integers(1, 160), max_size=30) | st.lists(st.integers(1, 6), max_size=60),
    config=window_configs(),
)
def test_windows_cover_every_segment_once_with_its_context(
    lengths: list[int], config: WindowConfig
) -> None:
    longest = config.max_target_tokens()
    segments = [[1000 * i + j for j in range(min(n, longest))] for i, n in enumerate(lengths)]
    # The whole article as it would stand in one endless window.
    stream = [token for segment in segments for token in (*segment, SPECIAL.sep)]
    starts = [0]
    for segment in segments:
        starts.append(starts[-1] + len(segment) + 1)
    windows = make_windows(segments, config, SPECIAL)
    numbers = [number for window in windows for number, _, _ in window.targets]
    assert numbers == list(range(len(segments)))
    for window in windows:
        ids = list(window.token_ids)
        assert len(ids) <= config.tokens
        assert len(window.targets) <= (1 if config.context == 0 else config.targets or len(ids))
        for number, start, stop in window.targets:
            assert ids[start:stop] == segments[number]
        first, last = window.targets[0], window.targets[-1]
        left, right = ids[1 : first[1]], ids[last[2] + 1 :]
        before, after = stream[: starts[first[0]]], stream[starts[last[0] + 1] :]
        inside = stream[starts[first[0]] : starts[last[0] + 1]]
        assert ids == [SPECIAL.cls, *left, *inside, *right]
        assert left == before[len(before) - len(left) :]
        assert right[:-1] == after[: len(right)][:-1]
        assert right[-1:] in ([], [SPECIAL.sep])
        for seen, there in ((left, before), (right, after)):
            # A neighbour needs two tokens, one of them its separator: one may be left over.
            assert min(config.context, len(there)) - 1 <= len(seen) <= config.context
        types = [
            any(start <= i < stop for _, start, stop in window.targets) for i in range(len(ids))
        ]
        assert window.token_types(config) == [int(t and config.mark_targets) for t in types]


# Augmentation

DECORATED = st.sampled_from(["{}", "“{}", "{}”", "“{}”", '"{}"', "‘{}’", "«{}»", "{},", "({})"])


@st.composite
def numbered_articles(draw: st.DrawFn) -> list[Article]:
    """Articles in which each word says of which segment it is: w3x0 is the first of segment 3."""
    articles: list[Article] = []
    number = 0
    for name in "abc"[: draw(st.integers(1, 3))]:
        segments = []
        for _ in range(draw(st.integers(1, 8))):
            words = draw(st.lists(DECORATED, min_size=1, max_size=12))
            text = " ".join(word.format(f"w{number}x{i}") for i, word in enumerate(words))
            segments.append(Segment(text, draw(st.sampled_from(LABELS))))
            number += 1
        articles.append(Article(name, tuple(segments)))
    return articles


def words(segment: Segment) -> list[tuple[int, int]]:
    return [(int(s), int(w)) for s, w in re.findall(r"w(\d+)x(\d+)", segment.text)]


DAMAGE = [name for name in Augment.model_fields if name not in ("passes", "share")]
RATES = st.one_of(
    st.sampled_from([{kind: 1.0} for kind in DAMAGE]),
    st.fixed_dictionaries({kind: st.sampled_from([0.0, 0.5, 1.0]) for kind in DAMAGE}),
)


@given(articles=numbered_articles(), rates=RATES, seed=st.integers(0, 1000))
def test_labels_stay_with_their_words(
    articles: list[Article], rates: dict[str, float], seed: int
) -> None:
    sources = {words(s)[0][0]: s for article in articles for s in article.segments}
    augmented = augment(articles, Augment(passes=2, share=1.0, **rates), seed)
    assert len(augmented) == 2 * len(articles)
    for before, after in zip(articles * 2, augmented, strict=True):
        assert after.segments
        own = [word for segment in before.segments for word in words(segment)]
        seen = []
        for segment in after.segments:
            inside = words(segment)
            assert inside
            labels = {sources[number].label for number, _ in inside}
            if not rates.get("mix"):
                assert labels == {segment.label}
            elif not rates.get("split"):
                assert segment.label in labels
            inserted = [word for word in inside if word not in own]
            assert not inserted or (rates.get("insert_clutter") and "navigation_clutter" in labels)
            seen += inside
        if not rates.get("insert_clutter"):
            # Every word once and in order; cropped at the ends to half of the segments or more.
            start = own.index(seen[0])
            assert seen == own[start : start + len(seen)]
            kept = len({number for number, _ in seen})
            least = (len(before.segments) + 1) // 2 if rates.get("crop") else len(before.segments)
            assert kept >= least


# Data files

FILLED = st.text(min_size=1).filter(str.strip)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda values: st.lists(values) | st.dictionaries(st.text(), values),
    max_leaves=8,
)
ARTICLES = st.lists(
    st.builds(
        Article,
        id=FILLED,
        segments=st.lists(
            st.builds(Segment, FILLED, st.none() | st.sampled_from(LABELS)), min_size=1, max_size=4
        ).map(tuple),
        title=st.text(),
        style=st.text(),
        provenance=st.dictionaries(st.text(), JSON, max_size=3),
    ),
    min_size=1,
    max_size=4,
    unique_by=lambda article: article.id,
)


@given(articles=ARTICLES)
def test_articles_are_read_as_they_were_written(file: Path, articles: list[Article]) -> None:
    write_articles(file, articles)
    assert read_articles(file, require_labels=False) == articles
    check_round_trip(articles, file)


@st.composite
def damaged_files(draw: st.DrawFn) -> bytes:
    """Lines of articles and of other JSON, with some bytes changed."""
    record = {"id": "a", "title": "T", "segments": [{"text": "“x”", "label": "quote"}]}
    fields = st.dictionaries(st.sampled_from(["id", "title", "segments", "provenance"]), JSON)
    lines = st.one_of(
        st.builds(lambda changes: json.dumps(record | changes), fields),
        st.builds(lambda id: json.dumps(record | {"id": id}, ensure_ascii=False), FILLED),
        st.builds(json.dumps, JSON),
    )
    raw = bytearray("\n".join(draw(st.lists(lines, max_size=4))).encode())
    for _ in range(draw(st.integers(0, 3))):
        position = draw(st.integers(0, len(raw)))
        raw[position : position + draw(st.integers(0, 3))] = draw(st.binary(max_size=4))
    return bytes(raw)


@given(raw=st.binary() | damaged_files())
def test_any_bytes_are_articles_or_an_error_with_its_line(file: Path, raw: bytes) -> None:
    check_jsonl(raw, file)
