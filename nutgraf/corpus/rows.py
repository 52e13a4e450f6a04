"""The rows of a shard: each an article to label, or what is wrong with it."""

import io
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nutgraf.article import LONE_SURROGATE, MAX_LINE_BYTES
from nutgraf.classifier import ArticleLike, Format
from nutgraf.corpus.places import one_line, show
from nutgraf.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa
    from fsspec import AbstractFileSystem

    from nutgraf.corpus.shards import Shard

TEXT_COLUMNS = ("segments", "text", "html")
"""Where an article's text is looked for unless it is said: the first of these that a row has."""

_BATCH_ROWS = 16
"""How many rows of a Parquet file are in memory at once: web pages can be large."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns to read: that of the ids, and those where a text may be."""

    id: str = "id"
    texts: tuple[str, ...] = TEXT_COLUMNS

    def are_in(self, names: Collection[str]) -> bool:
        """Whether a row with columns of these names could be labelled."""
        return self.id in names and any(name in names for name in self.texts)

    def check(self, names: Sequence[str], file: str) -> None:
        """Refuse a file that lacks a column.

        Raises:
            DataError: naming the file, the columns looked for and those it has.
        """
        has = f"it has {', '.join(map(repr, names))}" if names else "it has no columns"
        if self.id not in names:
            raise DataError(f"{file}: no column {self.id!r} (--id-column): {has}")
        if not self.are_in(names):
            wanted = " or ".join(map(repr, self.texts))
            raise DataError(f"{file}: no column {wanted} (--text-column): {has}")


@dataclass(frozen=True, slots=True)
class Row:
    """An article of the corpus, or the error that stands for it.

    `source` is `file:number`, numbers from 1; `format` says how to read a single text.
    """

    source: str
    id: str | None = None
    article: ArticleLike | None = None
    format: Format = "auto"
    error: str | None = None


def read_rows(fs: "AbstractFileSystem", shard: "Shard", columns: Columns) -> Iterator[Row]:
    """Yield the rows of a shard, a few of them in memory at a time.

    Raises:
        OSError: if the file cannot be read (what stands in it is never an error but a row's).
    """
    read = _read_lines if shard.path.endswith(".jsonl") else _read_parquet
    return read(fs, shard, columns)


def _read_lines(fs: "AbstractFileSystem", shard: "Shard", columns: Columns) -> Iterator[Row]:
    name = show(fs, shard.path)
    with fs.open(shard.path, "rb") as raw, io.BufferedReader(raw) as stream:
        stream.seek(shard.start)
        position, number = shard.start, shard.first
        while position < shard.stop:
            line = stream.readline(MAX_LINE_BYTES + 1)
            position += len(line)
            source = f"{name}:{number}"
            if not line:
                raise OSError(f"ends before line {number}: was it cut while it was read?")
            if len(line) > MAX_LINE_BYTES:
                while not line.endswith(b"\n") and (line := stream.readline(MAX_LINE_BYTES)):
                    position += len(line)
                yield Row(source, error=f"line of more than {MAX_LINE_BYTES:,} bytes")
            elif line.strip():
                yield _from_line(line, source, columns)
            number += 1


def _from_line(line: bytes, source: str, columns: Columns) -> Row:
    try:
        return _row(parse_line(line), source, columns)
    except DataError as error:
        return Row(source, error=one_line(error))


def parse_line(line: bytes) -> dict[str, Any]:
    """Read one line of a JSONL file.

    Raises:
        DataError: if it is not UTF-8 or not a JSON object.
    """
    try:
        # Any line may come first in a file, and only there can a byte order mark be in its place.
        record = json.loads(line.decode("utf-8-sig").rstrip("\r\n"))
    except UnicodeDecodeError as error:
        where = f"byte 0x{line[error.start]:02x} at column {error.start + 1}"
        raise DataError(f"not UTF-8 text ({where})") from None
    except json.JSONDecodeError as error:
        problem = error.msg.removesuffix(" at")
        raise DataError(f"malformed JSON: {problem} at column {error.colno}") from None
    except RecursionError:
        raise DataError("malformed JSON: nested too deeply") from None
    except ValueError:  # Python refuses to read an integer of more than 4,300 digits
        raise DataError("malformed JSON: a number is too long") from None
    if not isinstance(record, dict):
        raise DataError(f"expected a JSON object, got {type(record).__name__}")
    return record


def _read_parquet(fs: "AbstractFileSystem", shard: "Shard", columns: Columns) -> Iterator[Row]:
    import pyarrow.parquet as pq

    with fs.open(shard.path, "rb") as stream:
        # Without these settings a whole row group would be in memory at once.
        file = pq.ParquetFile(stream, pre_buffer=False, buffer_size=2**20)
        end = 0
        for number in range(file.metadata.num_row_groups):
            begin, end = end, end + file.metadata.row_group(number).num_rows
            span = range(max(shard.start, begin), min(shard.stop, end))
            if span:
                sources = [f"{show(fs, shard.path)}:{row + 1}" for row in span]
                yield from _read_group(file, number, span.start - begin, sources, columns)


def _read_group(
    file: "pa.parquet.ParquetFile", group: int, skip: int, sources: list[str], columns: Columns
) -> Iterator[Row]:
    """Yield as many rows of a row group as there are sources, from row `skip` on."""
    import pyarrow as pa

    names = [name for name in (columns.id, *columns.texts) if name in file.schema_arrow.names]
    done = 0
    try:
        for batch in file.iter_batches(_BATCH_ROWS, row_groups=[group], columns=names):
            for index in range(skip, min(batch.num_rows, skip + len(sources) - done)):
                yield _from_batch(batch, index, sources[done], columns)
                done += 1
            skip = max(skip - batch.num_rows, 0)
            if done == len(sources):
                return
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the filesystem's, not that of a damaged file
        for source in sources[done:]:
            yield Row(source, error=f"damaged Parquet data: {one_line(error)}")


def _from_batch(batch: "pa.RecordBatch", index: int, source: str, columns: Columns) -> Row:
    record = {}
    for name in (columns.id, *columns.texts):
        if name in batch.schema.names:
            try:
                record[name] = batch.column(name)[index].as_py()
            except UnicodeDecodeError:  # Parquet's writers need not check their strings
                return Row(source, record.get(columns.id), error=f"{name}: not UTF-8 text")
    return _row(record, source, columns)


def _row(record: Mapping[str, Any], source: str, columns: Columns) -> Row:
    id = record.get(columns.id)
    if isinstance(id, int) and not isinstance(id, bool):
        id = str(id)
    if id is None:
        return Row(source, error=f"{columns.id}: is missing")
    if not isinstance(id, str):
        return Row(source, error=f"{columns.id}: expected a string, got {type(id).__name__}")
    if LONE_SURROGATE.search(id):
        return Row(source, error=f"{columns.id}: holds half of a character (a lone surrogate)")
    if not id.strip():
        return Row(source, error=f"{columns.id}: is empty")
    for name in columns.texts:
        if (article := record.get(name)) is not None:
            if isinstance(article, list):
                article = [s["text"] if isinstance(s, dict) and "text" in s else s for s in article]
            return Row(source, id, article, "html" if name == "html" else "auto")
    return Row(source, id, error=f"{' or '.join(columns.texts)}: is missing")
