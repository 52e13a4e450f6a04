"""Pages of the documentation do what they say: their code runs, and prints what they show.

The blocks of a page run in order, in an empty folder that has the checkout's data beside it:
`python` blocks in one namespace, `bash` blocks each in a shell. A `text` block shows what the
block before it prints: each of its lines must come in that order, with any figures for figures,
and `...` stands for any number of lines. A comment on the line before a block says what is not so:
`<!-- not run -->`, or `<!-- varies -->` for output of which no line can be foretold.
"""

import io
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.conftest import ROOT

# Those with code that runs as it stands: docs/corpus.md is about a corpus that is not there.
PAGES = ["html.md", "integrations.md", "tutorial.md"]
_BLOCK = re.compile(r"^(?:<!-- ([a-z ]*) -->\n)?```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FIGURE = re.compile(r"[+-]?\d+(?:[.,]\d+)*")


class Block(NamedTuple):
    """A block of code or of output in a page, the number of its first line, and the comment
    before it."""

    line: int
    language: str
    text: str
    comment: str


def blocks(page: str) -> Iterator[Block]:
    for match in _BLOCK.finditer(page):
        comment, language, text = match.groups()
        yield Block(page.count("\n", 0, match.start(3)) + 1, language, text, comment or "")


@pytest.mark.parametrize("name", PAGES)
def test_pages_do_what_they_say(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = ROOT / "docs" / name
    for folder in ("configs", "data", "docs", "seeds"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, Any] = {"__name__": "__main__"}
    printed = ""
    ran = 0
    for block in blocks(page.read_text(encoding="utf-8")):
        where = f"{name}:{block.line}"
        if block.comment == "not run":
            continue
        if block.language == "python":
            printed = run_python(block, where, namespace)
        elif block.language == "bash":
            printed = run_shell(block, where)
        elif block.language == "text":
            assert printed, f"{where}: nothing was printed"
            if block.comment != "varies":
                missing = first_missing(block.text, printed)
                assert missing is None, f"{where}: not printed:\n{missing}\nbut:\n{printed}"
            continue
        ran += 1
    assert ran


def run_python(block: Block, where: str, namespace: dict[str, Any]) -> str:
    printed = io.StringIO()
    with redirect_stdout(printed):
        exec(compile(block.text, where, "exec"), namespace)
    return printed.getvalue()


def run_shell(block: Block, where: str) -> str:
    """Run the commands with this environment's programs first on the path."""
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        # On busy cores threads that wait for each other make training several times slower.
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block.text],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, f"{where}: status {done.returncode}\n{done.stdout}"
    return done.stdout


def first_missing(shown: str, printed: str) -> str | None:
    """The first lines that a page shows without a gap and that are not printed so, after the ones
    before them."""
    rest = [normal(line) for line in printed.splitlines()]
    for part in re.split(r"^\.\.\.\n", shown, flags=re.MULTILINE):
        lines = [normal(line) for line in part.splitlines()]
        places = range(len(rest) - len(lines) + 1)
        place = next((i for i in places if rest[i : i + len(lines)] == lines), None)
        if place is None:
            return part
        del rest[: place + len(lines)]
    return None


def normal(line: str) -> str:
    """A line with all figures alike, and columns as narrow as they can be."""
    return re.sub(r"[ -]+", " ", _FIGURE.sub("0", line)).strip()


@pytest.mark.parametrize(
    ("shown", "missing"),
    [
        ("a  1.5\nb [2, +3]\n", None),
        ("b [2, -3]\n", None),
        ("a  1.5\n...\nc\n", None),
        ("...\na 2\nc\n", None),
        ("b 1\nc\n", "b 1\nc\n"),
        ("c\n...\na  1.5\n", "a  1.5\n"),
        ("a  x\n", "a  x\n"),
    ],
)
def test_shown_output_is_compared_line_by_line(shown: str, missing: str | None) -> None:
    assert first_missing(shown, "start\na    12\nb [1, 20]\na 3\nc\n") == missing
