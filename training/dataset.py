"""Labelled articles to a `datasets.Dataset` of windows, and windows to padded batches."""

from collections.abc import Sequence
from typing import Any, Literal

import datasets
import numpy as np
import torch
from tokenizers import Tokenizer

from nutgraf.article import Article, read_articles
from nutgraf.windows import SpecialTokens, Window, WindowConfig, make_windows, pad, tokenize

from .config import Config, ConfigError
from .distil import Targets, one_hot

IGNORED = -100
"""Stands in the target array where a window has fewer targets than its neighbours in the batch."""


def read_split(config: Config, split: Literal["train", "validation"]) -> list[Article]:
    """Read a split, without the articles that are longer than the configuration wants.

    Raises:
        DataError: for data that breaks the schema or has a label that is not in the label set.
        ConfigError: if no article is left.
    """
    file = getattr(config.data, split)
    articles = read_articles(file, labels=config.data.label_set())
    most = config.data.max_segments
    if most is not None:
        articles = [article for article in articles if len(article.segments) <= most]
    if not articles:
        raise ConfigError(f"data.max_segments: {most} leaves no article of {file}")
    return articles


def to_windows(
    articles: Sequence[Article],
    tokenizer: Tokenizer,
    config: WindowConfig,
    special: SpecialTokens,
    labels: Sequence[str],
    soft: Sequence[Targets] | None = None,
) -> datasets.Dataset:
    """Make the windows of all articles.

    Args:
        articles: labelled articles.
        tokenizer: the encoder's, without truncation or padding.
        config: how to cut the windows.
        special: the encoder's special tokens.
        labels: in the order of the model's outputs.
        soft: for each article what to learn, of shape (segments, labels) with rows that sum to 1;
            by default its labels.

    Returns:
        Rows with `token_ids`, `targets` (a list of `[label index, start, stop]`: the label of
        each target and the span of its tokens), `soft` (a distribution over labels for each
        target) and `length` in tokens.
    """
    index = {label: i for i, label in enumerate(labels)}
    soft = soft or [one_hot(article, labels) for article in articles]
    columns: dict[str, list[Any]] = {"token_ids": [], "targets": [], "soft": [], "length": []}
    for article, distributions in zip(articles, soft, strict=True):
        ids = tokenize(tokenizer, [s.text for s in article.segments], config, special)
        for window in make_windows(ids, config, special):
            columns["token_ids"].append(list(window.token_ids))
            columns["targets"].append(
                [
                    [index[article.segments[number].label or ""], start, stop]
                    for number, start, stop in window.targets
                ]
            )
            columns["soft"].append([distributions[number] for number, _, _ in window.targets])
            columns["length"].append(len(window.token_ids))
    return datasets.Dataset.from_dict(columns)


class Collator:
    """Pads rows of `to_windows` to a batch for an encoder.

    `labels` has shape (windows, targets, 3 + labels), padded with `IGNORED`: label index, start and
    stop of each target, then the distribution that it should get.
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
        width = 3 + len(rows[0]["soft"][0])
        labels = torch.full((len(rows), most, width), IGNORED, dtype=torch.float32)
        for i, row in enumerate(rows):
            labels[i, : len(row["targets"]), :3] = torch.tensor(row["targets"])
            labels[i, : len(row["targets"]), 3:] = torch.tensor(np.asarray(row["soft"]))
        return {**batch, "labels": labels}
