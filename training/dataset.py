"""Labelled articles to a `datasets.Dataset` of windows, and windows to padded batches."""

from collections.abc import Sequence
from typing import Any

import datasets
import torch
from tokenizers import Tokenizer

from nutgraf.article import Article
from nutgraf.windows import SpecialTokens, Window, WindowConfig, make_windows, pad, tokenize

IGNORED = -100
"""Stands in the target array where a window has fewer targets than its neighbours in the batch."""


def to_windows(
    articles: Sequence[Article],
    tokenizer: Tokenizer,
    config: WindowConfig,
    special: SpecialTokens,
    labels: Sequence[str],
) -> datasets.Dataset:
    """Make the windows of all articles.

    Returns:
        Rows with `token_ids`, `targets` (a list of `[label index, start, stop]`: the label of
        each target and the span of its tokens) and `length` in tokens.
    """
    index = {label: i for i, label in enumerate(labels)}
    columns: dict[str, list[Any]] = {"token_ids": [], "targets": [], "length": []}
    for article in articles:
        ids = tokenize(tokenizer, [s.text for s in article.segments], config, special)
        for window in make_windows(ids, config, special):
            columns["token_ids"].append(list(window.token_ids))
            columns["targets"].append(
                [
                    [index[article.segments[number].label or ""], start, stop]
                    for number, start, stop in window.targets
                ]
            )
            columns["length"].append(len(window.token_ids))
    return datasets.Dataset.from_dict(columns)


class Collator:
    """Pads rows of `to_windows` to a batch for an encoder.

    `labels` has shape (windows, targets, 3), padded with `IGNORED`: label index, start and stop.
    """

    def __init__(self, config: WindowConfig, special: SpecialTokens) -> None:
        self._config = config
        self._special = special

    def __call__(self, rows: Sequence[dict[str, Any]]) -> dict[str, torch.Tensor]:
        windows = [
            Window(
                tuple(row["token_ids"]),
                tuple((i, start, stop) for i, (_, start, stop) in enumerate(row["targets"])),
            )
            for row in rows
        ]
        arrays = pad(windows, self._config, self._special)
        if not self._config.mark_targets:
            del arrays["token_type_ids"]
        batch = {name: torch.from_numpy(array) for name, array in arrays.items()}
        most = max(len(row["targets"]) for row in rows)
        labels = torch.full((len(rows), most, 3), IGNORED, dtype=torch.long)
        for i, row in enumerate(rows):
            labels[i, : len(row["targets"])] = torch.tensor(row["targets"])
        return {**batch, "labels": labels}
