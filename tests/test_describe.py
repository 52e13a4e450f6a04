import json
from pathlib import Path

import pytest

from nutgraf import LABELS, Article, DataError, Segment
from tests.conftest import ROOT
from training.describe import agreement, main, shape, sizes


def page(id: str, *labels: str) -> Article:
    segments = tuple(Segment("some words", label) for label in labels)
    return Article(id, segments, style="wire", provenance={"brief": id, "country": "Chad"})


def test_counts() -> None:
    splits = {
        "train": [page("a", "quote", "other"), page("b", "quote")],
        "test": [page("c", "other")],
    }
    lines = [[c.strip() for c in line.split("|")[1:-1]] for line in sizes(splits).splitlines()]
    assert lines[0][:4] == ["split", "briefs", "articles", "segments"]
    assert lines[2] == ["train", "2", "2", "3", "2", "0", "0", "0", "1"]
    assert lines[-1] == ["all", "3", "3", "4", "2", "0", "0", "0", "2"]


def test_furniture_is_placed_about_the_body() -> None:
    clutter = "navigation_clutter"
    labels = ["quote", "official_statement", "expert_opinion", clutter, "other"] * 2
    articles = [page(str(n), clutter, *labels, clutter, clutter) for n in range(3)]
    text = shape({"ours": articles})
    assert "| furniture before the body                | 1.0" in text
    assert "| furniture within the body                | 2.0" in text
    assert "| furniture after the body                 | 2.0" in text


def test_agreement_of_two_hands(tmp_path: Path) -> None:
    file = tmp_path / "annotations.jsonl"
    first = [*LABELS, "quote", "other"]
    second = [*LABELS, "other", "quote"]
    record = {"writer": first, "second": second, "settled": [{}, {}]}
    file.write_text(json.dumps(record) + "\n")
    text = agreement(file)
    assert "agree on 71.4% of segments; a third settled the other 2" in text
    # Observed 5/7, expected by chance 11/49: (35 - 11) / (49 - 11).
    assert f"| all                | 7                 | {24 / 38:.3f}" in text
    assert "| expert_opinion     | 1                 | 1.000" in text
    with pytest.raises(DataError, match=r"missing\.jsonl"):
        agreement(tmp_path / "missing.jsonl")


def test_the_card_states_what_the_script_prints(capsys: pytest.CaptureFixture[str]) -> None:
    main([str(ROOT / "data")])
    card = (ROOT / "data/README.md").read_text(encoding="utf-8")
    counts = capsys.readouterr().out.split("\n\n")[0]
    assert counts in card
