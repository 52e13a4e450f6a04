import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from nutgraf.cli import main
from tests.conftest import ROOT

TEXT = "Read also : the storm\n\nThe storm <b>came</b> on Monday.\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "article.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path


def test_text_is_a_line_a_segment(
    model: Path, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["classify", str(file), "--model", str(model)]) == 0
    first, second = capsys.readouterr().out.splitlines()
    label, probability, *words = first.split()
    assert label == "navigation_clutter"
    assert 0 < float(probability) <= 1
    assert words == ["Read", "also", ":", "the", "storm"]
    assert second.endswith("The storm <b>came</b> on Monday.")


def test_json_is_an_object_a_file(
    model: Path, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["classify", str(file), str(file), "--format", "json", "--model", str(model)]
    assert main([*arguments, "--labels", "quote,expert_opinion", "--input", "text"]) == 0
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(records) == 2
    assert records[0]["file"] == str(file)
    segment = records[0]["segments"][1]
    assert TEXT[segment["start"] : segment["end"]] == segment["text"]
    assert set(segment["probabilities"]) == {"quote", "expert_opinion"}


def test_html_is_escaped(model: Path, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["classify", str(file), "--format", "html", "--input", "text"]
    assert main([*arguments, "--model", str(model)]) == 0
    page = capsys.readouterr().out
    assert "The storm &lt;b&gt;came&lt;/b&gt; on Monday." in page
    assert "<b>came" not in page


def test_standard_input(
    model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"<p>The storm</p>")))
    assert main(["classify", "-", "--model", str(model), "--format", "json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert [s["text"] for s in record["segments"]] == ["The storm"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no text: the article is empty"),
        (b"x" * 10_000_000, "segment 0 has 10,000,000 characters"),
        (b"\x7fELF\x00\x00", "not text: NUL byte"),
        (b"\xff\xd8\xff\xe0", "not UTF-8 text"),
    ],
)
def test_bad_files_give_one_line_and_no_output(
    model: Path,
    file: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    content: bytes,
    message: str,
) -> None:
    bad = tmp_path / "bad"
    bad.write_bytes(content)
    assert main(["classify", str(file), str(bad), "--model", str(model)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert f"{bad}: {message}" in captured.err


def test_missing_files_and_models(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["classify", str(file), "--model", str(tmp_path / "none")]) == 2
    assert "none: no such model folder" in capsys.readouterr().err
    assert main(["classify", str(tmp_path / "none.txt")]) == 2
    assert "none.txt: No such file or directory" in capsys.readouterr().err


def test_scraped_text_cannot_drive_the_terminal(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "article.txt"
    path.write_text("The storm\x1b[2Jcame")
    assert main(["classify", str(path), "--model", str(model)]) == 0
    assert "\x1b" not in capsys.readouterr().out


def test_a_reader_that_stops_early_is_no_error(model: Path, tmp_path: Path) -> None:
    path = tmp_path / "long.txt"
    path.write_text("The storm came.\n\n" * 20_000)
    command = f"{sys.executable} -m nutgraf.cli classify {path} --model {model} | head -n 1"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""


def test_clean_prints_the_article_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    body = [
        "The storm\x1b[2J came on Monday and stayed for three days.",
        "Nobody was hurt, but the school at Holmen lost most of its roof.",
    ]
    page = tmp_path / "page.html"
    page.write_text(
        "<title>Storm stays three days</title><nav><a href=/>Home</a></nav>"
        f"<h1>Storm stays three days</h1><p>{body[0]}</p><p>{body[1]}</p>"
        "<footer>© The Lindesund Post</footer>"
    )
    assert main(["clean", str(page)]) == 0
    cleaned = [body[0].replace("\x1b", "\N{REPLACEMENT CHARACTER}"), body[1]]
    assert capsys.readouterr().out == "\n\n".join(cleaned) + "\n"
    assert main(["clean", str(page), "--headline", "--format", "json"]) == 0
    segments = json.loads(capsys.readouterr().out)["segments"]
    assert [s["text"] for s in segments] == ["Storm stays three days", *body]
