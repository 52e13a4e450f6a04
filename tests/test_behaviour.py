from collections.abc import Sequence
from pathlib import Path

import pytest

from nutgraf import LABELS, LabelledArticle, Prediction
from tests.conftest import ROOT
from training.config import ConfigError
from training.evaluation.behaviour import pass_rates, read_cases, run_cases

LEAST_CASES = 120


class Words:
    """Labels by the words of a text and of the one before: quotes by marks, clutter by "Read"."""

    def classify_many(self, articles: Sequence[Sequence[str]]) -> list[LabelledArticle]:
        return [self.label(texts) for texts in articles]

    def label(self, texts: Sequence[str]) -> LabelledArticle:
        before = ["", *texts]
        return LabelledArticle("", tuple(map(self.classify, texts, before)))

    def classify(self, text: str, before: str) -> Prediction:
        quoted = 0.9 if "“" in text or before.endswith(":") else 0.05
        clutter = 0.8 if text.startswith("Read") else 0.02
        rest = max(0.0, 1 - quoted - clutter)
        probabilities = dict.fromkeys(LABELS, 0.0) | {
            "quote": quoted,
            "navigation_clutter": clutter,
            "other": rest,
        }
        return Prediction(
            text, max(probabilities, key=probabilities.__getitem__), probabilities, 0, 0
        )


def write(folder: Path, text: str) -> Path:
    (folder / "cases.yaml").write_text(text, encoding="utf-8")
    return folder


def judge(folder: Path, text: str) -> list[tuple[str, bool, str]]:
    outcomes = run_cases(Words(), read_cases(write(folder, text)))  # type: ignore[arg-type]
    return [(o.name, o.passed, o.explanation) for o in outcomes]


def test_minimum(tmp_path: Path) -> None:
    found = judge(
        tmp_path,
        """
capability: marks
kind: minimum
cases:
  - name: marked
    article: [The coach spoke., quote: “We ran.”]
  - name: not marked
    article: [The coach spoke., quote: We ran.]
""",
    )
    assert found == [
        ("marked", True, ""),
        ("not marked", False, "'We ran.' is other (0.93), not quote"),
    ]


def test_context(tmp_path: Path) -> None:
    found = judge(
        tmp_path,
        """
capability: neighbours
kind: context
cases:
  - name: announced or not
    articles:
      - ["The coach said:", quote: We ran.]
      - [The coach spoke., other: We ran.]
""",
    )
    assert found == [("announced or not", True, "")]


def test_invariance(tmp_path: Path) -> None:
    found = judge(
        tmp_path,
        """
capability: marks
kind: invariance
cases:
  - name: names
    article: [test: “We ran” said Aas.]
    changes: [{Aas: Kimani}]
  - name: marks that this classifier does not know
    article: [test: “We ran” said Aas.]
    changes: [{Aas: Kimani}, {“: '"', ”: '"'}]
""",
    )
    assert [(name, passed) for name, passed, _ in found] == [
        ("names", True),
        ("marks that this classifier does not know", False),
    ]
    assert "is other (0.93), not quote (0.90) as before" in found[1][2]


def test_replacements_are_made_at_once(tmp_path: Path) -> None:
    text = """
capability: names
kind: invariance
cases:
  - name: two names are swapped
    article: [test: Aas met Kimani.]
    changes: [{Aas: Kimani, Kimani: “Aas”}]
"""
    ((_, passed, explanation),) = judge(tmp_path, text)
    assert not passed
    assert "'Kimani met “Aas”.' is quote" in explanation


def test_direction(tmp_path: Path) -> None:
    found = judge(
        tmp_path,
        """
capability: furniture
kind: direction
cases:
  - name: rises
    article: [The coach spoke., test: Pilots to strike]
    changes: [{Pilots: "Read also: Pilots"}]
    expect: {navigation_clutter: rises}
  - name: stays
    article: [The coach spoke., test: Pilots to strike]
    changes: [{Pilots: Doctors}]
    expect: {navigation_clutter: falls}
""",
    )
    assert found[0] == ("rises", True, "")
    assert found[1][1:] == (
        False,
        "P(navigation_clutter) goes from 0.020 to 0.020 in 'Doctors to strike'",
    )


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("article: [We ran.]", "no text of the article is tested"),
        ("article: [quotation: We ran.]", "unknown label 'quotation'"),
        ("articles: [[quote: We ran.], [other: We ran.]]", "article is missing"),
        ("article: [quote: We ran.]\n    changes: [{We: They}]", "changes is not for kind minimum"),
        ("artikel: [quote: We ran.]", "artikel"),
    ],
)
def test_a_case_that_tests_nothing_is_refused(tmp_path: Path, case: str, message: str) -> None:
    text = f"capability: marks\nkind: minimum\ncases:\n  - name: odd\n    {case}\n"
    with pytest.raises(ConfigError, match=r"cases\.yaml:\d+: ") as error:
        read_cases(write(tmp_path, text))
    assert message in str(error.value)


def test_a_change_that_changes_nothing_is_refused(tmp_path: Path) -> None:
    text = """
capability: names
kind: invariance
cases:
  - name: odd
    article: [test: We ran.]
    changes: [{Aas: Kimani}]
"""
    with pytest.raises(ConfigError, match="the change of 'Aas' changes nothing"):
        read_cases(write(tmp_path, text))
    with pytest.raises(ConfigError, match="the change of 'ran' changes nothing"):
        read_cases(write(tmp_path, text.replace("Aas: Kimani", "ran: ran")))
    for empty in ("{}", "{'': They}"):
        with pytest.raises(ConfigError, match=r"cases\.yaml:\d+: "):
            read_cases(write(tmp_path, text.replace("{Aas: Kimani}", empty)))
    with pytest.raises(ConfigError, match=r"no \*\.yaml file"):
        read_cases(tmp_path / "nowhere")


def test_the_project_has_enough_cases_of_every_kind_and_label() -> None:
    files = read_cases(ROOT / "tests/behaviour")
    cases = [(file.kind, case) for _, file in files for case in file.cases]
    assert len(cases) >= LEAST_CASES
    assert {kind for kind, _ in cases} == {"minimum", "context", "invariance", "direction"}
    tested = {
        key
        for kind, case in cases
        if kind in ("minimum", "context")
        for story in case.stories()
        for part in story
        if isinstance(part, dict)
        for key in part
    }
    assert tested == set(LABELS)
    names = [(file, case.name) for file, found in files for case in found.cases]
    assert len(set(names)) == len(names), "a case's name tells it from the others of its file"


def test_pass_rates_count_by_capability(tmp_path: Path) -> None:
    text = """
capability: marks
kind: minimum
cases:
  - name: marked
    article: [quote: “We ran.”]
  - name: not marked
    article: [quote: We ran.]
"""
    outcomes = run_cases(Words(), read_cases(write(tmp_path, text)))  # type: ignore[arg-type]
    assert pass_rates(outcomes) == [
        {"kind": "minimum", "capability": "marks", "passed": 1, "cases": 2}
    ]
