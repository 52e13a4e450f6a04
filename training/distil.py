"""Distillation: what a segment should be called, softened by what teachers say of it.

After Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural Network" (2015), with the
teachers' calibrated probabilities at temperature 1 and averaged over teachers.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from nutgraf.article import Article
from nutgraf.classifier import Classifier
from nutgraf.errors import ModelError
from training.config import Distil
from training.progress import track

Targets = npt.NDArray[np.float32]


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
    """
    truth = [one_hot(article, labels) for article in articles]
    teachers = [Classifier.load(path) for path in config.teachers]
    for path, teacher in zip(config.teachers, teachers, strict=True):
        if teacher.labels != tuple(labels):
            raise ModelError(f"{path}: a teacher must have the labels {', '.join(labels)}")
    if not teachers:
        return truth
    return [
        (1 - config.weight) * own + config.weight * _mean_probabilities(teachers, article)
        for own, article in zip(
            truth, track(articles, "asking teachers about articles"), strict=True
        )
    ]


def _mean_probabilities(teachers: Sequence[Classifier], article: Article) -> Targets:
    answers = [
        [list(p.probabilities.values()) for p in teacher.classify(article)] for teacher in teachers
    ]
    return np.asarray(np.mean(answers, axis=0), dtype=np.float32)
