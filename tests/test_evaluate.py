import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from nutgraf import LABELS, Classifier, DataError, read_articles
from tests.conftest import ROOT, change_settings
from training.augment import strip_marks
from training.damaged import damaged
from training.evaluate import main
from training.evaluation.reading import SCHEMA_VERSION

CASES = """
capability: marks
kind: minimum
cases:
  - name: <a> quotation & its marks
    article: ['"We will not go," he said.', quote: '"We will not go," he said.']
  - name: what no classifier can do
    article: [quote: Share, other: Share]
"""


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cases")
    (folder / "marks.yaml").write_text(CASES, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def report(
    model: Path, data: Path, cases: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, Any]]:
    """The folder of a report on the tiny model, and what report.json holds."""
    out = tmp_path_factory.mktemp("report")
    evaluate(model, data, cases, "--out", out, "--seed", ROOT / "seeds/nato.jsonl")
    return out, json.loads((out / "report.json").read_text(encoding="utf-8"))


def evaluate(model: Path, data: Path, cases: Path, *options: object) -> None:
    fixed = [model, "--data", data / "validation.jsonl", "--behaviour", cases, "--resamples", 50]
    main([str(argument) for argument in [*fixed, *options]])


def test_the_report_counts_what_the_model_says(
    classifier: Classifier, data: Path, report: tuple[Path, dict[str, Any]]
) -> None:
    out, found = report
    articles = read_articles(data / "validation.jsonl")
    pairs = [
        (s.label, p.label)
        for article, result in zip(articles, classifier.classify_many(articles), strict=True)
        for s, p in zip(article.segments, result, strict=True)
    ]
    assert found["schema_version"] == SCHEMA_VERSION
    assert found["data"] | {"path": ""} == {
        "path": "",
        "articles": len(articles),
        "segments": len(pairs),
    }
    accuracy = found["figures"]["accuracy"]
    assert accuracy["value"] == pytest.approx(sum(a == b for a, b in pairs) / len(pairs), abs=1e-6)
    assert accuracy["low"] <= accuracy["value"] <= accuracy["high"]
    assert sum(map(sum, found["confusion"])) == len(pairs)
    assert [(s["label"], s["predicted"]) for a in found["articles"] for s in a["segments"]] == pairs
    (seed,) = found["seed"]
    assert seed["right"] == sum(s["label"] == s["predicted"] for s in seed["segments"])
    assert 0 < seed["right_when_cut"] < 1
    markdown = (out / "report.md").read_text(encoding="utf-8")
    assert f"seed-nato: {seed['right']} of 15 right" in markdown
    assert len(markdown.encode()) < 2**20, "GitHub cuts the summary of a job at 1 MiB"


def test_every_case_and_gate_is_a_junit_case(
    model: Path, data: Path, cases: Path, tmp_path: Path
) -> None:
    gates = tmp_path / "gates.yaml"
    gates.write_text("floors: {macro_f1: 0.1}\nceilings: {ece: 0.0}\n")
    with pytest.raises(SystemExit) as stopped:
        evaluate(model, data, cases, "--out", tmp_path / "report", "--gates", gates)
    assert stopped.value.code == 1
    root = ElementTree.parse(tmp_path / "report/junit.xml").getroot()
    found = {
        (suite.get("name"), case.get("name")): case.find("failure") is None
        for suite in root
        for case in suite
    }
    assert found["gates", "floor of macro_f1"]
    assert not found["gates", "ceiling of ece"]
    assert ("behaviour.marks", "<a> quotation & its marks") in found
    assert not found["behaviour.marks", "what no classifier can do"]
    assert sum(int(suite.get("failures", 0)) for suite in root) == sum(
        not passed for passed in found.values()
    )


def test_a_failed_gate_says_which_and_by_how_much(
    model: Path, data: Path, tmp_path: Path, cases: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gates = tmp_path / "gates.yaml"
    gates.write_text("floors: {accuracy: 1.5}\n")
    with pytest.raises(SystemExit):
        evaluate(model, data, cases, "--gates", gates)
    output = capsys.readouterr()
    assert "gate failed: accuracy is " in output.err
    assert "must be at least 1.5: " in output.err
    assert "**1 of 1 gates failed:**" in output.out


def broken(model: Path, folder: Path, labels: list[str]) -> Path:
    """The same model with its outputs under other names."""
    copy = folder / "broken"
    shutil.copytree(model, copy)
    change_settings(copy, labels=labels)
    return copy


def test_a_model_with_permuted_labels_fails_the_gates(
    model: Path, data: Path, cases: Path, report: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    out, sound = report
    floor = sound["figures"]["macro_f1"]["value"] - 0.05
    assert floor > 0.3, "the tiny model has learned something, so that there is something to lose"
    gates = tmp_path / "gates.yaml"
    gates.write_text(f"floors: {{macro_f1: {floor}}}\nfalls: {{accuracy: 0.01}}\n")
    options = ["--baseline", out / "report.json", "--gates", gates]
    evaluate(model, data, cases, *options)
    permuted = broken(model, tmp_path, [*LABELS[1:], LABELS[0]])
    with pytest.raises(SystemExit) as stopped:
        evaluate(permuted, data, cases, *options, "--out", tmp_path / "report")
    assert stopped.value.code == 1
    found = json.loads((tmp_path / "report/report.json").read_text())["gates"]
    assert [gate["passed"] for gate in found] == [False, False]


def test_a_baseline_may_be_a_report_or_a_model(
    model: Path, data: Path, cases: Path, report: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    for number, baseline in enumerate((report[0] / "report.json", model)):
        out = tmp_path / str(number)
        evaluate(model, data, cases, "--baseline", baseline, "--out", out)
        comparison = json.loads((out / "report.json").read_text())["comparison"]
        assert comparison["fixed"] == comparison["broken"] == []
        assert comparison["differences"]["accuracy"]["value"] == 0
        assert "0 segments fixed, 0 broken" in (out / "report.md").read_text(encoding="utf-8")


def test_a_baseline_on_other_data_is_refused(
    model: Path, data: Path, report: tuple[Path, dict[str, Any]]
) -> None:
    other = ["--baseline", str(report[0] / "report.json"), "--no-behaviour"]
    with pytest.raises(DataError, match="the report is on 6 articles, the data has 18"):
        main([str(model), "--data", str(data / "train.jsonl"), *other])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema_version": 1}, "schema_version: 1; expected"),
        ({"labels": ["quote"]}, "labels: quote: the model's are quote, official_statement"),
        ({"articles": {}}, "articles: is not what an evaluation report holds"),
        ({"articles": [{"id": "a18"}] * 6}, r"articles\[0\]: not what an evaluation report holds"),
    ],
)
def test_a_baseline_that_is_no_report_is_refused(
    model: Path,
    data: Path,
    report: tuple[Path, dict[str, Any]],
    tmp_path: Path,
    change: dict[str, Any],
    message: str,
) -> None:
    file = tmp_path / "baseline.json"
    file.write_text(json.dumps(report[1] | change))
    options = ["--data", str(data / "validation.jsonl"), "--no-behaviour", "--baseline", str(file)]
    with pytest.raises(DataError, match=message):
        main([str(model), *options])


@pytest.mark.parametrize("wrong", [[0.5, 0.5], "abcde", [None] * 5, [2, -1, 0, 0, 0], ["1"] * 5])
def test_probabilities_of_a_baseline_are_checked(
    model: Path, data: Path, report: tuple[Path, dict[str, Any]], tmp_path: Path, wrong: object
) -> None:
    changed = json.loads(json.dumps(report[1]))
    changed["articles"][1]["segments"][0]["probabilities"] = wrong
    file = tmp_path / "baseline.json"
    file.write_text(json.dumps(changed))
    options = ["--data", str(data / "validation.jsonl"), "--no-behaviour", "--baseline", str(file)]
    with pytest.raises(DataError, match=r"articles\[1\]\.segments\[0\]: predicted, probabilities"):
        main([str(model), *options])


def test_one_report_is_like_the_next(
    model: Path, data: Path, cases: Path, report: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    evaluate(model, data, cases, "--out", tmp_path, "--seed", ROOT / "seeds/nato.jsonl")
    for name in ("report.json", "report.md", "report.html", "junit.xml"):
        assert (tmp_path / name).read_bytes() == (report[0] / name).read_bytes(), name


@pytest.mark.parametrize(
    ("module", "arguments", "message"),
    [
        ("training.evaluate", ["MODEL", "--data", "nowhere.jsonl"], "nowhere.jsonl: no such file"),
        (
            "training.evaluate",
            ["nowhere", "--data", "seeds/nato.jsonl"],
            "nowhere: no such model folder",
        ),
        (
            "training.evaluate",
            ["MODEL", "--data", "seeds/nato.jsonl", "--baseline", "nowhere.json"],
            "nowhere.json: No such file",
        ),
        (
            "training.evaluate",
            ["MODEL", "--data", "seeds/nato.jsonl", "--gates", "nowhere.yaml"],
            "nowhere.yaml: No such file",
        ),
        ("training.finetune", ["nowhere.yaml"], "nowhere.yaml: No such file or directory"),
        ("training.finetune", ["configs/quick.yaml", "sed=1"], "sed: unknown key"),
        ("training.finetune", [], "usage: python -m training.finetune CONFIG"),
        ("training.export", [], "usage: python -m training.export CONFIG CHECKPOINT"),
    ],
)
def test_scripts_fail_with_one_line_and_status_2(
    model: Path, module: str, arguments: list[str], message: str
) -> None:
    arguments = [a.replace("MODEL", str(model)) for a in arguments]
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert message in done.stderr


def test_a_damaged_copy_has_the_same_words_without_marks() -> None:
    (seed,) = read_articles(ROOT / "seeds/nato.jsonl")
    copy = damaged(seed, 0)
    assert damaged(seed, 0) == copy != damaged(seed, 1)
    joined = " ".join(s.text for s in copy.segments)
    assert not set('"“”') & set(joined)
    assert joined.split() == strip_marks(" ".join(s.text for s in seed.segments)).split()
    long = sum(len(s.text.split()) > 20 for s in seed.segments)
    assert len(copy.segments) == len(seed.segments) + long
