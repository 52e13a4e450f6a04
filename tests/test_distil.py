from pathlib import Path

import numpy as np
import pytest

from nutgraf import LABELS, Classifier
from tests.conftest import ARTICLES, train
from training.config import ConfigError, Distil
from training.distil import one_hot, soften


def probabilities(classifier: Classifier) -> list[np.ndarray]:
    return [
        np.array([list(p.probabilities.values()) for p in classifier.classify(article)])
        for article in ARTICLES
    ]


def test_without_teachers_the_labels_are_learned() -> None:
    for article, target in zip(ARTICLES, soften(ARTICLES, LABELS, Distil()), strict=True):
        assert [LABELS[i] for i in target.argmax(1)] == [s.label for s in article.segments]
        assert (target == one_hot(article, LABELS)).all()


def test_teachers_count_by_their_weight(model: Path, classifier: Classifier) -> None:
    config = Distil(teachers=[str(model)], weight=0.25)
    found = soften(ARTICLES, LABELS, config)
    for article, target, said in zip(ARTICLES, found, probabilities(classifier), strict=True):
        expected = 0.75 * one_hot(article, LABELS) + 0.25 * said
        assert target == pytest.approx(expected, abs=1e-3)
        assert target.sum(1) == pytest.approx(1, abs=1e-3)


def test_temperature_softens(model: Path, classifier: Classifier) -> None:
    config = Distil(teachers=[str(model)], weight=1.0, temperature=2.0)
    for target, said in zip(
        soften(ARTICLES, LABELS, config), probabilities(classifier), strict=True
    ):
        root = np.sqrt(said)
        assert target == pytest.approx(root / root.sum(1, keepdims=True), abs=2e-3)


def test_answers_on_file_need_no_teacher(model: Path, tmp_path: Path) -> None:
    file = str(tmp_path / "answers.npz")
    asked = soften(ARTICLES, LABELS, Distil(teachers=[str(model)], answers=file))
    read = soften(ARTICLES, LABELS, Distil(answers=file))
    assert all((a == b).all() for a, b in zip(asked, read, strict=True))
    fewer = soften(ARTICLES[:3], LABELS, Distil(answers=file))
    assert (fewer[2] == asked[2]).all()


def test_answers_that_are_missing_or_damaged_are_an_error(model: Path, tmp_path: Path) -> None:
    file = tmp_path / "answers.npz"
    soften(ARTICLES[:4], LABELS, Distil(teachers=[str(model)], answers=str(file)))
    with pytest.raises(ConfigError, match=r"answers\.npz has no answers to 20 of 24 articles"):
        soften(ARTICLES, LABELS, Distil(answers=str(file)))
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(ConfigError, match=r"distil\.answers: .*answers\.npz: "):
        soften(ARTICLES, LABELS, Distil(answers=str(file)))


def test_a_run_learns_from_a_teacher(settings: Path, model: Path, tmp_path: Path) -> None:
    overrides = [f"distil.teachers=[{model}]", "distil.answers=answers.npz"]
    folder = train(settings, tmp_path, overrides)
    assert (tmp_path / "answers.npz").is_file()
    again = tmp_path / "again"
    again.mkdir()
    (tmp_path / "answers.npz").rename(again / "answers.npz")
    same = train(settings, again, ["distil.answers=answers.npz"])
    for a, b in zip(
        probabilities(Classifier.load(folder)), probabilities(Classifier.load(same)), strict=True
    ):
        assert a == pytest.approx(b, abs=1e-6)
