"""Two models on the same segments: differences with intervals, and a test of which is better."""

from typing import Any

import numpy as np
from scipy.stats import binomtest, permutation_test

from .bootstrap import intervals
from .figures import figures
from .outcomes import Floats, Ints, Outcomes


def compare(name: str, baseline: Outcomes, outcomes: Outcomes, *, resamples: int) -> dict[str, Any]:
    """Compare answers with a baseline's to the same segments.

    Returns:
        `baseline` (its name), `differences` (of every figure, new minus baseline, from the same
        resamples of articles for both), `mcnemar`, and the numbers of the segments that were
        `fixed` and `broken`.
    """

    def difference(weights: Floats) -> dict[str, float]:
        new, old = figures(outcomes, weights), figures(baseline, weights)
        return {key: new[key] - old[key] for key in new}

    fixed = np.flatnonzero(outcomes.right & ~baseline.right)
    broken = np.flatnonzero(~outcomes.right & baseline.right)
    return {
        "baseline": name,
        "differences": intervals(difference, outcomes.articles, resamples=resamples),
        "mcnemar": mcnemar(outcomes.article[fixed], outcomes.article[broken], outcomes.articles),
        "fixed": fixed.tolist(),
        "broken": broken.tolist(),
    }


def mcnemar(fixed: Ints, broken: Ints, articles: int) -> dict[str, float]:
    """Test whether as many segments were fixed as broken.

    Args:
        fixed: the article's number of each segment that only the new model has right.
        broken: the same for segments that only the baseline has right.
        articles: how many articles there are.

    Returns:
        `fixed` and `broken` as counts; `p_segments`, McNemar's exact test (1947), which takes
        segments for independent; and `p`, its counterpart with the article as the unit: a
        randomization test (Noreen 1989; Yeh 2000) that swaps the two models' answers to whole
        articles, with the statistic fixed - broken.
    """
    gains = np.bincount(fixed, minlength=articles) - np.bincount(broken, minlength=articles)
    gains = gains[gains != 0]
    discordant = len(fixed) + len(broken)
    by_segment = binomtest(len(fixed), discordant).pvalue if discordant else 1.0
    if len(gains) > 1:
        by_article = permutation_test(
            (gains,),
            np.sum,
            permutation_type="samples",
            n_resamples=9999,
            vectorized=True,
            rng=np.random.default_rng(0),
        ).pvalue
    else:  # swapping the answers to one article is as likely either way
        by_article = 1.0
    return {
        "fixed": len(fixed),
        "broken": len(broken),
        "p": round(float(by_article), 6),
        "p_segments": round(float(by_segment), 6),
    }
