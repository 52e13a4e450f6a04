"""A spaCy component that labels the segments of a text: `pip install 'nutgraf[spacy]'`.

>>> import spacy
>>> nlp = spacy.blank("en")
>>> _ = nlp.add_pipe("nutgraf")
>>> doc = nlp("Read also\\n\\n“We will not go,” he said.")
>>> [(span.text, span.label_) for span in doc.spans["nutgraf"]]
[('Read also', 'navigation_clutter'), ('“We will not go,” he said.', 'quote')]
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from nutgraf.article import LabelledArticle, Prediction
from nutgraf.classifier import Classifier
from nutgraf.errors import MissingPackageError
from nutgraf.folder import default_folder
from nutgraf.packed import load_packed, pack, unpack

try:
    import srsly
    from spacy.language import Language
    from spacy.tokens import Doc, Span, SpanGroup
except ImportError as error:
    raise MissingPackageError(
        f"nutgraf.spacy needs spaCy: pip install 'nutgraf[spacy]' ({error})"
    ) from None

_STORED = "nutgraf"
"""The key of `Doc.user_data` under which the predictions are, as what can be serialised."""


class SegmentLabeller:
    """Marks each segment of a text as a span; `nlp.add_pipe("nutgraf")` makes one.

    A text is split into segments as `nutgraf.segment_text` does. For each of them
    `doc.spans[spans_key]` gets a span whose `label_` is its label, widened to whole tokens where a
    segment starts or ends within one. `span._.nutgraf_probability` is the probability of that
    label, `span._.nutgraf_probabilities` that of each label by name, and `doc._.nutgraf` is the
    `nutgraf.LabelledArticle` with exact offsets: after several of these components, what the last
    of them found. A text without segments passes untouched: it gets no group of spans, and its
    `doc._.nutgraf` is None.

    A saved pipeline and a pickled one carry their model along.

    Args:
        model: a model folder; by default that of the released model. It is loaded when the first
            text comes.
        spans_key: where in `doc.spans` the spans go.
    """

    def __init__(self, *, model: str | None = None, spans_key: str = "nutgraf") -> None:
        self.model = model
        self.spans_key = spans_key
        self._files: dict[str, bytes] | None = None
        self._classifier: Classifier | None = None

    def __call__(self, doc: Doc) -> Doc:
        """Label one text.

        Raises:
            InputError: for a text that `Classifier.classify` refuses.
            ModelError: for a model that cannot be loaded.
        """
        return self._label([doc])[0]

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = 128) -> Iterator[Doc]:
        """Label texts, `batch_size` of them together, in their order.

        Raises:
            InputError: for a text that `Classifier.classify` refuses.
            ModelError: for a model that cannot be loaded.
        """
        docs = iter(stream)
        while batch := list(islice(docs, batch_size)):
            yield from self._label(batch)

    def to_bytes(self, *, exclude: Sequence[str] = ()) -> bytes:
        """The model as bytes; there is nothing to exclude."""
        packed: bytes = srsly.msgpack_dumps(self._packed())
        return packed

    def from_bytes(self, data: bytes, *, exclude: Sequence[str] = ()) -> "SegmentLabeller":
        """Take the model of another component's `to_bytes`."""
        return self._take(srsly.msgpack_loads(data))

    def to_disk(self, path: str | Path, *, exclude: Sequence[str] = ()) -> None:
        """Write the model folder; there is nothing to exclude."""
        unpack(self._packed(), Path(path))

    def from_disk(self, path: str | Path, *, exclude: Sequence[str] = ()) -> "SegmentLabeller":
        """Take the model of a folder.

        Raises:
            ModelError: for a folder that lacks a file, or one that is damaged.
        """
        return self._take(pack(path))

    def _label(self, docs: list[Doc]) -> list[Doc]:
        if self._classifier is None:
            files = self._files
            self._classifier = load_packed(files) if files else Classifier.load(self.model)
        # Words, not tokens: a text of white space has tokens too.
        full = [doc for doc in docs if doc.text.strip()]
        results = self._classifier.classify_many([doc.text for doc in full], format="text")
        for doc, result in zip(full, results, strict=True):
            self._mark(doc, result)
        return docs

    def _mark(self, doc: Doc, result: LabelledArticle) -> None:
        spans = []
        for prediction in result:
            span = doc.char_span(
                prediction.start, prediction.end, label=prediction.label, alignment_mode="expand"
            )
            assert span is not None  # widened to whole tokens, it always is one
            span._.nutgraf_probabilities = dict(prediction.probabilities)
            spans.append(span)
        doc.spans[self.spans_key] = SpanGroup(doc, name=self.spans_key, spans=spans)
        doc.user_data[_STORED] = [
            [p.label, dict(p.probabilities), p.start, p.end] for p in result.predictions
        ]

    def _packed(self) -> dict[str, bytes]:
        if self._files is not None:
            return self._files
        return pack(default_folder() if self.model is None else self.model)

    def _take(self, files: dict[str, bytes]) -> "SegmentLabeller":
        self._classifier = load_packed(files)
        self._files = files
        return self

    def __getstate__(self) -> dict[str, Any]:
        # A loaded model cannot be pickled; it is loaded again from its files.
        return self.__dict__ | {"_files": self._packed(), "_classifier": None}


@Language.factory(
    "nutgraf",
    default_config={"model": None, "spans_key": "nutgraf"},
    assigns=["doc.spans", "doc._.nutgraf", "span._.nutgraf_probabilities"],
)
def make_component(nlp: Language, name: str, model: str | None, spans_key: str) -> SegmentLabeller:
    """Make the component from its configuration; spaCy calls this."""
    return SegmentLabeller(model=model, spans_key=spans_key)


def _article(doc: Doc) -> LabelledArticle | None:
    stored = doc.user_data.get(_STORED)
    if stored is None:
        return None
    text = doc.text
    return LabelledArticle(
        text,
        tuple(
            Prediction(text[start:end], label, probabilities, start, end)
            for label, probabilities, start, end in stored
        ),
    )


def _probability(span: Span) -> float | None:
    probability: float | None = (span._.nutgraf_probabilities or {}).get(span.label_)
    return probability


Doc.set_extension("nutgraf", getter=_article, force=True)
Span.set_extension("nutgraf_probabilities", default=None, force=True)
Span.set_extension("nutgraf_probability", getter=_probability, force=True)
