"""A report as JUnit XML: each gate and each behavioural test is a case."""

from typing import Any
from xml.etree import ElementTree


def to_junit(report: dict[str, Any]) -> str:
    """One suite of gates and one suite for each file of behavioural tests."""
    root = ElementTree.Element("testsuites", name="nutgraf evaluation")
    gates = [("gates", g["name"], g["passed"], g["message"]) for g in report.get("gates", [])]
    cases = [
        (f"behaviour.{c['file'].removesuffix('.yaml')}", c["name"], c["passed"], c["explanation"])
        for c in report.get("behaviour", {}).get("cases", [])
    ]
    suites: dict[str, list[tuple[str, bool, str]]] = {}
    for suite, name, passed, message in gates + cases:
        suites.setdefault(suite, []).append((name, passed, message))
    for suite, members in suites.items():
        failures = sum(not passed for _, passed, _ in members)
        element = ElementTree.SubElement(
            root,
            "testsuite",
            name=suite,
            tests=str(len(members)),
            failures=str(failures),
            errors="0",
            skipped="0",
        )
        for name, passed, message in members:
            case = ElementTree.SubElement(
                element, "testcase", classname=_legal(suite), name=_legal(name)
            )
            if not passed:
                ElementTree.SubElement(case, "failure", message=_legal(message))
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _legal(text: str) -> str:
    """Without the control characters that XML 1.0 cannot hold."""
    return "".join(
        c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in text
    )
