"""The figures of a report, each a function of answers and of a weight for every article.

A weight says how often an article counts: 1 each for the figures themselves, what a bootstrap
draws for their intervals. With whole weights every figure is what scikit-learn gives on a data
set that holds each article that many times (the tests compare them).
"""

import numpy as np

from nutgraf.labels import NAMED_LABELS
from training.evaluation.outcomes import Floats, Ints, Outcomes

CALIBRATION_BINS = 15
TARGET_ACCURACY = 0.95


def figures(outcomes: Outcomes, article_weights: Floats) -> dict[str, float]:
    """Every headline figure.

    - `accuracy`; `macro_f1` over all labels; `macro_f1_named` over the four named ones;
      `labels.NAME.precision`, `.recall` and `.f1` (0 where nothing is to be divided by).
    - `matthews`: the multi-class correlation coefficient of Gorodkin (2004).
    - `ece`: the expected calibration error of the predicted label in bins of equal mass
      (Nguyen and O'Connor 2015; Nixon et al. 2019).
    - `brier`: the mean squared distance of the probabilities from the truth, summed over labels
      (Brier 1950), from 0 to 2.
    - `aurc`: the area under the risk-coverage curve (Geifman et al. 2019): the error rate among
      the most confident segments, averaged over how many of them are kept.
    - `coverage_at_95`: the largest share of segments, most confident first, that can be kept at
      an accuracy of 0.95.
    """
    weights = article_weights[outcomes.article]
    result = count_figures(confusion(outcomes, weights), outcomes.labels)
    result["ece"] = calibration_error(outcomes, weights)
    truth = np.eye(len(outcomes.labels))[outcomes.gold]
    squares = ((outcomes.probabilities - truth) ** 2).sum(axis=1)
    result["brier"] = float(weights @ squares / weights.sum())
    coverage, risk, mass = risk_coverage(outcomes, weights)
    result["aurc"] = float(mass @ risk / mass.sum())
    kept = coverage[(risk <= 1 - TARGET_ACCURACY) & (mass > 0)]
    result["coverage_at_95"] = float(kept.max()) if len(kept) else 0.0
    return result


def confusion(outcomes: Outcomes, weights: Floats, segments: Ints | None = None) -> Floats:
    """Shape (labels, labels): the weight of all segments, or of those whose numbers are given, by
    true (row) and predicted label (column)."""
    size = len(outcomes.labels)
    cells = outcomes.gold * size + outcomes.predicted
    if segments is not None:
        cells, weights = cells[segments], weights[segments]
    counts: Floats = np.bincount(cells, weights=weights, minlength=size * size).astype(np.float64)
    return counts.reshape(size, size)


def count_figures(matrix: Floats, labels: tuple[str, ...]) -> dict[str, float]:
    """The figures that follow from a confusion matrix alone."""
    hits, true, predicted, total = (
        np.diag(matrix),
        matrix.sum(axis=1),
        matrix.sum(axis=0),
        matrix.sum(),
    )
    precision, recall = _ratio(hits, predicted), _ratio(hits, true)
    f1 = _ratio(2 * hits, true + predicted)
    named = [i for i, label in enumerate(labels) if label in NAMED_LABELS]
    spread = (total**2 - predicted @ predicted) * (total**2 - true @ true)
    matthews = (hits.sum() * total - true @ predicted) / np.sqrt(spread) if spread else 0.0
    result = {
        "accuracy": hits.sum() / total,
        "macro_f1": f1.mean(),
        "macro_f1_named": f1[named].mean(),
        "matthews": matthews,
    }
    for i, label in enumerate(labels):
        result[f"labels.{label}.precision"] = precision[i]
        result[f"labels.{label}.recall"] = recall[i]
        result[f"labels.{label}.f1"] = f1[i]
    return {name: float(value) for name, value in result.items()}


def _ratio(a: Floats, b: Floats) -> Floats:
    return np.divide(a, b, out=np.zeros_like(a), where=b > 0)


def calibration_error(outcomes: Outcomes, weights: Floats) -> float:
    """The expected calibration error in bins of equal mass."""
    mass, confidence, accuracy = calibration_bins(outcomes, weights)
    return float(mass @ np.abs(accuracy - confidence))


def calibration_bins(outcomes: Outcomes, weights: Floats) -> tuple[Floats, Floats, Floats]:
    """Mass (summing to 1), mean confidence and accuracy of bins of equal mass, by confidence."""
    confidence, right = outcomes.confidence, outcomes.right
    order = np.argsort(confidence, kind="stable")
    sorted_weights = weights[order]
    middle = np.cumsum(sorted_weights) - sorted_weights / 2
    numbers: Ints = (middle / weights.sum() * CALIBRATION_BINS).astype(np.int64)

    def total(values: Floats) -> Floats:
        return np.bincount(numbers, values, CALIBRATION_BINS).astype(np.float64)

    mass = total(sorted_weights)
    kept = mass > 0
    mean_confidence = _ratio(total(sorted_weights * confidence[order]), mass)
    accuracy = _ratio(total(sorted_weights * right[order]), mass)
    return mass[kept] / mass.sum(), mean_confidence[kept], accuracy[kept]


def risk_coverage(outcomes: Outcomes, weights: Floats) -> tuple[Floats, Floats, Floats]:
    """The risk-coverage curve (El-Yaniv and Wiener 2010), most confident segment first.

    Returns:
        Three arrays of shape (n,): the share of segments kept down to each one, the error rate
        among them, and the weight of each one.
    """
    order = np.argsort(-outcomes.confidence, kind="stable")
    mass = weights[order]
    kept = np.cumsum(mass)
    wrong = np.cumsum(mass * ~outcomes.right[order])
    return kept / kept[-1], _ratio(wrong, kept), mass
