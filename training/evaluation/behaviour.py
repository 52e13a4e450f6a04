"""Behavioural tests: small articles written by hand that say what the classifier must do.

After CheckList (Ribeiro et al., "Beyond Accuracy", ACL 2020). A file holds the cases of one
capability, all of one kind::

    capability: quotations without marks
    kind: minimum
    cases:
      - name: a block quote announced by the line before it
        article:
          - The coach gave his verdict after the final.
          - quote: We ran more than they did and we wanted it more.

A plain text is a neighbour; a text under a label, or under `test`, is what the case is about.

- `minimum`: every text under a label gets that label.
- `context`: the same, in several `articles` that hold one and the same text under different
  labels: only the neighbours tell them apart.
- `invariance`: each of `changes` is a set of replacements, made at once throughout the article;
  the label of every text under `test` stays what it was.
- `direction`: the same replacements, and `expect` says of which label the probability `rises` or
  `falls` in the text under `test`.
"""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, ValidationError, ValidationInfo, model_validator
from pydantic_core import PydanticCustomError

from nutgraf.article import LabelledArticle
from nutgraf.classifier import Classifier
from nutgraf.labels import LABELS

from ..yamlfile import ConfigError, Section, line_of, read_yaml

Kind = Literal["minimum", "context", "invariance", "direction"]
Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
Part = Text | Annotated[dict[Text, Text], Field(min_length=1, max_length=1)]
Story = Annotated[list[Part], Field(min_length=1)]
Change = Annotated[dict[Text, str], Field(min_length=1)]

TEST = "test"


class Case(Section):
    """One case; which of its fields must be there depends on its kind."""

    name: Text
    article: Story | None = None
    articles: Annotated[list[Story], Field(min_length=2)] | None = None
    changes: Annotated[list[Change], Field(min_length=1)] | None = None
    expect: dict[str, Literal["rises", "falls"]] | None = None

    def stories(self) -> list[Story]:
        """The articles as they are written."""
        return self.articles or [self.article or []]


class CaseFile(Section):
    """The cases of one capability."""

    capability: Text
    kind: Kind
    cases: Annotated[list[Case], Field(min_length=1)]

    @model_validator(mode="after")
    def _complete(self, info: ValidationInfo) -> Self:
        for number, case in enumerate(self.cases):
            if problem := _problem(case, self.kind, info.context or LABELS):
                raise PydanticCustomError(
                    "case",
                    "{name}: {problem}",
                    {"name": case.name, "problem": problem, "number": number},
                )
        return self


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one case went; `explanation` says what was wrong."""

    file: str
    capability: str
    kind: Kind
    name: str
    passed: bool
    explanation: str


def _problem(case: Case, kind: Kind, labels: Sequence[str]) -> str | None:
    """What keeps a case from testing anything, if something does."""
    fields = {
        "minimum": {"article"},
        "context": {"articles"},
        "invariance": {"article", "changes"},
        "direction": {"article", "changes", "expect"},
    }[kind]
    given = case.model_fields_set - {"name"}
    if wrong := given ^ fields:
        name = min(wrong)
        return f"{name} is {'missing' if name in fields else f'not for kind {kind}'}"
    tested = [part for story in case.stories() for part in _tested(story)]
    if not all(list(_tested(story)) for story in case.stories()):
        return "no text of the article is tested"
    if kind in ("minimum", "context"):
        if unknown := {label for label, _ in tested} - set(labels):
            return f"unknown label {min(unknown)!r}"
        if kind == "context" and not any(
            text == other and label != different
            for label, text in tested
            for different, other in tested
        ):
            return "no text stands under two labels"
        return None
    if any(key != TEST for key, _ in tested):
        return f"a tested text stands under {TEST!r} in kind {kind}"
    if kind == "direction" and not set(case.expect or ()) <= set(labels):
        return "expect names an unknown label"
    if kind == "direction" and (len(case.expect or ()) != 1 or len(tested) != 1):
        return "expects one thing of one text"
    whole = "\n".join(_texts(case.article or []))
    for change in case.changes or []:
        for old, new in change.items():
            if old not in whole or old == new:
                return f"the change of {old!r} changes nothing"
    return None


def _tested(story: Story) -> list[tuple[str, str]]:
    return [next(iter(part.items())) for part in story if isinstance(part, dict)]


def _texts(story: Story) -> list[str]:
    return [part if isinstance(part, str) else next(iter(part.values())) for part in story]


def read_cases(
    folder: str | os.PathLike[str], labels: Sequence[str] = LABELS
) -> list[tuple[str, CaseFile]]:
    """Read every `*.yaml` file of a folder, in the order of names; cases may be about `labels`.

    Raises:
        ConfigError: naming file, line and key, for a case that breaks the schema or tests nothing.
    """
    files = sorted(Path(folder).glob("*.yaml"))
    if not files:
        raise ConfigError(f"{folder}: no *.yaml file in this folder")
    return [(file.name, _read_file(file, labels)) for file in files]


def _read_file(file: Path, labels: Sequence[str]) -> CaseFile:
    values, tree = read_yaml(file)
    try:
        return CaseFile.model_validate(values, context=labels)
    except ValidationError as error:
        first = error.errors()[0]
        # Pydantic adds the names of the alternatives of a union to the path of a key.
        key = ".".join(str(part) for part in first["loc"] if not str(part)[:1].isupper())
        case = ("cases", first["ctx"]["number"]) if first["type"] == "case" else ()
        where = f"{file}{line_of(tree, first['loc'] or case)}"
        raise ConfigError(f"{where}: {key + ': ' if key else ''}{first['msg']}") from None


def run_cases(classifier: Classifier, files: Sequence[tuple[str, CaseFile]]) -> list[Outcome]:
    """Run every case; all articles go through the classifier together."""
    jobs = [(name, file, case) for name, file in files for case in file.cases]
    stories = [_variants(case) for _, _, case in jobs]
    results = iter(classifier.classify_many([s for variants in stories for s in variants]))
    outcomes = []
    for (name, file, case), variants in zip(jobs, stories, strict=True):
        wrong = _judge(file.kind, case, [next(results) for _ in variants])
        outcomes.append(
            Outcome(name, file.capability, file.kind, case.name, not wrong, "; ".join(wrong))
        )
    return outcomes


def _variants(case: Case) -> list[list[str]]:
    """The texts of each article of a case: as written, then with each of its changes."""
    texts = [_texts(story) for story in case.stories()]
    for change in case.changes or []:
        texts.append([_replace(text, change) for text in texts[0]])
    return texts


def _replace(text: str, change: dict[str, str]) -> str:
    """Replace all at once, so that names can be swapped; of two that fit the longer counts."""
    olds = sorted(change, key=len, reverse=True)
    return re.sub("|".join(map(re.escape, olds)), lambda match: change[match[0]], text)


def _judge(kind: Kind, case: Case, results: Sequence[LabelledArticle]) -> list[str]:
    """What went wrong, a line each."""
    if kind in ("minimum", "context"):
        return [
            f"{_short(p.text)} is {p.label} ({p.probability:.2f}), not {next(iter(part))}"
            for story, result in zip(case.stories(), results, strict=True)
            for part, p in zip(story, result, strict=True)
            if isinstance(part, dict) and p.label not in part
        ]
    first, *changed = results
    tested = [i for i, part in enumerate(case.article or []) if isinstance(part, dict)]
    if kind == "invariance":
        return [
            f"{_short(result[i].text)} is {result[i].label} ({result[i].probability:.2f}), "
            f"not {first[i].label} ({first[i].probability:.2f}) as before"
            for result in changed
            for i in tested
            if result[i].label != first[i].label
        ]
    ((label, way),) = (case.expect or {}).items()
    (i,) = tested
    before = first[i].probabilities[label]
    wrong = []
    for result in changed:
        after = result[i].probabilities[label]
        if not (after > before if way == "rises" else after < before):
            wrong.append(
                f"P({label}) goes from {before:.3f} to {after:.3f} in {_short(result[i].text)}"
            )
    return wrong


def _short(text: str) -> str:
    text = " ".join(text.split())
    return repr(text if len(text) <= 60 else text[:59] + "…")


def pass_rates(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """Passed and all cases of each capability, in the order of first occurrence."""
    rates: dict[tuple[str, str], list[bool]] = {}
    for outcome in outcomes:
        rates.setdefault((outcome.kind, outcome.capability), []).append(outcome.passed)
    return [
        {"kind": kind, "capability": capability, "passed": sum(passed), "cases": len(passed)}
        for (kind, capability), passed in rates.items()
    ]
