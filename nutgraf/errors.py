"""The errors that nutgraf raises on purpose. Each message is one line that a user can act on."""

import difflib
from collections.abc import Iterable


class NutgrafError(Exception):
    """Base of all errors below; the command line prints it and exits with status 2."""


class InputError(NutgrafError, ValueError):
    """The text, HTML or argument given by the caller cannot be used."""


class DataError(NutgrafError, ValueError):
    """A data file breaks the schema. The message starts with `file:line: field:`."""


class ModelError(NutgrafError):
    """A model folder is missing, incomplete or damaged."""


class MissingPackageError(NutgrafError, ImportError):
    """A package that only some of nutgraf needs is not installed. The message names the extra."""


def nearest(word: object, valid: Iterable[str]) -> str:
    """Return a hint that names the valid word nearest to `word`, or all of them."""
    words = list(valid)
    close = difflib.get_close_matches(str(word), words, n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else "valid are " + ", ".join(words)
