"""Reading back a report.json."""

import json
from pathlib import Path
from typing import Any

from nutgraf.errors import DataError

SCHEMA_VERSION = 2
"""Of report.json. It changes when a key is renamed, removed or means something else."""

_KINDS = {"model": dict, "data": dict, "figures": dict, "labels": list, "articles": list}


def read_report(path: Path) -> dict[str, Any]:
    """Read a report of `training.evaluate`.

    Raises:
        DataError: naming the file and what is wrong with it.
    """
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not JSON"
        raise DataError(f"{path}: {reason}") from None
    version = report.get("schema_version") if isinstance(report, dict) else None
    if version != SCHEMA_VERSION:
        raise DataError(f"{path}: schema_version: {version!r}; expected {SCHEMA_VERSION}")
    for key, kind in _KINDS.items():
        if not isinstance(report.get(key), kind):
            raise DataError(f"{path}: {key}: is not what an evaluation report holds")
    found: dict[str, Any] = report
    return found
