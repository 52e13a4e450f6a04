"""A report as one self-contained HTML page: no network, no library, works from file://."""

import html
import json
import re
from collections.abc import Sequence
from importlib import resources
from typing import Any

from .markdown import HEADLINE
from .slices import Slice


def to_page(report: dict[str, Any], slices: Sequence[Slice]) -> str:
    """Render a report; `slices` are those of its articles, which the page can filter by."""
    members = [part.segments.tolist() for part in slices]
    page = resources.files(__package__ or "") / "page"
    parts = {
        "title": html.escape(f"{report['model']['path']} on {report['data']['path']}"),
        "style": (page / "page.css").read_text(encoding="utf-8"),
        "script": (page / "page.js").read_text(encoding="utf-8"),
        "data": _embed({**report, "headline": HEADLINE, "members": members}),
    }
    # In one pass, so that nothing within a part is taken for a placeholder.
    template = (page / "page.html").read_text(encoding="utf-8")
    return re.sub(r"\{(\w+)\}", lambda match: parts[match[1]], template)


def _embed(data: dict[str, Any]) -> str:
    """JSON that cannot end the script element it stands in, whatever the articles hold."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
