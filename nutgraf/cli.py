"""The command line: nutgraf classify, clean and render FILE..., and corpus INPUT OUTPUT."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import get_args

import nutgraf
from nutgraf.article import LabelledArticle
from nutgraf.classifier import Classifier, Format
from nutgraf.corpus import cli as corpus
from nutgraf.errors import InputError, NutgrafError
from nutgraf.files import atomic_write
from nutgraf.options import add_labels, add_model
from nutgraf.render import printable, to_html, to_terminal
from nutgraf.segment import MAX_TEXT_LENGTH


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status: 0, or 2 for input that cannot be used."""
    options = _parser().parse_args(arguments)
    try:
        output = options.run(options)
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
    classify.set_defaults(run=_classify)
    classify.add_argument(
        "--format",
        choices=("text", "json", "html"),
        default="text",
        help="output: a line a segment (default), a JSON object a file and line, or a web page",
    )
    render = commands.add_parser(
        "render",
        help="write a page that shows articles with every segment labelled",
        description="Label every segment of articles, and write one web page that shows them.",
    )
    render.set_defaults(run=_render)
    render.add_argument(
        "-o", "--output", metavar="OUT", default="-", help="where to write it (default: stdout)"
    )
    clean = commands.add_parser(
        "clean",
        help="print articles without their pages' clutter",
        description="Print the articles of HTML or text files without clutter, as plain text.",
    )
    clean.set_defaults(run=_clean)
    clean.add_argument(
        "--format",
        choices=("text", "json"),
        default="text",
        help="output: paragraphs between blank lines (default), or a JSON object a file and line",
    )
    clean.add_argument("--headline", action="store_true", help="keep the page's headline")
    clean.add_argument(
        "--method",
        choices=("tree", "trafilatura"),
        default="tree",
        help="how to find the article in HTML (default: by elements and text together)",
    )
    for command in (classify, render, clean):
        command.add_argument("files", metavar="FILE", nargs="+", help="a file, or - for stdin")
        add_model(command)
        command.add_argument(
            "--input",
            choices=get_args(Format),
            default="auto",
            help="how to read the files (default: tell text from HTML by the markup)",
        )
    for command in (classify, render):
        add_labels(command)
    corpus.add(commands)
    return parser


def _classify(options: argparse.Namespace) -> str:
    results = _results(options, _classifying(options))
    if options.format == "json":
        return "".join(_to_json(name, result) + "\n" for name, result in results)
    if options.format == "html":
        return to_html(results)
    return _to_text(results)


def _render(options: argparse.Namespace) -> str:
    """Return the page, or write it and return nothing."""
    if options.output == "-":
        return to_html(_results(options, _classifying(options)))
    output = Path(options.output)
    if output.resolve() in [Path(name).resolve() for name in options.files]:
        raise InputError(f"{output}: is one of the files to read, and would be lost")
    page = to_html(_results(options, _classifying(options)))
    try:
        with atomic_write(output) as file:
            file.write(page)
    except OSError as error:
        raise InputError(f"{output}: cannot be written: {error.strerror}") from None
    return ""


def _clean(options: argparse.Namespace) -> str:
    def way(classifier: Classifier, raw: bytes) -> LabelledArticle:
        return classifier.clean(
            raw, method=options.method, headline=options.headline, format=options.input
        )

    results = _results(options, way)
    if options.format == "json":
        return "".join(_to_json(name, result) + "\n" for name, result in results)
    return "\n".join(f"{_plain(result.source)}\n" for _, result in results)


def _plain(text: str) -> str:
    return "\n".join(printable(line) for line in text.splitlines())


_Way = Callable[[Classifier, bytes], LabelledArticle]


def _classifying(options: argparse.Namespace) -> _Way:
    return lambda classifier, raw: classifier.classify(
        raw, labels=options.labels, format=options.input
    )


def _results(options: argparse.Namespace, way: _Way) -> list[tuple[str, LabelledArticle]]:
    """Read all files before anything is printed, so that a bad file leaves no half output."""
    articles = [(name, _read(name)) for name in options.files]
    classifier = Classifier.load(options.model)
    results = []
    for name, raw in articles:
        try:
            results.append((_display(name), way(classifier, raw)))
        except InputError as error:
            raise InputError(f"{_display(name)}: {error}") from None
    return results


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
