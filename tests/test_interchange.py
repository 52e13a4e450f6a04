"""Importers and exporters, on small files in each tool's documented format."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from nutgraf import LABELS, Article, Classifier, DataError, Segment, read_articles, write_articles
from training.convert import main
from training.interchange.jsonl import read_jsonl
from training.interchange.label_studio import labeling_config, read_label_studio, to_task
from training.interchange.polnear import read_polnear, source_label

TEXT = """Dam closed after leak.

The dam at Ferrin was closed on Sunday, ministry spokesman Ode Lunt said.

“We found water where no water should be,” Lunt said.

Geologist Mara Tild, who studies the valley, thinks the leak is old. Retired engineer Pol Ahn \
agrees with that view entirely.

Lorries waited at the gate for hours that day and drivers slept in their cabs until it got light.

She believes it will be repaired by the spring of next year."""


def standoff(text: str) -> str:
    lines: list[str] = []

    def span(kind: str, words: str, start: int = 0) -> str:
        begin = text.index(words, start)
        lines.append(f"T{len(lines) + 1}\t{kind} {begin} {begin + len(words)}\t{words}")
        return f"{kind}:T{lines[-1].split()[0][1:]}"

    events = [
        [
            span("Source", "ministry spokesman Ode Lunt"),
            span("Cue", "said"),
            span("Content", "The dam at Ferrin was closed on Sunday,"),
        ],
        [
            span("Source", "Lunt", text.index("should be")),
            span("Cue", "said", text.index("should be")),
            span("Content", "“We found water where no water should be,”"),
        ],
        [
            span("Source", "Retired engineer Pol Ahn"),
            span("Cue", "agrees"),
            span("Content", "with that view entirely"),
        ],
        [
            span("Source", "Geologist Mara Tild, who studies the valley"),
            span("Cue", "thinks"),
            span("Content", "the leak is old"),
        ],
        [
            span("Source", "She"),
            span("Cue", "believes"),
            span("Content", "it will be repaired by the spring of next year"),
        ],
    ]
    lines += [f"E{i}\t" + " ".join(roles) for i, roles in enumerate(events, start=1)]
    return "\n".join(lines) + "\n"


@pytest.fixture
def polnear(tmp_path: Path) -> Path:
    (tmp_path / "text").mkdir()
    (tmp_path / "attributions").mkdir()
    (tmp_path / "text/dam.txt").write_text(TEXT, encoding="utf-8")
    (tmp_path / "attributions/dam_1a2b.ann").write_text(standoff(TEXT), encoding="utf-8")
    return tmp_path


def test_polnear(polnear: Path) -> None:
    (article,) = read_polnear(polnear)
    assert [s.label for s in article.segments] == [
        "other",
        "official_statement",
        "quote",
        "expert_opinion",
        "other",
        None,
    ]
    assert article.segments[2].text == "“We found water where no water should be,” Lunt said."


def test_polnear_sources() -> None:
    assert source_label("former ambassador Ute Hahn") == "expert_opinion"
    assert source_label("the Interior Ministry") == "official_statement"
    assert source_label("his neighbour") is None


def test_polnear_errors(polnear: Path) -> None:
    file = polnear / "attributions/dam_1a2b.ann"
    file.write_text("T1\tSource 0 3\tDam\nT2\tCue here\n")
    with pytest.raises(DataError, match=r"dam_1a2b\.ann:2: malformed standoff"):
        read_polnear(polnear)
    file.write_text("E1\tAttribution:T9\n")
    with pytest.raises(DataError, match="T9: is named by an event but not defined"):
        read_polnear(polnear)
    file.unlink()
    with pytest.raises(DataError, match=r"no attributions/dam\*\.ann"):
        read_polnear(polnear)
    with pytest.raises(DataError, match="expected a split of PolNeAR"):
        read_polnear(polnear / "text")


def test_label_studio_round_trip(classifier: Classifier, tmp_path: Path) -> None:
    texts = ["Read also : 🙂", "The storm came on Monday.", "“We will not go,” he said."]
    result = classifier.classify(texts)
    task = to_task("a", "Storm", result, "tiny")
    (prediction,) = task["predictions"]
    for region, segment in zip(prediction["result"], result, strict=True):
        value = region["value"]
        assert task["data"]["text"][value["start"] : value["end"]] == segment.text
        assert value["labels"] == [segment.label]
    # What an annotator sends back: the regions, one of them corrected, as an annotation.
    regions = [dict(region) for region in prediction["result"]]
    regions[1]["value"] = {**regions[1]["value"], "labels": ["expert_opinion"]}
    file = tmp_path / "export.json"
    export = [{"id": 1, "data": task["data"], "annotations": [{"result": regions}]}]
    file.write_text(json.dumps(export), encoding="utf-8")
    (article,) = read_label_studio(file)
    assert [s.text for s in article.segments] == texts
    assert article.segments[1].label == "expert_opinion"
    assert article.segments[0].label == result[0].label
    assert article.title == "Storm"


def test_label_studio_offsets_of_a_browser_and_text_nobody_labelled(tmp_path: Path) -> None:
    text = "🙂🙂 one\n\ntwo\n\nthree"
    value = {"start": 10, "end": 13, "text": "two", "labels": ["quote"]}
    task = {
        "data": {"text": text, "id": "x"},
        "annotations": [{"result": [{"type": "labels", "value": value}]}],
    }
    file = tmp_path / "export.json"
    file.write_text(json.dumps([task]))
    (article,) = read_label_studio(file)
    assert article.segments == (Segment("🙂🙂 one"), Segment("two", "quote"), Segment("three"))


@pytest.mark.parametrize(
    ("tasks", "message"),
    [
        ({}, "expected a list of tasks"),
        ([{"data": {}}], "task 0: not a labelled text"),
        (
            [
                {
                    "data": {"text": "abc"},
                    "annotations": [
                        {
                            "result": [
                                {
                                    "type": "labels",
                                    "value": {"start": 0, "end": 3, "labels": ["qoute"]},
                                }
                            ]
                        }
                    ],
                }
            ],
            "task 0: unknown label 'qoute'; did you mean 'quote'",
        ),
    ],
)
def test_label_studio_errors(tmp_path: Path, tasks: object, message: str) -> None:
    file = tmp_path / "export.json"
    file.write_text(json.dumps(tasks))
    with pytest.raises(DataError, match=message):
        read_label_studio(file)


def test_labeling_config_names_every_label() -> None:
    root = ElementTree.fromstring(labeling_config())
    assert [e.get("value") for e in root.iter("Label")] == list(LABELS)


def test_prodigy_and_doccano(tmp_path: Path) -> None:
    records: list[dict[str, object]] = [
        {
            "text": "two",
            "accept": ["quote"],
            "answer": "accept",
            "meta": {"article": "a", "segment": 1},
        },
        {
            "text": "one",
            "label": "other",
            "answer": "accept",
            "meta": {"article": "a", "segment": 0},
        },
        {
            "text": "skipped",
            "accept": ["quote"],
            "answer": "ignore",
            "meta": {"article": "a", "segment": 2},
        },
        {"id": 7, "text": "doccano", "label": ["expert_opinion"]},
    ]
    file = tmp_path / "export.jsonl"
    file.write_text("\n".join(map(json.dumps, records)))
    first, second = read_jsonl(file)
    assert first == Article(
        "a", (Segment("one", "other"), Segment("two", "quote"), Segment("skipped"))
    )
    assert second.segments == (Segment("doccano", "expert_opinion"),)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "malformed JSON"),
        ('{"label": ["quote"]}', "text: is missing"),
        ('{"text": "x", "label": ["quote", "other"]}', "expected one label"),
        ('{"text": "x", "label": ["qoute"]}', "did you mean 'quote'"),
        ('{"text": "x", "article": "a", "segment": "y"}', "segment: expected a number"),
    ],
)
def test_jsonl_errors(tmp_path: Path, line: str, message: str) -> None:
    file = tmp_path / "export.jsonl"
    file.write_text(f'{{"text": "fine"}}\n{line}\n')
    with pytest.raises(DataError, match=rf"export\.jsonl:2: .*{message}"):
        read_jsonl(file)


def test_convert_from_the_command_line(
    polnear: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "articles.jsonl"
    main(["polnear", str(polnear), str(out)])
    assert "1 articles, 6 segments, 1 of them without a label" in capsys.readouterr().out
    (article,) = read_articles(out, require_labels=False)
    assert len(article.segments) == 6
    tasks = tmp_path / "tasks.json"
    write_articles(out, [article])
    main(["to-label-studio", str(out), str(tasks), "--model", str(model)])
    assert json.loads(tasks.read_text(encoding="utf-8"))[0]["data"]["id"] == "dam"
