"""Does anything but the text change an answer? python -m training.determinism MODEL DATA

Every article is labelled alone on one thread; then with other numbers of threads, one by one and
all at once in three orders. No label and no bit of a probability may differ: the exit status is 1
where one does. DATA is a JSONL file or a folder of them; labels in it are not needed.
"""

import argparse
import random
import sys
from collections.abc import Sequence

from nutgraf.article import Article, LabelledArticle, read_articles
from nutgraf.classifier import Classifier

from .progress import track
from .script import run
from .table import table


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m training.determinism", description=__doc__)
    parser.add_argument("model", help="a model folder")
    parser.add_argument("data", help="articles (JSONL)")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2, 4, 8], metavar="N")
    parser.add_argument("--seed", type=int, default=0, help="of the shuffled order")
    options = parser.parse_args(arguments)
    articles = read_articles(options.data, require_labels=False)
    alone = Classifier.load(options.model, threads=1)
    expected = [alone.classify(article) for article in track(articles, "alone")]
    rows = []
    for threads in options.threads:
        classifier = Classifier.load(options.model, threads=threads)
        for way, answers in ask(classifier, articles, options.seed).items():
            rows.append((threads, way, *differences(expected, answers)))
    segments = sum(map(len, expected))
    print(f"{segments} segments in {len(articles)} articles, beside each alone on one thread\n")
    print(table(["threads", "asked", "other labels", "other probabilities"], rows))
    if any(labels or probabilities for *_, labels, probabilities in rows):
        print("error: the answers depend on more than the text", file=sys.stderr)
        sys.exit(1)


def ask(
    classifier: Classifier, articles: Sequence[Article], seed: int
) -> dict[str, list[LabelledArticle]]:
    """Answers by the way of asking, each in the order of `articles`."""
    given = list(range(len(articles)))
    orders = {
        "all at once": given,
        "all at once, reversed": given[::-1],
        "all at once, shuffled": random.Random(seed).sample(given, len(given)),
    }
    answers = {"one by one": [classifier.classify(article) for article in articles]}
    for way, order in track(list(orders.items()), "other ways"):
        found = classifier.classify_many([articles[number] for number in order])
        by_number = dict(zip(order, found, strict=True))
        answers[way] = [by_number[number] for number in given]
    return answers


def differences(
    expected: Sequence[LabelledArticle], found: Sequence[LabelledArticle]
) -> tuple[int, int]:
    """How many segments have another label, and how many have another probability."""
    pairs = [
        pair
        for one, other in zip(expected, found, strict=True)
        for pair in zip(one, other, strict=True)
    ]
    labels = sum(one.label != other.label for one, other in pairs)
    return labels, sum(one.probabilities != other.probabilities for one, other in pairs)


if __name__ == "__main__":
    run(main)
