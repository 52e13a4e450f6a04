"""Audit the corpus: python -m training.audit DATA [--real FOLDER] [--out FILE]

Exits with status 1 if something is there that must not be: a text that repeats, an article like
another, an opening that crosses splits, a label that a split lacks, or (with --real) words taken
from real articles. Likely label errors, names that cross splits and the least varied outlets are
findings to look at, not failures.
"""

import argparse
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline

from nutgraf.article import Article, read_articles
from nutgraf.files import atomic_write
from nutgraf.labels import LABELS

from .describe import SPLITS
from .script import run
from .similarity import body, near_duplicates, overlaps, shared_ngrams, words
from .table import table

NGRAM = 8
MOST_ARTICLES_SHARING = 3
NEAR_DUPLICATE = 0.3
OPENING_WORDS = 6
FEWEST_OF_A_LABEL = 30
SET_PHRASES = (
    "did not immediately respond to a request for comment",
    "did not respond to a request for comment",
    "did not immediately respond to requests for comment",
    "spoke on condition of anonymity because",
    "on condition of anonymity because he was not authorised to",
    "on condition of anonymity because they were not authorized to",
)
"""Phrases of the trade that any number of articles may share."""

Splits = dict[str, list[Article]]


@dataclass(frozen=True)
class Check:
    """What was looked at, what was found, and whether finding anything is a failure."""

    name: str
    found: list[str]
    must_be_empty: bool

    @property
    def failed(self) -> bool:
        return self.must_be_empty and bool(self.found)


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m training.audit", description=__doc__)
    parser.add_argument("data", help="the folder of train.jsonl, validation.jsonl and test.jsonl")
    parser.add_argument("--real", help="real articles that no text may be taken from (JSONL)")
    parser.add_argument(
        "--must", action="store_true", help="only what must not be, without the slow rest"
    )
    parser.add_argument("--out", default="reports/audit.md", help="where to write the findings")
    options = parser.parse_args(arguments)
    splits = {name: read_articles(Path(options.data) / f"{name}.jsonl") for name in SPLITS}
    real = read_articles(options.real) if options.real else []
    checks = must_not_be(splits, real)
    if not options.must:
        checks += to_look_at(splits)
    with atomic_write(options.out) as file:
        file.write(to_markdown(checks))
    for check in checks:
        state = "FAILED" if check.failed else "ok" if check.must_be_empty else "look"
        print(f"{state:6}  {len(check.found):5}  {check.name}")
    print(f"findings written to {options.out}")
    if any(check.failed for check in checks):
        sys.exit(1)


def must_not_be(splits: Splits, real: Sequence[Article] = ()) -> list[Check]:
    """Look for what fails the audit."""
    articles = list(chain(*splits.values()))
    must: list[tuple[str, Callable[[], list[str]]]] = [
        ("ids that stand in two splits", lambda: crossing(splits, lambda a: [a.id])),
        (
            "briefs that cross splits",
            lambda: crossing(splits, lambda a: [str(a.provenance.get("brief"))]),
        ),
        ("body texts that occur in two articles", lambda: repeated_texts(articles)),
        (f"bodies alike (Jaccard of {NEAR_DUPLICATE} or more)", lambda: alike(articles)),
        (
            f"runs of {NGRAM} words of body text in more than {MOST_ARTICLES_SHARING} articles",
            lambda: runs_shared_by_many(articles),
        ),
        ("openings that cross splits", lambda: crossing(splits, openings)),
        (f"labels with fewer than {FEWEST_OF_A_LABEL} segments in a split", lambda: rare(splits)),
    ]
    if real:
        must.append(
            (
                f"runs of {NGRAM} words that stand in a real article",
                lambda: [f"{id}: {ngram}" for id, ngram in overlaps(articles, real, NGRAM)],
            )
        )
    return [Check(name, find(), True) for name, find in must]


def to_look_at(splits: Splits) -> list[Check]:
    """Findings for a reader to judge."""
    articles = list(chain(*splits.values()))
    return [
        Check("names of people or places that cross splits", crossing(splits, names), False),
        Check("outlets by lexical diversity, the least varied first", diversity(articles), False),
        Check("likely label errors, the likeliest first", label_errors(articles), False),
    ]


def crossing(splits: Splits, keys: Callable[[Article], Sequence[str]]) -> list[str]:
    """Keys of articles that stand in more than one split."""
    holders: dict[str, set[str]] = defaultdict(set)
    for name, articles in splits.items():
        for article in articles:
            for key in keys(article):
                holders[key].add(name)
    return [
        f"{key}: {', '.join(sorted(found))}"
        for key, found in sorted(holders.items())
        if len(found) > 1
    ]


def openings(article: Article) -> list[str]:
    """The first words of the article's first paragraph of some length."""
    for text in body(article):
        found = words(text)
        if len(found) >= 3 * OPENING_WORDS:
            return [" ".join(found[:OPENING_WORDS])]
    return []


_NAME = re.compile(r"(?<![.!?“\"‘'] )\b[A-Z][a-z]+(?: [A-Z][a-z]+)+\b")


def names(article: Article) -> list[str]:
    """Runs of capitalised words that do not open a sentence."""
    return sorted({name for text in body(article) for name in _NAME.findall(text)})


def repeated_texts(articles: Sequence[Article]) -> list[str]:
    """Texts of at least eight words that stand in the bodies of two articles."""
    holders: dict[str, set[str]] = defaultdict(set)
    for article in articles:
        for text in body(article):
            if len(text.split()) >= NGRAM:
                holders[" ".join(words(text))].add(article.id)
    return [f"{sorted(ids)}: {text}" for text, ids in sorted(holders.items()) if len(ids) > 1]


def alike(articles: Sequence[Article]) -> list[str]:
    pairs = near_duplicates(articles, NEAR_DUPLICATE)
    return [f"{a} and {b}: {similarity:.2f}" for a, b, similarity in pairs]


def runs_shared_by_many(articles: Sequence[Article]) -> list[str]:
    shared = shared_ngrams(articles, NGRAM, MOST_ARTICLES_SHARING)
    return [
        f"{ngram}: {', '.join(ids)}"
        for ngram, ids in shared.items()
        if not any(ngram in phrase or phrase in ngram for phrase in SET_PHRASES)
    ]


def rare(splits: Splits) -> list[str]:
    counts = {
        name: Counter(s.label for a in articles for s in a.segments)
        for name, articles in splits.items()
    }
    return [
        f"{name}: {label}: {count[label]}"
        for name, count in counts.items()
        for label in LABELS
        if count[label] < FEWEST_OF_A_LABEL
    ]


def diversity(articles: Sequence[Article], *, window: int = 500) -> list[str]:
    """Distinct words in a moving window of body text (MATTR; Covington and McFall 2010), for each
    kind of outlet."""
    texts: dict[str, list[str]] = defaultdict(list)
    for article in articles:
        texts[str(article.provenance.get("outlet"))] += words(" ".join(body(article)))
    ratios = {}
    for outlet, found in texts.items():
        spans = [found[i : i + window] for i in range(0, max(1, len(found) - window), 50)]
        ratios[outlet] = float(np.mean([len(set(span)) / len(span) for span in spans]))
    return [
        f"{outlet}: {ratio:.3f}" for outlet, ratio in sorted(ratios.items(), key=lambda x: x[1])
    ]


def label_errors(articles: Sequence[Article]) -> list[str]:
    """Segments whose label a cross-validated classifier doubts with confidence.

    Confident learning (Northcutt, Jiang and Chuang 2021), by `cleanlab`, over TF-IDF and logistic
    regression on the segment and its neighbours.
    """
    rows = [
        (article.id, i, segment.text, segment.label or "", _in_context(article, i))
        for article in articles
        for i, segment in enumerate(article.segments)
    ]
    target = np.array([LABELS.index(label) for _, _, _, label, _ in rows])
    model = make_pipeline(
        TfidfVectorizer(sublinear_tf=True, min_df=2, ngram_range=(1, 2), lowercase=False),
        LogisticRegression(C=10, max_iter=300),
    )
    probabilities = cross_val_predict(
        model,
        [context for *_, context in rows],
        target,
        groups=[id for id, *_ in rows],
        cv=GroupKFold(3),
        method="predict_proba",
    )
    doubted = find_label_issues(target, probabilities, filter_by="both")
    quality = get_label_quality_scores(target, probabilities)
    order = [i for i in np.argsort(quality) if doubted[i]]
    return [
        f"{rows[i][0]}[{rows[i][1]}] {rows[i][3]}, perhaps {LABELS[probabilities[i].argmax()]}: "
        f"{' '.join(rows[i][2].split())}"
        for i in order
    ]


def _in_context(article: Article, i: int) -> str:
    before = article.segments[i - 1].text[-60:] if i else ""
    return f"{article.segments[i].text} PREVIOUS {before}"


def to_markdown(checks: Sequence[Check], *, most: int = 200) -> str:
    """The findings as a page, at most `most` for each check."""
    rows = [
        ["FAILED" if c.failed else "ok" if c.must_be_empty else "look", len(c.found), c.name]
        for c in checks
    ]
    parts = ["# Audit", table(["", "found", "check"], rows)]
    for check in checks:
        if check.found:
            shown = [f"- {line}" for line in check.found[:most]]
            if len(check.found) > most:
                shown.append(f"- … and {len(check.found) - most} more")
            parts += [f"## {check.name[0].upper()}{check.name[1:]}", "\n".join(shown)]
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    run(main)
