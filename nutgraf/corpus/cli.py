"""The command line: nutgraf corpus INPUT OUTPUT."""

import argparse
import os
import sys
import time
from contextlib import redirect_stdout
from typing import Any

from nutgraf.corpus.label import SHARD_SIZE, CorpusSummary, label_corpus
from nutgraf.options import add_labels, add_model

_SECONDS_BETWEEN_LINES = 10
_BAR_WIDTH = 30


def add(commands: "argparse._SubParsersAction[Any]") -> None:
    """Add the sub-command."""
    corpus = commands.add_parser(
        "corpus",
        help="label every article of a corpus, on all cores or a Ray cluster",
        description="Label every article of Parquet or JSONL files, and write Parquet. An "
        "interrupted run goes on where it was. Needs: pip install 'nutgraf[ray]'.",
    )
    corpus.set_defaults(run=run)
    corpus.add_argument(
        "input", metavar="INPUT", help="a .parquet or .jsonl file, a folder of them, or a pattern"
    )
    corpus.add_argument("output", metavar="OUTPUT", help="a folder for the result")
    add_model(corpus)
    add_labels(corpus)
    corpus.add_argument(
        "--id-column", metavar="NAME", default="id", help="the column of the ids (default: id)"
    )
    corpus.add_argument(
        "--text-column",
        metavar="NAME",
        help="the column of the texts (default: the first a row has of segments, text, html)",
    )
    corpus.add_argument(
        "--shard-size",
        metavar="N",
        type=int,
        default=SHARD_SIZE,
        help=f"articles labelled in one go and written to one file (default: {SHARD_SIZE})",
    )
    corpus.add_argument(
        "--workers", metavar="N", type=int, help="processes, each on one core (default: all cores)"
    )
    corpus.add_argument(
        "--ray-address",
        metavar="ADDRESS",
        default=os.environ.get("RAY_ADDRESS"),
        help="a Ray cluster (default: $RAY_ADDRESS, else this machine)",
    )
    corpus.add_argument(
        "--overwrite", action="store_true", help="remove the output of an earlier run first"
    )


def run(options: argparse.Namespace) -> str:
    """Label the corpus, with progress on standard error, and return what it came to."""
    with redirect_stdout(sys.stderr):  # where Ray's own messages belong, too
        summary = label_corpus(
            options.input,
            options.output,
            model=options.model,
            labels=options.labels,
            id_column=options.id_column,
            text_column=options.text_column,
            shard_size=options.shard_size,
            workers=options.workers,
            ray_address=options.ray_address,
            overwrite=options.overwrite,
            report=_Progress(),
        )
    if not summary.shards:
        return f"{options.output}: complete since an earlier run, nothing was done\n"
    return (
        f"{options.output}: complete, {summary.total:,} parts "
        f"({summary.skipped:,} of an earlier run)\n"
        f"{summary.articles:,} articles ({summary.errors:,} with an error), "
        f"{summary.segments:,} segments in {summary.seconds:,.1f} s: "
        f"{_rates(summary, summary.seconds)}\n"
        f"per core: {_rates(summary, summary.cpu_seconds)}\n"
    )


def _rates(summary: CorpusSummary, seconds: float) -> str:
    articles, segments = summary.articles / seconds, summary.segments / seconds
    return f"{articles:,.1f} articles/s, {segments:,.1f} segments/s"


class _Progress:
    """Shows how far a run is: a bar on a terminal, else a line now and then."""

    def __init__(self) -> None:
        self._last = -float(_SECONDS_BETWEEN_LINES)

    def __call__(self, summary: CorpusSummary) -> None:
        done = summary.shards + summary.skipped
        line = (
            f"{done:,}/{summary.total:,} shards, {summary.articles:,} articles, "
            f"{summary.articles / summary.seconds:,.1f} articles/s"
        )
        complete = done == summary.total
        if sys.stderr.isatty():
            bar = ("#" * (_BAR_WIDTH * done // summary.total)).ljust(_BAR_WIDTH, ".")
            print(f"\r\x1b[K[{bar}] {line}", end="\n" * complete, file=sys.stderr, flush=True)
        elif complete or time.monotonic() - self._last >= _SECONDS_BETWEEN_LINES:
            self._last = time.monotonic()
            print(line, file=sys.stderr, flush=True)
