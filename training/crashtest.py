"""Kill the scripts and see what is left: python -m training.crashtest [--kills N] [--seed N]

Each stage (training, export, the labelling of a corpus) is run once undisturbed. Then it is run
again and again, going on each time from what is there, and its whole process group gets SIGKILL
at a moment drawn between its start and the time that the undisturbed run took. After each kill
what can be loaded must be whole, and each run that comes to its end must leave what the
undisturbed one left, and nothing besides. Exit status 1 if anything was not so.
"""

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from nutgraf.article import write_articles
from nutgraf.classifier import Classifier
from nutgraf.errors import NutgrafError

from .checkpoint import checkpoints, is_whole, read_state
from .config import ConfigError
from .processgroup import TEMPORARY, finish, kill, start
from .script import run
from .table import table
from .tiny import ARTICLES, write_checkpoint, write_data, write_settings

TOLERANCE = 1e-6
"""How far a probability may be from that of the undisturbed run."""

TRAINING = ["train.epochs=24", "train.evaluations=84", "train.patience=40"]
"""A run of some seconds that saves a checkpoint at every second step, and that validation stops
before its last."""

CORPUS = 5_000
"""Articles to label: they take some seconds."""

Answers = dict[str, list[tuple[str, tuple[float, ...]]]]
"""Of each article, by its id, the label and the probabilities of each segment."""


class ViolationError(Exception):
    """What must not be after a crash."""


@dataclass(frozen=True)
class Stage:
    """What is run, killed and looked at.

    Attributes:
        begin: puts in place what is there before the first run.
        command: the module to run now and its arguments, to go on from what is there.
        look: says in a few words what a killed run has left, knowing what a run that comes to its
            end makes; raises ViolationError.
        result: what a run that came to its end has made; raises ViolationError.
    """

    begin: Callable[[], None]
    command: Callable[[], list[str]]
    look: Callable[[Answers], str]
    result: Callable[[], Answers]


@dataclass
class Tally:
    """What has happened in a stage."""

    kills: int = 0
    ended: int = 0
    difference: float = 0.0
    violations: list[str] = field(default_factory=list)


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m training.crashtest", description=__doc__)
    parser.add_argument("--kills", type=int, default=20, help="of each stage (default: 20)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments (default: 0)")
    parser.add_argument("--only", choices=STAGES, help="one stage instead of all")
    parser.add_argument("--work", metavar="FOLDER", help="a new folder to work in, and to keep")
    options = parser.parse_args(arguments)
    names = [options.only] if options.only else list(STAGES)
    if options.work is None:
        with tempfile.TemporaryDirectory(prefix="crash") as work:
            tallies = crash_test(Path(work), names, kills=options.kills, seed=options.seed)
    else:
        folder = Path(options.work).absolute()
        if folder.exists():
            raise ConfigError(f"--work: {folder} is there already")
        tallies = crash_test(folder, names, kills=options.kills, seed=options.seed)
    rows = [
        [name, t.kills, t.ended, f"{t.difference:.1g}", len(t.violations)]
        for name, t in tallies.items()
    ]
    head = ["stage", "kills", "runs that ended", "largest difference", "violations"]
    print("\n" + table(head, rows))
    if any(t.violations for t in tallies.values()):
        sys.exit(1)


def crash_test(work: Path, names: Sequence[str], *, kills: int, seed: int) -> dict[str, Tally]:
    """Put stages to the test, each in a folder of its own in `work`."""
    inputs = make_inputs(work / "inputs")
    tallies = {}
    for name in names:
        (work / name).mkdir()
        stage = STAGES[name](work / name, inputs)
        moments = random.Random(f"{name} {seed}")
        tallies[name] = kill_often(name, stage, work / name, kills, moments)
    return tallies


def make_inputs(folder: Path) -> Path:
    """Make a folder with a configuration `tiny.yaml`, what that needs, and what a short run of it
    leaves in `runs` and `models`."""
    folder.mkdir(parents=True)
    write_checkpoint(folder / "checkpoint")
    write_data(folder)
    write_settings(folder / "tiny.yaml", checkpoint=folder / "checkpoint", data=folder)
    finish(start(f"{__package__}.finetune", ["tiny.yaml", "train.epochs=1"], folder), folder)
    return folder


def kill_often(name: str, stage: Stage, folder: Path, kills: int, moments: random.Random) -> Tally:
    """Run a stage undisturbed, then again until it was killed so many times, then to its end."""
    stage.begin()
    began = time.monotonic()
    finish(go(stage, folder), folder)
    seconds = time.monotonic() - began
    expected, usual = stage.result(), temporary_files(folder)
    print(f"{name}: {seconds:.1f} s undisturbed", flush=True)
    tally = Tally()
    stage.begin()
    while True:
        last = tally.kills == kills
        process = go(stage, folder)
        moment = moments.uniform(0, seconds)
        if not last:
            process.join(moment)
        try:
            if not last and process.is_alive():
                kill(process)
                tally.kills += 1
                what = f"kill {tally.kills}/{kills} after {moment:.2f} s: {stage.look(expected)}"
                what += "; a temporary left" * check_leftovers(folder, usual, most=1)
            else:
                what = "came to its end"
                finish(process, folder)
                tally.ended += 1
                tally.difference = max(tally.difference, compare(stage.result(), expected))
                check_leftovers(folder, usual, most=0)
                stage.begin()
        except (ViolationError, NutgrafError) as violation:
            tally.violations.append(str(violation))
            what = f"VIOLATION: {violation}"
            stage.begin()
        print(f"{name}: {what}", flush=True)
        if last:
            return tally


def go(stage: Stage, folder: Path) -> ForkServerProcess:
    module, *arguments = stage.command()
    return start(module, arguments, folder)


def compare(found: Answers, expected: Answers) -> float:
    """The largest difference of a probability.

    Raises:
        ViolationError: if it is too large, or the articles, segments or labels are not the same.
    """
    if labels(found) != labels(expected):
        raise ViolationError("the labels are not those of the undisturbed run")
    pairs = [
        pair
        for id, segments in expected.items()
        for (_, mine), (_, other) in zip(segments, found[id], strict=True)
        for pair in zip(mine, other, strict=True)
    ]
    largest = max((abs(one - other) for one, other in pairs), default=0.0)
    if largest > TOLERANCE:
        raise ViolationError(f"a probability is {largest:.2g} from that of the undisturbed run")
    return largest


def labels(answers: Answers) -> dict[str, list[str]]:
    return {id: [label for label, _ in segments] for id, segments in answers.items()}


def temporary_files(folder: Path) -> set[str]:
    """What is among the system's temporary files."""
    return {file.name for file in (folder / TEMPORARY).iterdir()}


def check_leftovers(folder: Path, usual: set[str], *, most: int) -> bool:
    """Whether there are temporary files or folders of what was being written.

    Raises:
        ViolationError: for more than so many of one name, and for any among the system's own, but
            for what an undisturbed run leaves there.
    """
    hidden = [file for file in folder.rglob(".*") if file.suffix in (".tmp", ".old")]
    names = Counter(file.parent / file.name.rsplit(".", 2)[0] for file in hidden)
    for name, number in names.items():
        if number > most:
            raise ViolationError(f"{number} leftovers: {name}.*")
    if stray := sorted(temporary_files(folder) - usual):
        raise ViolationError(f"leftovers among the system's temporary files: {', '.join(stray)}")
    return bool(hidden)


def training(folder: Path, inputs: Path, overrides: Sequence[str] = TRAINING) -> Stage:
    """Training goes on from the last whole checkpoint, and replaces an older model."""
    model, runs, old = folder / "models/tiny", folder / "runs", inputs / "models/tiny"

    def begin() -> None:
        shutil.rmtree(runs, ignore_errors=True)
        put(old, model)

    def command() -> list[str]:
        begun = (runs / "tiny/config.yaml").is_file()
        settings = [str(inputs / "tiny.yaml"), *overrides, f"train.resume={str(begun).lower()}"]
        return [f"{__package__}.finetune", *settings]

    def look(expected: Answers) -> str:
        found = checkpoints(runs / "tiny")[::-1]
        steps = [c.name.rpartition("-")[2] + " half" * (not is_whole(c)) for c in found]
        return f"checkpoints {', '.join(steps) or 'none'}; {which(model, old, expected)}"

    return Stage(begin, command, look, lambda: answers(model))


def export(folder: Path, inputs: Path) -> Stage:
    """The export of another checkpoint replaces a model."""
    model, old = folder / "models/tiny", inputs / "models/tiny"
    found = checkpoints(inputs / "runs/tiny")
    best = Path(read_state(found[0])["best_model_checkpoint"]).name
    other = next(checkpoint for checkpoint in found if checkpoint.name != best)
    return Stage(
        begin=lambda: put(old, model),
        command=lambda: [f"{__package__}.export", str(inputs / "tiny.yaml"), str(other)],
        look=lambda expected: which(model, old, expected),
        result=lambda: answers(model),
    )


def corpus(folder: Path, inputs: Path, size: int = CORPUS) -> Stage:
    """The labelling of a corpus goes on from the parts that are there."""
    articles, labelled = folder / "articles.jsonl", folder / "labelled"
    write_articles(
        articles,
        [replace(ARTICLES[n % len(ARTICLES)], id=f"article {n}") for n in range(size)],
    )
    arguments = [str(articles), str(labelled), "--shard-size", str(size // 50)]
    arguments += ["--model", str(inputs / "models/tiny"), "--workers", "2"]

    def look(expected: Answers) -> str:
        found = read_parts(labelled)
        compare(found, {id: expected[id] for id in found if id in expected})
        if (labelled / "_SUCCESS").exists() and len(found) < len(expected):
            raise ViolationError("incomplete, yet marked as complete")
        return f"{len(found)} of {len(expected)} articles are there"

    def result() -> Answers:
        names = {file.name for file in labelled.iterdir() if not file.match("part-*.parquet")}
        if stray := names - {"_nutgraf.json", "_SUCCESS"}:
            raise ViolationError(f"leftovers in the output: {', '.join(sorted(stray))}")
        return read_parts(labelled)

    return Stage(
        begin=lambda: shutil.rmtree(labelled, ignore_errors=True),
        command=lambda: ["nutgraf.cli", "corpus", *arguments],
        look=look,
        result=result,
    )


def read_parts(folder: Path) -> Answers:
    """The articles of all parts of a labelled corpus."""
    import pyarrow.parquet as pq

    found: Answers = {}
    for part in sorted(folder.glob("part-*.parquet")):
        try:
            rows = pq.read_table(part).to_pylist()
        except (OSError, ValueError) as error:
            raise ViolationError(f"{part.name} cannot be read: {error}") from None
        for row in rows:
            if row["error"] is not None or row["id"] in found:
                raise ViolationError(f"{row['id']}: {row['error'] or 'is there twice'}")
            found[row["id"]] = [
                (s["label"], tuple(s["probabilities"].values())) for s in row["segments"]
            ]
    return found


def put(model: Path, path: Path) -> None:
    """Copy a model folder to `path`."""
    shutil.rmtree(path, ignore_errors=True)
    shutil.copytree(model, path)


def which(model: Path, old: Path, new: Answers) -> str:
    """Say which model lies at a path, or refuse it."""
    try:
        found = answers(model)
    except NutgrafError as error:
        raise ViolationError(f"a model that cannot be loaded: {error}") from None
    if found == answers(old):
        return "the old model"
    compare(found, new)
    return "the new model"


def answers(model: Path) -> Answers:
    """What a model says of the articles."""
    results = Classifier.load(model).classify_many(ARTICLES)
    return {
        article.id or "": [(p.label, tuple(p.probabilities.values())) for p in result]
        for article, result in zip(ARTICLES, results, strict=True)
    }


STAGES = {"training": training, "export": export, "corpus": corpus}


if __name__ == "__main__":
    run(main)
