"""nutgraf tells what every paragraph of a news article is.

>>> import nutgraf
>>> classifier = nutgraf.Classifier.load()
>>> article = classifier.classify(open("article.txt").read())
>>> for segment in article[2:4]:
...     print(segment.label, "|", segment.text[:40])
quote | We recognize and respect Ukraine's aspir
quote | We are discussing how to further strengt

`LABELS` are the labels that the released model tells apart, and `NAMED_LABELS` those of them that
say something: all but `other`.
"""

from nutgraf.article import (
    Article,
    LabelledArticle,
    Prediction,
    Segment,
    read_articles,
    write_articles,
)
from nutgraf.classifier import Classifier
from nutgraf.errors import DataError, InputError, ModelError, NutgrafError
from nutgraf.html import segment_html
from nutgraf.labels import LABELS, NAMED_LABELS
from nutgraf.segment import segment_text

__version__ = "0.1.0"

__all__ = [
    "LABELS",
    "NAMED_LABELS",
    "Article",
    "Classifier",
    "DataError",
    "InputError",
    "LabelledArticle",
    "ModelError",
    "NutgrafError",
    "Prediction",
    "Segment",
    "read_articles",
    "segment_html",
    "segment_text",
    "write_articles",
]
