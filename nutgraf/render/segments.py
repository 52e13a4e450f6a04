"""The HTML of segments, which the page and the notebook share.

Whatever comes from an article passes through `escape`, and no class, id or style is ever made
of it. All class names start with `nutgraf`, and all rules of style apply below `.nutgraf`.
"""

import html
from collections.abc import Iterable, Mapping
from importlib import resources

from nutgraf.article import LONE_SURROGATE, LabelledArticle, Prediction
from nutgraf.labels import LABELS
from nutgraf.render import palette


def labels_of(articles: Iterable[LabelledArticle]) -> list[str]:
    """Every label that the articles were asked for: nutgraf's own first, in their order."""
    found: dict[str, None] = {}
    for article in articles:
        for prediction in article:
            found.update(dict.fromkeys(prediction.probabilities))
    own = [label for label in found if label not in LABELS]
    return [label for label in LABELS if label in found] + own


def segment(
    prediction: Prediction, colours: Mapping[str, int], *, id: str, most: int | None = None
) -> str:
    """One segment: its label, which shows the probabilities when pointed at or focused, and its
    text, cut after `most` characters if that is given.

    Args:
        prediction: the segment.
        colours: for each label the index of its colour.
        id: an id for the tooltip that no other in the document has.
        most: how many characters of the text to show.
    """
    text, left_out = prediction.text, ""
    if most is not None and len(text) > most:
        left_out = f'<span class="nutgraf-soft"> … {len(text) - most:,} more characters</span>'
        text = text[:most]
    colour = colours[prediction.label]
    return (
        f'<div class="nutgraf-segment nutgraf-c{colour}">'
        f'<span class="nutgraf-label" tabindex="0" aria-describedby="{id}">'
        f"{written(prediction.label)} <b>{prediction.probability:.2f}</b></span>"
        f'<span class="nutgraf-tip" role="tooltip" id="{id}">'
        f"{_probabilities(prediction.probabilities, colours)}</span>"
        f'<div class="nutgraf-text" dir="auto">{escape(text)}{left_out}</div></div>'
    )


def _probabilities(probabilities: Mapping[str, float], colours: Mapping[str, int]) -> str:
    # Bars are drawn with attributes of SVG, since the page's policy forbids style attributes.
    return "".join(
        f'<span class="nutgraf-row nutgraf-c{colours[label]}">{written(label)} '
        f'<svg aria-hidden="true"><rect width="{100 * value:.1f}%" height="100%"/></svg>'
        f"<b>{value:.3f}</b></span>"
        for label, value in probabilities.items()
    )


def written(label: str) -> str:
    """A label as people write it, escaped."""
    return f"<bdi>{escape(label.replace('_', ' '))}</bdi>"


def escape(text: str) -> str:
    """Text as HTML shows it, in an element or an attribute; what no page can hold is replaced."""
    text = LONE_SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)
    return html.escape(text).replace("\0", "\N{REPLACEMENT CHARACTER}")


def style() -> str:
    """The rules of style for all of the above, the same whatever the labels are."""
    names = ("paper", "panel", "line", "ink", "soft")
    base = "".join(f"--{name}:{_both(getattr(palette, name.upper()))};" for name in names)
    rules = [f".nutgraf{{{base}}}"]
    for i, colour in enumerate(palette.COLOURS):
        rules.append(
            f".nutgraf .nutgraf-c{i}{{--mark:{_both(colour.mark)};--tint:{_both(colour.tint)}}}"
        )
    return "\n".join(rules) + "\n" + data("segments.css")


def _both(shades: palette.Shades) -> str:
    return f"light-dark({shades[0]},{shades[1]})"


def data(name: str) -> str:
    """Read a data file of this package."""
    return (resources.files("nutgraf.render") / name).read_text(encoding="utf-8")


def plural(count: int, noun: str) -> str:
    """A count with its noun: `1 segment`, `2,000 segments`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
