"""Label sets of one's own: from the configuration through training and evaluation."""

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nutgraf import Article, Classifier, DataError, Segment, write_articles
from nutgraf.labels import LABELS, NAMED_LABELS, named
from tests.conftest import ARTICLES, ROOT, train
from training.augment import merge
from training.config import ConfigError, load_config, make_config
from training.distil import key, soften
from training.evaluate import main as evaluate
from training.evaluation.figures import figures
from training.evaluation.outcomes import Outcomes
from training.export import main as export
from training.metrics import segment_metrics

OWN = ("speech", "page | furniture", "story")
MEANING = dict(
    zip(LABELS, ("speech", "speech", "speech", "page | furniture", "story"), strict=True)
)
BEHAVIOUR = """
capability: speech
kind: minimum
cases:
  - name: a quotation
    article: [It was his bridge., speech: '"We will not go," he said.']
"""


@pytest.fixture(scope="module")
def own_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("own")
    articles = [
        Article(a.id, tuple(Segment(s.text, MEANING[s.label or ""]) for s in a.segments))
        for a in ARTICLES
    ]
    write_articles(folder / "train.jsonl", articles[:18])
    write_articles(folder / "validation.jsonl", articles[18:])
    return folder


@pytest.fixture(scope="module")
def overrides(own_data: Path) -> list[str]:
    return [
        f"data.train={own_data / 'train.jsonl'}",
        f"data.validation={own_data / 'validation.jsonl'}",
        f"data.labels={json.dumps(OWN)}",
        "augment.merge=0.2",
        "augment.mix=0.2",
    ]


@pytest.fixture(scope="module")
def own_model(
    settings: Path, overrides: list[str], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    return train(settings, tmp_path_factory.mktemp("work"), overrides)


def accuracy(model: Path) -> float:
    results = Classifier.load(model).classify_many(ARTICLES)
    return float(
        np.mean(
            [
                p.label == MEANING[s.label or ""]
                for article, result in zip(ARTICLES, results, strict=True)
                for s, p in zip(article.segments, result, strict=True)
            ]
        )
    )


def test_a_model_learns_labels_of_ones_own(own_model: Path) -> None:
    assert Classifier.load(own_model).labels == OWN
    assert accuracy(own_model) > 0.8


def test_a_checkpoint_is_exported_with_its_labels(
    settings: Path, overrides: list[str], own_model: Path, tmp_path: Path
) -> None:
    checkpoints = (own_model.parent.parent / "runs/tiny").glob("checkpoint-*")
    checkpoint = str(max(checkpoints, key=lambda path: path.stat().st_mtime))
    export([str(settings), checkpoint, *overrides, f"output={tmp_path / 'again'}"])
    assert Classifier.load(tmp_path / "again").labels == OWN
    with pytest.raises(ConfigError, match="its labels are not quote, official_statement"):
        export([str(settings), checkpoint])


def test_it_is_evaluated_without_the_behavioural_tests_of_other_labels(
    own_model: Path, own_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = ["--data", str(own_data / "validation.jsonl"), "--resamples", "20"]
    evaluate([str(own_model), *data, "--out", str(tmp_path)])
    output = capsys.readouterr()
    (line,) = [line for line in output.err.splitlines() if "behavioural" in line]
    assert "left out" in line
    assert "--behaviour" in line
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert report["labels"] == list(OWN)
    assert "behaviour" not in report
    assert report["figures"]["macro_f1_named"] == report["figures"]["macro_f1"]
    assert "| page &#124; furniture |" in output.out


def test_behavioural_tests_may_be_about_labels_of_ones_own(
    own_model: Path, own_data: Path, tmp_path: Path
) -> None:
    (tmp_path / "cases").mkdir()
    (tmp_path / "cases/speech.yaml").write_text(BEHAVIOUR, encoding="utf-8")
    data = ["--data", str(own_data / "validation.jsonl"), "--resamples", "0"]
    evaluate(
        [str(own_model), *data, "--behaviour", str(tmp_path / "cases"), "--out", str(tmp_path)]
    )
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert [case["passed"] for case in report["behaviour"]["cases"]] == [True]
    with pytest.raises(ConfigError, match=r"yaml:\d+: .*unknown label"):
        evaluate([str(own_model), *data, "--behaviour", str(ROOT / "tests/behaviour")])


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("[quote]", "data.labels: list should have at least 2 items"),
        ("[]", "data.labels: list should have at least 2 items"),
        ("quote", "data.labels: input should be a valid list, got 'quote'"),
        ("[a, 1]", "data.labels.1: input should be a valid string, got 1"),
        ("[a, b, a]", "data.labels: 'a' occurs twice"),
        ("[a, '']", "data.labels: '' is not one line of text without white space around it"),
        ("[a, ' b']", "data.labels: ' b' is not one line"),
        ('[a, "b\\nc"]', r"data.labels: 'b\nc' is not one line"),
    ],
)
def test_labels_that_cannot_be_used(settings: Path, value: str, message: str) -> None:
    override = f"data.labels={value}"
    with pytest.raises(ConfigError) as error:
        load_config(settings, [override])
    assert str(error.value).startswith(f"override {override!r}: {message}")
    assert "\n" not in str(error.value)


def test_by_default_the_labels_are_the_five(settings: Path) -> None:
    assert load_config(settings).data.label_set() == LABELS
    assert load_config(settings, ["data.labels=null"]).data.label_set() == LABELS


def test_clutter_cannot_be_inserted_where_it_is_no_label(settings: Path) -> None:
    clutter = "augment.insert_clutter=0.5"
    with pytest.raises(ConfigError, match=r"augment: insert_clutter: 0\.5, but navigation_clutter"):
        load_config(settings, [clutter, "data.labels=[a, b]"])
    config = load_config(settings, [clutter, "data.labels=[navigation_clutter, b]"])
    assert config.augment.insert_clutter == 0.5


def test_data_with_another_label_is_refused(settings: Path, own_data: Path, tmp_path: Path) -> None:
    overrides = [f"data.train={own_data / 'train.jsonl'}", "data.labels=[speech, story]"]
    with pytest.raises(DataError, match=r"train\.jsonl:\d+: .*unknown label 'page | furniture'"):
        train(settings, tmp_path, overrides)
    assert list(tmp_path.iterdir()) == []


def test_settings_at_hand_are_checked_as_a_file_is(settings: Path) -> None:
    config = load_config(settings)
    values: dict[str, Any] = config.model_dump()
    assert make_config(values) == config
    assert make_config(values, ["seed=7"]).seed == 7
    assert values["seed"] == 13
    values["train"]["epochs"] = 0
    with pytest.raises(ConfigError, match=r"^train\.epochs: input should be greater than 0, got 0"):
        make_config(values)


def test_neighbours_with_labels_of_ones_own_are_merged() -> None:
    segments = [
        Segment("One two.", "story"),
        Segment("Three.", "speech"),
        Segment("Four.", "other"),
    ]
    (merged,) = merge(segments, 1.0, 1.0, random.Random(0))
    assert merged == Segment("One two. Three. Four.", "story")
    equal = [Segment("One.", "other"), Segment("Two.", "story")]
    (merged,) = merge(equal, 1.0, 1.0, random.Random(0))
    assert merged.label == "story", "what says something takes precedence over `other`"


def test_the_named_labels_are_all_but_other() -> None:
    assert named(LABELS) == NAMED_LABELS
    assert named(("a", "other", "b")) == ("a", "b")
    each = np.arange(3)
    outcomes = Outcomes(("a", "other", "b"), np.zeros(3, int), each, np.array([0, 0, 2]), np.eye(3))
    assert figures(outcomes, np.ones(1))["macro_f1_named"] == pytest.approx((2 / 3 + 1) / 2)
    found = segment_metrics([0, 0, 2], [0, 1, 2], ("a", "other", "b"))
    assert found["macro_f1_named"] == pytest.approx((2 / 3 + 1) / 2)
    assert found["macro_f1"] == pytest.approx((2 / 3 + 0 + 1) / 3)


def test_answers_of_a_teacher_with_other_labels_are_refused(settings: Path, tmp_path: Path) -> None:
    file = tmp_path / "answers.npz"
    article = Article("a", (Segment("It rained.", "story"),))
    np.savez(file, **{key(article): np.full((1, 5), 0.2, np.float16)})  # type: ignore[arg-type]
    distil = load_config(settings, [f"distil.answers={file}"]).distil
    with pytest.raises(ConfigError, match="has answers in 5 labels, this run has 3"):
        soften([article], OWN, distil)
