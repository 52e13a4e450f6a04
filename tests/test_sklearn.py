import copy
import pickle
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, ShuffleSplit, cross_val_score
from sklearn.utils import estimator_checks
from sklearn.utils.validation import check_is_fitted

from nutgraf import LABELS, Classifier, InputError, NutgrafError
from nutgraf.sklearn import SegmentClassifier
from tests.conftest import ARTICLES

OWN = {
    "quote": "speech",
    "official_statement": "speech",
    "expert_opinion": "speech",
    "navigation_clutter": "furniture",
    "other": "story",
}
X = [[s.text for s in a.segments] for a in ARTICLES]
Y = [[OWN[s.label or ""] for s in a.segments] for a in ARTICLES]


def tiny(checkpoint: Path, **parameters: Any) -> SegmentClassifier:
    settings: dict[str, Any] = {
        "checkpoint": str(checkpoint),
        "epochs": 4,
        "learning_rate": 5e-3,
        "window_tokens": 48,
        "context": 8,
        "overrides": ("train.evaluations=2", "export.int8=false"),
    }
    return SegmentClassifier(**(settings | parameters))


@pytest.fixture(scope="module")
def fitted(checkpoint: Path) -> SegmentClassifier:
    return tiny(checkpoint).fit(X, Y)


def test_without_fit_it_answers_as_the_released_model_does() -> None:
    estimator = SegmentClassifier()
    check_is_fitted(estimator)
    articles = ["Read also\n\n“We will not go,” he said.", ["Share", "It rained.", "By staff"]]
    results = Classifier.load().classify_many(articles)
    assert estimator.classes_.tolist() == sorted(LABELS)
    assert estimator.predict(articles).tolist() == [[p.label for p in r] for r in results]
    probabilities = estimator.predict_proba(articles)
    assert [p.shape for p in probabilities] == [(2, 5), (3, 5)]
    for rows, result in zip(probabilities, results, strict=True):
        assert rows.sum(axis=1) == pytest.approx(1)
        assert estimator.classes_[rows.argmax(axis=1)].tolist() == [p.label for p in result]


def test_another_model_can_be_named_and_changed(model: Path, classifier: Classifier) -> None:
    estimator = SegmentClassifier(model=model)
    expected = [[p.label for p in classifier.classify(article)] for article in X]
    assert estimator.predict(X).tolist() == expected
    released = SegmentClassifier().predict(X).tolist()
    assert released != expected
    assert estimator.set_params(model=None).predict(X).tolist() == released


def test_fit_learns_labels_of_ones_own(fitted: SegmentClassifier) -> None:
    assert fitted.classes_.tolist() == ["furniture", "speech", "story"]
    predicted = fitted.predict(X)
    right = [p == g for a, b in zip(predicted, Y, strict=True) for p, g in zip(a, b, strict=True)]
    assert fitted.score(X, Y) == pytest.approx(sum(right) / len(right))
    assert sum(right) / len(right) > 0.8


def test_a_fitted_estimator_carries_its_model(fitted: SegmentClassifier) -> None:
    expected = fitted.predict_proba(X)
    for twin in (pickle.loads(pickle.dumps(fitted)), copy.deepcopy(fitted)):
        for rows, same in zip(twin.predict_proba(X), expected, strict=True):
            assert (rows == same).all()
    fresh = clone(fitted)
    assert fresh.get_params() == fitted.get_params()
    assert fresh.classes_.tolist() == sorted(LABELS)


def test_cross_validation_makes_folds_of_articles(checkpoint: Path) -> None:
    scores = cross_val_score(tiny(checkpoint), X, Y, cv=2, error_score="raise")
    assert scores.shape == (2,)
    assert (scores > 0.5).all()


def test_a_grid_search_finds_the_rate_that_learns(checkpoint: Path) -> None:
    search = GridSearchCV(
        tiny(checkpoint),
        {"learning_rate": np.array([1e-9, 5e-3])},
        cv=ShuffleSplit(1, test_size=0.25, random_state=0),
        error_score="raise",
    )
    search.fit(X, Y)
    assert search.best_params_ == {"learning_rate": 5e-3}
    assert search.score(X, Y) == search.best_estimator_.score(X, Y)


def test_fit_writes_its_output_and_changes_nothing_else(
    checkpoint: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def draw() -> tuple[float, float, float]:
        return random.random(), float(np.random.random()), float(torch.rand(()))

    def seed() -> None:
        random.seed(1)
        np.random.seed(1)
        torch.manual_seed(1)

    monkeypatch.chdir(tmp_path)
    deterministic = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(False)
    seed()
    expected = draw()
    seed()
    estimator = tiny(checkpoint, epochs=1, output=tmp_path / "mine").fit(X, Y)
    assert draw() == expected
    assert not torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(deterministic, warn_only=True)
    assert list(tmp_path.iterdir()) == [tmp_path / "mine"]
    assert capsys.readouterr() == ("", "")
    results = Classifier.load(tmp_path / "mine").classify_many(X)
    assert estimator.predict(X).tolist() == [[p.label for p in r] for r in results]


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (X, Y[1:], "X has 24 articles, y has labels for 23"),
        ([["a", "b"], ["c"]], [["s", "t"], ["s", "t"]], "article 1: 1 segments, but 2 labels"),
        ([["a"], "b"], [["s"], ["t"]], "article 1: fit takes a list of segments, got str"),
        (np.ones(2), [["s"], ["t"]], "article 0: fit takes a list of segments, got float64"),
        ([["a"], ["b", " "]], [["s"], ["s", "t"]], "article 1: segment 1: is empty"),
        ([["a"], ["\ud800"]], [["s"], ["t"]], "article 1: segment 0: holds half of a character"),
        ([["a"], [3]], [["s"], ["t"]], "article 1: segment 0: expected a string, got int"),
        ([["a"], ["b"]], [["s"], [1]], "article 1: a label is a string, got 1"),
        ([["a"]], [["s"]], "X: fit takes two articles or more, got 1"),
        ([["a"], ["b"]], [["s"], ["s"]], "data.labels: list should have at least 2 items"),
        ([["a"], ["b"]], [["s"], [""]], "data.labels: '' is not one line of text"),
    ],
)
def test_articles_and_labels_that_cannot_be_fitted(x: Any, y: Any, message: str) -> None:
    with pytest.raises(NutgrafError) as error:
        SegmentClassifier().fit(x, y)
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"epochs": -1}, "train.epochs: input should be greater than 0, got -1"),
        ({"context": 200}, "window: context: 200 tokens on each side"),
        ({"validation_fraction": 1.0}, "validation_fraction: expected a number between 0 and 1"),
        ({"overrides": ["train.epoch=2"]}, "override 'train.epoch=2': train.epoch: unknown key"),
        ({"checkpoint": "no/such-model"}, "model.checkpoint: 'no/such-model'"),
    ],
)
def test_parameters_that_cannot_be_used(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(NutgrafError) as error:
        SegmentClassifier(**parameters).fit(X, Y)
    assert str(error.value).startswith(message)


def test_a_single_article_is_no_sequence_of_articles() -> None:
    with pytest.raises(InputError, match="X: expected a sequence of articles"):
        SegmentClassifier().predict("Read also")


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "training.finetune", None)
    with pytest.raises(ImportError, match=r"fit needs .* pip install 'nutgraf\[train\]'"):
        SegmentClassifier().fit(X, Y)
    code = "import sys; sys.modules['sklearn'] = None; import nutgraf.sklearn"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "MissingPackageError: nutgraf.sklearn needs scikit-learn" in done.stderr
    assert "pip install 'nutgraf[sklearn]'" in done.stderr


@pytest.mark.parametrize(
    "name",
    [
        "check_estimator_cloneable",
        "check_estimator_repr",
        "check_get_params_invariance",
        "check_no_attributes_set_in_init",
        "check_parameters_default_constructible",
        "check_set_params",
    ],
)
def test_checks_of_scikit_learn_that_apply(name: str) -> None:
    getattr(estimator_checks, name)("SegmentClassifier", SegmentClassifier())
