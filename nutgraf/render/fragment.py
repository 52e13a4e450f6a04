"""A labelled article as a piece of HTML for a notebook: no script, and no style that leaks."""

import hashlib
from collections import Counter
from typing import Final

from nutgraf.article import LabelledArticle
from nutgraf.render.palette import colours
from nutgraf.render.segments import labels_of, plural, segment, style, written

MOST_SEGMENTS: Final = 200
"""A notebook shows no more segments of an article, lest the browser freezes."""
MOST_CHARACTERS: Final = 2_000
"""A notebook shows no more characters of a segment."""


def to_fragment(article: LabelledArticle) -> str:
    """The article's counts and its segments coloured by label, as Jupyter shows them.

    Of a long article the first `MOST_SEGMENTS` segments are shown, each up to `MOST_CHARACTERS`,
    and how much is left out is said.
    """
    labels = labels_of([article])
    colour = colours(labels)
    counts = Counter(prediction.label for prediction in article)
    legend = "".join(
        f'<span class="nutgraf-c{colour[label]}"><i class="nutgraf-swatch"></i>'
        f"{written(label)} <b>{counts[label]:,}</b></span>"
        for label in labels
    )
    # Ids must differ between the outputs of a notebook, and not between runs of it.
    prefix = hashlib.sha256(article.source.encode("utf-8", "replace")).hexdigest()[:12]
    segments = "\n".join(
        segment(prediction, colour, id=f"nutgraf-{prefix}-{number}", most=MOST_CHARACTERS)
        for number, prediction in enumerate(article[:MOST_SEGMENTS])
    )
    left_out = len(article) - MOST_SEGMENTS
    note = f"{plural(left_out, 'more segment')} not shown" if left_out > 0 else ""
    return (
        f'<div class="nutgraf"><style>\n{style()}</style>\n'
        f'<div class="nutgraf-legend">{legend}</div>\n{segments}\n'
        f'<div class="nutgraf-soft">{note}</div></div>\n'
    )
