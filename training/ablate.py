"""Ablations: python -m training.ablate configs/ablation.yaml [--real FOLDER] [--table]

Trains each row of the file with each seed, one thing changed at a time, and measures the exported
models on the validation split, on a damaged copy of it (`training.damaged`) and, where there are
any, on real articles. Each result is one line of the file's `results`, written as soon as it is
there: a run that was stopped goes on where it was, and --table only prints what is there.
"""

import argparse
import json
import random
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from nutgraf.article import Article, read_articles, write_articles
from nutgraf.classifier import Classifier
from nutgraf.files import atomic_write
from nutgraf.folder import TOKENIZER_FILE, read_config
from nutgraf.labels import LABELS
from nutgraf.windows import make_windows, tokenize

from .config import load_config
from .damaged import damaged
from .evaluation.figures import figures
from .evaluation.outcomes import answer
from .finetune import finetune
from .script import run
from .table import table
from .yamlfile import ConfigError, read_yaml

_KEYS = {"config", "overrides", "seeds", "results", "rows"}


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m training.ablate", description=__doc__)
    parser.add_argument("file", help="rows, seeds, and the configuration that they change")
    parser.add_argument("--real", help="real labelled articles, to measure on as well")
    parser.add_argument("--table", action="store_true", help="print the table, train nothing")
    options = parser.parse_args(arguments)
    plan, _ = read_yaml(options.file)
    if wrong := _KEYS ^ plan.keys():
        raise ConfigError(f"{options.file}: missing or unknown key {sorted(wrong)[0]!r}")
    results = read_results(Path(plan["results"]))
    if not options.table:
        sets = held_out(plan, options.real)
        for seed in plan["seeds"]:
            for row in plan["rows"]:
                if not any(r["row"] == row["name"] and r["seed"] == seed for r in results):
                    results.append(train_row(plan, row, seed, sets))
                    write_results(Path(plan["results"]), results)
    print(to_table([row["name"] for row in plan["rows"]], results))


def read_results(file: Path) -> list[dict[str, Any]]:
    """The lines written so far."""
    if not file.is_file():
        return []
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def write_results(file: Path, results: Sequence[dict[str, Any]]) -> None:
    """Write all lines anew, so that the file is whole at any time."""
    with atomic_write(file) as stream:
        stream.writelines(json.dumps(result) + "\n" for result in results)


def held_out(plan: dict[str, Any], real: str | None) -> dict[str, list[Article]]:
    """The articles to measure on, by name."""
    validation = read_articles(load_config(plan["config"], plan["overrides"]).data.validation)
    sets = {"validation": validation, "damaged": [damaged(a, 13) for a in validation]}
    return sets if real is None else sets | {"real": read_articles(real)}


def train_row(
    plan: dict[str, Any], row: dict[str, Any], seed: int, sets: dict[str, list[Article]]
) -> dict[str, Any]:
    """Train and measure one row with one seed.

    A row with `share` trains on that part of the articles, drawn by the seed, as many times more
    often: every row takes the same number of segments.
    """
    folder = Path("runs") / "ablation"
    overrides = [*plan["overrides"], *row.get("overrides", [])]
    overrides += [f"name=ablation-{seed}", f"seed={seed}", f"output={folder / 'model'}"]
    config = load_config(plan["config"], overrides)
    if share := row.get("share"):
        articles = read_articles(config.data.train)
        part = random.Random(seed).sample(articles, round(share * len(articles)))
        write_articles(folder / "train.jsonl", part)
        overrides += [f"data.train={folder / 'train.jsonl'}"]
        overrides += [f"train.epochs={config.train.epochs / share}"]
        config = load_config(plan["config"], overrides)
    print(f"{row['name']}, seed {seed}", flush=True)
    classifier = Classifier.load(finetune(config))
    result: dict[str, Any] = {"row": row["name"], "seed": seed}
    result["tokens_per_segment"] = tokens_per_segment(config.output, sets["validation"])
    for name, articles in sets.items():
        found = figures(answer(classifier, articles), np.ones(len(articles)))
        result[name] = {key: round(value, 4) for key, value in found.items()}
    return result


def tokens_per_segment(folder: str, articles: Sequence[Article]) -> float:
    """How many tokens the encoder reads for a segment: its own, its share of its neighbours'."""
    config = read_config(folder)
    tokenizer = Tokenizer.from_file(str(Path(folder) / TOKENIZER_FILE))
    tokens = segments = 0
    for article in articles:
        texts = [segment.text for segment in article.segments]
        ids = tokenize(tokenizer, texts, config.window, config.special_tokens)
        windows = make_windows(ids, config.window, config.special_tokens)
        tokens += sum(len(window.token_ids) for window in windows)
        segments += len(texts)
    return round(tokens / segments, 1)


_COLUMNS = [
    ("validation", "macro_f1"),
    ("damaged", "macro_f1"),
    ("real", "macro_f1"),
    ("real", "macro_f1_named"),
    *(("real", f"labels.{label}.f1") for label in LABELS),
]


def to_table(names: Sequence[str], results: Sequence[dict[str, Any]]) -> str:
    """One line a row: means over its seeds, with the standard deviation where there are several."""
    rows = []
    for name in names:
        runs = [result for result in results if result["row"] == name]
        if runs:
            cost = f"{statistics.mean(result['tokens_per_segment'] for result in runs):.0f}"
            rows.append([name, len(runs), cost, *(_spread(runs, *c) for c in _COLUMNS)])
    head = [f"{key.split('.')[-2] if '.' in key else key}, {data}" for data, key in _COLUMNS]
    return table(["row", "seeds", "tokens a segment", *head], rows)


def _spread(runs: Sequence[dict[str, Any]], data: str, key: str) -> str:
    values = [result[data][key] for result in runs if data in result]
    if not values:
        return "–"
    mean = f"{statistics.mean(values):.3f}"
    return mean if len(values) < 2 else f"{mean} ± {statistics.stdev(values):.3f}"


if __name__ == "__main__":
    run(main)
