"""The inputs that fuzzing starts from, and those that it broke something with: tests/fuzz."""

from pathlib import Path

import pytest

from tests.fuzz.targets import CORPUS, TARGETS

FILES = sorted(file for target in TARGETS for file in (CORPUS / target).iterdir())


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_a_known_input_breaks_nothing(file: Path) -> None:
    TARGETS[file.parent.name](file.read_bytes())


def test_the_corpus_is_small() -> None:
    assert {file.parent.name for file in FILES} == set(TARGETS)
    assert len(FILES) <= 150
    assert sum(file.stat().st_size for file in FILES) <= 300_000
