"""Writing files and folders so that nobody ever sees half of one, and no crash loses the old one.

What is written lies under `.NAME.xxx.tmp` until it is complete and on the disk. A process that is
killed leaves that behind, and whoever writes NAME next removes it. A writer locks what it is
writing: the lock ends with the process, so that no living writer's work is taken for a leftover.
"""

import ctypes
import errno
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

if sys.platform != "win32":  # where there are no such locks, and leftovers stay
    import fcntl

_TEXT = {"mode": "w", "encoding": "utf-8", "newline": "\n"}


@contextmanager
def atomic_write(path: str | os.PathLike[str], *, binary: bool = False) -> Iterator[IO[Any]]:
    """Open a file for writing, text unless `binary`, that takes the name `path` only once it is
    complete."""
    path = Path(path)
    with _temporary(path, _new_file) as new:
        new.chmod(0o666 & ~_umask())
        how: dict[str, Any] = {"mode": "wb"} if binary else _TEXT
        with new.open(**how) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
        _sync(path.parent)


@contextmanager
def atomic_folder(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a new folder that replaces the folder `path` only once it is complete.

    Raises:
        NotADirectoryError: if there is something else at `path`.
    """
    path = Path(path)
    if path.exists() and not path.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))
    with _temporary(path, _new_folder) as new:
        new.chmod(0o777 & ~_umask())
        yield new
        sync_tree(new)
        _put(new, path)
        _sync(path.parent)


def recover(path: str | os.PathLike[str]) -> None:
    """Put a folder back that a writer had moved aside when it was killed, if nothing is there now.

    Only where two names cannot be exchanged in one step is there ever anything to do.
    """
    path = Path(path)
    for old in _leftovers(path, "old"):
        if not path.exists():
            with suppress(OSError):
                old.rename(path)


def sync_tree(folder: Path) -> None:
    """Return once a folder and all that is in it are on the disk."""
    for path in folder.rglob("*"):
        _sync(path)
    _sync(folder)


def _put(new: Path, path: Path) -> None:
    """Give the folder `new` the name `path`; an older one there may take the name `new`."""
    if not path.exists():
        new.rename(path)
        return
    if _exchange(new, path):
        return
    old = new.with_suffix(".old")
    try:
        while True:
            path.rename(old)
            try:
                new.rename(path)
                break
            except OSError:
                # Unless a reader took this moment for a crash, and put the old one back.
                if not path.exists():
                    raise
    except OSError:
        recover(path)
        raise
    _remove(old)


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two names in one step, and say whether that was possible: it is on Linux, on most
    file systems (renameat2 with RENAME_EXCHANGE)."""
    if sys.platform == "win32":
        return False
    renameat2 = getattr(ctypes.CDLL(None), "renameat2", None)
    if renameat2 is None:
        return False
    here, exchange = -100, 2  # AT_FDCWD and RENAME_EXCHANGE in Linux's headers
    status: int = renameat2(here, os.fsencode(one), here, os.fsencode(other), exchange)
    return status == 0


@contextmanager
def _temporary(path: Path, make: Callable[[Path], Path]) -> Iterator[Path]:
    """Make something beside `path`, hold its lock, and remove what is under its name at the end."""
    path.parent.mkdir(parents=True, exist_ok=True)
    recover(path)
    for leftover in (*_leftovers(path, "tmp"), *_leftovers(path, "old")):
        with _lock(leftover, wait=False) as ours:
            if ours:
                _remove(leftover)
    made = False
    while not made:
        new = make(path)
        with _lock(new, wait=True):
            # Another writer may have taken it for a leftover before it was locked.
            made = new.exists()
            if made:
                try:
                    yield new
                finally:
                    _remove(new)


def _new_file(path: Path) -> Path:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    os.close(handle)
    return Path(name)


def _new_folder(path: Path) -> Path:
    return Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp"))


def _leftovers(path: Path, suffix: str) -> list[Path]:
    name = re.compile(rf"\.{re.escape(path.name)}\.\w+\.{suffix}")
    try:
        return [other for other in path.parent.iterdir() if name.fullmatch(other.name)]
    except (OSError, ValueError):
        return []


@contextmanager
def _lock(path: Path, *, wait: bool) -> Iterator[bool]:
    """Hold the lock of a file or folder, and say whether it is held: not if somebody else has it
    (and we do not `wait`), nor where there are no locks."""
    if sys.platform == "win32":
        yield False
        return
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        yield False
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        held = True
    except OSError:
        held = False
    try:
        yield held
    finally:
        os.close(handle)


def _remove(path: Path) -> None:
    """Remove a file, a link or a folder, as far as that is possible."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def _sync(path: Path) -> None:
    """Return once a file or folder is on the disk."""
    if sys.platform == "win32":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
