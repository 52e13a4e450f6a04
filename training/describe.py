"""Describe the corpus: python -m training.describe [DATA]

Prints, as Markdown, what data/README.md states: counts by split and label, lengths, styles and
countries, and the agreement of the two annotators from annotations.jsonl.
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from sklearn.metrics import cohen_kappa_score

from nutgraf.article import Article, read_articles
from nutgraf.errors import DataError
from nutgraf.labels import LABELS
from training.report import table
from training.script import run

SPLITS = ("train", "validation", "test")


def main(arguments: Sequence[str]) -> None:
    folder = Path(arguments[0] if arguments else "data")
    splits = {name: read_articles(folder / f"{name}.jsonl") for name in SPLITS}
    articles = [article for split in splits.values() for article in split]
    print(sizes(splits), lengths(articles), variety(articles), sep="\n\n")
    print(agreement(folder / "annotations.jsonl"), sep="\n\n")


def sizes(splits: dict[str, list[Article]]) -> str:
    rows: list[list[Any]] = []
    for name, articles in [*splits.items(), ("all", list(chain(*splits.values())))]:
        counts = Counter(s.label for a in articles for s in a.segments)
        briefs = len({a.provenance.get("brief") for a in articles})
        rows.append([name, briefs, len(articles), counts.total(), *(counts[x] for x in LABELS)])
    return table(["split", "briefs", "articles", "segments", *LABELS], rows)


def lengths(articles: Iterable[Article]) -> str:
    words: dict[str, list[int]] = {label: [] for label in LABELS}
    for article in articles:
        for segment in article.segments:
            words[segment.label or ""].append(len(segment.text.split()))
    rows = [
        [label, round(quantiles(n, n=10)[0]), round(median(n)), round(quantiles(n, n=10)[-1])]
        for label, n in words.items()
    ]
    return table(["words a segment", "10th percentile", "median", "90th percentile"], rows)


def variety(articles: Sequence[Article]) -> str:
    styles = {a.style for a in articles}
    countries = Counter(str(a.provenance.get("country")) for a in articles)
    most = ", ".join(f"{name} {n}" for name, n in countries.most_common(10))
    return f"{len(styles)} styles of outlet; {len(countries)} countries, most often {most}."


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
