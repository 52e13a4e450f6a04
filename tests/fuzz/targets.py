"""What is fuzzed: functions that take bytes and fail where a property does not hold.

An error that nutgraf raises on purpose is an answer; anything else is a finding.
"""

import contextlib
import tempfile
from collections.abc import Callable
from pathlib import Path

from nutgraf import NutgrafError
from tests.properties import check_html, check_jsonl, check_source, check_text

CORPUS = Path(__file__).parent / "corpus"
"""A folder for each target, with the inputs that the fuzzer starts from."""


def text(raw: bytes) -> None:
    """Split raw text, and decode and split it as the classifier does."""
    check_text(raw.decode("utf-8", "replace"))
    with contextlib.suppress(NutgrafError):
        check_source(raw, "text")


def html(raw: bytes) -> None:
    """Split a page and find its article, and decode and split it as the classifier does."""
    with contextlib.suppress(NutgrafError):
        check_html(raw)
    for source in (raw, raw.decode("utf-8", "replace")):
        with contextlib.suppress(NutgrafError):
            check_source(source)


def jsonl(raw: bytes) -> None:
    """Read a file of articles, and write and read again what was read."""
    with tempfile.TemporaryDirectory() as folder:
        check_jsonl(raw, Path(folder) / "data.jsonl")


TARGETS: dict[str, Callable[[bytes], None]] = {"text": text, "html": html, "jsonl": jsonl}
