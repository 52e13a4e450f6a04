from pathlib import Path
from typing import Any

import pytest

from nutgraf import LABELS
from tests.conftest import ROOT
from training.config import ConfigError
from training.evaluate import figure_names
from training.evaluation.gates import Gates, check, read_gates


def figure(value: float, low: float | None = None, high: float | None = None) -> dict[str, Any]:
    return {"value": value, "low": low, "high": high}


REPORT: dict[str, Any] = {
    "figures": {"macro_f1": figure(0.80), "ece": figure(0.04)},
    "behaviour": {
        "rates": [
            {"kind": "minimum", "capability": "a", "passed": 8, "cases": 10},
            {"kind": "minimum", "capability": "b", "passed": 1, "cases": 10},
        ]
    },
}


def test_floors_and_ceilings() -> None:
    gates = Gates(floors={"macro_f1": 0.82, "behaviour.minimum": 0.45}, ceilings={"ece": 0.05})
    low, behaviour, high = check(gates, REPORT)
    assert not low["passed"]
    assert low["message"] == "macro_f1 is 0.8000, must be at least 0.82: 0.02 short"
    assert behaviour["passed"]
    assert behaviour["value"] == 0.45
    assert high["passed"]
    (over,) = check(Gates(ceilings={"ece": 0.03}), REPORT)
    assert over["message"] == "ece is 0.0400, must be at most 0.03: 0.01 over"


@pytest.mark.parametrize(
    ("difference", "passed"),
    [
        (figure(-0.05, -0.08, -0.02), False),  # surely fell by more than 0.01
        (figure(-0.05, -0.11, 0.005), True),  # may not have fallen at all
        (figure(-0.015, -0.02, -0.005), True),  # may have fallen by less than 0.01
        (figure(0.05, 0.02, 0.08), True),  # rose
        (figure(-0.05), False),  # a single article has no interval
    ],
)
def test_a_fall_counts_once_its_whole_interval_lies_beyond(
    difference: dict[str, Any], passed: bool
) -> None:
    report = {**REPORT, "comparison": {"baseline": "old", "differences": {"macro_f1": difference}}}
    (gate,) = check(Gates(falls={"macro_f1": 0.01}), report)
    assert gate["passed"] is passed
    assert gate["message"].startswith("the fall of macro_f1 against old is ")


def test_a_rise_of_an_error_counts_likewise() -> None:
    comparison = {"baseline": "old", "differences": {"ece": figure(0.05, 0.03, 0.07)}}
    (gate,) = check(Gates(rises={"ece": 0.02}), {**REPORT, "comparison": comparison})
    assert not gate["passed"]
    (gate,) = check(Gates(rises={"ece": 0.04}), {**REPORT, "comparison": comparison})
    assert gate["passed"]


def test_gates_against_a_baseline_say_that_there_is_none() -> None:
    (gate,) = check(Gates(falls={"macro_f1": 0.01}), REPORT)
    assert gate["passed"] is None
    assert gate["message"] == "the fall of macro_f1 is not checked: there is no baseline"


def test_what_is_undefined_does_not_pass() -> None:
    report = {**REPORT, "figures": {"macro_f1": {"value": None, "low": None, "high": None}}}
    (gate,) = check(Gates(floors={"macro_f1": 0.1}), report)
    assert gate["passed"] is False


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("floor:\n  macro_f1: 0.8\n", "gates.yaml:1: floor: "),
        ("floors:\n  macro_f1: high\n", "gates.yaml:2: floors.macro_f1: "),
        ("falls:\n  macro_f1: -0.1\n", "gates.yaml:2: falls.macro_f1: expected 0 or more"),
        ("floors: {}\n", "gates.yaml: no gate in this file"),
        (
            "floors:\n  ece: 0.1\n  macro_f: 0.5\n",
            "gates.yaml:3: floors.macro_f: this report has no such figure; did you mean 'macro_f1'",
        ),
        ("falls:\n  seed: 0.1\n", "gates.yaml:2: falls.seed: this report has no such figure"),
        ("floors:\n  macro_f1: .nan\n", "gates.yaml:2: floors.macro_f1: "),
        ("", "gates.yaml: expected settings"),
    ],
)
def test_a_file_that_gates_nothing_is_an_error(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "gates.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError) as error:
        read_gates(file, ["macro_f1", "ece"], ["seed"])
    assert message in str(error.value)


def test_the_project_gates_both_the_level_and_the_fall() -> None:
    others = ["seed", "seed_cut"]
    others += [f"behaviour.{x}" for x in ("minimum", "context", "invariance", "direction")]
    gates = read_gates(ROOT / "configs/gates.yaml", figure_names(LABELS), others)
    assert "macro_f1" in gates.floors
    assert "macro_f1" in gates.falls
