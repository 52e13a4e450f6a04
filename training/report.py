"""An evaluation report as Markdown."""

from collections.abc import Iterable, Sequence
from typing import Any


def to_markdown(report: dict[str, Any]) -> str:
    """Render what `training.evaluate` measured."""
    labels = list(report["labels"])
    parts = [
        f"# {report['model']} on {report['data']}",
        f"{report['segments']} segments in {report['articles']} articles; "
        f"nutgraf {report['nutgraf_version']}",
        table(
            ["accuracy", "macro-F1, all labels", "macro-F1, named labels"],
            [[_figure(report[key]) for key in ("accuracy", "macro_f1", "macro_f1_named")]],
        ),
        table(
            ["label", "precision", "recall", "F1", "support"],
            [
                [
                    label,
                    *(_figure(row[key]) for key in ("precision", "recall", "f1")),
                    row["support"],
                ]
                for label, row in report["labels"].items()
            ],
        ),
        "Confusion (rows: true label, columns: predicted):",
        table(
            ["", *labels], [[a, *row] for a, row in zip(labels, report["confusion"], strict=True)]
        ),
    ]
    for article in report.get("seed", []):
        parts.append(f"## {article['id']}: {article['right']} of {len(article['segments'])} right")
        rows = [
            [
                "" if s["label"] == s["predicted"] else "**wrong**",
                s["label"],
                s["predicted"],
                _figure(s["probability"]),
                _opening(s["text"]),
            ]
            for s in article["segments"]
        ]
        parts.append(table(["", "label", "predicted", "probability", "segment"], rows))
    return "\n\n".join(parts) + "\n"


def _figure(value: float) -> str:
    return f"{value:.3f}"


def _opening(text: str) -> str:
    text = " ".join(text.split()).replace("|", "\\|")
    return text if len(text) <= 60 else text[:59] + "…"


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    cells = [[str(cell) for cell in row] for row in [head, *rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    lines = [
        "| " + " | ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) + " |"
        for row in cells
    ]
    lines.insert(1, "| " + " | ".join("-" * max(w, 3) for w in widths) + " |")
    return "\n".join(lines)
