import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from nutgraf import Article, Classifier, InputError, ModelError, Segment
from tests.conftest import ARTICLES, ROOT, change_settings

TEXT = "Read also : the storm\n\nThe storm came on Monday.\r\n\r\n“We will not go,” he said.\n"


def test_predictions_are_in_reading_order_with_offsets(classifier: Classifier) -> None:
    result = classifier.classify(TEXT)
    assert [TEXT[p.start : p.end] for p in result] == [p.text for p in result]
    assert [p.text for p in result] == [
        "Read also : the storm",
        "The storm came on Monday.",
        "“We will not go,” he said.",
    ]
    for prediction in result:
        assert tuple(prediction.probabilities) == classifier.labels
        assert sum(prediction.probabilities.values()) == pytest.approx(1)
        assert prediction.probability == max(prediction.probabilities.values())
        assert json.loads(json.dumps(prediction.to_dict()))["label"] == prediction.label


def test_a_trained_model_knows_what_it_was_taught(classifier: Classifier) -> None:
    result = classifier.classify_many(ARTICLES)
    pairs = [
        (p.label, s.label)
        for predictions, article in zip(result, ARTICLES, strict=True)
        for p, s in zip(predictions, article.segments, strict=True)
    ]
    assert sum(a == b for a, b in pairs) / len(pairs) > 0.9


def test_text_html_list_and_article_give_the_same_answer(classifier: Classifier) -> None:
    segments = [p.text for p in classifier.classify(TEXT)]
    page = "<html><body>" + "".join(f"<p>{s}</p>" for s in segments) + "</body></html>"
    article = Article("x", tuple(Segment(s) for s in segments))
    expected = [(p.text, p.probabilities) for p in classifier.classify(segments)]
    for source in (TEXT, TEXT.encode(), page, page.encode(), article):
        result = classifier.classify(source)
        assert [(p.text, p.probabilities) for p in result] == expected
        assert [result.source[p.start : p.end] for p in result] == segments


def test_format_can_be_forced(classifier: Classifier) -> None:
    source = "<p>one</p>"
    assert [p.text for p in classifier.classify(source)] == ["one"]
    assert [p.text for p in classifier.classify(source, format="text")] == [source]
    assert [p.text for p in classifier.classify("one < two", format="html")] == ["one < two"]


def test_labels_restrict_and_renormalise(classifier: Classifier) -> None:
    named = ["quote", "official_statement", "expert_opinion", "navigation_clutter"]
    full, restricted = classifier.classify(TEXT), classifier.classify(TEXT, labels=named)
    for a, b in zip(full, restricted, strict=True):
        total = sum(a.probabilities[label] for label in named)
        assert list(b.probabilities) == named
        for label in named:
            assert b.probabilities[label] == pytest.approx(a.probabilities[label] / total)
        assert b.label == max(named, key=lambda label: a.probabilities[label])


def test_many_articles_keep_their_order_and_their_answers(classifier: Classifier) -> None:
    together = classifier.classify_many(ARTICLES)
    assert len(together) == len(ARTICLES)
    for article, result in zip(ARTICLES, together, strict=True):
        alone = classifier.classify(article)
        assert [p.label for p in alone] == [p.label for p in result]
        for a, b in zip(alone, result, strict=True):
            assert list(a.probabilities.values()) == pytest.approx(
                list(b.probabilities.values()), abs=1e-4
            )
    assert classifier.classify_many([]) == []


def test_neighbours_count(classifier: Classifier) -> None:
    alone = classifier.classify(["go in"])[0]
    inside = classifier.classify(['"We will not', "go in", 'it was," he said.'])[1]
    assert alone.probabilities != inside.probabilities


def test_long_segments_and_strange_characters_are_labelled(classifier: Classifier) -> None:
    segments = ["storm " * 100_000, "\u200b", "🙂", "مرحبا", "x\x00y"]
    result = classifier.classify(segments)
    assert [p.text for p in result] == segments


@pytest.mark.parametrize(
    ("article", "message"),
    [
        ("", "empty"),
        (" \n\t ", "empty"),
        ([], "empty"),
        ("<html><script>x</script></html>", "empty"),
        (b"\x89PNG\r\n\x1a\n\x00", "NUL byte at offset 8"),
        (b"caf\xe9", "not UTF-8 text: byte 0xe9 at offset 3"),
        ("x" * 10_000_000, "segment 0 has 10,000,000 characters"),
        (["fine", 3], "segment 1: expected a string, got int"),
    ],
)
def test_input_that_cannot_be_used(classifier: Classifier, article: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        classifier.classify(article)  # type: ignore[arg-type]


def test_wrong_options(classifier: Classifier) -> None:
    with pytest.raises(InputError, match="did you mean 'quote'"):
        classifier.classify("x", labels=["qoute"])
    with pytest.raises(InputError, match="one or more labels"):
        classifier.classify("x", labels=[])
    with pytest.raises(InputError, match="did you mean 'html'"):
        classifier.classify("x", format="htm")  # type: ignore[arg-type]


def test_model_folders_that_cannot_be_used(model: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such model folder"):
        Classifier.load(tmp_path / "missing")
    for name in ("nutgraf.json", "model.onnx", "tokenizer.json"):
        folder = tmp_path / name
        shutil.copytree(model, folder)
        (folder / name).unlink()
        with pytest.raises(ModelError, match=f"{name} is missing"):
            Classifier.load(folder)
        (folder / name).write_bytes((model / name).read_bytes()[:-50])
        with pytest.raises(ModelError, match=name) as error:
            Classifier.load(folder)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
def test_a_changed_byte_is_found(model: Path, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "model"
    shutil.copytree(model, folder)
    raw = bytearray((folder / name).read_bytes())
    raw[len(raw) // 2] ^= 1
    (folder / name).write_bytes(raw)
    with pytest.raises(ModelError, match=f"{name}: damaged: its checksum is not the one in"):
        Classifier.load(folder)


def test_temperature_divides_the_logits(model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(model, folder)
    found = []
    for temperature in (1.0, 2.0):
        change_settings(folder, temperature=temperature)
        (prediction,) = Classifier.load(folder).classify(["The storm came on Monday."])
        found.append(np.array(list(prediction.probabilities.values())))
    root = np.sqrt(found[0])
    assert found[1] == pytest.approx(root / root.sum(), abs=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"temperature": 0}, "temperature: expected a number greater than 0, got 0"),
        ({"temperature": "hot"}, "temperature: expected a number greater than 0, got 'hot'"),
        ({"sha256": {}}, "sha256: expected a checksum of model.onnx"),
        ({"format_version": 99}, "format_version: 99"),
        ({"labels": "quote"}, "labels: expected a list of strings"),
        ({"window": {"tokens": 48}}, "window: missing or unknown field 'context'"),
        ({"special_tokens": None}, "special_tokens: is missing"),
    ],
)
def test_model_settings_that_cannot_be_used(
    model: Path, tmp_path: Path, change: dict[str, object], message: str
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(model, folder)
    change_settings(folder, **change)
    with pytest.raises(ModelError, match=message):
        Classifier.load(folder)


def test_the_library_imports_nothing_of_the_training_extra(model: Path) -> None:
    code = (
        "import sys, nutgraf; nutgraf.Classifier.load(sys.argv[1]).classify('A storm came.');"
        "print(*sorted({'torch', 'transformers', 'datasets', 'sklearn', 'yaml', 'pydantic'}"
        " & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(model)], capture_output=True, text=True, cwd=ROOT
    )
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "", "")


def test_a_stream_gives_the_same_in_the_same_order(classifier: Classifier) -> None:
    articles = [[s.text for s in a.segments] for a in ARTICLES] * 5
    assert list(classifier.classify_stream(iter(articles))) == classifier.classify_many(articles)


def test_a_stream_takes_only_a_few_articles_ahead(classifier: Classifier) -> None:
    taken = 0

    def endless() -> Iterator[list[str]]:
        nonlocal taken
        while True:
            taken += 1
            yield ["The storm came.", "It went."]

    stream = classifier.classify_stream(endless())
    assert taken == 0
    for given in range(1, 201):
        assert len(next(stream)) == 2
        assert taken - given <= 8 * (os.cpu_count() or 1) + 1


def test_a_stream_raises_at_a_bad_article_or_returns_the_error(classifier: Classifier) -> None:
    articles = ["The storm came.", "", "It went."]
    stream = classifier.classify_stream(articles)
    with pytest.raises(InputError, match="article 1: no text"):
        list(stream)
    first, error, last = classifier.classify_stream(articles, errors="return")
    assert isinstance(error, InputError)
    assert str(error).startswith("article 1: no text")
    assert first == classifier.classify(articles[0])
    assert last == classifier.classify(articles[2])
    with pytest.raises(InputError, match="errors: 'skip'"):
        classifier.classify_stream(articles, errors="skip")  # type: ignore[call-overload]


def test_a_stream_left_early_leaves_no_thread(classifier: Classifier) -> None:
    before = threading.active_count()
    stream = classifier.classify_stream(["The storm came."] * 100)
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before
