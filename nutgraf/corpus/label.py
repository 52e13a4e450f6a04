"""Label a corpus: plan the shards, have them labelled, see that all parts are there."""

import dataclasses
import importlib.util
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nutgraf.classifier import Classifier
from nutgraf.corpus.parts import Output, make_manifest, part_name
from nutgraf.corpus.places import list_files, one_line, open_place, show
from nutgraf.corpus.pool import label_shards, running_ray
from nutgraf.corpus.rows import TEXT_COLUMNS, Columns
from nutgraf.corpus.shards import cut
from nutgraf.corpus.worker import Job, model_checksum
from nutgraf.errors import InputError, NutgrafError

SHARD_SIZE = 1000
"""Articles a shard, by default: some minutes of work, which is what an interruption can cost."""

_MOST_FAILURES = 10
"""When so many shards have failed, it is not for a file or two, and the run stops."""


@dataclass(frozen=True, slots=True)
class CorpusSummary:
    """What a run has done.

    Attributes:
        articles: rows that were read, those with errors included.
        errors: how many of them became a row with an error.
        segments: how many segments were labelled.
        shards: how many shards were labelled; the figures above are of these.
        skipped: how many shards were there from an earlier run.
        total: how many shards there are.
        seconds: how long it took, the start of the workers included but not that of Ray.
        cpu_seconds: processor time that the workers needed for the shards, added up.
    """

    articles: int = 0
    errors: int = 0
    segments: int = 0
    shards: int = 0
    skipped: int = 0
    total: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0


def label_corpus(
    input: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    model: str | os.PathLike[str] | None = None,
    labels: Sequence[str] | None = None,
    id_column: str = "id",
    text_column: str | None = None,
    shard_size: int = SHARD_SIZE,
    workers: int | None = None,
    ray_address: str | None = None,
    overwrite: bool = False,
    report: Callable[[CorpusSummary], None] | None = None,
) -> CorpusSummary:
    """Label every article of a corpus, and write a row for each to a folder of Parquet files.

    A run that was interrupted goes on where it was when it is called again with the same
    arguments. docs/corpus.md says what goes in and what comes out.

    Args:
        input: a `.parquet` or `.jsonl` file, a folder of them, or a pattern: a path, or any
            address that fsspec knows.
        output: a folder of its own, likewise, that all workers can write to.
        model: a model folder, at the same path on all machines; by default the released model.
        labels: answer with these labels only, probabilities renormalised over them.
        id_column: the column of the ids, strings or integers.
        text_column: the column of the texts; by default, for each row, the first that it has of
            `segments`, `text` and `html`. A string or bytes are a text or page, a list segments.
        shard_size: how many articles are labelled in one go and written to one file.
        workers: how many processes label, each on one core; by default one for each core.
        ray_address: of a Ray cluster; by default Ray is started on this machine for the time of
            the call. Where the caller has started Ray, that is used.
        overwrite: remove what an earlier run wrote to `output`.
        report: called after each shard with what was done so far.

    Raises:
        InputError: if a place cannot be read or written, an argument is impossible, or the output
            was made from another input, in another way, or by another model.
        DataError: if a file as a whole is damaged or lacks the columns.
        ModelError: if the model folder is missing or damaged.
        NutgrafError: if Ray is missing or cannot be reached, or shards fail for reasons that are
            not in their articles; what was labelled is kept.
    """
    _require_packages()
    for name, number in (("shard size", shard_size), ("workers", workers)):
        if number is not None and number < 1:
            raise InputError(f"{name}: expected at least 1, got {number}")
    columns = Columns(id_column, (text_column,) if text_column else TEXT_COLUMNS)
    model = None if model is None else str(Path(model).absolute())
    # Labelling a word shows that model and labels are good before anything is written.
    (word,) = Classifier.load(model, threads=1).classify("nutgraf", labels=labels)
    input_fs, input_path = open_place(input)
    output_fs, folder = open_place(output)
    with _storage_errors(input):
        files = list_files(input_fs, input_path)
    _keep_apart(
        show(output_fs, folder),
        [show(input_fs, path) for path in (input_path, *(f.path for f in files))],
    )
    manifest = make_manifest(
        files=files,
        columns=[columns.id, *columns.texts],
        shard_size=shard_size,
        model=model_checksum(model),
        labels=list(word.probabilities),
    )
    place = Output(output_fs, folder)
    with _storage_errors(output):
        begun = place.has_begun(manifest, overwrite=overwrite)
        if begun and place.is_complete():
            total = len(place.parts())
            return CorpusSummary(skipped=total, total=total)
    with _storage_errors(input):
        shards = cut(input_fs, files, columns, shard_size)
    if not shards:
        raise InputError(f"{input}: no article here")
    with _storage_errors(output):
        done = place.parts() if begun else set()
    todo = [shard for shard in shards if part_name(shard.number) not in done]
    summary = CorpusSummary(skipped=len(shards) - len(todo), total=len(shards))
    if todo:
        job = Job(
            input=input_fs,
            output=output_fs,
            folder=folder,
            columns=columns,
            model=model,
            checksum=manifest["model"],
            labels=tuple(manifest["labels"]),
        )
        with running_ray(workers, ray_address) as cores:
            if not begun:
                with _storage_errors(output):
                    place.begin(manifest)
            results = label_shards(job, todo, workers or cores)
            for so_far in _add_up(summary, results):
                summary = so_far
                if report is not None:
                    report(summary)
    with _storage_errors(input):
        if list_files(input_fs, input_path) != files:
            raise InputError(f"{input}: has changed while it was read: --overwrite starts anew")
    with _storage_errors(output):
        place.finish(len(shards))
    return summary


def _add_up(summary: CorpusSummary, results: Iterator[dict[str, Any]]) -> Iterator[CorpusSummary]:
    """Yield what was done so far after each shard.

    Raises:
        NutgrafError: at the end if shards failed, or once many have.
    """
    began = time.monotonic()
    failures: list[str] = []
    for result in results:
        if result["failure"]:
            failures.append(result["failure"])
            if len(failures) == _MOST_FAILURES:
                break
            continue
        summary = dataclasses.replace(
            summary,
            articles=summary.articles + result["articles"],
            errors=summary.errors + result["errors"],
            segments=summary.segments + result["segments"],
            shards=summary.shards + 1,
            seconds=time.monotonic() - began,
            cpu_seconds=summary.cpu_seconds + result["cpu_seconds"],
        )
        yield summary
    if failures:
        raise NutgrafError(
            f"{len(failures)} shards failed, the first at {failures[0]}; the same command goes on "
            "with all that are missing"
        )


def _keep_apart(output: str, input: Sequence[str]) -> None:
    """Raises: InputError if one would be taken for the other, now or by the next run."""
    for path in input:
        if f"{path}/".startswith(f"{output}/"):
            raise InputError(f"{output}: holds input: the output needs a folder of its own")
    if output.startswith(f"{input[0]}/"):
        raise InputError(f"{output}: lies in the input, and would be read as input next time")


@contextmanager
def _storage_errors(place: str | os.PathLike[str]) -> Iterator[None]:
    """Whatever goes wrong with a filesystem becomes one clear error: the packages behind fsspec
    have errors of their own, without a common base."""
    try:
        yield
    except NutgrafError:
        raise
    except Exception as error:
        raise InputError(f"{place}: {one_line(error)}") from error


def _require_packages() -> None:
    for package in ("ray", "pyarrow", "fsspec"):
        if importlib.util.find_spec(package) is None:
            raise NutgrafError(
                f"labelling a corpus needs the package {package}: pip install 'nutgraf[ray]'"
            )
