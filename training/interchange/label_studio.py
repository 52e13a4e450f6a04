"""Label Studio tasks: articles out with a model's predictions, corrected articles back.

One task is one article: its segments joined by blank lines, each a labelled span, so that an
annotator sees a segment among its neighbours. `labeling_config` gives the project's setting. The
formats are those of Label Studio's "Basic JSON" import with predictions and its JSON export.
"""

import json
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

from nutgraf.article import Article, LabelledArticle, Segment
from nutgraf.errors import DataError, nearest
from nutgraf.labels import LABELS

_FROM, _TO = "label", "text"
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#999999", "#f0e442")


def labeling_config() -> str:
    """The labelling interface that the tasks are made for, to paste into a project's settings."""
    labels = "".join(
        f"    <Label value={quoteattr(label)} background={quoteattr(colour)}/>\n"
        for label, colour in zip(LABELS, _COLOURS, strict=True)
    )
    return (
        f'<View>\n  <Labels name="{_FROM}" toName="{_TO}">\n{labels}  </Labels>\n'
        f'  <Text name="{_TO}" value="$text" granularity="paragraph"/>\n</View>\n'
    )


def to_task(id: str, title: str, result: LabelledArticle, model: str) -> dict[str, Any]:
    """An article with a model's predictions, ready to import."""
    regions = [
        {
            "id": f"s{i}",
            "from_name": _FROM,
            "to_name": _TO,
            "type": "labels",
            "score": prediction.probability,
            "value": {
                "start": prediction.start,
                "end": prediction.end,
                "text": prediction.text,
                "labels": [prediction.label],
            },
        }
        for i, prediction in enumerate(result)
    ]
    # Label Studio sorts tasks by this score: the least certain article first.
    score = min(prediction.probability for prediction in result)
    prediction = {"model_version": model, "score": score, "result": regions}
    return {
        "data": {"id": id, "title": title, "text": result.source},
        "predictions": [prediction],
    }


def read_label_studio(file: Path) -> list[Article]:
    """Read a JSON export. Text that no annotator labelled is kept as segments without a label.

    Raises:
        DataError: naming file, task and field of what is wrong.
    """
    try:
        tasks = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{file}: {error}") from None
    if not isinstance(tasks, list):
        raise DataError(f"{file}: expected a list of tasks, as Label Studio's JSON export has it")
    return [_article(task, f"{file}: task {number}") for number, task in enumerate(tasks)]


def _article(task: Any, where: str) -> Article:
    try:
        text: str = task["data"]["text"]
        id = str(task["data"].get("id", task.get("id")))
        finished = [a for a in task["annotations"] if not a.get("was_cancelled")]
        regions = [r for r in finished[-1]["result"] if r["type"] == "labels"] if finished else []
        spans = sorted(_span(text, region["value"]) for region in regions)
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise DataError(f"{where}: not a labelled text: {error!r}") from None
    segments: list[Segment] = []
    position = 0
    for start, end, label in [*spans, (len(text), len(text), None)]:
        if start < position:
            raise DataError(f"{where}: labelled spans overlap at character {start}")
        if label is not None and label not in LABELS:
            raise DataError(f"{where}: unknown label {label!r}; {nearest(label, LABELS)}")
        segments += [Segment(part.strip()) for part in text[position:start].split("\n\n")]
        segments.append(Segment(text[start:end].strip(), label))
        position = end
    title = str(task["data"].get("title", ""))
    return Article(id, tuple(s for s in segments if s.text), title=title)


def _span(text: str, value: dict[str, Any]) -> tuple[int, int, str]:
    start, end = value["start"], value["end"]
    if "text" in value and text[start:end] != value["text"]:
        # A browser counts UTF-16 units: characters outside the basic plane count as two.
        units = text.encode("utf-16-le")
        start = len(units[: 2 * start].decode("utf-16-le", "ignore"))
        end = len(units[: 2 * end].decode("utf-16-le", "ignore"))
    return start, end, value["labels"][0]
