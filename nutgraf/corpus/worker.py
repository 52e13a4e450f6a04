"""What each worker process does: label one shard after another, with one classifier."""

import hashlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nutgraf.classifier import Classifier
from nutgraf.corpus.attempts import Attempts
from nutgraf.corpus.parts import part_name, segments_of, write_part
from nutgraf.corpus.places import one_line, show
from nutgraf.corpus.rows import Columns, Row, read_rows
from nutgraf.corpus.shards import Shard
from nutgraf.errors import ModelError
from nutgraf.folder import CONFIG_FILE, default_folder

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_GROUP = 16
"""How many labelled articles are turned into columns together."""


@dataclass(frozen=True, slots=True)
class Job:
    """What all workers are told: where to read and write, and what to label with.

    `model` is None for the released model, which may lie elsewhere on each machine; `checksum` is
    that of `model_checksum`, and must be the same on all of them.
    """

    input: "AbstractFileSystem"
    output: "AbstractFileSystem"
    folder: str
    columns: Columns
    model: str | None
    checksum: str
    labels: tuple[str, ...]


def model_checksum(model: str | os.PathLike[str] | None) -> str:
    """SHA-256, in hexadecimal, of a model's `nutgraf.json`, which holds those of its other
    files.

    Raises:
        ModelError: if it cannot be read.
    """
    folder = default_folder() if model is None else Path(model)
    try:
        return hashlib.sha256((folder / CONFIG_FILE).read_bytes()).hexdigest()
    except OSError as error:
        raise ModelError(f"{folder / CONFIG_FILE}: {error.strerror}") from None


class Worker:
    """The actor of the Ray Data pipeline. One shard in, its counts out; its articles stay here."""

    def __init__(self, job: Job) -> None:
        os.environ["TOKENIZERS_PARALLELISM"] = "false"  # a worker has one core
        if model_checksum(job.model) != job.checksum:
            raise ModelError("a worker's model is not the one that the run was started with")
        self._job = job
        self._classifier = Classifier.load(job.model, threads=1)

    def __call__(self, item: dict[str, Any]) -> dict[str, Any]:
        """Label a shard, given as a dictionary, and write its part.

        Returns:
            `articles`, `errors`, `segments`: how many; `cpu_seconds` that it took; `failure`:
            empty, or why there is no part.
        """
        shard = Shard(**item)
        began = time.process_time()
        counts = {"articles": 0, "errors": 0, "segments": 0}
        failure = ""
        try:
            self._label(shard, counts)
        except OSError as error:
            failure = f"{show(self._job.input, shard.path)}:{shard.first}: {one_line(error)}"
        return {**counts, "cpu_seconds": time.process_time() - began, "failure": failure}

    def _label(self, shard: Shard, counts: dict[str, int]) -> None:
        job = self._job
        part = part_name(shard.number)
        attempts = Attempts(job.output, job.folder, part)
        if not attempts.begin():
            raise OSError("the worker dies whenever it reads these rows")

        def labelled() -> Iterator[list[dict[str, Any]]]:
            rows = read_rows(job.input, shard, job.columns)
            while group := [self._label_row(row, attempts) for row in islice(rows, _GROUP)]:
                counts["articles"] += len(group)
                counts["errors"] += sum(row["error"] is not None for row in group)
                counts["segments"] += sum(len(row["segments"]) for row in group)
                yield group

        write_part(job.output, job.folder, part, labelled(), job.labels)
        attempts.end()

    def _label_row(self, row: Row, attempts: Attempts) -> dict[str, Any]:
        segments: list[dict[str, Any]] = []
        error = row.error
        if error is None and not attempts.may_label(row.source):
            error = "every worker that labels this dies: it was left out"
        if error is None:
            assert row.article is not None
            try:
                article = self._classifier.classify(
                    row.article, labels=self._job.labels, format=row.format
                )
                segments = segments_of(article)
            except Exception as problem:  # whatever it is, it must cost this article only
                error = one_line(problem)
        return {"id": row.id, "source": row.source, "error": error, "segments": segments}
