"""Describe the corpus: python -m training.describe [DATA] [--real FOLDER]

Prints, as Markdown, what data/README.md states: counts by split and label, shape, styles and
countries, and the agreement of the two annotators from annotations.jsonl. With --real the shape
stands beside that of real articles.
"""

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from sklearn.metrics import cohen_kappa_score

from nutgraf.article import Article, read_articles
from nutgraf.errors import DataError
from nutgraf.labels import LABELS

from .script import run
from .table import table

SPLITS = ("train", "validation", "test")


WHOLE_PAGE = 100
"""An article of this many segments or more is a whole page, with all its menus."""


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m training.describe", description=__doc__)
    parser.add_argument("data", nargs="?", default="data")
    parser.add_argument("--real", help="real labelled articles to compare with")
    options = parser.parse_args(arguments)
    folder = Path(options.data)
    splits = {name: read_articles(folder / f"{name}.jsonl") for name in SPLITS}
    articles = list(chain(*splits.values()))
    groups = {
        "articles": [a for a in articles if len(a.segments) < WHOLE_PAGE],
        "whole pages": [a for a in articles if len(a.segments) >= WHOLE_PAGE],
    }
    if options.real:
        groups["real articles"] = read_articles(options.real)
    print(sizes(splits), shape(groups), variety(articles), sep="\n\n")
    print()
    print(agreement(folder / "annotations.jsonl"))


def sizes(splits: dict[str, list[Article]]) -> str:
    rows: list[list[Any]] = []
    for name, articles in [*splits.items(), ("all", list(chain(*splits.values())))]:
        counts = Counter(s.label for a in articles for s in a.segments)
        briefs = len({a.provenance.get("brief") for a in articles})
        rows.append([name, briefs, len(articles), counts.total(), *(counts[x] for x in LABELS)])
    return table(["split", "briefs", "articles", "segments", *LABELS], rows)


def shape(groups: dict[str, list[Article]]) -> str:
    """Lengths, label shares and where the furniture stands, a column for each group."""
    groups = {name: articles for name, articles in groups.items() if articles}
    columns = [_shape(articles) for articles in groups.values()]
    rows = [[name, *(column[name] for column in columns)] for name in columns[0]]
    return table(["", *groups], rows)


def _shape(articles: Sequence[Article]) -> dict[str, str]:
    segments = [s for a in articles for s in a.segments]
    result = {"segments an article": _deciles([len(a.segments) for a in articles])}
    for label in LABELS:
        count = sum(s.label == label for s in segments)
        result[f"share of {label}"] = f"{count / len(segments):.1%}"
    for label in LABELS:
        words = [len(s.text.split()) for s in segments if s.label == label]
        result[f"words in a segment of {label}"] = _deciles(words)
    positions = Counter(place for a in articles for place in _furniture(a))
    for place in ("before", "within", "after"):
        result[f"furniture {place} the body"] = f"{positions[place] / len(articles):.1f}"
    return result


def _deciles(values: Sequence[int]) -> str:
    tenths = quantiles(values, n=10)
    return f"{median(values):.0f} ({tenths[0]:.0f} to {tenths[-1]:.0f})"


def _furniture(article: Article) -> list[str]:
    """Where each segment of furniture stands: before, within or after the body."""
    labels = [s.label for s in article.segments]
    body = [i for i, label in enumerate(labels) if label != "navigation_clutter"] or [0]
    return [
        "before" if i < body[0] else "after" if i > body[-1] else "within"
        for i, label in enumerate(labels)
        if label == "navigation_clutter"
    ]


def variety(articles: Sequence[Article]) -> str:
    """How many articles of each kind of outlet and country there are."""
    outlets = Counter(str(a.provenance.get("outlet")) for a in articles)
    countries = Counter(str(a.provenance.get("country")) for a in articles)
    return "\n\n".join(
        f"{len(counts)} {what}: " + ", ".join(f"{name} {n}" for name, n in counts.most_common())
        for what, counts in (("kinds of outlet", outlets), ("countries", countries))
    )


def agreement(file: Path) -> str:
    """Cohen's kappa of the two annotators, over all labels and for each against the rest."""
    try:
        records = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError) as error:
        raise DataError(f"{file}: {error}") from None
    first = [label for record in records for label in record["writer"]]
    second = [label for record in records for label in record["second"]]
    settled = sum(len(record["settled"]) for record in records)
    rows = [["all", len(first), f"{cohen_kappa_score(first, second):.3f}"]]
    for label in LABELS:
        a, b = [x == label for x in first], [x == label for x in second]
        rows.append([label, sum(a), f"{cohen_kappa_score(a, b):.3f}"])
    same = sum(a == b for a, b in zip(first, second, strict=True)) / len(first)
    head = f"The two hands agree on {same:.1%} of segments; a third settled the other {settled}."
    return head + "\n\n" + table(["label", "segments (writer)", "Cohen's kappa"], rows)


if __name__ == "__main__":
    run(main)
