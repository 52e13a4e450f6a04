"""Files and folders are replaced whole, whenever a writer dies and whoever else writes."""

import os
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from nutgraf import files
from nutgraf.files import atomic_folder, atomic_write, recover

OLD, NEW = {"a": "old", "b": "old"}, {"a": "new", "b": "new", "c": "new"}

Work = Callable[[], object]


def crash(work: Work, operation: int) -> bool:
    """Do the work in a process that dies before its n-th operation on files, with no chance to
    tidy up, and say whether it died: it does not if the work has fewer of them."""
    child = os.fork()
    if child == 0:
        left = operation

        def hook(event: str, _: object) -> None:
            nonlocal left
            if event == "open" or event.startswith(("os.", "shutil.", "ctypes.")):
                left -= 1
                if left == 0:
                    os._exit(9)

        try:
            sys.addaudithook(hook)
            work()
        except BaseException:
            os._exit(1)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, 9), "the work failed"
    return status == 9


def write_folder(path: Path, contents: dict[str, str]) -> None:
    with atomic_folder(path) as folder:
        for name, text in contents.items():
            (folder / name).write_text(text)


def read_folder(path: Path) -> dict[str, str]:
    return {file.name: file.read_text() for file in path.iterdir()}


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def write_file(path: Path, text: str) -> None:
    with atomic_write(path) as file:
        file.write(text)
        file.flush()


@pytest.fixture(params=["exchanged", "moved aside"])
def swap(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Folders are replaced in one step, and in two as where a system cannot do it in one."""
    how = str(request.param)
    if how == "moved aside":
        monkeypatch.setattr(files, "_exchange", lambda one, other: False)
    elif sys.platform != "linux":
        pytest.skip("only Linux can")
    return how


@pytest.mark.parametrize("first", [False, True])
def test_a_folder_is_old_or_new_after_a_crash_at_any_step(
    swap: str, first: bool, tmp_path: Path
) -> None:
    path = tmp_path / "folder"
    found = set()
    for operation in count(1):
        if first:
            files._remove(path)
        else:
            write_folder(path, OLD)
        died = crash(lambda: write_folder(path, NEW), operation)
        if swap == "exchanged" and not first:
            assert path.is_dir(), "there is never a moment without a folder"
        recover(path)
        found.add(tuple(read_folder(path).items()) if path.exists() else None)
        write_folder(path, OLD)
        assert read_folder(path) == OLD
        assert names(tmp_path) == ["folder"], "what the dead writer left is gone"
        if not died:
            break
    assert operation > 15
    before = None if first else tuple(OLD.items())
    assert {before, tuple(NEW.items())} == {x and tuple(sorted(x)) for x in found}


def test_a_file_is_old_or_new_after_a_crash_at_any_step(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    found = set()
    for operation in count(1):
        write_file(path, "old")
        died = crash(lambda: write_file(path, "new"), operation)
        found.add(path.read_text())
        write_file(path, "last")
        assert path.read_text() == "last"
        assert names(tmp_path) == ["file.txt"]
        if not died:
            break
    assert operation > 5
    assert found == {"old", "new"}


def test_a_folder_that_was_moved_aside_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "folder"
    write_folder(tmp_path / ".folder.abcd_123.old", OLD)
    write_folder(tmp_path / ".folder.other.abcd_123.old", NEW)
    recover(path)
    assert read_folder(path) == OLD
    recover(tmp_path / "nothing")
    assert names(tmp_path) == [".folder.other.abcd_123.old", "folder"]


def test_a_reader_who_puts_the_old_folder_back_does_not_stop_the_writer(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "folder"
    write_folder(path, OLD)
    monkeypatch.setattr(files, "_exchange", lambda one, other: False)
    rename = Path.rename
    read: list[dict[str, str]] = []

    def renaming(self: Path, target: Path) -> Path:
        moved = rename(self, target)
        if target.suffix == ".old" and not read:
            recover(path)
            read.append(read_folder(path))
        return moved

    monkeypatch.setattr(Path, "rename", renaming)
    write_folder(path, NEW)
    assert read == [OLD]
    assert read_folder(path) == NEW
    assert names(tmp_path) == ["folder"]


def test_a_folder_that_cannot_take_its_place_leaves_the_old_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "folder"
    write_folder(path, OLD)
    monkeypatch.setattr(files, "_exchange", lambda one, other: False)
    rename = Path.rename

    def failing(self: Path, target: Path) -> Path:
        if self.suffix == ".tmp":
            raise OSError("no space")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(OSError, match="no space"):
        write_folder(path, NEW)
    assert read_folder(path) == OLD
    assert names(tmp_path) == ["folder"]


def test_what_a_living_writer_writes_is_no_leftover(swap: str, tmp_path: Path) -> None:
    folder, file = tmp_path / "folder", tmp_path / "file"
    with atomic_folder(folder) as slow, atomic_write(file) as slow_file:
        (slow / "a").write_text("slow")
        slow_file.write("slow")
        write_folder(folder, NEW)
        write_file(file, "new")
        assert read_folder(folder) == NEW
        assert file.read_text() == "new"
    assert read_folder(folder) == {"a": "slow"}
    assert file.read_text() == "slow"
    assert names(tmp_path) == ["file", "folder"]


def test_a_failed_writer_leaves_what_was_there(swap: str, tmp_path: Path) -> None:
    folder, file = tmp_path / "folder", tmp_path / "file"
    write_folder(folder, OLD)
    write_file(file, "old")
    with pytest.raises(TypeError), atomic_folder(folder) as new:
        (new / "a").write_text(None)  # type: ignore[arg-type]
    with pytest.raises(TypeError), atomic_write(file) as stream:
        stream.write(None)
    assert read_folder(folder) == OLD
    assert file.read_text() == "old"
    assert names(tmp_path) == ["file", "folder"]


def test_a_link_to_a_folder_is_replaced_and_its_target_left(swap: str, tmp_path: Path) -> None:
    write_folder(tmp_path / "target", OLD)
    (tmp_path / "link").symlink_to("target")
    write_folder(tmp_path / "link", NEW)
    assert read_folder(tmp_path / "link") == NEW
    assert read_folder(tmp_path / "target") == OLD
    assert names(tmp_path) == ["link", "target"]


def test_a_file_is_not_replaced_by_a_folder(tmp_path: Path) -> None:
    write_file(tmp_path / "notes", "dear")
    with pytest.raises(NotADirectoryError) as error, atomic_folder(tmp_path / "notes"):
        pass
    assert error.value.filename == str(tmp_path / "notes")
    assert (tmp_path / "notes").read_text() == "dear"
