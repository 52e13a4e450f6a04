import multiprocessing
import os
import queue
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from nutgraf import Article, Classifier, Segment, write_articles
from tests.conftest import ARTICLES
from training.loadtest import Job, Load, Mode, digest, main, measure, repeat, watch, work
from training.memory import SAMPLES_TO_JUDGE, judge


@pytest.mark.parametrize("mode", ["processes", "threads", "stream"])
def test_answers_under_load_are_those_alone(model: Path, mode: Mode) -> None:
    load = measure(ARTICLES, mode=mode, segments=500, workers=2, model=str(model), every=0.05)
    assert load.problems() == []
    assert 500 <= load.segments < 510
    assert load.samples
    assert 0 < load.first_pass < load.seconds
    assert all(size > 2**20 for _, size in load.samples)


def watched(job: Job, classifier: Classifier) -> Load:
    load = Load(wanted=len(job.numbers))
    results: queue.SimpleQueue[object] = queue.SimpleQueue()
    watch(load, [threading.Thread(target=work, args=(job, results, classifier))], results, 0.01)
    return load


@pytest.fixture
def job(classifier: Classifier) -> Job:
    expected = [digest(classifier.classify(article)) for article in ARTICLES]
    return Job(ARTICLES, expected, [0, 5, 7, 5], model=None)


def test_an_answer_that_differs_is_named(job: Job, classifier: Classifier) -> None:
    assert watched(job, classifier).problems() == []
    expected = [*job.expected]
    expected[5] = expected[0]
    load = watched(replace(job, expected=expected), classifier)
    assert load.problems() == [
        "2 answers differ from those of the article alone, the first that of 'a5'"
    ]


def test_a_worker_that_fails_is_reported(job: Job, classifier: Classifier) -> None:
    articles = [*ARTICLES]
    articles[7] = Article("bad", (Segment("x" * 1_000_001),))
    failed, short = watched(replace(job, articles=articles), classifier).problems()
    assert failed.startswith("a worker failed: Traceback")
    assert "segment 0 has 1,000,001 characters" in failed
    assert short == "2 of 4 articles were labelled"


def test_a_process_that_dies_is_reported() -> None:
    context = multiprocessing.get_context("spawn")
    load = Load(wanted=1)
    watch(load, [context.Process(target=os._exit, args=(3,))], context.Queue(), 0.01)
    assert load.problems() == [
        "a worker failed: exit status 3",
        "0 of 1 articles were labelled",
    ]


def test_any_difference_in_an_answer_changes_its_digest(classifier: Classifier) -> None:
    answer = classifier.classify(ARTICLES[0])
    first, *rest = answer.predictions
    quote = first.probabilities["quote"]
    shifted = {**first.probabilities, "quote": quote * (1 + 2**-52)}
    changed = [
        replace(answer, source=answer.source + " "),
        replace(answer, predictions=tuple(rest)),
        replace(answer, predictions=(replace(first, label="no label"), *rest)),
        replace(answer, predictions=(replace(first, probabilities=shifted), *rest)),
        replace(answer, predictions=(replace(first, end=first.end + 1), *rest)),
    ]
    assert len({digest(answer), *map(digest, changed)}) == 6


def test_articles_are_repeated_in_order() -> None:
    assert repeat([3, 4], 11) == [0, 1, 0, 1]
    assert repeat([3, 4], 7) == [0, 1]


def test_memory_is_judged_after_the_warm_up() -> None:
    warming = [(float(t), 50 + min(t, 60)) for t in range(300)]
    steady = judge(warming, 60)
    assert steady is not None
    assert (steady.start, steady.end, steady.growth) == (110, 110, 0)
    assert steady.slope == pytest.approx(0, abs=1e-9)
    leaking = judge([(t, size * 1_000 + int(t) * 60) for t, size in warming], 60)
    assert leaking is not None
    assert leaking.slope == pytest.approx(3_600)
    assert leaking.growth > 0.1
    assert leaking.peak == 110_000 + 299 * 60
    assert Load(wanted=0).problems(steady) == []
    assert Load(wanted=0).problems(leaking) == ["memory grew by 12.4% after the warm-up"]


def test_a_short_run_says_nothing_about_memory() -> None:
    samples = [(float(t), 100) for t in range(2 * SAMPLES_TO_JUDGE)]
    assert judge(samples, 60) is not None  # the warm-up is 40 % of it
    assert judge(samples[:SAMPLES_TO_JUDGE], 60) is None
    assert judge([], 60) is None
    assert judge(samples, 0, at_least=SAMPLES_TO_JUDGE + 1) is None


def test_the_script_says_what_it_did(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "articles.jsonl"
    write_articles(file, ARTICLES)
    arguments = ["--mode", "threads", "--segments", "100", "--workers", "2"]
    main([*arguments, "--model", str(model), "--data", str(file)])
    output = capsys.readouterr().out
    assert "threads, 2 workers: 10" in output
    assert "memory: the run is too short to tell" in output
    assert output.endswith("no worker failed, and every answer is that of the article alone\n")
