"""The corpus round by round: python -m training.rounds CONFIG --real FOLDER [key=value ...]

For each round of writing, trains the configuration on the training articles of that round and
those before it, and measures on real articles: macro-F1 of the model, and for each label how well
the articles so far can be told from real ones (the AUC of `training.twosample`).
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nutgraf.article import Article, read_articles, write_articles
from nutgraf.classifier import Classifier
from nutgraf.labels import LABELS
from training.config import load_config
from training.evaluate import evaluate
from training.finetune import finetune
from training.report import table
from training.script import run
from training.twosample import two_sample


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m training.rounds", description=__doc__)
    parser.add_argument("config")
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    parser.add_argument("--real", required=True, help="real labelled articles")
    options = parser.parse_args(arguments)
    config = load_config(options.config, options.overrides)
    real = read_articles(options.real)
    train = read_articles(config.data.train)
    rounds = sorted({int(a.provenance["round"]) for a in train})
    rows: list[list[Any]] = []
    for last in rounds:
        articles = [a for a in train if int(a.provenance["round"]) <= last]
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "train.jsonl"
            write_articles(file, articles)
            changed = {
                "name": f"{config.name}-round-{last}",
                "output": str(Path(folder) / "model"),
                "data": config.data.model_copy(update={"train": str(file)}),
            }
            model = finetune(config.model_copy(update=changed))
            figures = evaluate(Classifier.load(model), real)
        rows.append([last, *row(articles, real, figures)])
        print(table(HEAD, rows), flush=True)


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
