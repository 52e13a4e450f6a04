"""Evaluate a model: python -m training.evaluate MODEL --data FILE --out FOLDER

Writes one report in four forms: report.json (everything), report.md (for the summary of a CI
job), report.html (to look at) and junit.xml (gates and behavioural tests). A failed gate is
printed and makes the exit status 1.
"""

import argparse
import dataclasses
import json
import random
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import nutgraf
from nutgraf.article import Article, read_articles
from nutgraf.classifier import Classifier
from nutgraf.errors import DataError
from nutgraf.files import atomic_write
from nutgraf.labels import LABELS

from .evaluation.behaviour import CaseFile, pass_rates, read_cases, run_cases
from .evaluation.bootstrap import intervals
from .evaluation.compare import compare
from .evaluation.figures import calibration_bins, confusion, figures, risk_coverage
from .evaluation.gates import check, read_gates
from .evaluation.junit import to_junit
from .evaluation.markdown import to_markdown
from .evaluation.outcomes import Outcomes, answer, from_records, to_records
from .evaluation.page import to_page
from .evaluation.reading import SCHEMA_VERSION, read_report
from .evaluation.slices import FEW, Slice, make_slices, slice_figures
from .script import run

BEHAVIOUR = Path(__file__).parent.parent / "tests" / "behaviour"
_CURVE_POINTS = 200
_LEAST_RESAMPLES = 20
_DIGITS = 6


def main(arguments: Sequence[str]) -> None:
    options = _parser().parse_args(arguments)
    classifier = Classifier.load(options.model)
    cases = [] if options.no_behaviour else find_cases(options.behaviour, classifier.labels)
    articles = read_articles(options.data, labels=classifier.labels)
    seed = read_articles(options.seed, labels=classifier.labels) if options.seed else []
    gates = None
    if options.gates:
        others = [f"behaviour.{file.kind}" for _, file in cases]
        others += ["seed", "seed_cut"] if seed else []
        gates = read_gates(options.gates, figure_names(classifier.labels), others)
    baseline = None
    if options.baseline:
        baseline = read_baseline(Path(options.baseline), classifier.labels, articles)
    if options.out:
        Path(options.out).mkdir(parents=True, exist_ok=True)

    outcomes = answer(classifier, articles)
    slices = make_slices(articles)
    report: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "nutgraf_version": nutgraf.__version__,
        "model": {"path": options.model, "temperature": classifier.temperature},
        "data": {
            "path": options.data,
            "articles": len(articles),
            "segments": len(outcomes.gold),
        },
        **measure(outcomes, slices, classifier.temperature, options.resamples),
    }
    if cases:
        report["behaviour"] = behave(classifier, cases)
    if seed:
        report["seed"] = [label_one(classifier, article) for article in seed]
    if baseline:
        report["comparison"] = compare(
            options.baseline, baseline, outcomes, resamples=options.resamples
        )
    report["gates"] = check(gates, report) if gates else []
    report["articles"] = to_records(outcomes, articles)
    summary = to_markdown(report)
    if options.out:
        forms = {
            "report.json": to_json(report),
            "report.md": summary,
            "report.html": to_page(report, slices),
            "junit.xml": to_junit(report),
        }
        write(forms, Path(options.out))
    print(summary, end="")
    failed = [gate["message"] for gate in report["gates"] if gate["passed"] is False]
    for message in failed:
        print(f"gate failed: {message}", file=sys.stderr)
    if failed:
        sys.exit(1)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.evaluate",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model", metavar="MODEL", help="a model folder")
    parser.add_argument(
        "--data", required=True, help="labelled articles: a JSONL file or a folder of them"
    )
    parser.add_argument("--out", metavar="FOLDER", help="where to write the report")
    parser.add_argument(
        "--baseline",
        metavar="REPORT|MODEL",
        help="the report.json of another evaluation on the same data, or a second model folder",
    )
    parser.add_argument(
        "--gates", metavar="FILE", help="what must hold, such as configs/gates.yaml"
    )
    parser.add_argument(
        "--behaviour",
        metavar="FOLDER",
        help="behavioural tests (default: tests/behaviour, for a model that has their labels)",
    )
    parser.add_argument("--no-behaviour", action="store_true", help="leave them out")
    parser.add_argument(
        "--seed", metavar="FILE", help="labelled articles to list segment by segment (JSONL)"
    )
    parser.add_argument(
        "--resamples",
        type=_resamples,
        default=1000,
        help="how many times articles are drawn for the intervals (default: 1000; 0 for none)",
    )
    return parser


def _resamples(value: str) -> int:
    number = int(value)
    if number and number < _LEAST_RESAMPLES:
        raise argparse.ArgumentTypeError(f"expected 0, or {_LEAST_RESAMPLES} or more")
    return number


def find_cases(folder: str | None, labels: tuple[str, ...]) -> list[tuple[str, CaseFile]]:
    """The behavioural tests of a folder; by default the project's own, but none of them for a
    model that lacks one of their labels.

    Raises:
        ConfigError: for a case that cannot be used, such as one of a label that is not in `labels`.
    """
    if folder is None and not set(LABELS) <= set(labels):
        print(
            f"behavioural tests left out: {BEHAVIOUR} is about {', '.join(LABELS)}, the model's "
            f"labels are {', '.join(labels)}; name tests of your own with --behaviour",
            file=sys.stderr,
        )
        return []
    return read_cases(folder or BEHAVIOUR, labels)


def figure_names(labels: tuple[str, ...]) -> list[str]:
    """The names of all figures of a report."""
    sure = np.eye(len(labels))
    each = np.arange(len(labels))
    return list(figures(Outcomes(labels, np.zeros_like(each), each, each, sure), np.ones(1)))


def read_baseline(path: Path, labels: tuple[str, ...], articles: Sequence[Article]) -> Outcomes:
    """What another model answered: from its report.json, or from the model itself.

    Raises:
        DataError: for a report that cannot be read or is not on these articles.
    """
    if path.is_dir():
        other = Classifier.load(path)
        check_labels(str(path), other.labels, labels)
        return answer(other, articles, labels)
    report = read_report(path)
    check_labels(f"{path}: labels", report["labels"], labels)
    return from_records(report["articles"], report["labels"], labels, articles, str(path))


def check_labels(where: str, found: Sequence[str], labels: Sequence[str]) -> None:
    """Refuse a baseline that tells other labels apart, in whatever order."""
    if sorted(map(str, found)) != sorted(labels):
        raise DataError(
            f"{where}: {', '.join(map(str, found))}: the model's are {', '.join(labels)}"
        )


def measure(
    outcomes: Outcomes, slices: Sequence[Slice], temperature: float, resamples: int
) -> dict[str, Any]:
    """Everything that follows from the answers: figures, confusion, curves and slices."""
    by_slice = intervals(
        lambda weights: slice_figures(outcomes, slices, weights),
        outcomes.articles,
        resamples=resamples,
    )
    before = outcomes.at_temperature(1 / temperature)
    figures_before = figures(before, np.ones(outcomes.articles))
    return {
        "labels": list(outcomes.labels),
        "resamples": resamples,
        "figures": intervals(
            lambda weights: figures(outcomes, weights),
            outcomes.articles,
            resamples=resamples,
            recentred=("ece",),
        ),
        "confusion": confusion(outcomes, np.ones(len(outcomes.gold))).astype(int).tolist(),
        "calibration": {
            "bins": reliability(outcomes),
            "before": {
                **{name: figures_before[name] for name in ("ece", "brier")},
                "bins": reliability(before),
            },
        },
        "risk_coverage": curve(outcomes),
        "few": FEW,
        "slices": [
            {
                "group": part.group,
                "name": part.name,
                "segments": len(part.segments),
                "articles": len(np.unique(outcomes.article[part.segments])),
                "few": len(part.segments) < FEW,
                "accuracy": by_slice[f"{number}.accuracy"],
                "macro_f1": by_slice[f"{number}.macro_f1"],
            }
            for number, part in enumerate(slices)
        ],
    }


def reliability(outcomes: Outcomes) -> list[dict[str, float]]:
    """The points of a reliability diagram."""
    bins = zip(*calibration_bins(outcomes, np.ones(len(outcomes.gold))), strict=True)
    return [
        {"share": _round(mass), "confidence": _round(confidence), "accuracy": _round(accuracy)}
        for mass, confidence, accuracy in bins
    ]


def curve(outcomes: Outcomes) -> list[dict[str, float]]:
    """The risk-coverage curve at evenly spaced points, each with its least confidence."""
    points = risk_coverage(outcomes, np.ones(len(outcomes.gold)))[:3]
    last = len(points[0]) - 1
    chosen = np.unique(np.linspace(0, last, min(_CURVE_POINTS, last + 1)).astype(int))
    names = ("confidence", "coverage", "risk")
    return [
        {name: _round(values[i]) for name, values in zip(names, points, strict=True)}
        for i in chosen
    ]


def behave(classifier: Classifier, cases: Sequence[tuple[str, CaseFile]]) -> dict[str, Any]:
    """Run the behavioural tests."""
    outcomes = run_cases(classifier, cases)
    return {
        "rates": pass_rates(outcomes),
        "cases": [dataclasses.asdict(outcome) for outcome in outcomes],
    }


def label_one(classifier: Classifier, article: Article) -> dict[str, Any]:
    """Label and prediction of each segment of one article, and how many labels are right when
    each of its segments is cut once more at a random word."""
    segments = [
        {
            "text": prediction.text,
            "label": segment.label,
            "predicted": prediction.label,
            "probability": _round(prediction.probability),
        }
        for segment, prediction in zip(article.segments, classifier.classify(article), strict=True)
    ]
    return {
        "id": article.id,
        "right": sum(s["label"] == s["predicted"] for s in segments),
        "right_when_cut": _round(right_when_cut(classifier, article)),
        "segments": segments,
    }


def right_when_cut(classifier: Classifier, article: Article, *, times: int = 20) -> float:
    """The share of right labels over several random cuts of every segment in two."""
    right = []
    for number in range(times):
        rng = random.Random(number)
        pieces: list[tuple[str, str | None]] = []
        for segment in article.segments:
            words = segment.text.split()
            cut = rng.randint(1, len(words) - 1) if len(words) > 1 else 1
            parts = " ".join(words[:cut]), " ".join(words[cut:])
            pieces += [(part, segment.label) for part in parts if part]
        result = classifier.classify([text for text, _ in pieces])
        right += [p.label == label for p, (_, label) in zip(result, pieces, strict=True)]
    return sum(right) / len(right)


def write(forms: dict[str, str], folder: Path) -> None:
    """Write the forms of a report, by their file names."""
    for name, text in forms.items():
        with atomic_write(folder / name) as file:
            file.write(text)


def to_json(report: dict[str, Any]) -> str:
    """JSON with the articles at the end, one a line, so that two reports can be compared."""
    rest = {key: value for key, value in report.items() if key != "articles"}
    head = json.dumps(rest, indent=1, allow_nan=False)
    lines = ",\n".join(json.dumps(a, ensure_ascii=False) for a in report["articles"])
    return f'{head[:-2]},\n "articles": [\n{lines}\n]}}\n'


def _round(value: float) -> float:
    return round(float(value), _DIGITS)


if __name__ == "__main__":
    run(main)
