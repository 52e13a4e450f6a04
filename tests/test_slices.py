import numpy as np
import pytest

from nutgraf import Article, Segment
from tests.conftest import article
from tests.test_figures import random_outcomes
from training.evaluation.figures import figures
from training.evaluation.slices import (
    Slice,
    is_fragment,
    make_slices,
    quotation_marks,
    slice_figures,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("No marks, but the town's dogs' home.", "absent"),
        ('"We will not go," he said.', "balanced"),
        ("“We will not go,” he said.", "balanced"),
        ("„Wir gehen nicht“, sagte er.", "balanced"),
        ("« Non », dit-il.", "balanced"),
        ("“We will not go. And then", "unbalanced"),
        ('and that is why," she added.', "unbalanced"),
    ],
)
def test_quotation_marks(text: str, expected: str) -> None:
    assert quotation_marks(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("with fuel, generators and many other things.", True),
        ('"and so we left," he said.', True),
        ("Read also", False),
        ("The road was closed.", False),
        (
            "The road was closed for eleven days in March after the river had taken the bridge and",
            True,
        ),
    ],
)
def test_fragments(text: str, expected: bool) -> None:
    assert is_fragment(text) is expected


def test_every_segment_is_in_one_slice_of_each_group_that_applies() -> None:
    articles = [
        Article(
            "a",
            (
                Segment("Bridge closed", "other"),
                Segment("“We will not go.", "quote"),
                Segment("“Never,” he said.", "quote"),
                Segment("Share", "navigation_clutter"),
            ),
            style="wire",
            provenance={"round": 2},
        ),
        article("b", ("quote", "“Yes,” she said.")),
    ]
    slices = make_slices(articles)
    found = {(s.group, s.name): s.segments.tolist() for s in slices}
    assert found["source", "round 2"] == [0, 1, 2, 3]
    assert found["style", "wire"] == [0, 1, 2, 3]
    assert found["quotation", "opens a quotation"] == [1, 4]
    assert found["quotation", "continues a quotation"] == [2]
    assert found["quotation marks", "unbalanced"] == [1]
    assert found["position", "first segment"] == [0, 4]
    assert found["label", "navigation_clutter"] == [3]
    for group in ("label", "length", "quotation marks", "wholeness", "position"):
        members = sorted(n for (g, _), numbers in found.items() if g == group for n in numbers)
        assert members == list(range(5))


def test_figures_of_the_slice_of_everything_are_those_of_the_whole() -> None:
    outcomes = random_outcomes(4)
    weights = np.ones(outcomes.articles)
    everything = Slice("all", "all", np.arange(len(outcomes.gold)))
    nothing = Slice("first", "first", np.flatnonzero(outcomes.article == 0))
    found = slice_figures(outcomes, [everything, nothing], weights)
    whole = figures(outcomes, weights)
    assert found["0.accuracy"] == pytest.approx(whole["accuracy"])
    assert found["0.macro_f1"] == pytest.approx(whole["macro_f1"])
    quotes = Slice("label", "quote", np.flatnonzero(outcomes.gold == 0))
    assert np.isnan(slice_figures(outcomes, [quotes], weights)["0.macro_f1"])
    weights[0] = 0
    assert np.isnan(slice_figures(outcomes, [everything, nothing], weights)["1.accuracy"])
