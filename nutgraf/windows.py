"""Segments to token windows, and token logits back to segment logits.

A window is what the encoder reads at once::

    [CLS] neighbours [SEP] target [SEP] target [SEP] ... neighbours [SEP]

Each segment is a *target* in exactly one window, where at least `context` tokens of its
neighbours stand on either side (or the article ends there). Neighbours are cut to fit; a target
longer than a window keeps its head and its tail. Training and inference both make their windows
here, so that what is trained is what is served.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

_CHARACTERS_PER_TOKEN = 16
"""A segment's head and tail are cut to this many characters a token before they are tokenized, so
that a huge segment costs no more than a long one."""

MIN_TARGET_TOKENS = 16
"""A window must have room for this many tokens of a target beside its neighbours."""


@dataclass(frozen=True, slots=True)
class WindowConfig:
    """How windows are made.

    Attributes:
        tokens: how many tokens a window may hold, special tokens included.
        context: how many tokens of neighbours (their separators included) a target must have on
            each side; 0 reads each segment alone.
        targets: how many targets a window may hold at most; None for as many as fit.
        mark_targets: whether targets get token type 1 and their neighbours 0, for encoders that
            have two token types.
    """

    tokens: int = 256
    context: int = 32
    targets: int | None = None
    mark_targets: bool = True

    def max_target_tokens(self) -> int:
        """The longest target that always fits between its neighbours."""
        return self.tokens - 2 - 2 * self.context


@dataclass(frozen=True, slots=True)
class SpecialTokens:
    """Ids of the tokens that frame a window, in the encoder's vocabulary."""

    cls: int
    sep: int
    pad: int
    unk: int


@dataclass(frozen=True, slots=True)
class Window:
    """Token ids, and where in them each target stands.

    Attributes:
        token_ids: ids of all tokens, special tokens included.
        targets: for each target `(segment, start, stop)`: the segment's number in the article
            and its span in `token_ids`.
    """

    token_ids: tuple[int, ...]
    targets: tuple[tuple[int, int, int], ...]

    def token_types(self, config: WindowConfig) -> list[int]:
        """Token types, one a token: 1 within targets, else 0."""
        types = [0] * len(self.token_ids)
        if config.mark_targets:
            for _, start, stop in self.targets:
                types[start:stop] = [1] * (stop - start)
        return types


def tokenize(
    tokenizer: Tokenizer, texts: Sequence[str], config: WindowConfig, special: SpecialTokens
) -> list[list[int]]:
    """Token ids of each text, without special tokens, at most `max_target_tokens` of them.

    An overlong text keeps its head and its tail; one of which no token is left (white space,
    control characters) becomes one unknown token.
    """
    limit = config.max_target_tokens()
    cut = [_head_and_tail(text, limit * _CHARACTERS_PER_TOKEN) for text in texts]
    encodings = tokenizer.encode_batch_fast(cut, add_special_tokens=False)
    return [list(_head_and_tail(e.ids, limit)) or [special.unk] for e in encodings]


def _head_and_tail(sequence: Any, limit: int) -> Any:
    if len(sequence) <= limit:
        return sequence
    head = limit // 2
    return sequence[:head] + sequence[len(sequence) - (limit - head) :]


def make_windows(
    segments: Sequence[Sequence[int]], config: WindowConfig, special: SpecialTokens
) -> list[Window]:
    """Place windows over an article so that every segment is a target exactly once, in order.

    Args:
        segments: token ids of each segment, as `tokenize` gives them.
        config: see `WindowConfig`.
        special: ids of the framing tokens.
    """
    windows = []
    first = 0
    while first < len(segments):
        left = _left_context(segments, first, config.context)
        used = 1 + sum(len(piece) + 1 for piece in left)
        limit = 1 if config.context == 0 else config.targets
        last = first
        while last < len(segments) and (limit is None or last - first < limit):
            longer = used + len(segments[last]) + 1
            if last > first and longer + _needed(segments, last + 1, config) > config.tokens:
                break
            used = longer
            last += 1
        right = _right_context(segments, last, config.context)
        windows.append(_frame(left, segments[first:last], right, first, special))
        first = last
    return windows


def _left_context(
    segments: Sequence[Sequence[int]], first: int, context: int
) -> list[Sequence[int]]:
    pieces: list[Sequence[int]] = []
    room = context
    # A piece takes two tokens at least, so this many segments are enough to look at.
    for segment in reversed(segments[max(0, first - context // 2) : first]):
        if room < 2:
            break
        pieces.insert(0, segment[-(room - 1) :])
        room -= len(pieces[0]) + 1
    return pieces


def _right_context(
    segments: Sequence[Sequence[int]], start: int, context: int
) -> list[Sequence[int]]:
    pieces: list[Sequence[int]] = []
    room = context
    for segment in segments[start : start + context // 2]:
        if room < 2:
            break
        pieces.append(segment[: room - 1])
        room -= len(pieces[-1]) + 1
    return pieces


def _needed(segments: Sequence[Sequence[int]], start: int, config: WindowConfig) -> int:
    """How many tokens the right-hand neighbours from `start` on will take."""
    return sum(len(piece) + 1 for piece in _right_context(segments, start, config.context))


def _frame(
    left: Sequence[Sequence[int]],
    targets: Sequence[Sequence[int]],
    right: Sequence[Sequence[int]],
    first: int,
    special: SpecialTokens,
) -> Window:
    ids = [special.cls]
    spans = []
    for piece in left:
        ids += [*piece, special.sep]
    for number, piece in enumerate(targets, start=first):
        spans.append((number, len(ids), len(ids) + len(piece)))
        ids += [*piece, special.sep]
    for piece in right:
        ids += [*piece, special.sep]
    return Window(tuple(ids), tuple(spans))


IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float32]


def pad(
    windows: Sequence[Window], config: WindowConfig, special: SpecialTokens
) -> dict[str, IntArray]:
    """Pad windows to the longest: `input_ids`, `attention_mask` and `token_type_ids`, each an
    array of shape (windows, tokens)."""
    shape = (len(windows), max(len(w.token_ids) for w in windows))
    ids = np.full(shape, special.pad, dtype=np.int64)
    mask = np.zeros(shape, dtype=np.int64)
    types = np.zeros(shape, dtype=np.int64)
    for row, window in enumerate(windows):
        length = len(window.token_ids)
        ids[row, :length] = window.token_ids
        mask[row, :length] = 1
        types[row, :length] = window.token_types(config)
    return {"input_ids": ids, "attention_mask": mask, "token_type_ids": types}


def segment_logits(token_logits: FloatArray, window: Window) -> list[tuple[int, FloatArray]]:
    """Average a window's token logits of shape (tokens, labels) over each target's tokens.

    Returns:
        For each target its segment's number in the article, and logits of shape (labels,).
    """
    return [(number, token_logits[a:b].mean(axis=0)) for number, a, b in window.targets]
