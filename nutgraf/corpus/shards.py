"""The input cut into shards: what one worker labels in one go and writes to one file.

The same input is always cut in the same way, so that a later run knows by the name of a part which
articles it holds.
"""

import io
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import IO, TYPE_CHECKING

import numpy as np

from nutgraf.corpus.places import InputFile, one_line, show
from nutgraf.corpus.rows import Columns, parse_line
from nutgraf.errors import DataError

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_CHUNK_BYTES = 4 * 2**20
_THREADS = 16
"""How many files are looked at together: remote ones answer slowly, but many at a time."""
_PROBED_LINES = 100
_PROBED_BYTES = 16 * 2**20


@dataclass(frozen=True, slots=True)
class Shard:
    """A run of rows of one file.

    Attributes:
        number: its place among all shards, from 0; names its part of the output.
        path: the file.
        start, stop: bytes of a JSONL file, rows of a Parquet file, from 0.
        first: the number of its first row, from 1: what a JSONL file's reader calls the line.
    """

    number: int
    path: str
    start: int
    stop: int
    first: int


_Range = tuple[int, int, int]


def cut(
    fs: "AbstractFileSystem", files: Sequence[InputFile], columns: Columns, size: int
) -> list[Shard]:
    """Cut the input into shards of at most `size` rows.

    JSONL files are read through for this, for their line ends; of Parquet files only the footer.

    Raises:
        DataError: if a Parquet file is damaged, or the columns are missing: in a Parquet file, or
            in all that was probed of the JSONL files.
    """
    _check_lines(fs, [file.path for file in files if file.path.endswith(".jsonl")], columns)

    def ranges(file: InputFile) -> list[_Range]:
        if file.path.endswith(".jsonl"):
            with fs.open(file.path, "rb") as stream:
                return list(_line_ranges(stream, size))
        return list(_row_ranges(_row_groups(fs, file.path, columns), size))

    with ThreadPoolExecutor(_THREADS) as pool:
        per_file = pool.map(ranges, files)
        rows = [
            (file.path, *found)
            for file, of_file in zip(files, per_file, strict=True)
            for found in of_file
        ]
    return [Shard(number, *row) for number, row in enumerate(rows)]


def _line_ranges(stream: IO[bytes], size: int) -> Iterator[_Range]:
    start, line = 0, 1  # of the shard
    position, ends = 0, 0  # bytes read, and line ends since `start`
    while chunk := stream.read(_CHUNK_BYTES):
        for end in np.flatnonzero(np.frombuffer(chunk, np.uint8) == ord("\n"))[
            size - ends - 1 :: size
        ]:
            stop = position + int(end) + 1
            yield start, stop, line
            start, line = stop, line + size
        ends = (ends + chunk.count(b"\n")) % size
        position += len(chunk)
    if position > start:
        yield start, position, line


def _row_ranges(groups: Iterable[int], size: int) -> Iterator[_Range]:
    """Runs of whole row groups where they are small, parts of one where they are large."""
    start = stop = 0
    for rows in groups:
        if stop > start and stop + rows - start > size:
            yield start, stop, start + 1
            start = stop
        stop += rows
        while stop - start > size:
            yield start, start + size, start + 1
            start += size
    if stop > start:
        yield start, stop, start + 1


def _row_groups(fs: "AbstractFileSystem", path: str, columns: Columns) -> list[int]:
    """The number of rows of each row group, once the columns are known to be there."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with fs.open(path, "rb") as stream:
        try:
            metadata = pq.read_metadata(stream)
            names = metadata.schema.to_arrow_schema().names
        except (pa.ArrowException, OSError) as error:
            raise DataError(f"{show(fs, path)}: not a Parquet file: {one_line(error)}") from None
    columns.check(names, show(fs, path))
    return [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]


def _check_lines(fs: "AbstractFileSystem", paths: Sequence[str], columns: Columns) -> None:
    """Look for the columns at the head of each JSONL file until they are found: a single row may
    lack them, and becomes an error of its own, but not all rows."""
    names: dict[str, None] = {}
    for path in paths:
        with fs.open(path, "rb") as raw, io.BufferedReader(raw) as stream:
            for line in islice(io.BytesIO(stream.read(_PROBED_BYTES)), _PROBED_LINES):
                try:
                    names |= dict.fromkeys(parse_line(line))
                except DataError:
                    continue
        if columns.are_in(names):
            return
    if names:
        columns.check(list(names), show(fs, paths[0]))
