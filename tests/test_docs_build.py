"""The documentation builds, and its links lead somewhere."""

import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

DOCS = ROOT / "docs"
BUILD = runpy.run_path(str(DOCS / "build.py"))


def test_all_pages_are_built(tmp_path: Path) -> None:
    site = tmp_path / "site"
    command = [sys.executable, str(DOCS / "build.py"), str(site)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    for module in BUILD["MODULES"]:
        assert "API documentation" in (site / f"{module.replace('.', '/')}.html").read_text()
    reference = (site / "nutgraf.html").read_text(encoding="utf-8")
    assert 'id="Classifier.classify"' in reference
    assert "renormalised over them" in reference
    for page in DOCS.glob("*.md"):
        heading = page.read_text(encoding="utf-8").split("\n", 1)[0].removeprefix("# ")
        assert heading in (site / f"{page.stem}.html").read_text(encoding="utf-8")


def test_every_page_is_in_the_index_and_the_index_in_the_readme() -> None:
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    listed = re.findall(r"\]\((\w[\w-]*\.md)\)", index)
    assert sorted([*listed, "index.md"]) == sorted(page.name for page in DOCS.glob("*.md"))
    assert "(docs/index.md)" in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("target", "is_dead"),
    [
        ("other.html", False),
        ("other.html#there", False),
        ("#here", False),
        ("notes.md#a-heading", False),
        ("https://example.org/gone", False),
        ("gone.html", True),
        ("other.html#here", True),
        ("#there", True),
        ("notes.md#another", True),
    ],
)
def test_dead_links_are_found(tmp_path: Path, target: str, is_dead: bool) -> None:
    page = tmp_path / "page.html"
    page.write_text(f'<p id="here"><a href="{target}">a link</a></p>')
    (tmp_path / "other.html").write_text('<p id="there"></p>')
    (tmp_path / "notes.md").write_text("# A heading\n")
    expected = [f"page.html: dead link {target}"] if is_dead else []
    assert BUILD["dead_links"]([page]) == expected


def test_links_of_a_page_lead_to_pages_and_into_the_checkout(tmp_path: Path) -> None:
    assert BUILD["link"]("bad-input.md#files", tmp_path) == "bad-input.html#files"
    assert (tmp_path / BUILD["link"]("../data/README.md", tmp_path)).samefile(
        ROOT / "data/README.md"
    )
    assert BUILD["link"]("https://example.org/a.md", tmp_path) == "https://example.org/a.md"
