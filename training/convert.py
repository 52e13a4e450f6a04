"""Convert between formats.

python -m training.convert polnear|label-studio|prodigy|doccano INPUT OUTPUT.jsonl
python -m training.convert to-label-studio ARTICLES.jsonl TASKS.json --model MODEL
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from nutgraf.article import read_articles, write_articles
from nutgraf.classifier import Classifier
from nutgraf.files import atomic_write

from .interchange.jsonl import read_jsonl
from .interchange.label_studio import labeling_config, read_label_studio, to_task
from .interchange.polnear import read_polnear
from .script import run

READERS = {
    "polnear": read_polnear,
    "label-studio": read_label_studio,
    "prodigy": read_jsonl,
    "doccano": read_jsonl,
}


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training.convert",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("format", choices=[*READERS, "to-label-studio"])
    parser.add_argument("input", type=Path, help="a file, or for PolNeAR the folder of a split")
    parser.add_argument("output", type=Path)
    parser.add_argument("--model", help="the model whose predictions go to Label Studio")
    options = parser.parse_args(arguments)
    if options.format == "to-label-studio":
        if options.model is None:
            parser.error("to-label-studio needs --model")
        export_tasks(options.input, options.output, options.model)
        return
    articles = READERS[options.format](options.input)
    write_articles(options.output, articles)
    segments = [s for a in articles for s in a.segments]
    unlabelled = sum(s.label is None for s in segments)
    print(
        f"{len(articles)} articles, {len(segments)} segments, {unlabelled} of them without a label"
    )


def export_tasks(file: Path, output: Path, model: str) -> None:
    """Write articles as Label Studio tasks with the model's predictions."""
    classifier = Classifier.load(model)
    articles = read_articles(file, require_labels=False)
    results = classifier.classify_many(articles)
    tasks = [
        to_task(article.id, article.title, result, Path(model).name)
        for article, result in zip(articles, results, strict=True)
    ]
    with atomic_write(output) as stream:
        json.dump(tasks, stream, ensure_ascii=False, indent=1)
    print(f"{len(tasks)} tasks written; use this labelling interface:\n\n{labeling_config()}")


if __name__ == "__main__":
    run(main)
