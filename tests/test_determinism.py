"""Nothing but the text and the version changes an answer on one machine."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from nutgraf import Article, Classifier, LabelledArticle, Prediction, read_articles, write_articles
from tests.conftest import ARTICLES, ROOT
from training.determinism import differences, main

PAGE = """<!doctype html><title>t</title><nav><a href="/">Home</a> <a href="/news">News</a></nav>
<h1>Bridge to close</h1><p>The council said on Monday the bridge would close for a year.</p>
<blockquote>“We were never asked,” said Ana Pop, who runs the bakery.</blockquote>
<p>Detours add ten minutes, according to Jon Berg, an engineer at the university.</p>
<footer>© The Courier</footer>"""

ASK = """
import json, sys
from pathlib import Path
from nutgraf import Classifier
classifier = Classifier.load(threads=int(sys.argv[1]))
for name in sys.argv[2:]:
    result = classifier.classify(Path(name).read_bytes())
    record = {"file": name, "segments": [p.to_dict() for p in result]}
    sys.stdout.buffer.write((json.dumps(record, ensure_ascii=False) + "\\n").encode())
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The seed article, a page, and the first articles of the test split as text."""
    folder = tmp_path_factory.mktemp("articles")
    page = folder / "page.html"
    page.write_text(PAGE, encoding="utf-8")
    found = [str(ROOT / "seeds/nato.txt"), str(page)]
    for article in read_articles(ROOT / "data/test.jsonl")[:5]:
        file = folder / f"{article.id}.txt"
        file.write_text("\n\n".join(s.text for s in article.segments[:40]), encoding="utf-8")
        found.append(str(file))
    return found


def output(command: list[str], *, hash_seed: str) -> bytes:
    environment = os.environ | {"PYTHONHASHSEED": hash_seed}
    environment.pop("NUTGRAF_MODEL", None)
    done = subprocess.run(
        [sys.executable, *command], capture_output=True, cwd=ROOT, env=environment, check=True
    )
    return done.stdout


def test_processes_print_the_same_bytes_on_any_number_of_threads(files: list[str]) -> None:
    command = ["-m", "nutgraf.cli", "classify", *files, "--format", "json"]
    printed = output(command, hash_seed="0")
    assert [json.loads(line)["file"] for line in printed.splitlines()] == files
    assert output(command, hash_seed="12345") == printed
    for threads in ("1", "2", "4"):
        assert output(["-c", ASK, threads, *files], hash_seed=threads) == printed


def test_the_script_finds_no_difference_on_a_model(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "articles.jsonl"
    write_articles(data, ARTICLES)
    main([str(model), str(data), "--threads", "1", "3"])
    *_, last = rows = capsys.readouterr().out.splitlines()
    assert rows[0].startswith(f"{sum(len(a.segments) for a in ARTICLES)} segments in 24 articles")
    assert len([row for row in rows if row.startswith(("| 1 ", "| 3 "))]) == 8
    assert [cell.strip() for cell in last.split("|")[1:5]] == [
        "3",
        "all at once, shuffled",
        "0",
        "0",
    ]


def test_the_script_fails_where_an_answer_differs(
    model: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A classifier that looks at what is asked beside an article."""
    together = Classifier.classify_many

    def unsteady(self: Classifier, articles: list[Article]) -> list[LabelledArticle]:
        return together(self, [articles[0], *articles[:-1]])

    monkeypatch.setattr(Classifier, "classify_many", unsteady)
    same = tuple(Article(f"x{n}", ARTICLES[n % 2].segments[:3]) for n in range(4))
    data = tmp_path / "articles.jsonl"
    write_articles(data, same)
    with pytest.raises(SystemExit) as stopped:
        main([str(model), str(data), "--threads", "1"])
    assert stopped.value.code == 1
    assert "the answers depend on more than the text" in capsys.readouterr().err


def test_one_bit_of_a_probability_is_a_difference() -> None:
    def answer(label: str, quote: float) -> LabelledArticle:
        return LabelledArticle("x", (Prediction("x", label, {"quote": quote}, 0, 1),))

    one = [answer("quote", 0.75)]
    assert differences(one, [answer("quote", 0.75)]) == (0, 0)
    assert differences(one, [answer("quote", 0.75 + 2**-53)]) == (0, 1)
    assert differences(one, [answer("other", 0.75)]) == (1, 0)
