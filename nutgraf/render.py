"""A labelled article as coloured terminal text and as an HTML page."""

import html
from collections.abc import Iterable, Mapping
from typing import Final

from nutgraf.article import LabelledArticle
from nutgraf.labels import LABELS

# The palette of Okabe and Ito (2008), which people with any kind of colour vision can tell apart;
# the label is always written out beside the colour.
_COLOURS: Final[Mapping[str, str]] = {
    "quote": "#0072b2",
    "official_statement": "#d55e00",
    "expert_opinion": "#009e73",
    "navigation_clutter": "#999999",
    "other": "#f0e442",
}
_OTHER_COLOUR: Final = "#cc79a7"
_ANSI: Final[Mapping[str, str]] = {
    "quote": "34",
    "official_statement": "33",
    "expert_opinion": "32",
    "navigation_clutter": "90",
    "other": "39",
}
_JOINERS: Final = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"
_WIDTH: Final = max(len(label) for label in LABELS)


def to_terminal(article: LabelledArticle, *, colour: bool) -> str:
    """One line a segment: label, probability and text."""
    lines = []
    for prediction in article:
        text = printable(" ".join(prediction.text.split()))
        line = f"{prediction.label:<{_WIDTH}}  {prediction.probability:.2f}  {text}"
        if colour:
            line = f"\x1b[{_ANSI.get(prediction.label, '35')}m{line}\x1b[0m"
        lines.append(line)
    return "\n".join(lines) + "\n"


def printable(text: str) -> str:
    """Replace control characters, so that scraped text cannot drive the terminal.

    The two joiners stay: they do no more than shape emoji and the letters of Persian or Hindi.
    """
    return "".join(
        c if c.isprintable() or c in _JOINERS else "\N{REPLACEMENT CHARACTER}" for c in text
    )


def to_html(articles: Iterable[tuple[str, LabelledArticle]]) -> str:
    """A self-contained page: each article under its name, its segments coloured by label, their
    probabilities on hover."""
    parts = []
    for name, article in articles:
        parts.append(f"<h1>{html.escape(name)}</h1>")
        for prediction in article:
            colour = _COLOURS.get(prediction.label, _OTHER_COLOUR)
            title = "\n".join(f"{k} {v:.3f}" for k, v in prediction.probabilities.items())
            parts.append(
                f'<p style="border-color:{colour}" title="{html.escape(title)}">'
                f"<b>{html.escape(prediction.label)} {prediction.probability:.2f}</b>"
                f"{html.escape(prediction.text)}</p>"
            )
    return _PAGE.format(body="\n".join(parts))


_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>nutgraf</title>
<style>
body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 44rem; margin: 2rem auto;
  padding: 0 1rem }}
h1 {{ font-size: 1.1rem; margin-top: 3rem }}
p {{ border-left: .4rem solid; padding-left: .8rem; white-space: pre-line }}
b {{ display: block; font-size: .75rem; font-weight: normal; color: #555 }}
</style>
</head>
<body>
{body}
</body>
</html>
"""
