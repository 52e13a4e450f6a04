"""Evaluate a model: python -m training.evaluate MODEL DATA [--seed FILE] [--out FOLDER]"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nutgraf
from nutgraf.article import Article, read_articles
from nutgraf.classifier import Classifier
from nutgraf.files import atomic_write
from training.metrics import segment_metrics
from training.report import to_markdown
from training.script import run

SCHEMA_VERSION = 1


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m training.evaluate", description=__doc__)
    parser.add_argument("model", help="a model folder")
    parser.add_argument("data", help="labelled articles: a JSONL file or a folder of them")
    parser.add_argument("--seed", help="labelled articles to list segment by segment (JSONL)")
    parser.add_argument("--out", help="where to write report.json and report.md")
    options = parser.parse_args(arguments)

    classifier = Classifier.load(options.model)
    articles = read_articles(options.data, labels=classifier.labels)
    seed = read_articles(options.seed, labels=classifier.labels) if options.seed else []
    report = evaluate(classifier, articles)
    report |= {"model": options.model, "data": options.data}
    if seed:
        report["seed"] = [compare(classifier, article) for article in seed]
    text = to_markdown(report)
    if options.out:
        folder = Path(options.out)
        with atomic_write(folder / "report.json") as file:
            file.write(json.dumps(report, indent=2, ensure_ascii=False) + "\n")
        with atomic_write(folder / "report.md") as file:
            file.write(text)
    print(text, end="")


def evaluate(classifier: Classifier, articles: Sequence[Article]) -> dict[str, Any]:
    """Figures of a classifier on labelled articles: those of `training.metrics.SegmentMetric`,
    with counts and versions."""
    index = {label: i for i, label in enumerate(classifier.labels)}
    predictions = [
        index[prediction.label]
        for result in classifier.classify_many(articles)
        for prediction in result
    ]
    references = [index[s.label or ""] for article in articles for s in article.segments]
    return {
        "schema_version": SCHEMA_VERSION,
        "nutgraf_version": nutgraf.__version__,
        "articles": len(articles),
        "segments": len(references),
        **segment_metrics(predictions, references, classifier.labels),
    }


def compare(classifier: Classifier, article: Article) -> dict[str, Any]:
    """Label and prediction of each segment of one article."""
    segments = [
        {
            "text": prediction.text,
            "label": segment.label,
            "predicted": prediction.label,
            "probability": round(prediction.probability, 4),
        }
        for segment, prediction in zip(article.segments, classifier.classify(article), strict=True)
    ]
    return {
        "id": article.id,
        "right": sum(s["label"] == s["predicted"] for s in segments),
        "segments": segments,
    }


if __name__ == "__main__":
    run(main)
