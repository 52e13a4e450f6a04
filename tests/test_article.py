import json
from pathlib import Path

import pytest

from nutgraf import (
    Article,
    Classifier,
    DataError,
    LabelledArticle,
    Prediction,
    Segment,
    read_articles,
    write_articles,
)

GOOD = {"id": "a", "segments": [{"text": "Hello.", "label": "other"}]}


def write(path: Path, *records: object) -> Path:
    file = path / "data.jsonl"
    lines = [r if isinstance(r, str) else json.dumps(r) for r in records]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def with_segment(**changes: object) -> dict[str, object]:
    return {"id": "b", "segments": [{"text": "x", "label": "other"}, {**changes}]}


def test_round_trip(tmp_path: Path) -> None:
    articles = [
        Article(
            "a",
            (Segment("“Здравствуй,”\u2028 he said.", "quote"), Segment("Share", "other")),
            title="T",
            style="wire",
            provenance={"brief": "b01", "country": "Ukraine"},
        ),
        Article("b", (Segment("no label"),)),
    ]
    write_articles(tmp_path / "x.jsonl", articles)
    assert read_articles(tmp_path / "x.jsonl", require_labels=False) == articles


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ("{not json", "malformed JSON: .* column 2"),
        ("[" * 100_000, "malformed JSON: nested too deeply"),
        ("[1]", "expected a JSON object, got a list"),
        ({"id": "b"}, "segments: is missing"),
        ({"segments": GOOD["segments"]}, "id: is missing"),
        ({**GOOD, "id": 3}, "id: expected a string, got a number"),
        ({**GOOD, "id": " "}, "id: is empty"),
        ({**GOOD, "title": None}, "title: expected a string, got null"),
        ({"id": "b", "segments": []}, "segments: is empty"),
        ({"id": "b", "segments": "x"}, "segments: expected a list, got a string"),
        ({"id": "b", "segments": ["x"]}, r"segments\[0\]: expected an object, got a string"),
        (with_segment(label="quote"), r"segments\[1\].text: is missing"),
        (with_segment(text="x"), r"segments\[1\].label: is missing"),
        (with_segment(text=" \t", label="quote"), r"segments\[1\].text: is empty"),
        (
            with_segment(text="x", label="qoute"),
            r"segments\[1\].label: unknown label 'qoute'; did you mean 'quote'",
        ),
        (GOOD, "id: 'a' occurs before, at .*:1"),
    ],
)
def test_errors_name_file_line_and_field(tmp_path: Path, record: object, message: str) -> None:
    file = write(tmp_path, GOOD, record)
    with pytest.raises(DataError, match=rf"data\.jsonl:2: {message}") as error:
        read_articles(file)
    assert "\n" not in str(error.value)


def test_files_that_are_not_data(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        read_articles(tmp_path / "missing.jsonl")
    with pytest.raises(DataError, match=r"no \*\.jsonl file"):
        read_articles(tmp_path)
    empty = tmp_path / "empty.jsonl"
    empty.write_bytes(b"\n")
    with pytest.raises(DataError, match=r"empty\.jsonl: no article"):
        read_articles(empty)
    binary = tmp_path / "binary.jsonl"
    binary.write_bytes(b"\x89PNG\r\n\x1a\n\xff\xfe\x00")
    with pytest.raises(DataError, match=r"binary\.jsonl:1: not UTF-8 text \(byte 0x89"):
        read_articles(binary)
    huge = tmp_path / "huge.jsonl"
    huge.write_bytes(b'{"id": "' + b"x" * 10_000_000 + b'"}\n')
    with pytest.raises(DataError, match=r"huge\.jsonl:1: line of more than"):
        read_articles(huge)


def test_a_folder_is_read_in_the_order_of_names(tmp_path: Path) -> None:
    for name in ("b", "a"):
        write_articles(tmp_path / f"{name}.jsonl", [Article(name, (Segment("x", "other"),))])
    assert [a.id for a in read_articles(tmp_path)] == ["a", "b"]


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl"
    write_articles(file, [Article("a", (Segment("x", "other"),))])
    before = file.read_bytes()
    bad = Article("b", (Segment("x", "other"),), provenance={"x": object()})
    with pytest.raises(TypeError):
        write_articles(file, [bad])
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]


def test_a_labelled_article_comes_back_from_json(classifier: Classifier) -> None:
    result = classifier.classify("“Nein,” he said — 他说.\n\n• Share\n")
    assert LabelledArticle.from_dict(json.loads(result.to_json())) == result
    assert "\n" not in result.to_json()
    assert [Prediction.from_dict(p.to_dict()) for p in result] == list(result)
    assert json.loads(result.to_json()) == {
        "source": result.source,
        "segments": [p.to_dict() for p in result],
    }


PREDICTION = {"text": "Hi.", "label": "a", "probabilities": {"a": 0.75, "b": 0.25}}
PLACED = {**PREDICTION, "start": 0, "end": 3}


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"segments": []}, "source: is missing"),
        ({"source": "Hi.", "segments": {}}, "segments: expected a list, got an object"),
        (
            {"source": "Hi.", "segments": ["Hi."]},
            r"segments\[0\]: expected an object, got a string",
        ),
        ({"source": "Hi.", "segments": [PREDICTION]}, r"segments\[0\].start: is missing"),
        (
            {"source": "Hi.", "segments": [PLACED, {**PLACED, "end": 2}]},
            r"segments\[1\]: text: is not source\[start:end\]",
        ),
        (
            {"source": "Hi.", "segments": [{**PLACED, "label": "c"}]},
            r"segments\[0\].label: 'c' is not one of the probabilities'",
        ),
        (
            {"source": "Hi.", "segments": [{**PLACED, "probabilities": {"a": 1.5}}]},
            r"segments\[0\].probabilities: expected a number from 0 to 1 for 'a', got 1.5",
        ),
    ],
)
def test_a_record_that_is_no_labelled_article(record: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=f"^{message}"):
        LabelledArticle.from_dict(record)


def test_a_record_that_is_no_prediction() -> None:
    with pytest.raises(DataError, match=r"^label: is missing"):
        Prediction.from_dict({"text": "Hi."})
