"""The corpus round by round: python -m training.rounds CONFIG --real FOLDER [key=value ...]

For each round of writing, trains the configuration on the training articles of that round and
those before it (validation articles likewise), and measures on real articles: macro-F1 and F1 of
each label, and for each label how well the articles so far can be told from real ones (the AUC of
`training.twosample`).
"""

import argparse
import tempfile
from collections.abc import Sequence
from typing import Any

from nutgraf.article import Article, read_articles, write_articles
from nutgraf.classifier import Classifier
from nutgraf.labels import LABELS

from .config import load_config
from .evaluation.outcomes import answer
from .finetune import finetune
from .metrics import segment_metrics
from .script import run
from .table import table
from .twosample import two_sample


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m training.rounds", description=__doc__)
    parser.add_argument("config")
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    parser.add_argument("--real", required=True, help="real labelled articles")
    parser.add_argument("--only", type=int, action="append", help="this round (repeatable)")
    options = parser.parse_intermixed_args(arguments)
    config = load_config(options.config, options.overrides)
    real = read_articles(options.real)
    train, validation = read_articles(config.data.train), read_articles(config.data.validation)
    rows: list[list[Any]] = []
    for last in options.only or sorted({number(a) for a in train}):
        articles = up_to(last, train)
        # The first rounds have no validation articles of their own.
        held_out = up_to(max(last, min(map(number, validation))), validation)
        with tempfile.TemporaryDirectory() as folder:
            data = {"train": f"{folder}/train.jsonl", "validation": f"{folder}/validation.jsonl"}
            write_articles(data["train"], articles)
            write_articles(data["validation"], held_out)
            changed = {
                "name": f"{config.name}-round-{last}",
                "output": f"{folder}/model",
                "data": config.data.model_copy(update=data),
            }
            model = finetune(config.model_copy(update=changed))
            outcomes = answer(Classifier.load(model), real)
            figures = segment_metrics(outcomes.predicted.tolist(), outcomes.gold.tolist())
        rows.append([last, *row(articles, real, figures)])
        print(table(HEAD, rows), flush=True)


def number(article: Article) -> int:
    """The round that an article was written in."""
    return int(article.provenance["round"])


def up_to(last: int, articles: Sequence[Article]) -> list[Article]:
    """The articles of a round and those before it."""
    return [article for article in articles if number(article) <= last]


HEAD = ["round", "articles", "segments", "macro-F1", *LABELS, *(f"AUC {x}" for x in LABELS)]


def row(articles: Sequence[Article], real: Sequence[Article], figures: dict[str, Any]) -> list[Any]:
    """One round's line of the table."""
    aucs = {label: auc for label, auc, _ in two_sample(articles, real)}
    return [
        len(articles),
        sum(len(a.segments) for a in articles),
        f"{figures['macro_f1']:.3f}",
        *(f"{figures['labels'][label]['f1']:.3f}" for label in LABELS),
        *(f"{aucs[label]:.3f}" for label in LABELS),
    ]


if __name__ == "__main__":
    run(main)
