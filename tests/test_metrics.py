import pytest

from nutgraf import LABELS
from training.metrics import segment_metrics


def test_figures_by_hand() -> None:
    # labels: quote 0, official_statement 1, expert_opinion 2, navigation_clutter 3, other 4
    references = [0, 0, 1, 2, 3, 4]
    predictions = [0, 1, 1, 4, 3, 4]
    figures = segment_metrics(predictions, references)
    assert figures["accuracy"] == pytest.approx(4 / 6)
    f1 = [2 / 3, 2 / 3, 0, 1, 2 / 3]
    assert [figures["labels"][label]["f1"] for label in LABELS] == pytest.approx(f1)
    assert figures["macro_f1"] == pytest.approx(sum(f1) / 5)
    assert figures["macro_f1_named"] == pytest.approx(sum(f1[:4]) / 4)
    assert figures["labels"]["quote"] == pytest.approx(
        {"precision": 1, "recall": 0.5, "f1": 2 / 3, "support": 2}
    )
    assert figures["confusion"][0] == [1, 1, 0, 0, 0]


def test_a_label_that_never_occurs_counts_as_zero() -> None:
    figures = segment_metrics([0, 0], [0, 0])
    assert figures["macro_f1"] == pytest.approx(1 / 5)
    assert figures["labels"]["other"]["support"] == 0
