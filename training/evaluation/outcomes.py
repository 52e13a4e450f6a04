"""What a classifier answered for labelled articles, as arrays with one row a segment."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nutgraf.article import Article
from nutgraf.classifier import Classifier
from nutgraf.errors import DataError

from ..progress import track

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
_DIGITS = 5


@dataclass(frozen=True)
class Outcomes:
    """Answers beside the truth, over n segments in reading order.

    Attributes:
        labels: the labels, in the order of the columns of `probabilities`.
        article: shape (n,), the number of each segment's article, from 0 without gaps.
        gold: shape (n,), the index of the true label.
        predicted: shape (n,), the index of the likeliest label.
        probabilities: shape (n, labels).
    """

    labels: tuple[str, ...]
    article: Ints
    gold: Ints
    predicted: Ints
    probabilities: Floats

    @property
    def articles(self) -> int:
        """How many articles there are."""
        return int(self.article[-1]) + 1

    @property
    def confidence(self) -> Floats:
        """Shape (n,): the probability of the predicted label."""
        chosen = np.take_along_axis(self.probabilities, self.predicted[:, None], axis=1)
        return np.asarray(chosen[:, 0])

    @property
    def right(self) -> npt.NDArray[np.bool_]:
        """Shape (n,): whether the predicted label is the true one."""
        return np.asarray(self.predicted == self.gold)

    def at_temperature(self, temperature: float) -> "Outcomes":
        """The same answers with every logit divided by `temperature`: labels stay."""
        logits = np.log(np.maximum(self.probabilities, np.finfo(float).tiny)) / temperature
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        probabilities = powers / powers.sum(axis=1, keepdims=True)
        return Outcomes(self.labels, self.article, self.gold, self.predicted, probabilities)


def answer(
    classifier: Classifier, articles: Sequence[Article], labels: tuple[str, ...] | None = None
) -> Outcomes:
    """Let a classifier label articles whose segments all carry a label that it knows.

    `labels` are the classifier's own, in the order that the answers shall have.
    """
    labels = labels or classifier.labels
    index = {label: i for i, label in enumerate(labels)}
    rows = []
    for number, article in enumerate(track(articles, "labelling articles")):
        for segment, prediction in zip(article.segments, classifier.classify(article), strict=True):
            probabilities = [prediction.probabilities[label] for label in labels]
            rows.append(
                (number, index[segment.label or ""], index[prediction.label], probabilities)
            )
    return _outcomes(labels, rows)


def _outcomes(
    labels: tuple[str, ...], rows: Sequence[tuple[int, int, int, list[float]]]
) -> Outcomes:
    article, gold, predicted, probabilities = zip(*rows, strict=True)
    return Outcomes(
        labels, np.array(article), np.array(gold), np.array(predicted), np.array(probabilities)
    )


def to_records(outcomes: Outcomes, articles: Sequence[Article]) -> list[dict[str, Any]]:
    """Articles with label, prediction and probabilities of each segment, for a report."""
    rows = iter(zip(outcomes.gold, outcomes.predicted, outcomes.probabilities, strict=True))
    records = []
    for article in articles:
        segments = []
        for segment in article.segments:
            gold, predicted, probabilities = next(rows)
            segments.append(
                {
                    "text": segment.text,
                    "label": outcomes.labels[gold],
                    "predicted": outcomes.labels[predicted],
                    "probabilities": [round(float(p), _DIGITS) for p in probabilities],
                }
            )
        records.append({"id": article.id, "title": article.title, "segments": segments})
    return records


def from_records(
    records: Sequence[Any],
    columns: Sequence[str],
    labels: tuple[str, ...],
    articles: Sequence[Article],
    name: str,
) -> Outcomes:
    """Read back what `to_records` made of the same articles.

    Args:
        records: the report's articles.
        columns: the labels in the order of the records' probabilities.
        labels: the same labels, in the order that the answers shall have.
        articles: the articles that were labelled.
        name: the report's, for messages.

    Raises:
        DataError: naming the report and the first article on which it differs.
    """
    if len(records) != len(articles):
        raise DataError(
            f"{name}: articles: the report is on {len(records)} articles, the data has "
            f"{len(articles)}: measure both on the same data"
        )
    order = [columns.index(label) for label in labels]
    rows = []
    for number, (record, article) in enumerate(zip(records, articles, strict=True)):
        where = f"{name}: articles[{number}]"
        try:
            found = [(s["text"], s["label"], s["predicted"]) for s in record["segments"]]
            given = [s["probabilities"] for s in record["segments"]]
            same = record["id"] == article.id
        except (KeyError, TypeError) as error:
            raise DataError(f"{where}: not what an evaluation report holds: {error!r}") from None
        if not same or [f[:2] for f in found] != [(s.text, s.label) for s in article.segments]:
            raise DataError(
                f"{where}: {record['id']!r} is not the data's {article.id!r} with its texts and "
                "labels: measure both on the same data"
            )
        for i, ((_, gold, predicted), probabilities) in enumerate(zip(found, given, strict=True)):
            if not _is_distribution(probabilities, len(labels)) or predicted not in labels:
                raise DataError(
                    f"{where}.segments[{i}]: predicted, probabilities: not a label and "
                    f"{len(labels)} numbers that sum to 1"
                )
            ordered = [float(probabilities[k]) for k in order]
            rows.append((number, labels.index(gold), labels.index(predicted), ordered))
    return _outcomes(labels, rows)


def _is_distribution(values: Any, length: int) -> bool:
    return (
        isinstance(values, list)
        and len(values) == length
        and all(isinstance(value, int | float) and value >= 0 for value in values)
        and math.isclose(sum(values), 1, abs_tol=1e-3)
    )
