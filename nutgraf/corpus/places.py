"""Where a corpus lies: local paths, and any address that fsspec knows."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from nutgraf.errors import InputError

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

SUFFIXES = (".parquet", ".jsonl")
TEMPORARY = "_temporary"
"""The folder, in the output, of files that are not complete. Readers of Parquet folders skip names
that start with an underscore."""

_VERSIONS = ("ETag", "etag", "mtime", "LastModified", "last_modified", "updated", "created")
"""What the filesystems call that by which a changed file is known, the surest first."""


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file of the input: its path on its filesystem, its size in bytes, and its time of change
    or whatever else the filesystem knows a changed file by."""

    path: str
    size: int
    version: str


def open_place(address: str | os.PathLike[str]) -> "tuple[AbstractFileSystem, str]":
    """Return the filesystem of a path or address, and the full path on it.

    Raises:
        InputError: if no installed package knows the protocol of the address.
    """
    from fsspec.core import url_to_fs

    try:
        fs, path = url_to_fs(os.fspath(address))
    except (ImportError, ValueError) as error:
        raise InputError(f"{address}: {one_line(error)}") from None
    return fs, path


def list_files(fs: "AbstractFileSystem", path: str) -> list[InputFile]:
    """The Parquet and JSONL files that a path names, in the order of their paths: a file, a
    folder with all below it, or a pattern. Names that start with a dot or an underscore are
    skipped in a folder, as other readers of such folders do.

    Raises:
        InputError: if there is none.
    """
    if fs.isdir(path):
        found = _below(fs, path)
    elif fs.exists(path):
        if not path.endswith(SUFFIXES):
            raise InputError(f"{show(fs, path)}: expected a .parquet or .jsonl file")
        found = {path: fs.info(path)}
    else:
        found = {}
        for name, info in fs.glob(path, detail=True).items():
            found |= _below(fs, name) if info["type"] == "directory" else {name: info}
        if not found:
            raise InputError(f"{show(fs, path)}: no such file or folder")
    files = [
        _file(fs, name, info) for name, info in sorted(found.items()) if name.endswith(SUFFIXES)
    ]
    if not files:
        raise InputError(f"{show(fs, path)}: no .parquet or .jsonl file here")
    return files


def _below(fs: "AbstractFileSystem", folder: str) -> dict[str, dict[str, Any]]:
    def is_hidden(path: str) -> bool:
        parts = path[len(folder) :].strip("/").split("/")
        return any(part.startswith((".", "_")) for part in parts)

    return {p: info for p, info in fs.find(folder, detail=True).items() if not is_hidden(p)}


def _file(fs: "AbstractFileSystem", path: str, info: dict[str, Any]) -> InputFile:
    if info.get("islink"):  # a listing of a local folder describes the link, not the file
        info = fs.info(path)
    version = next((str(info[key]) for key in _VERSIONS if info.get(key)), "")
    return InputFile(path, info["size"], version)


def show(fs: "AbstractFileSystem", path: str) -> str:
    """A path as people write it: the address, but a plain path for local files."""
    return path if is_local(fs) else fs.unstrip_protocol(path)


def is_local(fs: "AbstractFileSystem") -> bool:
    """Whether this is the machine's own filesystem."""
    from fsspec.implementations.local import LocalFileSystem

    return isinstance(fs, LocalFileSystem)


@contextmanager
def write_whole(fs: "AbstractFileSystem", folder: str, name: str) -> Iterator[IO[bytes]]:
    """Open `folder/name` for writing in such a way that it appears only once it is complete, and
    replaces what was there. Another attempt to write it at the same time does no harm."""
    temporary = f"{folder}/{TEMPORARY}/{name}.{uuid.uuid4().hex}"
    fs.makedirs(f"{folder}/{TEMPORARY}", exist_ok=True)
    with fs.open(temporary, "wb") as file:
        yield file
        if is_local(fs):  # or a power cut might leave the name without the bytes
            file.flush()
            os.fsync(file.fileno())
    fs.mv(temporary, f"{folder}/{name}")


def one_line(error: BaseException) -> str:
    """The message of an error on one line, in characters that any file can hold."""
    text = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, OSError) and error.strerror:
        text = error.strerror
    return text.encode("utf-8", "replace").decode("utf-8")
