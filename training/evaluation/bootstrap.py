"""Intervals from a bootstrap over articles: segments of one article are not independent."""

from collections.abc import Callable, Collection

import numpy as np

from .outcomes import Floats

LEVEL = 0.95
Statistic = Callable[[Floats], dict[str, float]]


def intervals(
    statistic: Statistic,
    articles: int,
    *,
    resamples: int,
    seed: int = 0,
    recentred: Collection[str] = (),
) -> dict[str, dict[str, float | None]]:
    """Percentile intervals (Efron and Tibshirani 1993, chapter 13) of several figures at once.

    Args:
        statistic: figures by name, from how often each article counts: shape (articles,). NaN
            where a resample leaves a figure undefined.
        articles: how many articles there are.
        resamples: how many times as many articles are drawn with replacement.
        seed: of the draws.
        recentred: figures that drawing pushes to one side, as it does a calibration error, to
            whose bins every draw adds noise: their draws are moved so that their mean is the
            figure itself.

    Returns:
        For each figure its `value`, and the `low` and `high` end of its 95 % interval: null
        where there is a single article or most resamples leave the figure undefined.
    """
    values = statistic(np.ones(articles))
    names = list(values)
    rng = np.random.default_rng(seed)
    draws = np.full((resamples, len(names)), np.nan)
    if articles > 1:
        for row in draws:
            counts = np.bincount(rng.integers(articles, size=articles), minlength=articles)
            row[:] = list(statistic(counts.astype(float)).values())
    tail = (1 - LEVEL) / 2
    result: dict[str, dict[str, float | None]] = {}
    for i, name in enumerate(names):
        drawn = draws[:, i][~np.isnan(draws[:, i])]
        known = len(drawn) > resamples / 2
        if known and name in recentred:
            drawn = np.maximum(drawn - drawn.mean() + values[name], 0)
        low, high = np.quantile(drawn, [tail, 1 - tail]) if known else (None, None)
        result[name] = {
            "value": _rounded(values[name]),
            "low": _rounded(low),
            "high": _rounded(high),
        }
    return result


def _rounded(value: float | None) -> float | None:
    """A number as a report holds it, or null for NaN, which JSON has not."""
    return None if value is None or np.isnan(value) else round(float(value), 6)
