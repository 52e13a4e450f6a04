"""The table of docs/bad-input.md: each of its rows names the test here that shows it."""

import gzip
import io
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from nutgraf import (
    Article,
    Classifier,
    DataError,
    InputError,
    ModelError,
    Segment,
    read_articles,
    segment_html,
)
from nutgraf.article import MAX_LINE_BYTES
from nutgraf.classifier import MAX_SEGMENT_CHARACTERS
from nutgraf.cli import main
from nutgraf.segment import MAX_TEXT_LENGTH
from tests.conftest import ROOT, change_settings
from training import evaluate
from training.config import ConfigError, load_config
from training.finetune import main as finetune
from training.script import run

MB = 2**20
PDF = b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n%%EOF\n"
LINE = {"id": "a", "segments": [{"text": "The storm came.", "label": "other"}]}

Refused = Callable[..., str]


@pytest.fixture
def refused(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Refused:
    """Give a file to the command line beside a good one, and return the one line that it says."""

    def refuse(content: bytes, *options: str, name: str = "bad.txt") -> str:
        good, bad = tmp_path / "good.txt", tmp_path / name
        good.write_text("The storm came.\n")
        bad.write_bytes(content)
        assert main(["classify", str(good), str(bad), "--model", str(model), *options]) == 2
        return _one_line(capsys, f"nutgraf: {bad}: ")

    return refuse


@pytest.fixture
def data_error(
    model: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Refused:
    """Read a JSONL file with the library and with a script, and return what both say of it."""

    def refuse(*lines: object) -> str:
        file = tmp_path / "bad.jsonl"
        texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
        file.write_text("\n".join(texts) + "\n", encoding="utf-8")
        with pytest.raises(DataError) as error:
            read_articles(file)
        arguments = ["evaluate", str(model), "--data", str(file), "--no-behaviour"]
        monkeypatch.setattr(sys, "argv", arguments)
        with pytest.raises(SystemExit) as exit:
            run(evaluate.main)
        assert exit.value.code == 2
        message = _one_line(capsys, f"error: {file}")
        assert str(error.value) == f"{file}{message}"
        return message

    return refuse


def _one_line(capsys: pytest.CaptureFixture[str], start: str) -> str:
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(start)
    assert captured.err.count("\n") == 1
    assert captured.err.endswith("\n")
    return captured.err.removeprefix(start).rstrip("\n")


def answered(
    classifier: Classifier, article: str | bytes | Sequence[str], format: str = "auto"
) -> list[str]:
    """The texts of an answer that holds together."""
    result = classifier.classify(article, format=format)  # type: ignore[arg-type]
    position = 0
    for p in result:
        assert position <= p.start <= p.end
        assert result.source[p.start : p.end] == p.text
        assert p.label in classifier.labels
        assert sum(p.probabilities.values()) == pytest.approx(1)
        position = p.end
    return [p.text for p in result]


def changed(model: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "changed"
    shutil.copytree(model, folder)
    return folder


def model_error(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """What the library and the command line both say of a model folder."""
    with pytest.raises(ModelError) as error:
        Classifier.load(folder)
    file = tmp_path / "good.txt"
    file.write_text("The storm came.\n")
    assert main(["classify", str(file), "--model", str(folder)]) == 2
    assert _one_line(capsys, "nutgraf: ") == str(error.value)
    return str(error.value)


# Nothing to read


def test_an_empty_article(classifier: Classifier, refused: Refused) -> None:
    assert refused(b"") == "no text: the article is empty"
    articles: list[str | list[str]] = ["", []]
    for article in articles:
        with pytest.raises(InputError, match=r"^no text: the article is empty$"):
            classifier.classify(article)


def test_white_space_only(refused: Refused) -> None:
    assert refused(" \t\r\n\u00a0\u3000\u2028\n".encode()) == "no text: the article is empty"
    assert refused(b"<html><body> </body></html>") == "no text: the article is empty"


def test_empty_segments_of_a_list(classifier: Classifier) -> None:
    segments = ["", "The storm came.", " \n"]
    assert answered(classifier, segments) == segments


# Too much to read


def test_50_mb_of_text(refused: Refused) -> None:
    message = "more than the 20,000,000 bytes allowed: is this a news article?"
    paragraph = b"The storm came on Monday.\n\n"
    assert refused(paragraph * (50 * MB // len(paragraph))) == message
    assert refused(b"\n" * 50 * MB) == message


def test_50_mb_of_text_in_memory(classifier: Classifier) -> None:
    with pytest.raises(InputError, match="more than the 20,000,000 characters allowed"):
        classifier.classify("The storm came on Monday.\n\n" * 2_000_000)
    with pytest.raises(InputError, match="more than the 20,000,000 characters allowed"):
        segment_html("<p>The storm came on Monday.</p>" * 2_000_000)


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="there is no such device")
def test_a_device_without_end(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["classify", "/dev/zero", "--model", str(model)]) == 2
    message = _one_line(capsys, "nutgraf: /dev/zero: ")
    assert message == "more than the 20,000,000 bytes allowed: is this a news article?"


def test_a_line_of_5_mb(refused: Refused) -> None:
    line = b"The storm came on Monday. " * (5 * MB // 26)
    assert refused(line) == (
        "segment 0 has 5,242,873 characters, more than the 1,000,000 allowed: "
        "is this a news article?"
    )


def test_100_000_segments_of_one_word(classifier: Classifier) -> None:
    spent = []
    for count in (10_000, 100_000):
        words = [f"storm{n}" for n in range(count)]
        start = time.process_time()
        result = classifier.classify("\n".join(words))
        spent.append(time.process_time() - start)
        assert [p.text for p in result] == words
        assert all(result.source[p.start : p.end] == p.text for p in result)
    assert spent[1] < 25 * spent[0], "ten times the segments take about ten times as long"


def test_a_segment_longer_than_any_window(classifier: Classifier) -> None:
    segments = ["Share", "storm " * 10_000, "x" * MAX_SEGMENT_CHARACTERS, "It was his bridge."]
    assert answered(classifier, segments) == segments


# Bytes that are no text


def test_nul_bytes(refused: Refused) -> None:
    assert refused(b"The storm\0came.") == "not text: NUL byte at offset 9"
    assert refused(b"<p>The storm\0came.</p>", "--input", "html") == (
        "not HTML: NUL byte at offset 12"
    )


def test_nul_characters_in_a_string(classifier: Classifier) -> None:
    assert answered(classifier, "The\0storm\n\n\0\n\nShare") == ["The\0storm", "\0", "Share"]


def test_invalid_utf8(refused: Refused) -> None:
    assert refused(b"The caf\xe9 is closed.") == "not UTF-8 text: byte 0xe9 at offset 7"
    cut_in_a_character = "The café".encode()[:-1]
    assert refused(cut_in_a_character) == "not UTF-8 text: byte 0xc3 at offset 7"


def test_invalid_utf8_in_a_page(classifier: Classifier) -> None:
    assert answered(classifier, b"<p>The caf\xe9</p><p>Share</p>") == ["The café", "Share"]


def test_a_page_that_declares_a_useless_encoding(classifier: Classifier) -> None:
    for name in ("x-nonsense", "idna", "punycode", "utf-16", "undefined", "hex"):
        page = f'<body><meta charset="{name}"><p>The café -{"x" * 200_000}</p><p>Share</p>'
        first, second = answered(classifier, page.encode("windows-1252"))
        assert first.startswith("The café -x")
        assert second == "Share"


def test_utf16_with_a_byte_order_mark(classifier: Classifier) -> None:
    for encoding, mark in (("utf-16-le", b"\xff\xfe"), ("utf-16-be", b"\xfe\xff")):
        text, page = "The café.\r\n\r\nShare", "<p>The café.</p><p>Share</p>"
        assert answered(classifier, mark + text.encode(encoding)) == ["The café.", "Share"]
        assert answered(classifier, mark + page.encode(encoding)) == ["The café.", "Share"]


def test_utf16_that_is_cut_or_unmarked(refused: Refused) -> None:
    text = "The storm.".encode("utf-16-le")
    assert refused(b"\xff\xfe" + text[:-1]) == "not UTF-16 text: byte 0x2e at offset 20"
    assert refused(text) == "not text: NUL byte at offset 1"


def test_utf32(refused: Refused) -> None:
    message = "this is UTF-32 text: convert it to UTF-8 first"
    assert refused("The storm.".encode("utf-32")) == message
    assert refused("<p>The storm.</p>".encode("utf-32"), "--input", "html") == message


def test_a_page_that_is_a_pdf(refused: Refused) -> None:
    message = "this is a PDF file: extract its text first"
    for content in (PDF, PDF + b"\0\xff", b"\n" + PDF + b"<p>\xe9</p>"):
        for options in ((), ("--input", "html"), ("--input", "text")):
            assert refused(content, *options, name="page.html") == message


def test_gzip_bytes(refused: Refused) -> None:
    message = "this is gzip data: decompress it first"
    assert refused(gzip.compress(b"<p>The storm came.</p>"), name="page.html") == message
    assert refused(gzip.compress(b"The storm came."), "--input", "html") == message


def test_a_zip_archive(refused: Refused) -> None:
    assert refused(b"PK\x03\x04\x14\0\x06\0", name="article.docx") == (
        "this is a ZIP archive or an office document: extract its text first"
    )


# Text of every kind


def test_right_to_left_text(classifier: Classifier) -> None:
    segments = ["قال الوزير إن الطريق مغلق.", "\u202bשלום\u202c עולם", "The storm قال came."]
    assert answered(classifier, "\n\n".join(segments)) == segments
    assert answered(classifier, segments) == segments


def test_emoji(
    classifier: Classifier, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    segments = ["🙂", "👩‍👩‍👧 The storm 🇺🇦", "👍🏽"]
    assert answered(classifier, "\n\n".join(segments).encode()) == segments
    file = tmp_path / "emoji.txt"
    file.write_text("\n\n".join(segments), encoding="utf-8")
    assert main(["classify", str(file), "--model", str(model)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(maxsplit=2)[2] for line in lines] == segments


def test_zero_width_characters(classifier: Classifier) -> None:
    segments = ["The\u200bstorm", "\u200b\u200c\u200d\u2060\ufeff", "Share\u200b"]
    for article in (segments, "\n\n".join(segments), "\n\n".join(segments).encode()):
        assert answered(classifier, article) == segments
    page = "".join(f"<p>{segment}</p>" for segment in segments)
    assert answered(classifier, page) == segments


def test_half_a_character(classifier: Classifier) -> None:
    for text in ("The storm \ud800", "<p>storm</p> \udfff", "The storm \ud83d\ude42"):
        with pytest.raises(InputError, match=r"half of a character .* at offset 1") as error:
            classifier.classify(text)
        assert "\n" not in str(error.value)
    halves = ["The storm", "came \udc80"]
    for article in (halves, Article("a", tuple(Segment(text) for text in halves))):
        with pytest.raises(InputError, match=r"^segment 1 holds half of a character"):
            classifier.classify(article)
    with pytest.raises(InputError, match=r"^article 1: segment 1 holds half of a character"):
        classifier.classify_many(["The storm", halves])


def test_thousands_of_nested_tags(classifier: Classifier, refused: Refused) -> None:
    def page(depth: int) -> bytes:
        return b"<p>Share</p>" + b"<div>" * depth + b"deep" + b"</div>" * depth + b"<p>Storm</p>"

    assert answered(classifier, page(1_900)) == ["Share", "deep", "Storm"]
    message = "elements are nested too deeply to read all of the page"
    assert refused(page(5_000)) == message
    assert refused(b"<p>" + b"<b>" * 1_000_000 + b"x</p>", "--input", "html") == message
    end_tags_of_nothing = b"<div>" * 50_000 + b"</q>" * 1_000_000
    assert refused(end_tags_of_nothing, "--input", "html") == message


def test_thousands_of_attributes(classifier: Classifier, refused: Refused) -> None:
    def page(count: int) -> bytes:
        names = " ".join(f"a{n}='>'" for n in range(count))
        return f"<p>Share</p><p {names}>Storm</p>".encode()

    assert answered(classifier, page(1_000)) == ["Share", "Storm"]
    assert refused(page(50_000)) == (
        "a tag has 50,000 attributes, more than the 1,000 allowed: is this a news article?"
    )


# Values that are no article


@pytest.mark.parametrize("article", [None, 3, {"id": "a", "segments": []}])
def test_a_value_that_is_no_article(classifier: Classifier, article: object) -> None:
    message = f"expected text, bytes, an Article or a list of segments, got {_name(article)}"
    with pytest.raises(InputError, match=f"^{message}$"):
        classifier.classify(article)  # type: ignore[arg-type]


def _name(value: object) -> str:
    return type(value).__name__


def test_a_segment_that_is_no_string(classifier: Classifier) -> None:
    with pytest.raises(InputError, match=r"^segment 1: expected a string, got bytes$"):
        classifier.classify(["The storm", b"came"])  # type: ignore[list-item]


def test_an_iterator_of_segments(classifier: Classifier) -> None:
    segments = ["The storm", "Share"]
    result = classifier.classify(iter(segments))  # type: ignore[arg-type]
    assert [result.source[p.start : p.end] for p in result] == segments


# The command line


def test_a_bad_file_on_standard_input(
    model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(PDF)))
    assert main(["classify", "-", "--model", str(model)]) == 2
    message = _one_line(capsys, "nutgraf: standard input: ")
    assert message == "this is a PDF file: extract its text first"


def test_a_missing_file_and_a_folder(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, message in ((tmp_path / "none", "No such file"), (tmp_path, "Is a directory")):
        assert main(["classify", str(name), "--model", str(model)]) == 2
        assert _one_line(capsys, f"nutgraf: {name}: ").startswith(message)


def test_an_unknown_label_asked_for(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "good.txt"
    file.write_text("The storm came.")
    command = ["classify", str(file), "--model", str(model), "--labels", "quote,expert_opinon"]
    assert main(command) == 2
    message = _one_line(capsys, f"nutgraf: {file}: ")
    assert message == "labels: unknown label 'expert_opinon'; did you mean 'expert_opinion'?"


def test_a_process_shows_no_traceback(model: Path) -> None:
    command = [sys.executable, "-m", "nutgraf.cli", "classify", "-", "--model", str(model)]
    done = subprocess.run(command, input=gzip.compress(b"x"), capture_output=True, cwd=ROOT)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.decode().split(os.linesep) == [
        "nutgraf: standard input: this is gzip data: decompress it first",
        "",
    ]


# Data files


def test_jsonl_with_a_missing_field(data_error: Refused) -> None:
    assert data_error(LINE, {"id": "b"}) == ":2: segments: is missing"
    assert data_error(LINE, {"segments": LINE["segments"]}) == ":2: id: is missing"
    segment = {"text": "Share"}
    assert data_error({"id": "a", "segments": [segment]}) == ":1: segments[0].label: is missing"


def test_jsonl_with_a_duplicate_id(data_error: Refused) -> None:
    message = data_error(LINE, LINE | {"id": "b"}, LINE)
    assert re.fullmatch(r":3: id: 'a' occurs before, at .*bad\.jsonl:1", message)


def test_jsonl_with_an_unknown_label(data_error: Refused) -> None:
    segment = {"text": "Share", "label": "qoute"}
    assert data_error(LINE, {"id": "b", "segments": [segment]}) == (
        ":2: segments[0].label: unknown label 'qoute'; did you mean 'quote'?"
    )


def test_jsonl_that_is_malformed(data_error: Refused) -> None:
    message = ":2: malformed JSON: Expecting property name enclosed in double quotes at column 2"
    assert data_error(LINE, "{id: b}") == message
    cut = '{"id": "b", "segm'
    assert data_error(LINE, cut) == (
        ":2: malformed JSON: Unterminated string starting at column 13"
    )
    assert data_error("[" * 100_000) == ":1: malformed JSON: nested too deeply"
    assert data_error("9" * 5_000) == ":1: malformed JSON: a number is too long"


def test_jsonl_with_a_line_that_is_too_long(data_error: Refused) -> None:
    long = LINE | {"title": "x" * 10_000_000}
    assert data_error(LINE, long) == ":2: line of more than 8,388,608 bytes"


def test_jsonl_with_an_empty_text_or_half_a_character(data_error: Refused) -> None:
    for text, message in (
        (" \n", ":1: segments[0].text: is empty"),
        ("\ud800", ":1: segments[0].text: holds half of a character (a lone surrogate)"),
    ):
        assert data_error({"id": "a", "segments": [{"text": text, "label": "other"}]}) == message
    for field, value in (("id", "\ud800"), ("title", "\udfff"), ("provenance", {"\ud800": 1})):
        message = f":1: {field}: holds half of a character (a lone surrogate)"
        assert data_error(LINE | {field: value}) == message


def test_jsonl_without_an_article(data_error: Refused) -> None:
    assert data_error("") == ": no article in this file"


# Configurations and models


def test_a_configuration_with_a_typo(
    settings: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = tmp_path / "typo.yaml"
    file.write_text(settings.read_text(encoding="utf-8").replace("batch_size", "batch_sise"))
    with pytest.raises(ConfigError) as error:
        load_config(file)
    monkeypatch.setattr(sys, "argv", ["finetune", str(file)])
    with pytest.raises(SystemExit) as exit:
        run(finetune)
    assert exit.value.code == 2
    message = _one_line(capsys, f"error: {file}")
    assert str(error.value) == f"{file}{message}"
    assert re.fullmatch(
        r":\d+: train\.batch_sise: unknown key; did you mean 'batch_size'\?", message
    )


def test_a_model_with_too_few_labels(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = changed(model, tmp_path)
    change_settings(folder, labels=["quote", "official_statement", "expert_opinion", "other"])
    assert model_error(folder, tmp_path, capsys) == f"{folder}: 4 labels, but 5 outputs"


def test_a_missing_model_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "none"
    assert model_error(folder, tmp_path, capsys) == f"{folder}: no such model folder"


def test_a_missing_model_file(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = changed(model, tmp_path)
    (folder / "tokenizer.json").unlink()
    message = f"{folder}: not a model folder: tokenizer.json is missing"
    assert model_error(folder, tmp_path, capsys) == message


def test_a_truncated_model_file(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("model.onnx", "tokenizer.json"):
        folder = changed(model, tmp_path / name)
        (folder / name).write_bytes((model / name).read_bytes()[:1_000])
        assert model_error(folder, tmp_path, capsys) == (
            f"{folder / name}: damaged: its checksum is not the one in {folder / 'nutgraf.json'}"
        )
    folder = changed(model, tmp_path / "settings")
    file = folder / "nutgraf.json"
    file.write_bytes((model / "nutgraf.json").read_bytes()[:100])
    assert model_error(folder, tmp_path, capsys).startswith(f"{file}: malformed JSON: ")


# The table itself


def test_the_table_names_every_test_and_gives_the_limits_of_the_library() -> None:
    table = (ROOT / "docs/bad-input.md").read_text(encoding="utf-8")
    _, _, *rows = (line for line in table.splitlines() if line.startswith("| "))
    named = [row.split(" | ")[-1].strip("|` ") for row in rows]
    here = {name for name in globals() if name.startswith("test_")}
    here.remove("test_the_table_names_every_test_and_gives_the_limits_of_the_library")
    assert sorted(named) == sorted(here)
    for limit in (MAX_TEXT_LENGTH, MAX_SEGMENT_CHARACTERS, MAX_LINE_BYTES):
        assert f"{limit:,}" in table
