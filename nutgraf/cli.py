"""The command line: nutgraf classify FILE..."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import nutgraf
from nutgraf.article import LabelledArticle
from nutgraf.classifier import MAX_TEXT_LENGTH, Classifier, Format
from nutgraf.errors import InputError, NutgrafError
from nutgraf.render import to_html, to_terminal


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status: 0, or 2 for input that cannot be used."""
    options = _parser().parse_args(arguments)
    try:
        output = _classify(options)
    except NutgrafError as error:
        print(f"nutgraf: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    try:
        sys.stdout.buffer.write(output.encode("utf-8", "replace"))
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        # The reader (`head`, a pager) has seen enough; keep the interpreter from flushing again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="nutgraf", description="Tell what every paragraph of a news article is."
    )
    parser.add_argument("--version", action="version", version=f"nutgraf {nutgraf.__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    classify = commands.add_parser(
        "classify",
        help="label every segment of articles",
        description="Label every segment of articles in text or HTML files.",
    )
    classify.add_argument("files", metavar="FILE", nargs="+", help="a file, or - for stdin")
    classify.add_argument(
        "--format",
        choices=("text", "json", "html"),
        default="text",
        help="output: a line a segment (default), a JSON object a file and line, or a web page",
    )
    classify.add_argument(
        "--model",
        metavar="FOLDER",
        default=os.environ.get("NUTGRAF_MODEL"),
        help="a model folder (default: $NUTGRAF_MODEL, else the released model)",
    )
    classify.add_argument(
        "--labels",
        metavar="LABEL,LABEL",
        type=lambda value: value.split(","),
        help="answer with these labels only",
    )
    classify.add_argument(
        "--input",
        choices=get_args(Format),
        default="auto",
        help="how to read the files (default: tell text from HTML by the markup)",
    )
    return parser


def _classify(options: argparse.Namespace) -> str:
    """Classify all files before anything is printed, so that a bad file leaves no half output."""
    articles = [(name, _read(name)) for name in options.files]
    classifier = Classifier.load(options.model)
    results = []
    for name, raw in articles:
        try:
            result = classifier.classify(raw, labels=options.labels, format=options.input)
        except InputError as error:
            raise InputError(f"{_display(name)}: {error}") from None
        results.append((_display(name), result))
    if options.format == "json":
        return "".join(_to_json(name, result) + "\n" for name, result in results)
    if options.format == "html":
        return to_html(results)
    return _to_text(results)


def _read(name: str) -> bytes:
    most = MAX_TEXT_LENGTH + 1  # enough to be refused, so that no device is read for ever
    try:
        if name == "-":
            return sys.stdin.buffer.read(most)
        with Path(name).open("rb") as file:
            return file.read(most)
    except OSError as error:
        raise InputError(f"{name}: {error.strerror}") from None


def _display(name: str) -> str:
    return "standard input" if name == "-" else name


def _to_json(name: str, article: LabelledArticle) -> str:
    record = {"file": name, "segments": [prediction.to_dict() for prediction in article]}
    return json.dumps(record, ensure_ascii=False)


def _to_text(results: Sequence[tuple[str, LabelledArticle]]) -> str:
    colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    if len(results) == 1:
        return to_terminal(results[0][1], colour=colour)
    return "\n".join(f"{name}\n{to_terminal(result, colour=colour)}" for name, result in results)


if __name__ == "__main__":
    sys.exit(main())
