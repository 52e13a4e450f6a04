"""Put a classifier under load: python -m training.loadtest [--mode MODE] [--segments N]

Labels articles over and over, in one of three modes:

- `processes`: each worker is a process with a classifier of its own, on one thread;
- `threads`: each worker is a thread, and all share one classifier;
- `stream`: one call of `Classifier.classify_stream`, with a thread for each worker.

The exit status is 1 if a worker fails, if an answer differs in any byte from that of a single
classifier that was asked for the article alone, or if memory grows after the warm-up.
"""

import argparse
import contextlib
import hashlib
import json
import multiprocessing
import queue
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any, Literal, get_args

import psutil

from nutgraf.article import Article, LabelledArticle, read_articles
from nutgraf.classifier import Classifier

from .memory import Memory, Sample, judge

Mode = Literal["processes", "threads", "stream"]

MOST_GROWTH = 0.05
"""Memory at the end may be this much above that after the warm-up."""
_LINE_EVERY = 15.0
"""Seconds between progress lines."""


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m training.loadtest", description=__doc__)
    parser.add_argument("--mode", choices=get_args(Mode), default="processes")
    parser.add_argument("--segments", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--model", help="a model folder (default: the released model)")
    parser.add_argument("--data", default="data/test.jsonl", help="articles (JSONL)")
    parser.add_argument(
        "--warm-up",
        type=float,
        default=60.0,
        metavar="SECONDS",
        help="at most 40%% of the run, but at least until each article has been labelled once",
    )
    options = parser.parse_args(arguments)
    load = measure(
        read_articles(options.data, require_labels=False),
        mode=options.mode,
        segments=options.segments,
        workers=options.workers,
        model=options.model,
    )
    memory = judge(load.samples, options.warm_up, load.first_pass)
    print(f"{options.mode}, {options.workers} workers: {load.summary()}")
    print(f"memory: {memory.summary() if memory else 'the run is too short to tell'}")
    problems = load.problems(memory)
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)
    if problems:
        sys.exit(1)
    print("no worker failed, and every answer is that of the article alone")


@dataclass
class Load:
    """What came of a run.

    Attributes:
        wanted: how many articles there were to label.
        articles: how many were labelled.
        segments: how many segments these have.
        seconds: from the start of the workers to the last answer.
        first_pass: seconds until as many answers had come as there are different articles.
        different: ids of the articles whose answer differed.
        failures: the traceback or exit status of each worker that failed.
        samples: the memory of all workers together while all were at work.
    """

    wanted: int
    articles: int = 0
    segments: int = 0
    seconds: float = 0.0
    first_pass: float = 0.0
    different: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)

    def summary(self) -> str:
        """One line."""
        speed = self.segments / self.seconds if self.seconds else 0.0
        return (
            f"{self.segments} segments in {self.articles} articles, {self.seconds:.0f} s, "
            f"{speed:.0f} segments a second"
        )

    def problems(self, memory: Memory | None = None) -> list[str]:
        """A line for each thing that went wrong, with memory too if it has been judged."""
        found = [f"a worker failed: {failure}" for failure in self.failures]
        if self.different:
            found.append(
                f"{len(self.different)} answers differ from those of the article alone, "
                f"the first that of {self.different[0]!r}"
            )
        if self.articles < self.wanted:
            found.append(f"{self.articles} of {self.wanted} articles were labelled")
        if memory and memory.growth > MOST_GROWTH:
            found.append(f"memory grew by {memory.growth:.1%} after the warm-up")
        return found


@dataclass(frozen=True)
class Job:
    """What a worker does: label articles, and compare with the digests of what is expected."""

    articles: Sequence[Article]
    expected: Sequence[str]
    numbers: Sequence[int]
    model: str | None
    threads: int = 1
    stream: bool = False


def measure(
    articles: Sequence[Article],
    *,
    mode: Mode,
    segments: int,
    workers: int,
    model: str | None = None,
    every: float = 1.0,
) -> Load:
    """Label the articles, again and again until `segments` of them are labelled.

    Args:
        articles: what to label.
        mode: see the module.
        segments: how many segments to label at least.
        workers: how many processes or threads.
        model: a model folder; by default the released model.
        every: seconds between two samples of memory.
    """
    alone = Classifier.load(model, threads=1)
    expected = [digest(alone.classify(article)) for article in articles]
    print(f"{len(articles)} articles labelled alone", file=sys.stderr, flush=True)
    numbers = repeat([len(article.segments) for article in articles], segments)
    load = Load(wanted=len(numbers))
    if mode == "stream":
        jobs = [Job(articles, expected, numbers, model, threads=workers, stream=True)]
    else:
        shares = (numbers[worker::workers] for worker in range(workers))
        jobs = [Job(articles, expected, share, model) for share in shares]
    crew: list[Any]
    results: Any
    if mode == "processes":
        context = multiprocessing.get_context("spawn")
        results = context.Queue()
        crew = [context.Process(target=work, args=(job, results), daemon=True) for job in jobs]
    else:
        results = queue.SimpleQueue()
        shared = Classifier.load(model, threads=jobs[0].threads)
        crew = [
            threading.Thread(target=work, args=(job, results, shared), daemon=True) for job in jobs
        ]
    watch(load, crew, results, every, first_pass=len(articles))
    return load


def repeat(sizes: Sequence[int], total: int) -> list[int]:
    """Numbers of articles in order, again and again, until they have `total` segments."""
    numbers = []
    for number in cycle(range(len(sizes))):
        if total <= 0:
            break
        numbers.append(number)
        total -= sizes[number]
    return numbers


def digest(answer: LabelledArticle) -> str:
    """A checksum of all that was answered for an article."""
    record = [answer.source, [prediction.to_dict() for prediction in answer]]
    return hashlib.sha256(json.dumps(record).encode()).hexdigest()


def work(job: Job, results: Any, shared: Classifier | None = None) -> None:
    """Put `(id, segments, whether the answer is the expected one)` for each article on a queue,
    or a traceback."""
    try:
        classifier = shared or Classifier.load(job.model, threads=job.threads)
        for number, answer in zip(job.numbers, _answers(job, classifier), strict=True):
            same = digest(answer) == job.expected[number]
            results.put((job.articles[number].id, len(answer), same))
    except Exception:
        results.put(traceback.format_exc())


def _answers(job: Job, classifier: Classifier) -> Iterator[LabelledArticle]:
    articles = (job.articles[number] for number in job.numbers)
    if job.stream:
        return classifier.classify_stream(articles)
    return map(classifier.classify, articles)


def watch(
    load: Load, crew: Sequence[Any], results: Any, every: float, *, first_pass: int = 0
) -> None:
    """Start the workers, and gather their results and samples of their memory until all end.

    `first_pass` is how many articles there are to label before the first comes again.
    """
    for worker in crew:
        worker.start()
    started = shown = time.monotonic()
    pids = {getattr(worker, "pid", None) for worker in crew}  # of threads: this process
    while True:
        alive = [worker.is_alive() for worker in crew]
        now = time.monotonic()
        size = _memory(pids)
        if all(alive) and all(worker.is_alive() for worker in crew):
            load.samples.append((now - started, size))
        if _gather(load, results):
            load.seconds = now - started
        if load.articles < first_pass:
            load.first_pass = now - started
        if now - shown > _LINE_EVERY:
            shown = now
            print(f"{load.summary()}, {size / 1e6:.0f} MB", file=sys.stderr, flush=True)
        if not any(alive):
            break
        time.sleep(every)
    for worker in crew:
        if getattr(worker, "exitcode", 0):
            load.failures.append(f"exit status {worker.exitcode}")


def _memory(pids: set[int | None]) -> int:
    """The resident memory of all workers that are still there, in bytes."""
    total = 0
    for pid in pids:
        with contextlib.suppress(psutil.Error):
            total += int(psutil.Process(pid).memory_info().rss)
    return total


def _gather(load: Load, results: Any) -> bool:
    """Take all that is on the queue, and say whether there was anything."""
    found = False
    while True:
        try:
            result = results.get_nowait()
        except queue.Empty:
            return found
        found = True
        if isinstance(result, str):
            load.failures.append(result)
            continue
        id, segments, same = result
        load.articles += 1
        load.segments += segments
        if not same:
            load.different.append(id)


if __name__ == "__main__":
    # Not above: a process that works need not import transformers, which it brings along.
    from .script import run

    run(main)
