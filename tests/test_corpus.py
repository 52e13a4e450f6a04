import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import fsspec
import pandas as pd
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nutgraf import LABELS, Classifier, NutgrafError
from nutgraf.classifier import MAX_SEGMENT_CHARACTERS
from nutgraf.cli import main
from nutgraf.corpus import CorpusSummary, label_corpus
from nutgraf.corpus.attempts import Attempts
from nutgraf.corpus.places import InputFile, list_files
from nutgraf.corpus.pool import label_shards, running_ray
from nutgraf.corpus.rows import Columns, read_rows
from nutgraf.corpus.shards import cut
from nutgraf.corpus.worker import Job
from nutgraf.folder import default_folder, read_config, write_config

TEXT = "Read also: the storm\n\nThe storm came on Monday and took the roof of a school."
PAGE = b'<html><body><p>"We will not go," she said.</p><div>Share</div></body>'
SEGMENTS = ["By staff", "The minister told the council that the road will be closed."]
TOO_LONG = "x" * (MAX_SEGMENT_CHARACTERS + 1)

LINES: Sequence[str | bytes] = [
    json.dumps({"id": "text", "text": TEXT}),
    json.dumps({"id": "segments", "segments": SEGMENTS}),
    json.dumps({"id": "objects", "segments": [{"text": s, "label": "other"} for s in SEGMENTS]}),
    json.dumps({"id": "page", "html": PAGE.decode()}),
    "",
    json.dumps({"id": 7, "text": None, "html": PAGE.decode()}),
    '{"id": "cut short", "text": "The sto',
    json.dumps({"text": TEXT}),
    json.dumps({"id": "empty", "text": " \n"}),
    json.dumps({"id": "none", "title": "The storm"}),
    json.dumps({"id": "number", "text": 3}),
    json.dumps({"id": "half \ud800", "text": TEXT}),
    json.dumps({"id": "long", "text": TOO_LONG}),
    b'{"id": "latin", "text": "caf\xe9"}',
    "[" * 100_000,
    json.dumps({"id": "text", "text": TEXT}),
]
"""A JSONL file with every kind of row; the line after `TEXT` is the same again."""


@pytest.fixture(scope="module", autouse=True)
def ray_of_two() -> Iterator[None]:
    """One Ray for all tests but the one that starts the program."""
    with running_ray(2, None):
        yield


@pytest.fixture(scope="module")
def released() -> Classifier:
    return Classifier.load(threads=1)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of a JSONL file and, in a folder of its own, a Parquet file."""
    folder = tmp_path_factory.mktemp("corpus")
    write_lines(folder / "a.jsonl", LINES)
    (folder / "more").mkdir()
    table = pa.table(
        {
            "date": pa.array([1, 2, 3, 4, 5]),
            "html": pa.array([PAGE, b"%PDF-1.7 \x00", None, b"\x1f\x8b\x08", PAGE], pa.binary()),
            "text": pa.array([None, None, TEXT, None, None], pa.large_string()),
            "id": pa.array(["p1", "p2", "p3", "p4", None]),
        }
    )
    pq.write_table(table, folder / "more" / "b.parquet", row_group_size=2)
    (folder / "notes.txt").write_text("no part of it")
    return folder


@pytest.fixture(scope="module")
def output(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The corpus labelled, at a file:// address."""
    folder = tmp_path_factory.mktemp("labelled") / "output"
    summary = label_corpus(corpus.as_uri(), folder.as_uri(), shard_size=3, workers=2)
    assert summary.total == summary.shards == 6 + 2
    assert summary.articles == 15 + 5
    assert summary.errors == 9 + 3
    return folder


def write_lines(file: Path, lines: Sequence[str | bytes]) -> None:
    encoded = [line if isinstance(line, bytes) else line.encode() for line in lines]
    file.write_bytes(b"\n".join(encoded) + b"\n")


def write_articles(file: Path, number: int, text: str = TEXT) -> list[str]:
    ids = [f"a{i}" for i in range(number)]
    write_lines(file, [json.dumps({"id": id, "text": text}) for id in ids])
    return ids


def rows_of(output: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(output).to_pylist()
    return rows


def written(output: Path) -> dict[str, int]:
    return {part.name: part.stat().st_mtime_ns for part in output.glob("part-*")}


def test_every_article_is_labelled_as_it_is_alone(
    corpus: Path, output: Path, released: Classifier
) -> None:
    expected: dict[str, tuple[str, str | bytes | list[str]]] = {
        f"{corpus}/a.jsonl:1": ("text", TEXT),
        f"{corpus}/a.jsonl:2": ("segments", SEGMENTS),
        f"{corpus}/a.jsonl:3": ("objects", SEGMENTS),
        f"{corpus}/a.jsonl:4": ("page", PAGE),
        f"{corpus}/a.jsonl:6": ("7", PAGE),
        f"{corpus}/a.jsonl:16": ("text", TEXT),
        f"{corpus}/more/b.parquet:1": ("p1", PAGE),
        f"{corpus}/more/b.parquet:3": ("p3", TEXT),
    }
    good = {row["source"]: row for row in rows_of(output) if row["error"] is None}
    assert good.keys() == expected.keys()
    for source, (id, article) in expected.items():
        assert good[source]["id"] == id
        alone = released.classify(article)
        assert len(good[source]["segments"]) == len(alone)
        for segment, prediction in zip(good[source]["segments"], alone, strict=True):
            for key, value in prediction.to_dict().items():
                if key != "probabilities":
                    assert segment[key] == value
            assert segment["probability"] == pytest.approx(prediction.probability, abs=1e-6)
            assert segment["probabilities"] == pytest.approx(prediction.probabilities, abs=1e-6)


def test_an_article_that_cannot_be_labelled_is_a_row_with_its_error(
    corpus: Path, output: Path
) -> None:
    bad = {
        row["source"].removeprefix(f"{corpus}/"): (row["id"], row["error"])
        for row in rows_of(output)
        if row["error"] is not None
    }
    assert bad == {
        "a.jsonl:7": (None, "malformed JSON: Unterminated string starting at column 29"),
        "a.jsonl:8": (None, "id: is missing"),
        "a.jsonl:9": ("empty", "no text: the article is empty"),
        "a.jsonl:10": ("none", "segments or text or html: is missing"),
        "a.jsonl:11": (
            "number",
            "expected text, bytes, an Article or a list of segments, got int",
        ),
        "a.jsonl:12": (None, "id: holds half of a character (a lone surrogate)"),
        "a.jsonl:13": (
            "long",
            "segment 0 has 1,000,001 characters, more than the 1,000,000 allowed: is this a news "
            "article?",
        ),
        "a.jsonl:14": (None, "not UTF-8 text (byte 0xe9 at column 29)"),
        "a.jsonl:15": (None, "malformed JSON: nested too deeply"),
        "more/b.parquet:2": ("p2", "this is a PDF file: extract its text first"),
        "more/b.parquet:4": ("p4", "this is gzip data: decompress it first"),
        "more/b.parquet:5": (None, "id: is missing"),
    }
    assert all(row["segments"] == [] for row in rows_of(output) if row["error"])


def test_all_parts_have_one_schema_and_pandas_reads_them(output: Path) -> None:
    schemas = {str(pq.read_schema(part)) for part in output.glob("part-*")}
    assert len(schemas) == 1
    frame = pd.read_parquet(output)
    segments = frame.explode("segments").dropna(subset="segments")
    labels = segments["segments"].str["label"].value_counts()
    assert set(labels.index) <= set(LABELS)
    assert labels.sum() == 6 * 2 + 2 * 2


def test_what_is_complete_is_left_alone(
    corpus: Path, output: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = written(output)
    assert main(["corpus", str(corpus), str(output), "--shard-size", "3"]) == 0
    assert capsys.readouterr().out == f"{output}: complete since an earlier run, nothing was done\n"
    assert written(output) == before
    assert sorted(path.name for path in output.iterdir() if path.name not in before) == [
        "_SUCCESS",
        "_nutgraf.json",
    ]


def test_an_interrupted_run_goes_on_where_it_was(tmp_path: Path) -> None:
    ids = write_articles(tmp_path / "in.jsonl", 60)

    def interrupt(_: CorpusSummary) -> None:
        raise KeyboardInterrupt

    def run(**options: Any) -> CorpusSummary:
        return label_corpus(
            tmp_path / "in.jsonl", tmp_path / "out", shard_size=4, workers=1, **options
        )

    with pytest.raises(KeyboardInterrupt):
        run(report=interrupt)
    before = written(tmp_path / "out")
    assert 0 < len(before) < 15
    assert not (tmp_path / "out" / "_SUCCESS").exists()
    summary = run()
    assert summary.skipped >= len(before)
    assert summary.shards == 15 - summary.skipped > 0
    assert summary.articles == 4 * summary.shards
    after = written(tmp_path / "out")
    assert {name: after[name] for name in before} == before
    assert sorted(row["id"] for row in rows_of(tmp_path / "out")) == sorted(ids)


def test_a_killed_worker_costs_and_doubles_no_article(tmp_path: Path) -> None:
    ids = write_articles(tmp_path / "in.jsonl", 60, text=TEXT + "\n\n" + "The storm. " * 100)
    killed: list[int] = []

    def kill(_: CorpusSummary) -> None:
        if not killed:  # both of them, so that one is in the midst of a shard
            for process in psutil.Process().children(recursive=True):
                if "MapWorker" in process.name():
                    killed.append(process.pid)
                    os.kill(process.pid, signal.SIGKILL)

    output = tmp_path / "out"
    summary = label_corpus(tmp_path / "in.jsonl", output, shard_size=10, workers=2, report=kill)
    assert len(killed) == 2
    assert summary.articles == 60
    assert sorted(row["id"] for row in rows_of(output)) == sorted(ids)
    assert all(row["error"] is None for row in rows_of(output))
    assert len(list(output.iterdir())) == 6 + 2, "nothing of the killed workers is left"


def test_a_file_that_cannot_be_read_costs_its_own_shards_only(tmp_path: Path) -> None:
    ids = write_articles(tmp_path / "in1.jsonl", 2) + write_articles(tmp_path / "in2.jsonl", 40)
    away = tmp_path / "in2.away"

    def run(**options: Any) -> CorpusSummary:
        return label_corpus(
            tmp_path / "in*.jsonl", tmp_path / "out", shard_size=5, workers=1, **options
        )

    def hide(_: CorpusSummary) -> None:
        if not away.exists():
            (tmp_path / "in2.jsonl").rename(away)

    with pytest.raises(NutgrafError, match=r"shards failed, the first at .*in2.jsonl:\d+: No such"):
        run(report=hide)
    assert not (tmp_path / "out" / "_SUCCESS").exists()
    away.rename(tmp_path / "in2.jsonl")
    assert run().skipped > 0
    assert sorted(row["id"] for row in rows_of(tmp_path / "out")) == sorted(ids)


def test_a_worker_with_another_model_stops_the_run(tmp_path: Path) -> None:
    fs = fsspec.filesystem("file")
    write_articles(tmp_path / "in.jsonl", 1)
    shards = cut(fs, [InputFile(str(tmp_path / "in.jsonl"), 0, "")], Columns(), 1)
    job = Job(
        input=fs,
        output=fs,
        folder=str(tmp_path / "out"),
        columns=Columns(),
        model=None,
        checksum="that of another model",
        labels=LABELS,
    )
    with pytest.raises(NutgrafError, match="a worker's model is not the one"):
        list(label_shards(job, shards, workers=1))


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--shard-size", "4", "another shard size (3, now 4)"),
        ("--labels", "quote,other", "another labels ("),
        ("--id-column", "date", "another columns ("),
    ],
)
def test_an_output_made_otherwise_is_not_continued(
    corpus: Path,
    output: Path,
    capsys: pytest.CaptureFixture[str],
    option: str,
    value: str,
    message: str,
) -> None:
    before = written(output)
    arguments = ["corpus", str(corpus), str(output), "--shard-size", "3"]
    assert main([*arguments, option, value]) == 2
    captured = capsys.readouterr()
    assert f"{output}/_nutgraf.json: the output was made with {message}" in captured.err
    assert captured.err.count("\n") == 1
    assert written(output) == before


def test_an_output_of_another_model_or_input_is_not_continued_but_overwritten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_articles(tmp_path / "in.jsonl", 1)
    other = shutil.copytree(default_folder(), tmp_path / "other")
    write_config(other, dataclasses.replace(read_config(other), temperature=2.0))
    output = tmp_path / "out"
    arguments = ["corpus", str(tmp_path / "in.jsonl"), str(output), "--workers", "1"]
    assert main([*arguments, "--labels", "quote,other"]) == 0
    (row,) = rows_of(output)
    assert row["segments"][0]["probabilities"].keys() == {"quote", "other"}
    capsys.readouterr()

    assert main([*arguments, "--labels", "quote,other", "--model", str(other)]) == 2
    assert "the output was made with another model" in capsys.readouterr().err
    write_articles(tmp_path / "in.jsonl", 2)
    assert main([*arguments, "--labels", "quote,other"]) == 2
    assert f"another input ({tmp_path}/in.jsonl is new, has changed" in capsys.readouterr().err

    (output / "mine.txt").write_text("not nutgraf's to remove")
    assert main([*arguments, "--overwrite"]) == 0
    assert [row["id"] for row in rows_of_parts(output)] == ["a0", "a1"]
    assert (output / "mine.txt").exists()


def rows_of_parts(output: Path) -> list[dict[str, Any]]:
    return [row for part in sorted(output.glob("part-*")) for row in rows_of(part)]


def test_input_that_cannot_be_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "out"

    def refuse(input: Path | str, *options: str, to: Path | str = output) -> str:
        assert main(["corpus", str(input), str(to), *options]) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.count("\n") == 1
        assert not output.exists()
        return captured.err.removeprefix("nutgraf: ").rstrip()

    good = tmp_path / "good.jsonl"
    write_articles(good, 1)
    table = tmp_path / "table.parquet"
    pq.write_table(pa.table({"url": ["a"], "text": ["b"]}), table)
    assert refuse(table) == f"{table}: no column 'id' (--id-column): it has 'url', 'text'"
    assert refuse(table, "--id-column", "url", "--text-column", "body") == (
        f"{table}: no column 'body' (--text-column): it has 'url', 'text'"
    )
    assert refuse(good, "--text-column", "body") == (
        f"{good}: no column 'body' (--text-column): it has 'id', 'text'"
    )
    assert refuse(good, "--id-column", "url").startswith(f"{good}: no column 'url' (--id-column)")
    table.write_bytes(b"PAR1 and then nothing of the kind")
    assert refuse(table).startswith(f"{table}: not a Parquet file: ")
    (tmp_path / "empty.jsonl").write_text("")
    assert refuse(tmp_path / "empty.jsonl") == f"{tmp_path}/empty.jsonl: no article here"
    (tmp_path / "folder").mkdir()
    assert "no .parquet or .jsonl file here" in refuse(tmp_path / "folder")
    assert refuse(tmp_path / "none") == f"{tmp_path}/none: no such file or folder"
    assert refuse(tmp_path / "*.csv") == f"{tmp_path}/*.csv: no such file or folder"
    (tmp_path / "text.txt").write_text("text")
    assert "expected a .parquet or .jsonl file" in refuse(tmp_path / "text.txt")
    assert refuse("nowhere://articles").startswith("nowhere://articles: ")
    assert "no such model folder" in refuse(good, "--model", str(tmp_path / "none"))
    assert refuse(good, "--labels", "qoute") == (
        "labels: unknown label 'qoute'; did you mean 'quote'?"
    )
    assert refuse(good, "--workers", "0") == "workers: expected at least 1, got 0"
    assert refuse(good, "--shard-size", "0") == "shard size: expected at least 1, got 0"
    assert refuse(good, to=tmp_path).endswith("the output needs a folder of its own")


def test_output_that_cannot_be_used(
    tmp_path: Path, corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = tmp_path / "good.jsonl"
    write_articles(good, 1)
    before = good.read_bytes()

    def refuse(input: Path, to: Path, *options: str) -> str:
        assert main(["corpus", str(input), str(to), *options]) == 2
        return capsys.readouterr().err.removeprefix("nutgraf: ").rstrip()

    (tmp_path / "file").write_text("no folder")
    assert refuse(good, tmp_path / "file") == f"{tmp_path}/file: is a file; the output is a folder"
    assert refuse(good, tmp_path / "file" / "out").startswith(f"{tmp_path}/file/out: Not a dir")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("years of work")
    assert "is not empty" in refuse(good, tmp_path / "full", "--overwrite")
    assert (tmp_path / "full" / "thesis.txt").exists()
    assert "lies in the input" in refuse(corpus, corpus / "labelled")
    assert not (corpus / "labelled").exists()
    assert "holds input" in refuse(good, good)
    assert good.read_bytes() == before


def test_a_missing_ray_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    assert main(["corpus", str(tmp_path), str(tmp_path / "out")]) == 2
    assert "pip install 'nutgraf[ray]'" in capsys.readouterr().err


def test_the_program_starts_ray_itself_and_only_for_this(tmp_path: Path) -> None:
    write_articles(tmp_path / "in.jsonl", 4)
    script = (
        "import sys, nutgraf.cli\n"
        "assert not {'ray', 'pyarrow', 'fsspec'} & set(sys.modules)\n"
        "sys.exit(nutgraf.cli.main(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "corpus", "in.jsonl", "out", "--workers", "2"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    first, second, third = done.stdout.splitlines()
    assert first == "out: complete, 1 parts (0 of an earlier run)"
    assert second.startswith("4 articles (0 with an error), 8 segments in ")
    assert third.startswith("per core: ")
    assert "1/1 shards, 4 articles, " in done.stderr
    assert "Traceback" not in done.stderr
    assert len(rows_of(tmp_path / "out")) == 4


# What follows needs no Ray.


def test_folders_and_patterns(tmp_path: Path) -> None:
    names = [
        "a.jsonl",
        "_b.jsonl",
        "c.txt",
        "d.parquet/e.parquet",
        "d.parquet/_temporary/f.parquet",
    ]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_text("")
    (tmp_path / "g.jsonl").symlink_to(tmp_path / "c.txt")
    fs = fsspec.filesystem("file")

    def found(pattern: str) -> list[str]:
        files = list_files(fs, f"{tmp_path}/{pattern}".rstrip("/"))
        return [file.path.removeprefix(f"{tmp_path}/") for file in files]

    assert found("") == ["a.jsonl", "d.parquet/e.parquet", "g.jsonl"]
    assert found("*.parquet") == ["d.parquet/e.parquet"]
    assert found("[ag].jsonl") == ["a.jsonl", "g.jsonl"]
    assert found("_b.jsonl") == ["_b.jsonl"]
    before = list_files(fs, str(tmp_path))
    (tmp_path / "c.txt").write_text("behind the link")
    assert list_files(fs, str(tmp_path)) != before


sizes = st.integers(1, 5)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.sampled_from(["", '{"id": "a", "text": "The storm"}', "{", "\r", "ü" * 9])),
    sizes,
    st.booleans(),
)
def test_shards_cover_every_line_once(lines: list[str], size: int, ended: bool) -> None:
    fs = fsspec.filesystem("memory")
    content = "\n".join(lines) + "\n" * ended
    fs.pipe_file("/in.jsonl", content.encode())
    shards = cut(fs, [InputFile("/in.jsonl", len(content), "")], Columns(), size)
    assert [shard.number for shard in shards] == list(range(len(shards)))
    rows = [list(read_rows(fs, shard, Columns())) for shard in shards]
    assert all(len(of_shard) <= size for of_shard in rows)
    assert [row.source for of_shard in rows for row in of_shard] == [
        f"memory:///in.jsonl:{number}" for number, line in enumerate(lines, 1) if line.strip()
    ]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 8), max_size=5), sizes)
def test_shards_cover_every_row_once(groups: list[int], size: int) -> None:
    fs = fsspec.filesystem("memory")
    ids = [str(i) for i in range(sum(groups))]
    table = pa.table({"id": pa.array(ids, pa.string()), "text": pa.array(ids, pa.string())})
    with fs.open("/in.parquet", "wb") as file, pq.ParquetWriter(file, table.schema) as writer:
        begin = 0
        for rows in groups:
            writer.write_table(table.slice(begin, rows))
            begin += rows
    shards = cut(fs, [InputFile("/in.parquet", 0, "")], Columns(), size)
    read = [list(read_rows(fs, shard, Columns())) for shard in shards]
    assert all(1 <= len(of_shard) <= size for of_shard in read)
    assert [row.id for of_shard in read for row in of_shard] == ids
    assert [row.source for of_shard in read for row in of_shard] == [
        f"memory:///in.parquet:{number}" for number in range(1, len(ids) + 1)
    ]


def test_rows_of_damaged_parquet_data_are_errors(tmp_path: Path) -> None:
    file = tmp_path / "in.parquet"
    table = pa.table(
        {"id": [str(i) for i in range(40)], "text": [TEXT + str(i) for i in range(40)]}
    )
    pq.write_table(table, file, row_group_size=15, use_dictionary=False)
    metadata = pq.read_metadata(file)
    begin = metadata.row_group(1).column(1).data_page_offset
    with file.open("r+b") as stream:
        stream.seek(begin)
        stream.write(b"\xff" * 40)
    fs = fsspec.filesystem("file")
    (shard,) = cut(fs, [InputFile(str(file), 0, "")], Columns(), 100)
    rows = list(read_rows(fs, shard, Columns()))
    assert [row.source for row in rows] == [f"{file}:{n}" for n in range(1, 41)]
    assert [row.error is None for row in rows] == [True] * 15 + [False] * 15 + [True] * 10
    assert (rows[15].error or "").startswith("damaged Parquet data: ")


def test_strings_that_are_not_utf8_cost_their_row_only(tmp_path: Path) -> None:
    texts = pa.array([b"The storm", b"caf\xe9", b"The roof"]).view(pa.string())
    pq.write_table(pa.table({"id": ["a", "b", "c"], "text": texts}), tmp_path / "in.parquet")
    fs = fsspec.filesystem("file")
    (shard,) = cut(fs, [InputFile(str(tmp_path / "in.parquet"), 0, "")], Columns(), 100)
    rows = [(row.id, row.article, row.error) for row in read_rows(fs, shard, Columns())]
    assert rows == [
        ("a", "The storm", None),
        ("b", None, "text: not UTF-8 text"),
        ("c", "The roof", None),
    ]


def test_a_line_that_is_too_long_is_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "in.jsonl"
    write_lines(
        file, [json.dumps({"id": "a", "text": "x" * 20_000_000}), '{"id": "b", "text": "y"}']
    )
    fs = fsspec.filesystem("file")
    (shard,) = cut(fs, [InputFile(str(file), 0, "")], Columns(), 100)
    first, second = read_rows(fs, shard, Columns())
    assert first.error == "line of more than 8,388,608 bytes"
    assert (second.id, second.source) == ("b", f"{file}:2")


def test_an_article_that_kills_its_worker_is_left_out() -> None:
    fs = fsspec.filesystem("memory")
    labelled: Counter[str] = Counter()

    def attempt(killer: str) -> bool:
        """Whether the part came to its end. A process that dies does nothing from there on."""
        attempts = Attempts(fs, "/out", "part")
        assert attempts.begin()
        for source in ("a:1", "a:2", "a:3"):
            if attempts.may_label(source):
                labelled[source] += 1
                if source == killer:
                    return False
        attempts.end()
        return True

    assert [attempt("a:2") for _ in range(5)] == [False, False, False, False, True]
    assert labelled == {"a:1": 5, "a:2": 4, "a:3": 1}
    assert attempt("none")
    assert labelled["a:2"] == 5, "the next run gives it another chance"


def test_rows_that_kill_their_worker_unread_are_given_up() -> None:
    fs = fsspec.filesystem("memory")
    begun = [Attempts(fs, "/unread", "part").begin() for _ in range(8)]
    assert begun == [True] * 6 + [False, True]
