import json
import subprocess
import sys
from pathlib import Path

import pytest

from nutgraf import Classifier, read_articles
from tests.conftest import ROOT
from training.evaluate import evaluate, main


def test_report_counts_what_the_model_says(
    classifier: Classifier, model: Path, data: Path, tmp_path: Path
) -> None:
    file = data / "validation.jsonl"
    out = tmp_path / "report"
    main([str(model), str(file), "--seed", str(ROOT / "seeds/nato.jsonl"), "--out", str(out)])
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    articles = read_articles(file)
    pairs = [
        (s.label, p.label)
        for article, result in zip(articles, classifier.classify_many(articles), strict=True)
        for s, p in zip(article.segments, result, strict=True)
    ]
    assert report["segments"] == len(pairs)
    assert report["articles"] == len(articles)
    assert report["accuracy"] == pytest.approx(sum(a == b for a, b in pairs) / len(pairs))
    assert sum(map(sum, report["confusion"])) == len(pairs)
    (seed,) = report["seed"]
    assert len(seed["segments"]) == 15
    assert seed["right"] == sum(s["label"] == s["predicted"] for s in seed["segments"])
    markdown = (out / "report.md").read_text(encoding="utf-8")
    assert f"seed-nato: {seed['right']} of 15 right" in markdown


def test_a_constant_classifier_scores_as_one(classifier: Classifier, data: Path) -> None:
    class Constant:
        labels = classifier.labels

        def classify_many(self, articles: object) -> object:
            results = classifier.classify_many(articles)  # type: ignore[arg-type]
            return [
                [type("P", (), {"label": "other", "text": p.text}) for p in result]
                for result in results
            ]

    articles = read_articles(data / "validation.jsonl")
    report = evaluate(Constant(), articles)  # type: ignore[arg-type]
    share = report["labels"]["other"]["support"] / report["segments"]
    assert report["accuracy"] == pytest.approx(share)
    assert report["macro_f1_named"] == 0


@pytest.mark.parametrize(
    ("module", "arguments", "message"),
    [
        ("training.evaluate", ["MODEL", "nowhere.jsonl"], "nowhere.jsonl: no such file"),
        ("training.evaluate", ["nowhere", "seeds/nato.jsonl"], "nowhere: no such model folder"),
        ("training.finetune", ["nowhere.yaml"], "nowhere.yaml: No such file or directory"),
        ("training.finetune", ["configs/quick.yaml", "sed=1"], "sed: unknown key"),
        ("training.finetune", [], "usage: python -m training.finetune CONFIG"),
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
