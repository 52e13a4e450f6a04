"""The figures of a report, each a function of answers and of a weight for every article.

A weight says how often an article counts: 1 each for the figures themselves, what a bootstrap
draws for their intervals. With whole weights every figure that scikit-learn has too is what it
gives on a data set that holds each article that many times (the tests compare them).
"""

import numpy as np

from nutgraf.labels import named

from .outcomes import Floats, Ints, Outcomes

CALIBRATION_BINS = 15
TARGET_ACCURACY = 0.95


def figures(outcomes: Outcomes, article_weights: Floats) -> dict[str, float]:
    """Every headline figure.

    - `accuracy`; `macro_f1` over all labels; `macro_f1_named` over those but `other`;
      `labels.NAME.precision`, `.recall` and `.f1`: NaN for a label that is neither true nor
      predicted anywhere, which the means leave out, and 0 for one that is never predicted.
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
    _, coverage, risk, mass = risk_coverage(outcomes, weights)
    result["aurc"] = float(mass @ risk / mass.sum())
    kept = coverage[risk <= 1 - TARGET_ACCURACY]
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
    absent = np.where(true + predicted > 0, 0.0, np.nan)
    precision, recall = _ratio(hits, predicted) + absent, _ratio(hits, true) + absent
    f1 = _ratio(2 * hits, true + predicted) + absent
    some = [labels.index(label) for label in named(labels)]
    spread = (total**2 - predicted @ predicted) * (total**2 - true @ true)
    matthews = (hits.sum() * total - true @ predicted) / np.sqrt(spread) if spread else 0.0
    result = {
        "accuracy": hits.sum() / total,
        "macro_f1": _mean(f1),
        "macro_f1_named": _mean(f1[some]),
        "matthews": matthews,
    }
    for i, label in enumerate(labels):
        result[f"labels.{label}.precision"] = precision[i]
        result[f"labels.{label}.recall"] = recall[i]
        result[f"labels.{label}.f1"] = f1[i]
    return {name: float(value) for name, value in result.items()}


def _mean(values: Floats) -> float:
    """The mean of what is defined; NaN where nothing is."""
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if len(defined) else np.nan


def _ratio(a: Floats, b: Floats) -> Floats:
    return np.divide(a, b, out=np.zeros_like(a), where=b > 0)


def calibration_error(outcomes: Outcomes, weights: Floats) -> float:
    """The expected calibration error in bins of equal mass."""
    mass, confidence, accuracy = calibration_bins(outcomes, weights)
    return float(mass @ np.abs(accuracy - confidence))


def calibration_bins(outcomes: Outcomes, weights: Floats) -> tuple[Floats, Floats, Floats]:
    """Mass (summing to 1), mean confidence and accuracy of bins of equal mass, by confidence.

    Segments of one confidence that fall into two bins count with their mean accuracy in both, so
    that the order of the data plays no part.
    """
    confidence = outcomes.confidence
    _, run = np.unique(confidence, return_inverse=True)
    right = _ratio(_total(run, weights * outcomes.right), _total(run, weights))[run]
    order = np.argsort(confidence, kind="stable")
    mass = weights[order]
    middle = np.cumsum(mass) - mass / 2
    numbers: Ints = (middle / weights.sum() * CALIBRATION_BINS).astype(np.int64)
    totals = _total(numbers, mass)
    kept = totals > 0
    mean_confidence = _ratio(_total(numbers, mass * confidence[order]), totals)
    accuracy = _ratio(_total(numbers, mass * right[order]), totals)
    return totals[kept] / totals.sum(), mean_confidence[kept], accuracy[kept]


def risk_coverage(outcomes: Outcomes, weights: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """The risk-coverage curve (El-Yaniv and Wiener 2010), from the highest confidence down.

    Returns:
        Four arrays with one item for each confidence that occurs, since segments of one
        confidence can only be kept together: the confidence, the share of segments kept down to
        it, the error rate among them, and the weight of the segments that have it.
    """
    levels, run = np.unique(-outcomes.confidence, return_inverse=True)
    mass = _total(run, weights)
    kept = np.cumsum(mass)
    wrong = np.cumsum(_total(run, weights * ~outcomes.right))
    occurs = mass > 0
    risk = _ratio(wrong, kept)
    return -levels[occurs], kept[occurs] / kept[-1], risk[occurs], mass[occurs]


def _total(groups: Ints, values: Floats) -> Floats:
    return np.bincount(groups, values).astype(np.float64)
