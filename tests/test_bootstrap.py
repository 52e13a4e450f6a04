import numpy as np
import pytest

from training.evaluation.bootstrap import intervals
from training.evaluation.outcomes import Floats


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    covered = 0
    for seed in range(200):
        values = rng.normal(size=60)
        found = intervals(
            lambda w, values=values: {"mean": float(w @ values / w.sum())},  # type: ignore[misc]
            60,
            resamples=300,
            seed=seed,
        )["mean"]
        assert found["low"] is not None
        assert found["high"] is not None
        assert found["value"] == pytest.approx(values.mean(), abs=1e-6)
        covered += found["low"] <= 0 <= found["high"]
    assert 0.90 <= covered / 200 <= 0.99


def test_articles_are_drawn_rather_than_segments() -> None:
    """Ten articles of a hundred equal segments say as little as ten segments."""
    values = np.repeat(np.random.default_rng(1).normal(size=10), 100)
    article = np.repeat(np.arange(10), 100)

    def mean(weights: Floats) -> dict[str, float]:
        each = weights[article]
        return {"mean": float(each @ values / each.sum())}

    found = intervals(mean, 10, resamples=500)["mean"]
    assert found["low"] is not None
    assert found["high"] is not None
    standard_error = values[::100].std(ddof=1) / np.sqrt(10)
    assert found["high"] - found["low"] == pytest.approx(2 * 1.96 * standard_error, rel=0.25)


def test_what_cannot_be_said_is_null() -> None:
    alone = intervals(lambda weights: {"x": 1.0}, 1, resamples=50)["x"]
    assert alone == {"value": 1.0, "low": None, "high": None}
    undefined = intervals(lambda weights: {"x": np.nan}, 5, resamples=50)["x"]
    assert undefined == {"value": None, "low": None, "high": None}


def test_the_seed_decides() -> None:
    values = np.random.default_rng(2).normal(size=30)

    def mean(weights: Floats) -> dict[str, float]:
        return {"mean": float(weights @ values / weights.sum())}

    assert intervals(mean, 30, resamples=50) == intervals(mean, 30, resamples=50)
    assert intervals(mean, 30, resamples=50) != intervals(mean, 30, resamples=50, seed=1)
