"""SIGKILL in the midst of the scripts: what is left can be loaded, and the next run goes on.

`python -m training.crashtest` does the same at many random moments.
"""

import random
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.test_files import crash
from training.checkpoint import MARKER, checkpoints, is_over, is_whole, last_checkpoint, mark
from training.config import load_config
from training.crashtest import (
    Answers,
    Stage,
    ViolationError,
    answers,
    check_leftovers,
    compare,
    corpus,
    export,
    go,
    kill_often,
    make_inputs,
    put,
    training,
    which,
)
from training.finetune import prepare_run_folder
from training.processgroup import finish, kill, start
from training.tiny import ARTICLES


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_inputs(tmp_path_factory.mktemp("crash") / "inputs")


def kill_at(moment: Callable[[], bool], stage: Stage, folder: Path, expected: Answers) -> None:
    """Run a stage until a moment has come, kill it and look at what is left."""
    process = go(stage, folder)
    while process.is_alive() and not moment():
        time.sleep(0.001)
    kill(process)
    stage.look(expected)


def appears(folder: Path, pattern: str) -> Callable[[], bool]:
    return lambda: any(folder.glob(pattern))


def test_training_ends_as_if_it_had_not_been_killed(inputs: Path, tmp_path: Path) -> None:
    stage = training(tmp_path, inputs, overrides=[])
    stage.begin()
    finish(go(stage, tmp_path), tmp_path)
    expected = stage.result()
    stage.begin()
    run = tmp_path / "runs/tiny"
    for moment in (
        lambda: any(not is_whole(checkpoint) for checkpoint in checkpoints(run)),
        appears(tmp_path, "models/.tiny.*.tmp/*.onnx"),
    ):
        kill_at(moment, stage, tmp_path, expected)
    finish(go(stage, tmp_path), tmp_path)
    assert stage.result() == expected
    check_leftovers(tmp_path, set(), most=0)


def test_export_replaces_a_model_or_leaves_it(inputs: Path, tmp_path: Path) -> None:
    stage = export(tmp_path, inputs)
    stage.begin()
    finish(go(stage, tmp_path), tmp_path)
    expected = stage.result()
    stage.begin()
    assert stage.look(expected) == "the old model"
    for file in (".", "tokenizer.json"):
        kill_at(appears(tmp_path, f"models/.tiny.*.tmp/{file}"), stage, tmp_path, expected)
    finish(go(stage, tmp_path), tmp_path)
    assert stage.look(expected) == "the new model"
    assert stage.result() == expected
    check_leftovers(tmp_path, set(), most=0)


def test_a_corpus_has_each_article_once(inputs: Path) -> None:
    pytest.importorskip("ray")
    labelled = answers(inputs / "models/tiny")
    expected = {f"article {n}": labelled[ARTICLES[n % len(ARTICLES)].id or ""] for n in range(500)}
    # Ray's sockets need a short path.
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        stage = corpus(folder, inputs, size=len(expected))
        kill_at(lambda: len(list(folder.glob("labelled/part-*"))) > 2, stage, folder, expected)
        finish(go(stage, folder), folder)
        compare(stage.result(), expected)
        assert (folder / "labelled/_SUCCESS").exists()
        (folder / "labelled/_temporary").mkdir()
        with pytest.raises(ViolationError, match="leftovers in the output: _temporary"):
            stage.result()


def test_stopping_early_is_remembered(inputs: Path, tmp_path: Path) -> None:
    """A run that goes on stops where it would have stopped, and does not train beyond."""
    module = f"{training.__module__.rpartition('.')[0]}.finetune"
    settings = [str(inputs / "tiny.yaml")]
    settings += ["train.epochs=8", "train.evaluations=16", "train.patience=2"]
    whole, rest, over = (tmp_path / name for name in ("whole", "rest", "over"))
    whole.mkdir()
    finish(start(module, settings, whole), whole)
    last, before = checkpoints(whole / "runs/tiny")
    assert is_over(last)
    assert not is_over(before)
    assert "step 56/56" not in (whole / "log.txt").read_text(), "it has stopped early"
    for folder in (rest, over):
        shutil.copytree(whole / "runs", folder / "runs")
    shutil.rmtree(rest / "runs/tiny" / last.name)
    for folder in (rest, over):
        finish(start(module, [*settings, "train.resume=true"], folder), folder)
        assert checkpoints(folder / "runs/tiny")[0].name == last.name
        assert answers(folder / "models/tiny") == answers(whole / "models/tiny")
    assert "validation" in (rest / "log.txt").read_text()
    assert "validation" not in (over / "log.txt").read_text()


@pytest.fixture
def run(inputs: Path, tmp_path: Path) -> Path:
    """A run with two checkpoints, of which the first is the best."""
    folder = tmp_path / "run"
    shutil.copytree(inputs / "runs/tiny", folder)
    return folder


def without_marker(checkpoint: Path) -> None:
    (checkpoint / MARKER).unlink()


def with_half_a_marker(checkpoint: Path) -> None:
    text = (checkpoint / MARKER).read_text()
    (checkpoint / MARKER).write_text(text[: len(text) // 2])


def with_half_a_file(checkpoint: Path) -> None:
    contents = (checkpoint / "optimizer.pt").read_bytes()
    (checkpoint / "optimizer.pt").write_bytes(contents[: len(contents) // 2])


def with_a_changed_byte(checkpoint: Path) -> None:
    contents = bytearray((checkpoint / "model.safetensors").read_bytes())
    contents[-1] ^= 1
    (checkpoint / "model.safetensors").write_bytes(contents)


def without_a_file(checkpoint: Path) -> None:
    (checkpoint / "scheduler.pt").unlink()


@pytest.mark.parametrize(
    "damage",
    [without_marker, with_half_a_marker, with_half_a_file, with_a_changed_byte, without_a_file],
)
def test_a_checkpoint_that_is_not_whole_is_passed_over(
    damage: Callable[[Path], None], run: Path
) -> None:
    last, best = checkpoints(run)
    assert last_checkpoint(run, clean=False) == last
    damage(last)
    assert last_checkpoint(run, clean=False) == best
    assert last.exists()
    assert last_checkpoint(run, clean=True) == best
    assert checkpoints(run) == [best]


def test_a_checkpoint_without_the_best_one_is_passed_over(run: Path) -> None:
    _, best = checkpoints(run)
    without_a_file(best)
    assert last_checkpoint(run, clean=True) is None


def test_other_files_in_a_checkpoint_do_no_harm(run: Path) -> None:
    last, _ = checkpoints(run)
    (last / "notes.txt").write_text("the good one")
    (run / "checkpoint-of-mine").mkdir()
    assert last_checkpoint(run, clean=True) == last
    assert (run / "checkpoint-of-mine").is_dir()


def test_a_checkpoint_is_marked_in_the_last_step(run: Path) -> None:
    checkpoint, _ = checkpoints(run)
    names = {file.name for file in checkpoint.iterdir()}
    found = []
    for operation in count(1):
        without_marker(checkpoint)
        died = crash(lambda: mark(checkpoint), operation)
        found.append(is_whole(checkpoint))
        mark(checkpoint)
        assert is_whole(checkpoint)
        assert {file.name for file in checkpoint.iterdir()} == names
        if not died:
            break
    assert len(found) > 10
    assert found == sorted(found)
    assert {*found} == {False, True}


def test_a_run_that_never_began_does_not_push_out_the_one_before(
    inputs: Path, tmp_path: Path
) -> None:
    config = load_config(inputs / "tiny.yaml")
    run, previous = tmp_path / "tiny", tmp_path / "tiny.previous"
    previous.mkdir()
    run.mkdir()
    (run / ".config.yaml.abcd_123.tmp").touch()
    assert prepare_run_folder(run, config, first=True) is None
    assert [file.name for file in run.iterdir()] == ["config.yaml"]
    assert list(previous.iterdir()) == []
    assert prepare_run_folder(run, config, first=True) is None
    assert [file.name for file in previous.iterdir()] == ["config.yaml"]


def test_the_crash_test_finds_what_is_wrong(inputs: Path, tmp_path: Path) -> None:
    model, expected = tmp_path / "model", answers(inputs / "models/tiny")
    put(inputs / "models/tiny", model)
    assert which(model, model, expected) == "the old model"
    (model / "model.onnx").write_bytes((model / "model.onnx").read_bytes()[:100])
    with pytest.raises(ViolationError, match="cannot be loaded"):
        which(model, inputs / "models/tiny", expected)
    with pytest.raises(ViolationError, match="labels"):
        compare({}, expected)
    moved = {
        id: [(label, (values[0] + 1e-5, *values[1:])) for label, values in segments]
        for id, segments in expected.items()
    }
    with pytest.raises(ViolationError, match="1e-05 from that"):
        compare(moved, expected)
    (tmp_path / "tmp").mkdir()
    for number in range(2):
        check_leftovers(tmp_path, set(), most=1)
        (tmp_path / f".model.abc{number}.tmp").mkdir()
    with pytest.raises(ViolationError, match="2 leftovers"):
        check_leftovers(tmp_path, set(), most=1)
    (tmp_path / "tmp/stray").touch()
    with pytest.raises(ViolationError, match="stray"):
        check_leftovers(tmp_path, set(), most=2)


def test_kills_and_violations_are_counted(tmp_path: Path) -> None:
    looks: Iterator[int] = count(1)

    def look(expected: Answers) -> str:
        if next(looks) == 2:
            raise ViolationError("the second is bad")
        return "good"

    sleep = ["timeit", "-n", "1", "-r", "1", "import time; time.sleep(0.5)"]
    stage = Stage(lambda: None, lambda: sleep, look, lambda: {"a": [("other", (1.0,))]})
    tally = kill_often("sleep", stage, tmp_path, 3, random.Random(0))
    assert tally.kills == 3
    assert tally.ended >= 1
    assert tally.violations == ["the second is bad"]
