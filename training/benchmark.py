"""Measure speed: python -m training.benchmark MODEL CHECKPOINT DATA [--repeats N]

Compares, in one run on one machine and on the same windows, the library on an exported model
with the same weights in torch through `transformers`. Each repeat runs every way once, so that a
machine that slows down slows all of them; medians are reported.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import numpy as np
import torch
from tokenizers import Tokenizer
from transformers import AutoModelForTokenClassification

from nutgraf.article import Article, read_articles
from nutgraf.classifier import Classifier
from nutgraf.errors import ModelError
from nutgraf.folder import TOKENIZER_FILE, read_config
from nutgraf.windows import Window, make_windows, pad, segment_logits, tokenize

from .script import run
from .table import table

Labels = list[int]


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m training.benchmark", description=__doc__)
    parser.add_argument("model", help="a model folder")
    parser.add_argument("checkpoint", help="the checkpoint it was exported from")
    parser.add_argument("data", help="labelled articles (JSONL)")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args(arguments)

    classifier = Classifier.load(options.model)
    articles = read_articles(options.data, labels=classifier.labels)
    index = {label: i for i, label in enumerate(classifier.labels)}

    def together() -> Labels:
        return [index[p.label] for result in classifier.classify_many(articles) for p in result]

    def one_by_one() -> Labels:
        return [index[p.label] for article in articles for p in classifier.classify(article)]

    peer = torch_peer(options.model, options.checkpoint, articles)
    ways = {
        "nutgraf, classify_many": together,
        "nutgraf, classify one by one": one_by_one,
        "torch, windows in batches of 32 in reading order": lambda: peer(32),
        "torch, one window at a time": lambda: peer(1),
    }
    gold = [index[s.label or ""] for article in articles for s in article.segments]
    times, answers = measure(ways, options.repeats)
    base = median(times["torch, windows in batches of 32 in reading order"])
    rows = [
        [
            name,
            f"{len(gold) / median(seconds):.0f}",
            f"{base / median(seconds):.2f}",
            f"{np.mean(np.array(answers[name]) == gold):.4f}",
        ]
        for name, seconds in times.items()
    ]
    threads = torch.get_num_threads()
    print(f"{len(gold)} segments in {len(articles)} articles, {threads} threads\n")
    print(table(["", "segments a second", "against torch in batches", "accuracy"], rows))


def measure(
    ways: dict[str, Callable[[], Labels]], repeats: int
) -> tuple[dict[str, list[float]], dict[str, Labels]]:
    """Time every way `repeats` times, interleaved; also return what each answered."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    answers = {}
    for _ in range(repeats):
        for name, way in ways.items():
            start = time.perf_counter()
            answers[name] = way()
            times[name].append(time.perf_counter() - start)
    return times, answers


def torch_peer(
    folder: str, checkpoint: str, articles: Sequence[Article]
) -> Callable[[int], Labels]:
    """The same windows through `transformers`, in batches of a given size in reading order."""
    config = read_config(folder)
    window, special = config.window, config.special_tokens
    tokenizer = Tokenizer.from_file(str(Path(folder) / TOKENIZER_FILE))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    try:
        model = AutoModelForTokenClassification.from_pretrained(checkpoint).eval()
    except (OSError, ValueError) as error:
        raise ModelError(f"{checkpoint}: {str(error).splitlines()[0]}") from None

    def labels(batch_size: int) -> Labels:
        windows: list[Window] = []
        for article in articles:
            ids = tokenize(tokenizer, [s.text for s in article.segments], window, special)
            windows += make_windows(ids, window, special)
        found = []
        for start in range(0, len(windows), batch_size):
            batch = windows[start : start + batch_size]
            arrays = {k: torch.from_numpy(v) for k, v in pad(batch, window, special).items()}
            if not window.mark_targets:
                del arrays["token_type_ids"]
            with torch.inference_mode():
                logits = model(**arrays).logits.numpy()
            found += [
                int(row.argmax())
                for token_logits, read in zip(logits, batch, strict=True)
                for _, row in segment_logits(token_logits, read)
            ]
        return found

    return labels


if __name__ == "__main__":
    run(main)
