"""Write a damaged copy of labelled articles: python -m training.damaged DATA OUT [--seed N]

Every quotation mark is gone and every segment of more than 20 words is cut in two at a random
word, as careless scraping does: `training.evaluate` on the copy says how much a model leans on
marks and on whole paragraphs.
"""

import argparse
import random
from collections.abc import Sequence

from nutgraf.article import Article, Segment, read_articles, write_articles

from .augment import change_texts, split, strip_marks
from .script import run

LONG = 20
"""Segments of more words than this are cut."""


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m training.damaged", description=__doc__)
    parser.add_argument("data", help="labelled articles: a JSONL file or a folder of them")
    parser.add_argument("out", help="the JSONL file to write")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    articles = read_articles(options.data)
    write_articles(options.out, [damaged(article, options.seed) for article in articles])
    print(f"{len(articles)} articles written to {options.out}")


def damaged(article: Article, seed: int) -> Article:
    """The article without quotation marks and with its long segments cut in two."""
    rng = random.Random(f"{seed}/{article.id}")
    segments: list[Segment] = []
    for bare in change_texts(article.segments, strip_marks):
        segments += split(bare, rng) if len(bare.text.split()) > LONG else [bare]
    return Article(article.id, tuple(segments), article.title, article.style, article.provenance)


if __name__ == "__main__":
    run(main)
