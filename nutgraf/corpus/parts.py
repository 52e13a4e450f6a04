"""The output: a Parquet file for each shard, and a manifest of what the output was made from."""

import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import nutgraf
from nutgraf.article import LabelledArticle
from nutgraf.corpus.places import TEMPORARY, InputFile, is_local, show, write_whole
from nutgraf.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa
    from fsspec import AbstractFileSystem

MANIFEST = "_nutgraf.json"
SUCCESS = "_SUCCESS"
_GROUP_BYTES = 32 * 2**20
"""Rows are collected up to this many bytes before they are written as a row group."""


def part_name(number: int) -> str:
    """The name of the file for the shard of that number, from 0."""
    return f"part-{number:06d}.parquet"


def schema(labels: Sequence[str]) -> "pa.Schema":
    """The columns of every part: a row is an article, labelled or with its error."""
    import pyarrow as pa

    segment = pa.struct(
        {
            "text": pa.string(),
            "label": pa.string(),
            "probability": pa.float32(),
            "probabilities": pa.struct({label: pa.float32() for label in labels}),
            "start": pa.int64(),
            "end": pa.int64(),
        }
    )
    return pa.schema(
        {
            "id": pa.string(),
            "source": pa.string(),
            "error": pa.string(),
            "segments": pa.list_(segment),
        }
    )


def segments_of(article: LabelledArticle) -> list[dict[str, Any]]:
    """The value of the column `segments`."""
    return [{**one.to_dict(), "probability": one.probability} for one in article]


def write_part(
    fs: "AbstractFileSystem",
    folder: str,
    name: str,
    rows: Iterable["list[dict[str, Any]]"],
    labels: Sequence[str],
) -> None:
    """Write rows, which come in small lists, as one Parquet file that appears when complete."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = schema(labels)
    with (
        write_whole(fs, folder, name) as file,
        pq.ParquetWriter(file, columns, compression="zstd") as writer,
    ):
        batches: list[pa.RecordBatch] = []
        for some in rows:
            batches.append(pa.RecordBatch.from_pylist(some, schema=columns))
            if sum(batch.nbytes for batch in batches) > _GROUP_BYTES:
                writer.write_table(pa.Table.from_batches(batches))
                batches = []
        writer.write_table(pa.Table.from_batches(batches, schema=columns))


class Output:
    """The folder of an output: what is in it, and whether a run may go on with it."""

    def __init__(self, fs: "AbstractFileSystem", folder: str) -> None:
        self.fs = fs
        self.folder = folder
        self.name = show(fs, folder)

    def parts(self) -> set[str]:
        """The names of the parts that are there."""
        return {name for name in self._names() if _is_part(name)}

    def is_complete(self) -> bool:
        """Whether a run has come to its end here."""
        return SUCCESS in self._names()

    def has_begun(self, manifest: Mapping[str, Any], *, overwrite: bool) -> bool:
        """Whether the folder holds some of the output that the manifest describes.

        Raises:
            InputError: if it holds anything else; with `overwrite`, what is no output at all.
        """
        if set("*?[") & set(self.folder) and not is_local(self.fs):
            raise InputError(f"{self.name}: fsspec would take this for a pattern")
        if self.fs.isfile(self.folder):
            raise InputError(f"{self.name}: is a file; the output is a folder")
        names = self._names() - {TEMPORARY}
        if not names:
            return False
        if MANIFEST not in names:
            raise InputError(f"{self.name}: is not empty, and no output: {MANIFEST} is missing")
        if not overwrite:
            self._compare(manifest)
        return not overwrite

    def begin(self, manifest: Mapping[str, Any]) -> None:
        """Remove what an earlier run wrote, and write the manifest."""
        names = self._names()
        # Nothing else is removed, and in an order that an interruption cannot harm.
        for name in [SUCCESS, *sorted(filter(_is_part, names)), TEMPORARY, MANIFEST]:
            if name in names:
                self.fs.rm(f"{self.folder}/{name}", recursive=name == TEMPORARY)
        with write_whole(self.fs, self.folder, MANIFEST) as file:
            file.write(json.dumps(manifest, indent=2).encode())

    def finish(self, number: int) -> None:
        """Mark the output as complete, once all parts are seen to be there.

        Raises:
            InputError: if some of the `number` parts are not.
        """
        missing = {part_name(i) for i in range(number)} - self.parts()
        if missing:
            raise InputError(
                f"{self.name}: {len(missing)} of {number} parts are not there, the first of them "
                f"{min(missing)}: is this a place that all workers share?"
            )
        if self.fs.exists(f"{self.folder}/{TEMPORARY}"):  # what killed workers left there
            self.fs.rm(f"{self.folder}/{TEMPORARY}", recursive=True)
        self.fs.pipe_file(f"{self.folder}/{SUCCESS}", b"")

    def _names(self) -> set[str]:
        self.fs.invalidate_cache()
        if not self.fs.exists(self.folder):
            return set()
        return {path.rstrip("/").rsplit("/", 1)[-1] for path in self.fs.ls(self.folder, False)}

    def _compare(self, manifest: Mapping[str, Any]) -> None:
        file = f"{self.name}/{MANIFEST}"
        try:
            before = json.loads(self.fs.cat_file(f"{self.folder}/{MANIFEST}"))
            different = next((key for key in manifest if before[key] != manifest[key]), None)
        except (ValueError, TypeError, KeyError):
            raise InputError(f"{file}: malformed: --overwrite starts anew") from None
        if different is None:
            return
        was, now = before[different], manifest[different]
        if different == "input":
            name = next(file["path"] for file in [*was, *now] if file not in was or file not in now)
            difference = f"another input ({name} is new, has changed or is gone)"
        else:
            difference = f"another {different} ({was!r}, now {now!r})"
        raise InputError(f"{file}: the output was made with {difference}: --overwrite starts anew")


def make_manifest(
    *,
    files: Sequence[InputFile],
    columns: Sequence[str],
    shard_size: int,
    model: str,
    labels: Sequence[str],
) -> dict[str, Any]:
    """All that the bytes of the output depend on."""
    return {
        "nutgraf": nutgraf.__version__,
        "model": model,
        "labels": list(labels),
        "shard size": shard_size,
        "columns": list(columns),
        "input": [dataclasses.asdict(file) for file in files],
    }


def _is_part(name: str) -> bool:
    return name.startswith("part-") and name.endswith(".parquet")
