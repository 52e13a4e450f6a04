import numpy as np
import pytest
from scipy.stats import binomtest

from tests.test_figures import random_outcomes
from training.evaluation.compare import compare, mcnemar
from training.evaluation.figures import figures
from training.evaluation.outcomes import Outcomes


def corrected(outcomes: Outcomes, segments: list[int]) -> Outcomes:
    """The same answers, with the truth for the given segments."""
    probabilities = outcomes.probabilities.copy()
    probabilities[segments] = np.eye(5)[outcomes.gold[segments]]
    return Outcomes(
        outcomes.labels,
        outcomes.article,
        outcomes.gold,
        probabilities.argmax(axis=1),
        probabilities,
    )


def test_differences_fixed_and_broken() -> None:
    old = random_outcomes(0)
    wrong = np.flatnonzero(~old.right)[::3].tolist()
    new = corrected(old, wrong)
    found = compare("old", old, new, resamples=200)
    assert found["fixed"] == wrong
    assert found["broken"] == []
    once = np.ones(old.articles)
    for name, difference in found["differences"].items():
        expected = figures(new, once)[name] - figures(old, once)[name]
        assert difference["value"] == pytest.approx(expected, abs=1e-6)
    accuracy = found["differences"]["accuracy"]
    assert 0 < accuracy["low"] <= accuracy["value"] <= accuracy["high"]
    back = compare("new", new, old, resamples=200)
    assert back["broken"] == wrong
    assert back["differences"]["accuracy"]["high"] < 0


def test_mcnemar_by_segment_is_the_sign_test_on_discordant_pairs() -> None:
    found = mcnemar(np.arange(15), np.arange(5), 40)
    assert (found["fixed"], found["broken"]) == (15, 5)
    assert found["p_segments"] == pytest.approx(binomtest(15, 20).pvalue, abs=1e-6)


def test_segments_of_one_article_count_as_one() -> None:
    """Twelve segments fixed in one article are no evidence; one in each of twelve are."""
    none = np.array([], dtype=int)
    assert mcnemar(np.zeros(12, dtype=int), none, 30)["p"] == 1.0
    assert mcnemar(np.arange(12), none, 30)["p"] == pytest.approx(2 / 2**12, abs=2e-4)
    assert mcnemar(none, none, 30)["p"] == 1.0


def test_the_same_answers_do_not_differ() -> None:
    outcomes = random_outcomes(1)
    found = compare("itself", outcomes, outcomes, resamples=50)
    assert found["mcnemar"]["p"] == 1.0
    assert all(d["value"] == d["low"] == d["high"] == 0 for d in found["differences"].values())
