"""The pinned versions are complete, agree with each other, and may be used."""

import importlib.metadata
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.conftest import ROOT

UNHASHED = {"torch"}
"""Locked by version alone: builds for a CPU and for each CUDA have one version and other bytes."""

UNLOCKED_EXTRAS = {"fuzz"}
"""What `make install` does not install and no test needs."""

LICENCES = {
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CNRI-Python",
    "ISC",
    "MIT",
    "MIT-CMU",
    "MPL-1.1",
    "MPL-2.0",
    "PSF-2.0",
    "Public Domain",
    "Zlib",
}
"""What a dependency may be under. Nothing here binds a program that only imports it."""

OLD_NAMES = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache 2.0": "Apache-2.0",
    "Apache 2.0 License": "Apache-2.0",
    "Apache License": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD": "BSD-3-Clause",
    "BSD License": "BSD-3-Clause",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
"""Licences as packages name them that do not use SPDX yet."""


def pins(file: Path) -> dict[str, str]:
    """The version of each distribution that a file of requirements pins."""
    found: dict[str, str] = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        if match := re.match(r"([\w.-]+)==([\w.+!-]+)", line):
            name = canonicalize_name(match[1])
            assert name not in found, f"{file.name}: {name} occurs twice"
            found[name] = match[2]
        else:
            assert not line or line.startswith(("#", "    --hash=")), f"{file.name}: {line}"
    return found


CONSTRAINTS = pins(ROOT / "constraints.txt")
LOCK = pins(ROOT / "requirements.lock")


def direct() -> list[Requirement]:
    """What pyproject.toml asks for, in all extras that are locked."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = [*project["dependencies"]]
    for extra, wanted in project["optional-dependencies"].items():
        if extra not in UNLOCKED_EXTRAS:
            lines += wanted
    return [r for r in map(Requirement, lines) if r.name != project["name"]]


def needed(*, everywhere: bool) -> dict[str, set[str]]:
    """Names of all distributions that nutgraf needs, here or on any platform and Python version,
    each with the names of those that need it."""
    found: dict[str, set[str]] = {}
    waiting = [("nutgraf", r) for r in direct()]
    seen = set()
    while waiting:
        parent, requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        found.setdefault(name, set()).add(parent)
        for extra in ("", *requirement.extras):
            if (name, extra) in seen:
                continue
            seen.add((name, extra))
            waiting += [(name, r) for r in _requirements(name, extra, everywhere=everywhere)]
    return found


def _requirements(name: str, extra: str, *, everywhere: bool) -> Iterator[Requirement]:
    try:
        lines = importlib.metadata.requires(name) or []
    except importlib.metadata.PackageNotFoundError:
        return
    for requirement in map(Requirement, lines):
        marker = requirement.marker
        of_extra = marker is not None and "extra ==" in str(marker)
        if marker is None or marker.evaluate({"extra": extra}) or (everywhere and not of_extra):
            yield requirement


def test_the_lock_has_the_pinned_versions() -> None:
    assert {name: v for name, v in CONSTRAINTS.items() if name not in UNHASHED} == LOCK
    assert set(CONSTRAINTS) >= UNHASHED


def test_each_locked_version_has_checksums() -> None:
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    for entry in re.findall(r"^[\w.-]+==.*(?:\n    --.*)*", text, re.MULTILINE):
        assert re.search(r"--hash=sha256:[0-9a-f]{64}\b", entry), entry
        assert not re.search(r"--hash=(?!sha256:[0-9a-f]{64}(?: \\)?$)", entry, re.MULTILINE)


def test_pinned_versions_are_in_the_supported_ranges() -> None:
    for requirement in direct():
        pinned = CONSTRAINTS.get(canonicalize_name(requirement.name))
        assert pinned is not None, f"{requirement.name} is not in constraints.txt"
        assert requirement.specifier.contains(pinned, prereleases=True), requirement


def test_all_that_is_needed_is_pinned() -> None:
    """Dependencies of dependencies too: an unpinned one could change overnight."""
    missing = {n: by for n, by in needed(everywhere=False).items() if n not in CONSTRAINTS}
    assert missing == {}


def test_nothing_is_pinned_that_is_not_needed() -> None:
    assert CONSTRAINTS.keys() - needed(everywhere=True).keys() == set()


@pytest.mark.parametrize("name", sorted(CONSTRAINTS))
def test_the_installed_version_is_the_pinned_one_and_may_be_used(name: str) -> None:
    found = importlib.metadata.distribution(name)
    assert Version(found.version).public == CONSTRAINTS[name]
    licence = licence_of(found.metadata)
    assert may_be_used(licence), f"{name} is under {licence!r}"


def licence_of(metadata: importlib.metadata.PackageMetadata) -> str:
    """An SPDX expression from the metadata of a distribution, new or old."""
    if expressions := metadata.get_all("License-Expression"):
        return str(expressions[0])
    classifiers = [c for c in metadata.get_all("Classifier") or [] if c.startswith("License ::")]
    names = [c.split(" :: ")[-1] for c in classifiers if c.split(" :: ")[-1] != "OSI Approved"]
    text = "".join(metadata.get_all("License") or []).strip().splitlines()
    return " AND ".join(OLD_NAMES.get(name, name) for name in names or text[:1])


def may_be_used(expression: str) -> bool:
    """Whether one of the alternatives of an SPDX expression (without brackets) is allowed."""
    return any(
        all(part.strip() in LICENCES for part in alternative.split(" AND "))
        for alternative in expression.split(" OR ")
    )


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("MIT", True),
        ("MPL-2.0 AND MIT", True),
        ("GPL-3.0-only OR Apache-2.0", True),
        ("GPL-3.0-only", False),
        ("MIT AND AGPL-3.0-or-later", False),
        ("Proprietary", False),
        ("", False),
    ],
)
def test_licences_are_told_apart(expression: str, expected: bool) -> None:
    assert may_be_used(expression) is expected
