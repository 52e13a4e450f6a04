"""Docstrings agree with what they describe, and their examples run."""

import ast
import builtins
import dataclasses
import doctest
import importlib
import inspect
import pkgutil
import re
import runpy
import shutil
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pdoc.doc
import pytest

import nutgraf
import nutgraf.errors
from tests.conftest import ROOT

PUBLIC = runpy.run_path(str(ROOT / "docs" / "build.py"))["MODULES"]
ALL = ["nutgraf"] + [
    name
    for _, name, _ in pkgutil.walk_packages(nutgraf.__path__, "nutgraf.")
    if not name.endswith("__main__")
]
# Annotations that only type checkers read, in modules that are not public.
pytestmark = pytest.mark.filterwarnings("ignore:Error parsing type annotation")
_SECTION = re.compile(r"^(Args|Attributes|Raises):\n((?: +.*\n|\n)+)", re.MULTILINE)
_ITEM = re.compile(r"^ {4}(\w+(?:, \w+)*):", re.MULTILINE)


def public_members(module: ModuleType) -> Iterator[pdoc.doc.Doc[Any]]:
    """What the API reference shows of a module: its members, and the methods and properties of its
    classes. Fields are described by the docstring of their class."""
    for member in pdoc.doc.Module(module).flattened_own_members:
        if any(part.startswith("_") for part in member.qualname.split(".")):
            continue
        yield member
        if isinstance(member, pdoc.doc.Class):
            for part in member.own_members:
                kind = inspect.getattr_static(member.obj, part.name, None)
                is_field = isinstance(part, pdoc.doc.Variable) and not isinstance(kind, property)
                if not part.name.startswith("_") and not is_field:
                    yield part


def own_members(module: ModuleType) -> Iterator[pdoc.doc.Doc[Any]]:
    """Those of them that are defined in the module itself."""
    for member in public_members(module):
        if member.taken_from[0] == module.__name__:
            yield member


def sections(docstring: str) -> dict[str, set[str]]:
    """The names that each section of a docstring in Google's form describes."""
    return {
        name: {word for item in _ITEM.findall(body) for word in item.split(", ")}
        for name, body in _SECTION.findall(docstring + "\n")
    }


def parameters(function: pdoc.doc.Function) -> set[str]:
    return {name.lstrip("*") for name in function.signature.parameters} - {"self", "cls"}


def raised(function: pdoc.doc.Function) -> set[str]:
    """The names of nutgraf's errors that stand in `raise` statements of the function itself."""
    tree = ast.parse(textwrap.dedent(function.source) or "pass")
    calls = [n.exc for n in ast.walk(tree) if isinstance(n, ast.Raise) and n.exc is not None]
    names = {ast.unparse(call.func if isinstance(call, ast.Call) else call) for call in calls}
    return {name for name in names if hasattr(nutgraf.errors, name)}


def test_methods_and_properties_are_checked_too() -> None:
    names = {member.qualname for member in public_members(nutgraf)}
    assert {"LABELS", "Classifier", "Classifier.load", "Prediction.probability"} <= names
    assert "Prediction.text" not in names


def test_sections_are_read() -> None:
    docstring = (
        "Do it.\n\nArgs:\n    a, b: two\n        things: both\n    c: one\n\nRaises:\n    E: if"
    )
    assert sections(docstring) == {"Args": {"a", "b", "c"}, "Raises": {"E"}}


@pytest.mark.parametrize("name", PUBLIC)
def test_everything_public_is_described(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__doc__
    for member in public_members(module):
        # The names that a package takes from its modules have no docstring of their own.
        if f"`{member.name}`" not in module.__doc__:
            assert member.docstring, member.fullname


@pytest.mark.parametrize("name", ALL)
def test_arguments_and_errors_are_those_of_the_function(name: str) -> None:
    module = importlib.import_module(name)
    known = vars(builtins) | vars(nutgraf.errors) | vars(module)
    for function in own_members(module):
        if not isinstance(function, pdoc.doc.Function):
            continue
        described = sections(function.docstring)
        named = parameters(function)
        assert described.get("Args", named) == named, function.fullname
        errors = described.get("Raises", set())
        assert all(inspect.isclass(known.get(error)) for error in errors), function.fullname
        assert raised(function) <= errors, function.fullname


@pytest.mark.parametrize("name", ALL)
def test_attributes_are_the_fields_of_the_class(name: str) -> None:
    for member in own_members(importlib.import_module(name)):
        if isinstance(member, pdoc.doc.Class) and dataclasses.is_dataclass(member.obj):
            fields = {field.name for field in dataclasses.fields(member.obj)}
            assert sections(member.docstring).get("Attributes", fields) == fields, member.fullname


@pytest.mark.parametrize("name", ALL)
def test_examples_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(ROOT / "seeds" / "nato.txt", tmp_path / "article.txt")
    monkeypatch.chdir(tmp_path)
    for example in doctest.DocTestFinder().find(importlib.import_module(name)):
        report: list[str] = []
        runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
        assert runner.run(example, out=report.append).failed == 0, "".join(report)
