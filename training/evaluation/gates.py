"""Gates: what an evaluation must reach for a change to be let through."""

import os
from collections.abc import Iterator
from typing import Any

from pydantic import Field, ValidationError

from nutgraf.errors import nearest
from training.yamlfile import ConfigError, Section, line_of, read_yaml


class Gates(Section):
    """Limits on figures, by the names that `report.json` gives them.

    `floors` and `ceilings` hold for the figure itself. `falls` and `rises` are the most that a
    figure may change for the worse against the baseline: the gate fails once the whole interval
    of the difference lies beyond it.
    """

    floors: dict[str, float] = Field(default_factory=dict)
    ceilings: dict[str, float] = Field(default_factory=dict)
    falls: dict[str, float] = Field(default_factory=dict)
    rises: dict[str, float] = Field(default_factory=dict)


def read_gates(path: str | os.PathLike[str]) -> Gates:
    """Read a file of gates.

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
    if not gates.model_fields_set or not any(gates.model_dump().values()):
        raise ConfigError(f"{path}: no gate in this file")
    for kind in ("falls", "rises"):
        for name, limit in getattr(gates, kind).items():
            if limit < 0:
                where = f"{path}{line_of(tree, (kind, name))}"
                raise ConfigError(f"{where}: {kind}.{name}: expected 0 or more, got {limit}")
    return gates


def check(gates: Gates, report: dict[str, Any]) -> list[dict[str, Any]]:
    """Hold a report against its gates.

    Returns:
        For each gate its `name`, `limit`, `value` and whether it `passed`, with a `message`. The
        gates against a baseline are left out of a report that has none.

    Raises:
        ConfigError: for a gate on a figure that the report does not have.
    """
    return list(_check(gates, report))


def _check(gates: Gates, report: dict[str, Any]) -> Iterator[dict[str, Any]]:
    known = gated_figures(report)
    for kind, limits in (("floor", gates.floors), ("ceiling", gates.ceilings)):
        for name, limit in limits.items():
            value = _look_up(known, name)
            passed = value >= limit if kind == "floor" else value <= limit
            side = "at least" if kind == "floor" else "at most"
            message = f"{name} is {value:.4f}, must be {side} {limit:g}"
            if not passed:
                message += f": {abs(value - limit):.4f} {'short' if kind == 'floor' else 'over'}"
            yield _gate(f"{kind} of {name}", limit, value, passed, message)
    comparison = report.get("comparison")
    if not comparison:
        return
    for kind, limits in (("fall", gates.falls), ("rise", gates.rises)):
        for name, limit in limits.items():
            difference = _look_up(comparison["differences"], name)
            worse = -1 if kind == "fall" else 1
            value = difference["value"] * worse
            # The end of the interval that is kindest to the new model.
            ends = [end for end in (difference["low"], difference["high"]) if end is not None]
            kindest = min([end * worse for end in ends] or [value])
            message = (
                f"the {kind} of {name} against {comparison['baseline']} is {value:.4f}, "
                f"surely {max(kindest, 0):.4f}; at most {limit:g} is allowed"
            )
            yield _gate(f"{kind} of {name}", limit, value, kindest <= limit, message)


def gated_figures(report: dict[str, Any]) -> dict[str, float]:
    """Every figure of a report that a gate may name."""
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


def _look_up(figures: dict[str, Any], name: str) -> Any:
    if name not in figures:
        raise ConfigError(f"gates: this report has no figure {name!r}; {nearest(name, figures)}")
    return figures[name]


def _gate(name: str, limit: float, value: float, passed: bool, message: str) -> dict[str, Any]:
    return {
        "name": name,
        "limit": limit,
        "value": round(value, 6),
        "passed": passed,
        "message": message,
    }
