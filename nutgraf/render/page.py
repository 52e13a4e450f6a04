"""Labelled articles as one self-contained page: no network, no library, works from file://."""

import base64
import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from nutgraf.article import LabelledArticle
from nutgraf.render.palette import colours
from nutgraf.render.segments import data, escape, labels_of, plural, segment, style, written
from nutgraf.render.terminal import printable


def to_html(articles: Iterable[tuple[str, LabelledArticle]]) -> str:
    """Render each article under its name: its segments in reading order, coloured by label.

    The legend filters by label, a slider marks the unsure segments, and a segment shows the
    probabilities of all labels when it is pointed at or its label has the focus. The policy in
    the page's head lets nothing run but the page's own script, and nothing load.
    """
    named = list(articles)
    labels = labels_of(article for _, article in named)
    colour = colours(labels)
    css, script = style() + data("page.css"), data("page.js")
    counts = Counter(prediction.label for _, article in named for prediction in article)
    total = f"{plural(counts.total(), 'segment')} in {plural(len(named), 'article')}"
    parts = {
        "policy": f"default-src 'none'; style-src {_hash(css)}; script-src {_hash(script)}; "
        "base-uri 'none'; form-action 'none'",
        "title": escape(printable(named[0][0]) if len(named) == 1 else total),
        "style": css,
        "script": script,
        "total": total,
        "all": f"{counts.total():,}",
        "legend": "\n".join(_button(label, colour[label], counts[label]) for label in labels),
        "contents": _contents([name for name, _ in named]),
        "articles": "\n".join(
            _article(number, name, article, colour) for number, (name, article) in enumerate(named)
        ),
    }
    # In one pass, so that nothing within a part is taken for a placeholder.
    return re.sub(r"\{(\w+)\}", lambda match: parts[match[1]], data("page.html"))


def _hash(text: str) -> str:
    """What a Content-Security-Policy calls an inline script or style by."""
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def _button(label: str, colour: int, count: int) -> str:
    return (
        f'<button type="button" class="nutgraf-c{colour}" aria-pressed="false">'
        f'<i class="nutgraf-swatch"></i>{written(label)} <b>{count:,}</b></button>'
    )


def _contents(names: Sequence[str]) -> str:
    if len(names) < 2:
        return ""
    links = "".join(
        f'<li><a href="#article-{number}"><bdi>{escape(name)}</bdi></a></li>'
        for number, name in enumerate(names)
    )
    return f'<nav aria-label="Articles"><ol>{links}</ol></nav>'


def _article(number: int, name: str, article: LabelledArticle, colours: Mapping[str, int]) -> str:
    counts = Counter(prediction.label for prediction in article)
    shares = ", ".join(f"{counts[label]:,} {written(label)}" for label in colours if counts[label])
    segments = "\n".join(
        segment(prediction, colours, id=f"tip-{number}-{place}")
        for place, prediction in enumerate(article)
    )
    return (
        f'<article id="article-{number}">\n<h2><bdi>{escape(name)}</bdi></h2>\n'
        f'<p class="nutgraf-soft">{plural(len(article), "segment")}: {shares}</p>\n'
        f"{_strip(article, colours)}\n{segments}\n</article>"
    )


def _strip(article: LabelledArticle, colours: Mapping[str, int]) -> str:
    """The article at a glance: a band in which each segment is as wide as its text is long."""
    length = sum(len(prediction.text) for prediction in article) or 1
    bands = []
    start = 0
    for prediction in article:
        end = start + len(prediction.text)
        bands.append(
            f'<rect class="nutgraf-c{colours[prediction.label]}" height="100%" '
            f'x="{100 * start / length:.2f}%" width="{100 * (end - start) / length:.2f}%"/>'
        )
        start = end
    return f'<svg class="strip" aria-hidden="true">{"".join(bands)}</svg>'
