"""The model that comes with the library."""

import json
import shutil
from pathlib import Path

import pytest

from nutgraf import LABELS, Classifier, read_articles, write_articles
from nutgraf.folder import default_folder
from tests.conftest import ROOT, change_settings
from training.evaluate import main

MOST_BYTES = 30e6


@pytest.fixture(scope="module")
def some(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every tenth article of the test split that is no whole page."""
    articles = read_articles(ROOT / "data/test.jsonl")
    file = tmp_path_factory.mktemp("release") / "some.jsonl"
    write_articles(file, [a for a in articles if len(a.segments) < 100][::10])
    return file


def test_it_is_loaded_by_default_and_labels_the_seed_article() -> None:
    classifier = Classifier.load()
    assert classifier.labels == LABELS
    (seed,) = read_articles(ROOT / "seeds/nato.jsonl")
    result = classifier.classify(seed)
    right = sum(p.label == s.label for p, s in zip(result, seed.segments, strict=True))
    assert right >= 12


def test_its_files_are_small_and_complete() -> None:
    folder = default_folder()
    files = [folder / name for name in ("model.onnx", "tokenizer.json", "nutgraf.json")]
    assert sum(file.stat().st_size for file in files) < MOST_BYTES
    card = (folder / "README.md").read_text(encoding="utf-8")
    report = json.loads((folder / "report/report.json").read_text(encoding="utf-8"))
    assert f"{report['figures']['macro_f1']['value']:.3f}" in card


def test_with_its_labels_permuted_it_fails_the_gates(
    some: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--data", str(some), "--seed", str(ROOT / "seeds/nato.jsonl")]
    arguments += ["--gates", str(ROOT / "configs/gates.yaml"), "--resamples", "20"]
    permuted = tmp_path / "permuted"
    shutil.copytree(default_folder(), permuted)
    change_settings(permuted, labels=[*LABELS[1:], LABELS[0]])
    with pytest.raises(SystemExit) as stopped:
        main([str(permuted), *arguments])
    assert stopped.value.code == 1
    assert "gate failed: macro_f1 is " in capsys.readouterr().err
