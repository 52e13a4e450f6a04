"""Prodigy and doccano: a segment a line of JSON.

Prodigy (recipes `textcat.manual` and `choice`)::

    {"text": "...", "accept": ["quote"], "answer": "accept", "meta": {"article": "a", "segment": 0}}

or, from binary `textcat.teach`, `"label": "quote"` in place of `accept`. doccano::

    {"id": 7, "text": "...", "label": ["quote"], "article": "a", "segment": 0}

Segments with the same `article` become one article in the order of `segment`; a segment of no
article becomes one of its own. A Prodigy answer other than "accept" leaves the segment unlabelled.
"""

import json
from pathlib import Path
from typing import Any

from nutgraf.article import Article, Segment
from nutgraf.errors import DataError, nearest
from nutgraf.labels import LABELS


def read_jsonl(file: Path) -> list[Article]:
    """Read an export of either tool.

    Raises:
        DataError: naming file, line and field of what is wrong.
    """
    groups: dict[str, list[tuple[int, Segment]]] = {}
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise DataError(f"{file}: {error}") from None
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        where = f"{file}:{number}"
        try:
            record = json.loads(line)
        except ValueError as error:
            raise DataError(f"{where}: malformed JSON: {error}") from None
        if not isinstance(record, dict) or not isinstance(record.get("text"), str):
            raise DataError(f"{where}: text: is missing")
        meta = {**record, **(record.get("meta") or {})}
        article = str(meta.get("article", f"{file.stem}-{number}"))
        members = groups.setdefault(article, [])
        order = meta.get("segment", len(members))
        if not isinstance(order, int):
            raise DataError(f"{where}: segment: expected a number, got {order!r}")
        members.append((order, Segment(record["text"], _label(record, where))))
    if not groups:
        raise DataError(f"{file}: no segment in this file")
    return [
        Article(id, tuple(segment for _, segment in sorted(members, key=lambda member: member[0])))
        for id, members in groups.items()
    ]


def _label(record: dict[str, Any], where: str) -> str | None:
    if record.get("answer", "accept") != "accept":
        return None
    found = record.get("accept", record.get("label"))
    if isinstance(found, str):
        found = [found]
    if not found:
        return None
    if not isinstance(found, list) or len(found) > 1:
        raise DataError(f"{where}: label: expected one label, got {found!r}")
    if found[0] not in LABELS:
        raise DataError(f"{where}: label: unknown label {found[0]!r}; {nearest(found[0], LABELS)}")
    return str(found[0])
