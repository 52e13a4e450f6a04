"""Gates: what an evaluation must reach for a change to be let through."""

import os
from collections.abc import Collection, Iterator
from typing import Any

from pydantic import Field, FiniteFloat, ValidationError

from nutgraf.errors import nearest

from ..yamlfile import ConfigError, Section, line_of, read_yaml

Limits = dict[str, FiniteFloat]
AGAINST_BASELINE = ("falls", "rises")


class Gates(Section):
    """Limits on figures.

    `floors` and `ceilings` hold for the figure itself: a key of the report's `figures`,
    `behaviour.KIND` (the share of passed cases of a kind), `seed` or `seed_cut` (the share of
    right labels of the listed articles, and of the worst of them when its segments are cut).
    `falls` and `rises` are the most that a key of `figures` may change for the worse against the
    baseline: the gate fails once the whole interval of the difference lies beyond it.
    """

    floors: Limits = Field(default_factory=dict)
    ceilings: Limits = Field(default_factory=dict)
    falls: Limits = Field(default_factory=dict)
    rises: Limits = Field(default_factory=dict)


def read_gates(
    path: str | os.PathLike[str], figures: Collection[str], others: Collection[str] = ()
) -> Gates:
    """Read a file of gates.

    Args:
        path: the YAML file.
        figures: the names that every gate may use.
        others: further names, for floors and ceilings alone.

    Raises:
        ConfigError: naming file, line and key.
    """
    values, tree = read_yaml(path)
    try:
        gates = Gates.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise ConfigError(f"{path}{line_of(tree, first['loc'])}: {key}: {first['msg']}") from None
    limits: dict[str, Limits] = gates.model_dump()
    if not any(limits.values()):
        raise ConfigError(f"{path}: no gate in this file")
    for kind, gated in limits.items():
        known = figures if kind in AGAINST_BASELINE else [*figures, *others]
        for name, limit in gated.items():
            where = f"{path}{line_of(tree, (kind, name))}: {kind}.{name}"
            if name not in known:
                raise ConfigError(
                    f"{where}: this report has no such figure; {nearest(name, known)}"
                )
            if kind in AGAINST_BASELINE and limit < 0:
                raise ConfigError(f"{where}: expected 0 or more, got {limit}")
    return gates


def check(gates: Gates, report: dict[str, Any]) -> list[dict[str, Any]]:
    """Hold a report against its gates.

    Returns:
        For each gate its `name`, `limit`, `value`, `message` and whether it `passed`: null for a
        gate against a baseline where there is none.
    """
    return list(_check(gates, report))


def _check(gates: Gates, report: dict[str, Any]) -> Iterator[dict[str, Any]]:
    known = gated_figures(report)
    for kind, limits in (("floor", gates.floors), ("ceiling", gates.ceilings)):
        for name, limit in limits.items():
            value = known.get(name)
            if value is None:
                yield _gate(f"{kind} of {name}", limit, None, False, f"{name} is undefined")
                continue
            passed = value >= limit if kind == "floor" else value <= limit
            side = "at least" if kind == "floor" else "at most"
            message = f"{name} is {value:.4f}, must be {side} {limit:g}"
            if not passed:
                message += f": {abs(value - limit):.2g} {'short' if kind == 'floor' else 'over'}"
            yield _gate(f"{kind} of {name}", limit, value, passed, message)
    comparison = report.get("comparison")
    for kind, limits in (("fall", gates.falls), ("rise", gates.rises)):
        for name, limit in limits.items():
            if comparison:
                yield _against_baseline(kind, name, limit, comparison)
            else:
                message = f"the {kind} of {name} is not checked: there is no baseline"
                yield _gate(f"{kind} of {name}", limit, None, None, message)


def _against_baseline(
    kind: str, name: str, limit: float, comparison: dict[str, Any]
) -> dict[str, Any]:
    difference = comparison["differences"][name]
    if difference["value"] is None:
        return _gate(f"{kind} of {name}", limit, None, False, f"{name} is undefined")
    worse = -1 if kind == "fall" else 1
    value = difference["value"] * worse
    # The end of the interval that is kindest to the new model.
    ends = [end for end in (difference["low"], difference["high"]) if end is not None]
    kindest = min([end * worse for end in ends] or [value])
    message = (
        f"the {kind} of {name} against {comparison['baseline']} is {value:.4f}, "
        f"surely {max(kindest, 0):.4f}; at most {limit:g} is allowed"
    )
    return _gate(f"{kind} of {name}", limit, value, kindest <= limit, message)


def gated_figures(report: dict[str, Any]) -> dict[str, float | None]:
    """Every figure of a report that a floor or ceiling may name."""
    known = {name: figure["value"] for name, figure in report["figures"].items()}
    rates: dict[str, list[int]] = {}
    for row in report.get("behaviour", {}).get("rates", []):
        counts = rates.setdefault(f"behaviour.{row['kind']}", [0, 0])
        counts[0] += row["passed"]
        counts[1] += row["cases"]
    known |= {name: passed / cases for name, (passed, cases) in rates.items()}
    if "seed" in report:
        right = sum(article["right"] for article in report["seed"])
        known["seed"] = right / sum(len(article["segments"]) for article in report["seed"])
        known["seed_cut"] = min(article["right_when_cut"] for article in report["seed"])
    return known


def _gate(
    name: str, limit: float, value: float | None, passed: bool | None, message: str
) -> dict[str, Any]:
    return {
        "name": name,
        "limit": limit,
        "value": None if value is None else round(value, 6),
        "passed": passed,
        "message": message,
    }
