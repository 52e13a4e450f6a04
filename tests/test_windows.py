import numpy as np
import pytest

from nutgraf.windows import (
    SpecialTokens,
    Window,
    WindowConfig,
    make_windows,
    pad,
    segment_logits,
)

SPECIAL = SpecialTokens(cls=1, sep=2, pad=0, unk=3)


def numbered(*lengths: int) -> list[list[int]]:
    """Segments whose token ids tell where they come from: 100 times the segment's number."""
    return [[100 * (i + 1) + j for j in range(n)] for i, n in enumerate(lengths)]


def test_context_zero_reads_each_paragraph_alone() -> None:
    windows = make_windows(numbered(3, 2), WindowConfig(64, 0), SPECIAL)
    assert [w.token_ids for w in windows] == [(1, 100, 101, 102, 2), (1, 200, 201, 2)]
    assert [w.targets for w in windows] == [((0, 1, 4),), ((1, 1, 3),)]


def test_a_short_article_is_one_window() -> None:
    (window,) = make_windows(numbered(3, 2, 4), WindowConfig(64, 8), SPECIAL)
    assert window.token_ids == (1, 100, 101, 102, 2, 200, 201, 2, 300, 301, 302, 303, 2)
    assert window.targets == ((0, 1, 4), (1, 5, 7), (2, 8, 12))


def test_one_target_with_neighbours_cut_to_the_context() -> None:
    windows = make_windows(numbered(5, 3, 5), WindowConfig(64, 4, targets=1), SPECIAL)
    assert windows[1].token_ids == (1, 102, 103, 104, 2, 200, 201, 202, 2, 300, 301, 302, 2)
    assert windows[1].targets == ((1, 5, 8),)
    assert windows[1].token_types(WindowConfig(64, 4, 1)) == [0] * 5 + [1] * 3 + [0] * 5


def test_targets_that_fit_share_a_window_and_its_neighbours() -> None:
    config = WindowConfig(tokens=32, context=5)
    windows = make_windows(numbered(*[6] * 8), config, SPECIAL)
    assert [[t[0] for t in w.targets] for w in windows] == [[0, 1, 2], [3, 4, 5], [6, 7]]
    assert windows[1].token_ids[1:5] == (302, 303, 304, 305)
    assert windows[1].token_ids[-5:-1] == (700, 701, 702, 703)


def test_padding() -> None:
    windows = make_windows(numbered(3, 1), WindowConfig(64, 0), SPECIAL)
    arrays = pad(windows, WindowConfig(64, 0), SPECIAL)
    assert arrays["input_ids"].tolist() == [[1, 100, 101, 102, 2], [1, 200, 2, 0, 0]]
    assert arrays["attention_mask"].tolist() == [[1] * 5, [1, 1, 1, 0, 0]]
    assert arrays["token_type_ids"].tolist() == [[0, 1, 1, 1, 0], [0, 1, 0, 0, 0]]


def test_segment_logits_are_means_over_tokens() -> None:
    token_logits = np.arange(12, dtype=np.float32).reshape(6, 2)
    first, second = segment_logits(token_logits, Window((0,) * 6, ((4, 1, 3), (5, 4, 5))))
    assert first[0] == 4
    assert first[1].tolist() == pytest.approx([3, 4])
    assert second[1].tolist() == pytest.approx([8, 9])
