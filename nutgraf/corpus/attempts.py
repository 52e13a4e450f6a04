"""What is remembered of the attempts at a shard, so that an article which kills the process that
labels it (memory, a crash in a parser) is found and left out instead of being tried for ever.

A worker that dies says nothing, so a note is written first. The first attempt notes only that it
began, at no cost; if the note is found, later attempts note each article before they label it.
"""

import json
from contextlib import suppress
from typing import TYPE_CHECKING

from nutgraf.corpus.places import TEMPORARY

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_LEFT_OUT = 3
"""So many deaths at one article, and it is left out: fewer may well be chance, on machines that
come and go."""
_GIVEN_UP = 6
"""So many, although the article was left out, and it is something else that kills."""


class Attempts:
    """The note about one part, `_temporary/PART.attempts` in the output."""

    def __init__(self, fs: "AbstractFileSystem", folder: str, part: str) -> None:
        self._fs = fs
        self._folder = f"{folder}/{TEMPORARY}"
        self._file = f"{self._folder}/{part}.attempts"
        self._careful = False
        self._deaths: dict[str, int] = {}

    def begin(self) -> bool:
        """Start an attempt; False if there is no point in one more."""
        try:
            note = json.loads(self._fs.cat_file(self._file))
            self._deaths, died_at = note["deaths"], note["at"]
        except (FileNotFoundError, ValueError):  # none, or one that was cut short
            pass
        else:
            self._careful = True
            self._deaths[died_at] = self._deaths.get(died_at, 0) + 1
            if self._deaths[died_at] >= _GIVEN_UP:
                self.end()
                return False
        self._fs.makedirs(self._folder, exist_ok=True)
        self._note("start")
        return True

    def may_label(self, source: str) -> bool:
        """Whether to label the article of that source now."""
        if self._careful:
            self._note(source)
        return self._deaths.get(source, 0) < _LEFT_OUT

    def end(self) -> None:
        """Forget the note: the part is there."""
        with suppress(FileNotFoundError):  # another attempt was there first
            self._fs.rm(self._file)

    def _note(self, at: str) -> None:
        note = json.dumps({"at": at, "deaths": self._deaths})
        self._fs.pipe_file(self._file, note.encode())
