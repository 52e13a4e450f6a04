import numpy as np
import pytest
from sklearn.metrics import (
    accuracy_score,
    brier_score_loss,
    confusion_matrix,
    f1_score,
    matthews_corrcoef,
    precision_recall_fscore_support,
)

from nutgraf import LABELS
from training.calibration import fit_temperature
from training.evaluation.bootstrap import intervals
from training.evaluation.figures import (
    CALIBRATION_BINS,
    calibration_bins,
    confusion,
    figures,
    risk_coverage,
)
from training.evaluation.outcomes import Floats, Outcomes


def random_outcomes(seed: int, articles: int = 12, segments: int = 300) -> Outcomes:
    """Answers that are right more often than not, in articles of uneven length."""
    rng = np.random.default_rng(seed)
    article = np.sort(np.concatenate([np.arange(articles), rng.integers(articles, size=segments)]))
    gold = rng.integers(5, size=len(article))
    logits = rng.normal(size=(len(article), 5)) + 2 * np.eye(5)[gold]
    return from_logits(article, gold, logits)


def from_logits(article: np.ndarray, gold: np.ndarray, logits: np.ndarray) -> Outcomes:
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return Outcomes(LABELS, article, gold, logits.argmax(axis=1), probabilities)


def repeat(outcomes: Outcomes, weights: Floats) -> np.ndarray:
    """The numbers of all segments, each as often as its article counts."""
    return np.repeat(np.arange(len(outcomes.gold)), weights[outcomes.article].astype(int))


@pytest.mark.parametrize("seed", range(3))
def test_figures_are_those_of_scikit_learn_on_repeated_data(seed: int) -> None:
    outcomes = random_outcomes(seed)
    weights = np.random.default_rng(seed).integers(0, 4, size=outcomes.articles).astype(float)
    rows = repeat(outcomes, weights)
    gold, predicted = outcomes.gold[rows], outcomes.predicted[rows]
    found = figures(outcomes, weights)
    assert found["accuracy"] == pytest.approx(accuracy_score(gold, predicted))
    assert found["macro_f1"] == pytest.approx(f1_score(gold, predicted, average="macro"))
    assert found["macro_f1_named"] == pytest.approx(
        f1_score(gold, predicted, labels=[0, 1, 2, 3], average="macro")
    )
    assert found["matthews"] == pytest.approx(matthews_corrcoef(gold, predicted))
    assert found["brier"] == pytest.approx(
        brier_score_loss(gold, outcomes.probabilities[rows], scale_by_half=False, labels=range(5))
    )
    for figure, column in zip(
        ("precision", "recall", "f1"),
        precision_recall_fscore_support(gold, predicted),
        strict=False,
    ):
        for label, value in zip(LABELS, column, strict=True):
            assert found[f"labels.{label}.{figure}"] == pytest.approx(value)
    matrix = confusion(outcomes, weights[outcomes.article])
    assert matrix.tolist() == confusion_matrix(gold, predicted).tolist()


def test_weights_count_as_repetitions_in_the_ranked_figures() -> None:
    outcomes = random_outcomes(7)
    weights = np.random.default_rng(7).integers(0, 4, size=outcomes.articles).astype(float)
    rows = repeat(outcomes, weights)
    longer = Outcomes(
        LABELS,
        outcomes.article[rows],
        outcomes.gold[rows],
        outcomes.predicted[rows],
        outcomes.probabilities[rows],
    )
    once = figures(longer, np.ones(outcomes.articles))
    weighted = figures(outcomes, weights)
    for name in ("aurc", "coverage_at_95"):
        assert weighted[name] == pytest.approx(once[name])
    # Copies of a segment may fall on both sides of a bin's edge.
    assert weighted["ece"] == pytest.approx(once["ece"], abs=0.01)


def test_the_order_of_the_data_plays_no_part() -> None:
    """Forty segments of one confidence, half of them right: none can be kept without the rest."""
    probabilities = np.tile([0.9, 0.1, 0, 0, 0], (40, 1))
    predicted = np.zeros(40, dtype=int)
    for gold in (np.repeat([0, 1], 20), np.repeat([1, 0], 20), np.tile([0, 1], 20)):
        outcomes = Outcomes(LABELS, np.arange(40) % 4, gold, predicted, probabilities)
        found = figures(outcomes, np.ones(4))
        assert found["ece"] == pytest.approx(0.4)
        assert found["aurc"] == pytest.approx(0.5)
        assert found["coverage_at_95"] == 0


def test_a_label_that_never_occurs_is_left_out_of_the_means() -> None:
    gold = np.array([0, 1, 3, 4, 4, 1])
    predicted = np.array([0, 1, 3, 4, 1, 1])
    probabilities = np.eye(5)[predicted]
    outcomes = Outcomes(LABELS, np.array([0, 0, 1, 1, 2, 2]), gold, predicted, probabilities)
    found = figures(outcomes, np.ones(3))
    assert np.isnan(found["labels.expert_opinion.f1"])
    assert found["macro_f1"] == pytest.approx(f1_score(gold, predicted, average="macro"))


def test_the_interval_of_a_calibration_error_holds_it() -> None:
    rng = np.random.default_rng(5)
    logits = rng.normal(size=(3000, 5)) * 2
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    gold = np.array([rng.choice(5, p=row) for row in probabilities])
    calibrated = from_logits(np.arange(3000) // 30, gold, logits)

    def ece(weights: Floats) -> dict[str, float]:
        return {"ece": figures(calibrated, weights)["ece"]}

    plain = intervals(ece, 100, resamples=200)["ece"]
    found = intervals(ece, 100, resamples=200, recentred=["ece"])["ece"]
    assert found["value"] is not None
    assert found["low"] is not None
    assert found["high"] is not None
    assert found["low"] < found["value"] < found["high"]
    assert plain["low"] is not None
    assert plain["low"] > found["low"], "every draw adds noise to the bins"


def test_calibration_error_by_hand() -> None:
    # Two thirds are called 0.9 sure and right half of the time, one third 0.6 and always right.
    n = 10 * CALIBRATION_BINS
    confidence = np.repeat([0.9, 0.6], [2 * n, n])
    probabilities = np.repeat((1 - confidence[:, None]) / 4, 5, axis=1)
    probabilities[:, 0] = confidence
    gold = np.zeros(3 * n, dtype=int)
    gold[: 2 * n : 2] = 1
    predicted = np.zeros(3 * n, dtype=int)
    outcomes = Outcomes(LABELS, np.arange(3 * n) % 3, gold, predicted, probabilities)
    assert figures(outcomes, np.ones(3))["ece"] == pytest.approx(2 / 3 * 0.4 + 1 / 3 * 0.4)
    mass, _, _ = calibration_bins(outcomes, np.ones(3 * n))
    assert mass == pytest.approx(np.full(len(mass), 1 / CALIBRATION_BINS), abs=1e-3)


def test_risk_coverage_by_hand() -> None:
    # In the order of confidence: right, right, wrong, right.
    confidence = np.array([0.7, 0.9, 0.6, 0.8])
    probabilities = np.zeros((4, 5))
    probabilities[:, 0] = confidence
    probabilities[:, 1] = 1 - confidence
    gold = np.array([1, 0, 0, 0])
    outcomes = Outcomes(LABELS, np.array([0, 0, 1, 1]), gold, np.zeros(4, dtype=int), probabilities)
    levels, coverage, risk, _ = risk_coverage(outcomes, np.ones(4))
    assert levels.tolist() == [0.9, 0.8, 0.7, 0.6]
    assert coverage.tolist() == [0.25, 0.5, 0.75, 1.0]
    assert risk.tolist() == pytest.approx([0, 0, 1 / 3, 1 / 4])
    found = figures(outcomes, np.ones(2))
    assert found["aurc"] == pytest.approx((1 / 3 + 1 / 4) / 4)
    assert found["coverage_at_95"] == 0.5


def test_temperature_makes_an_overconfident_model_calibrated() -> None:
    rng = np.random.default_rng(3)
    logits = rng.normal(size=(20_000, 5)) * 1.5
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    gold = np.array([rng.choice(5, p=row) for row in probabilities])
    overconfident = from_logits(np.arange(20_000) % 50, gold, 3 * logits)
    temperature = fit_temperature(overconfident)
    assert temperature == pytest.approx(3, rel=0.05)
    once = np.ones(50)
    after = overconfident.at_temperature(temperature)
    assert figures(overconfident, once)["ece"] > 0.1
    assert figures(after, once)["ece"] < 0.02
    assert (after.predicted == overconfident.predicted).all()


def test_no_temperature_is_fitted_where_every_answer_is_right(
    capsys: pytest.CaptureFixture[str],
) -> None:
    gold = np.arange(50) % 5
    logits = np.random.default_rng(0).normal(size=(50, 5)) + 9 * np.eye(5)[gold]
    assert fit_temperature(from_logits(np.arange(50), gold, logits)) == 1
    assert "it stays 1" in capsys.readouterr().err
