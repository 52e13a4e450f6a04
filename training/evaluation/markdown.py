"""A report as Markdown, short enough for the summary of a CI job."""

import re
from collections.abc import Iterator
from typing import Any

from ..table import table

HEADLINE = {
    "accuracy": "accuracy",
    "macro_f1": "macro-F1, all labels",
    "macro_f1_named": "macro-F1, named labels",
    "matthews": "Matthews correlation",
    "ece": "expected calibration error",
    "brier": "Brier score",
    "aurc": "area under the risk-coverage curve",
    "coverage_at_95": "coverage at 95 % accuracy",
}
_LISTED = 10
"""How many slices or segments of a kind are listed before the rest is only counted."""
_FAILURES = 50
"""How many failed behavioural tests, and segments of a listed article, are shown."""


def to_markdown(report: dict[str, Any]) -> str:
    """Render what `training.evaluate` measured."""
    return "\n\n".join(_parts(report)) + "\n"


def _parts(report: dict[str, Any]) -> Iterator[str]:
    yield f"# {_line(report['model']['path'])} on {_line(report['data']['path'])}"
    yield (
        f"{report['data']['segments']} segments in {report['data']['articles']} articles; "
        f"nutgraf {report['nutgraf_version']}. In brackets: 95 % intervals from "
        f"{report['resamples']} resamples of articles."
    )
    yield from _gates(report)
    differences = (report.get("comparison") or {}).get("differences", {})
    head = ["figure", "value"] + (["against the baseline"] if differences else [])
    yield table(
        head,
        [
            [
                title,
                interval(report["figures"][name]),
                *([_difference(differences[name])] if differences else []),
            ]
            for name, title in HEADLINE.items()
        ],
    )
    yield from _labels(report)
    yield from _calibration(report)
    yield from _behaviour(report)
    yield from _comparison(report)
    yield from _slices(report)
    yield from _seed(report)


def _gates(report: dict[str, Any]) -> Iterator[str]:
    gates = [gate for gate in report["gates"] if gate["passed"] is not None]
    failed = [gate for gate in gates if not gate["passed"]]
    if failed:
        lines = [f"**{len(failed)} of {len(gates)} gates failed:**", ""]
        yield "\n".join(lines + [f"- {_line(gate['message'])}" for gate in failed])
    elif gates:
        yield f"**All {len(gates)} gates passed.**"
    if skipped := len(report["gates"]) - len(gates):
        yield f"{skipped} gates against a baseline were not checked: there is none."


def _labels(report: dict[str, Any]) -> Iterator[str]:
    labels = [_line(label) for label in report["labels"]]
    yield table(
        ["label", "precision", "recall", "F1", "segments"],
        [
            [
                _line(label),
                *(
                    interval(report["figures"][f"labels.{label}.{key}"])
                    for key in ("precision", "recall", "f1")
                ),
                sum(row),
            ]
            for label, row in zip(report["labels"], report["confusion"], strict=True)
        ],
    )
    yield "Confusion (rows: true label, columns: predicted):"
    rows = zip(labels, report["confusion"], strict=True)
    yield table(["", *labels], [[label, *row] for label, row in rows])


def _calibration(report: dict[str, Any]) -> Iterator[str]:
    before = report["calibration"]["before"]
    after = report["figures"]
    yield f"## Calibration: temperature {report['model']['temperature']:g}"
    yield table(
        ["", "before", "after"],
        [
            [HEADLINE[name], f"{before[name]:.3f}", f"{after[name]['value']:.3f}"]
            for name in ("ece", "brier")
        ],
    )


def _behaviour(report: dict[str, Any]) -> Iterator[str]:
    behaviour = report.get("behaviour")
    if not behaviour:
        return
    passed = sum(row["passed"] for row in behaviour["rates"])
    cases = sum(row["cases"] for row in behaviour["rates"])
    yield f"## Behavioural tests: {passed} of {cases} passed"
    yield table(
        ["kind", "capability", "passed", "of", "rate"],
        [
            [
                r["kind"],
                _line(r["capability"]),
                r["passed"],
                r["cases"],
                f"{r['passed'] / r['cases']:.0%}",
            ]
            for r in behaviour["rates"]
        ],
    )
    failed = [case for case in behaviour["cases"] if not case["passed"]]
    if failed:
        lines = [
            f"- {_line(case['name'])} ({_line(case['capability'])}): {_line(case['explanation'])}"
            for case in failed[:_FAILURES]
        ]
        if len(failed) > _FAILURES:
            lines.append(f"- … and {len(failed) - _FAILURES} more")
        summary = f"<summary>{len(failed)} failed</summary>"
        yield "<details>" + summary + "\n\n" + "\n".join(lines) + "\n\n</details>"


def _comparison(report: dict[str, Any]) -> Iterator[str]:
    comparison = report.get("comparison")
    if not comparison:
        return
    test = comparison["mcnemar"]
    yield f"## Against {_line(comparison['baseline'])}"
    yield (
        f"{test['fixed']} segments fixed, {test['broken']} broken; McNemar's test with articles "
        f"as units p = {test['p']:.4f} (with segments as units {test['p_segments']:.4f})"
    )
    segments = [(a["id"], s) for a in report["articles"] for s in a["segments"]]
    for name in ("fixed", "broken"):
        numbers = comparison[name]
        if not numbers:
            continue
        rows = [
            [_line(id), _line(s["label"]), _line(s["predicted"]), _opening(s["text"])]
            for id, s in (segments[number] for number in numbers[:_LISTED])
        ]
        yield f"First {len(rows)} of the {len(numbers)} {name}:"
        yield table(["article", "label", "now predicted", "segment"], rows)


def _slices(report: dict[str, Any]) -> Iterator[str]:
    whole = report["figures"]["accuracy"]["value"]
    yield "## Slices"
    yield (
        f"Accuracy on all segments is {whole:.3f}; † marks slices with fewer than "
        f"{report['few']} segments."
    )
    groups: dict[str, list[dict[str, Any]]] = {}
    for part in report["slices"]:
        groups.setdefault(part["group"], []).append(part)
    for group, parts in groups.items():
        shown = parts
        if len(parts) > _LISTED:
            shown = sorted(parts, key=lambda p: (p["few"], p["accuracy"]["value"]))[:_LISTED]
            yield f"### {group}: the {_LISTED} least accurate of {len(parts)}"
        else:
            yield f"### {group}"
        yield table(
            ["", "segments", "articles", "accuracy", "macro-F1 of its labels"],
            [
                [
                    f"{_line(p['name'])}{' †' if p['few'] else ''}",
                    p["segments"],
                    p["articles"],
                    interval(p["accuracy"]),
                    interval(p["macro_f1"]),
                ]
                for p in shown
            ],
        )


def _seed(report: dict[str, Any]) -> Iterator[str]:
    for article in report.get("seed", []):
        count = len(article["segments"])
        yield f"## {_line(article['id'])}: {article['right']} of {count} right"
        yield (
            f"With every segment cut once more at a random word, {article['right_when_cut']:.1%} "
            "are right (20 random cuts)."
        )
        yield table(
            ["", "label", "predicted", "probability", "segment"],
            [
                [
                    "" if s["label"] == s["predicted"] else "**wrong**",
                    _line(s["label"]),
                    _line(s["predicted"]),
                    f"{s['probability']:.3f}",
                    _opening(s["text"]),
                ]
                for s in article["segments"][:_FAILURES]
            ],
        )


def interval(figure: dict[str, float | None]) -> str:
    """A figure with its interval in brackets, where it has one."""
    return _with_interval(figure, "")


def _difference(figure: dict[str, float | None]) -> str:
    return _with_interval(figure, "+")


def _with_interval(figure: dict[str, float | None], sign: str) -> str:
    if figure["value"] is None:
        return "–"
    if figure["low"] is None or figure["high"] is None:
        return f"{figure['value']:{sign}.3f}"
    return f"{figure['value']:{sign}.3f} [{figure['low']:{sign}.3f}, {figure['high']:{sign}.3f}]"


def _opening(text: str) -> str:
    text = _line(text)
    return text if len(text) <= 60 else text[:59] + "…"


_SPECIAL = re.compile(r"[\\`*\[\]|~#@<>&]|(?<![^\W_])_|_(?![^\W_])")
"""Underscores within a word mean nothing in Markdown."""


def _line(text: str) -> str:
    """One line in which Markdown and HTML find nothing to act on."""
    return _SPECIAL.sub(lambda match: f"&#{ord(match[0])};", " ".join(text.split()))
