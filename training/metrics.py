"""Figures of a classifier, as an `evaluate.Metric` over scikit-learn that needs no hub."""

from collections.abc import Sequence
from typing import Any

import datasets
import evaluate
from sklearn.metrics import (
    accuracy_score,
    confusion_matrix,
    f1_score,
    precision_recall_fscore_support,
)

from nutgraf.labels import LABELS, named


class SegmentMetric(evaluate.Metric):  # type: ignore[misc]  # evaluate has no types
    """Accuracy, macro-F1 over all and over the named labels (those but `other`), figures for each
    label, confusion.

    A label that occurs neither in the references nor in the predictions counts as F1 0 in the
    means, as in scikit-learn with `zero_division=0`.
    """

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description="Figures of a segment classifier.",
            citation="",
            inputs_description="predictions, references: label indices, one a segment.",
            features=datasets.Features(
                {"predictions": datasets.Value("int64"), "references": datasets.Value("int64")}
            ),
        )

    def _compute(
        self,
        *,
        predictions: Sequence[int],
        references: Sequence[int],
        labels: Sequence[str] = LABELS,
    ) -> dict[str, Any]:
        indices = list(range(len(labels)))
        some = [labels.index(label) for label in named(labels)]
        precision, recall, f1, support = precision_recall_fscore_support(
            references, predictions, labels=indices, zero_division=0
        )
        return {
            "accuracy": float(accuracy_score(references, predictions)),
            "macro_f1": float(f1.mean()),
            "macro_f1_named": float(
                f1_score(references, predictions, labels=some, average="macro", zero_division=0)
            ),
            "labels": {
                label: {
                    "precision": float(precision[i]),
                    "recall": float(recall[i]),
                    "f1": float(f1[i]),
                    "support": int(support[i]),
                }
                for i, label in enumerate(labels)
            },
            "confusion": confusion_matrix(references, predictions, labels=indices).tolist(),
        }


def segment_metrics(
    predictions: Sequence[int], references: Sequence[int], labels: Sequence[str] = LABELS
) -> dict[str, Any]:
    """Compute `SegmentMetric` on label indices; see there for the keys of the result."""
    metric = SegmentMetric(keep_in_memory=True)
    result: dict[str, Any] = metric.compute(
        predictions=predictions, references=references, labels=labels
    )
    return result
