"""Temperature scaling (Guo et al., "On Calibration of Modern Neural Networks", ICML 2017)."""

import numpy as np
from scipy.optimize import minimize_scalar

from training.evaluation.outcomes import Outcomes

_BOUNDS = (0.05, 20.0)


def fit_temperature(outcomes: Outcomes) -> float:
    """The temperature under which the true labels are likeliest: what to divide logits by.

    Args:
        outcomes: answers at temperature 1 on articles that the model was not trained on.
    """
    rows = np.arange(len(outcomes.gold))

    def negative_log_likelihood(log_temperature: float) -> float:
        scaled = outcomes.at_temperature(float(np.exp(log_temperature)))
        likelihood = scaled.probabilities[rows, outcomes.gold]
        return float(-np.log(np.maximum(likelihood, 1e-12)).mean())

    found = minimize_scalar(
        negative_log_likelihood, bounds=tuple(np.log(_BOUNDS)), method="bounded"
    )
    return round(float(np.exp(found.x)), 4)
