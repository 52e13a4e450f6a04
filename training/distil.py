"""Distillation: what a segment should be called, softened by what teachers say of it.

After Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural Network" (2015), with the
teachers' calibrated probabilities, softened by a temperature and averaged over teachers.
"""

import hashlib
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from nutgraf.article import Article
from nutgraf.classifier import Classifier
from nutgraf.errors import ModelError
from nutgraf.files import atomic_write

from .config import ConfigError, Distil
from .evaluation.outcomes import answer

Targets = npt.NDArray[np.float32]
Answers = dict[str, npt.NDArray[np.float16]]


def one_hot(article: Article, labels: Sequence[str]) -> Targets:
    """The article's own labels as distributions: shape (segments, labels)."""
    indices = [labels.index(segment.label or "") for segment in article.segments]
    return np.eye(len(labels), dtype=np.float32)[indices]


def soften(articles: Sequence[Article], labels: Sequence[str], config: Distil) -> list[Targets]:
    """What a model should answer for each article: `config.weight` of the teachers' mean
    probabilities, and the rest of the article's own labels.

    Returns:
        For each article an array of shape (segments, labels), whose rows sum to 1.

    Raises:
        ModelError: for a teacher that cannot be loaded or has other labels.
        ConfigError: for a file of answers that cannot be read, that has another number of labels,
            or that lacks an article where there is no teacher to ask.
    """
    truth = [one_hot(article, labels) for article in articles]
    if not config.teachers and config.answers is None:
        return truth
    known = _read(config.answers)
    for part in known.values():
        if part.shape[-1] != len(labels):
            raise ConfigError(
                f"distil.answers: {config.answers} has answers in {part.shape[-1]} labels, this "
                f"run has {len(labels)}"
            )
    missing = [article for article in articles if key(article) not in known]
    if missing and not config.teachers:
        raise ConfigError(
            f"distil.answers: {config.answers} has no answers to {len(missing)} of "
            f"{len(articles)} articles as this run reads them: name distil.teachers to ask, or "
            "leave both out"
        )
    known |= _ask(missing, labels, config.teachers)
    if missing and config.answers is not None:
        _write({key(article): known[key(article)] for article in articles}, Path(config.answers))
    return [
        (1 - config.weight) * own + config.weight * _at(known[key(article)], config.temperature)
        for own, article in zip(truth, articles, strict=True)
    ]


def key(article: Article) -> str:
    """What names an article's answers: a digest of its texts."""
    texts = json.dumps([segment.text for segment in article.segments])
    return hashlib.sha256(texts.encode()).hexdigest()[:32]


def _ask(articles: Sequence[Article], labels: Sequence[str], teachers: Sequence[str]) -> Answers:
    """The mean of the teachers' probabilities for each article: shape (segments, labels)."""
    if not articles:
        return {}
    classifiers = [Classifier.load(path) for path in teachers]
    for path, teacher in zip(teachers, classifiers, strict=True):
        if teacher.labels != tuple(labels):
            raise ModelError(f"{path}: a teacher must have the labels {', '.join(labels)}")
    mean = np.mean([answer(teacher, articles).probabilities for teacher in classifiers], axis=0)
    ends = np.cumsum([len(article.segments) for article in articles])
    parts = np.split(mean.astype(np.float16), ends[:-1])
    return {key(article): part for article, part in zip(articles, parts, strict=True)}


def _at(probabilities: npt.NDArray[np.float16], temperature: float) -> Targets:
    softened = probabilities.astype(np.float64) ** (1 / temperature)
    return np.asarray(softened / softened.sum(axis=1, keepdims=True), dtype=np.float32)


def _read(path: str | None) -> Answers:
    if path is None or not Path(path).exists():
        return {}
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise ConfigError(f"distil.answers: {path}: {error}") from None


def _write(answers: Answers, path: Path) -> None:
    with atomic_write(path, binary=True) as file:
        np.savez_compressed(file, **answers)  # type: ignore[arg-type]
