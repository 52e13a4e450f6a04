"""A report as JUnit XML: each gate and each behavioural test is a case."""

import re
from typing import Any
from xml.etree import ElementTree

_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold (W3C recommendation, section 2.2)."""


def to_junit(report: dict[str, Any]) -> str:
    """One suite of gates and one suite for each file of behavioural tests."""
    root = ElementTree.Element("testsuites", name="nutgraf evaluation")
    gates = [("gates", g["name"], g["passed"], g["message"]) for g in report.get("gates", [])]
    cases = [
        (f"behaviour.{c['file'].removesuffix('.yaml')}", c["name"], c["passed"], c["explanation"])
        for c in report.get("behaviour", {}).get("cases", [])
    ]
    suites: dict[str, list[tuple[str, bool | None, str]]] = {}
    for suite, name, passed, message in gates + cases:
        suites.setdefault(_legal(suite), []).append((_legal(name), passed, _legal(message)))
    for suite, members in suites.items():
        verdicts = [passed for _, passed, _ in members]
        element = ElementTree.SubElement(
            root,
            "testsuite",
            name=suite,
            tests=str(len(members)),
            failures=str(verdicts.count(False)),
            errors="0",
            skipped=str(verdicts.count(None)),
        )
        for name, passed, message in members:
            case = ElementTree.SubElement(element, "testcase", classname=suite, name=name)
            if passed is None:
                ElementTree.SubElement(case, "skipped", message=message)
            elif not passed:
                ElementTree.SubElement(case, "failure", message=message)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _legal(text: str) -> str:
    return _ILLEGAL.sub("\N{REPLACEMENT CHARACTER}", text)
