"""Temperature scaling (Guo et al., "On Calibration of Modern Neural Networks", ICML 2017)."""

import sys

import numpy as np
from scipy.optimize import minimize_scalar

from .evaluation.outcomes import Outcomes

_BOUNDS = (0.05, 20.0)


def fit_temperature(outcomes: Outcomes) -> float:
    """The temperature under which the true labels are likeliest: what to divide logits by.

    Args:
        outcomes: answers at temperature 1 on articles that the model was not trained on.

    Returns:
        The temperature; 1 where the articles say nothing of it, since every answer is right or
        the model does no better than chance.
    """
    if outcomes.right.all():
        return _unfitted()
    rows = np.arange(len(outcomes.gold))

    def negative_log_likelihood(log_temperature: float) -> float:
        scaled = outcomes.at_temperature(float(np.exp(log_temperature)))
        likelihood = scaled.probabilities[rows, outcomes.gold]
        return float(-np.log(np.maximum(likelihood, 1e-12)).mean())

    found = minimize_scalar(
        negative_log_likelihood, bounds=tuple(np.log(_BOUNDS)), method="bounded"
    )
    temperature = float(np.exp(found.x))
    if not _BOUNDS[0] * 1.5 < temperature < _BOUNDS[1] / 1.5:
        return _unfitted()
    return round(temperature, 4)


def _unfitted() -> float:
    print("no temperature can be fitted on these articles: it stays 1", file=sys.stderr)
    return 1.0
