"""The plain types that everything else passes along, and their JSON Lines form.

One article a line::

    {"id": "b01-03", "title": "...", "style": "...", "provenance": {...},
     "segments": [{"text": "...", "label": "quote"}, ...]}

`id` and `segments` are required, and so is `label` where labelled data is asked for; other keys
are metadata.
"""

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypedDict, overload

from nutgraf.errors import DataError, nearest
from nutgraf.files import atomic_write
from nutgraf.labels import LABELS

MAX_LINE_BYTES = 8 * 2**20
"""A longer line of a JSONL file is refused: no article is that long."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A paragraph, or a fragment of one, as a scraper delivered it.

    Attributes:
        text: what it says.
        label: what it is, where somebody has said so.
        start: the character offset of its first character in the source text, where there is one.
        end: the offset after its last character.
    """

    text: str
    label: str | None = None
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True, slots=True)
class Article:
    """Segments in reading order, with what is known about where they come from.

    Attributes:
        id: a name that no other article of the same data has.
        segments: its paragraphs, headline and furniture included.
        title: the headline, for people who look at the data; no model reads it.
        style: the kind of outlet.
        provenance: where the article comes from, as JSON can hold it.
    """

    id: str
    segments: tuple[Segment, ...]
    title: str = ""
    style: str = ""
    provenance: Mapping[str, Any] = field(default_factory=dict)


class PredictionDict(TypedDict):
    """A `Prediction` as JSON holds it."""

    text: str
    label: str
    probabilities: dict[str, float]
    start: int
    end: int


class LabelledArticleDict(TypedDict):
    """A `LabelledArticle` as JSON holds it."""

    source: str
    segments: list[PredictionDict]


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a segment is.

    Attributes:
        text: the segment, `source[start:end]` of the article's source text.
        label: the likeliest label of those asked for.
        probabilities: the probability of each label asked for; they sum to 1.
        start: the character offset of its first character.
        end: the offset after its last character.
    """

    text: str
    label: str
    probabilities: Mapping[str, float]
    start: int
    end: int

    @property
    def probability(self) -> float:
        """The probability of `label`."""
        return self.probabilities[self.label]

    def to_dict(self) -> PredictionDict:
        """Return what `json.dumps` takes."""
        return {
            "text": self.text,
            "label": self.label,
            "probabilities": dict(self.probabilities),
            "start": self.start,
            "end": self.end,
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> "Prediction":
        """Read back what `to_dict` returned; fields that are not of the schema are passed over.

        Raises:
            DataError: naming the field that is missing or wrong.
        """
        return _prediction(record, "")


@dataclass(frozen=True, slots=True)
class LabelledArticle(Sequence[Prediction]):
    """The predictions for one article in reading order: a sequence that knows its source text.

    Attributes:
        source: what the offsets of the predictions are into.
        predictions: one for each segment.
    """

    source: str
    predictions: tuple[Prediction, ...]

    @overload
    def __getitem__(self, index: int) -> Prediction: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Prediction, ...]: ...
    def __getitem__(self, index: int | slice) -> Prediction | tuple[Prediction, ...]:
        return self.predictions[index]

    def __len__(self) -> int:
        return len(self.predictions)

    def to_dict(self) -> LabelledArticleDict:
        """Return what `json.dumps` takes."""
        return {"source": self.source, "segments": [p.to_dict() for p in self.predictions]}

    def to_json(self) -> str:
        """Return `to_dict` as one line of JSON; `from_dict(json.loads(line))` reads it back."""
        return json.dumps(self.to_dict(), ensure_ascii=False)

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> "LabelledArticle":
        """Read back what `to_dict` returned; fields that are not of the schema are passed over.

        Raises:
            DataError: naming the field that is missing or wrong, or the segment whose text does
                not stand in the source where it says.
        """
        source = _field(record, "source", str, "", separator="")
        predictions = []
        for number, raw in enumerate(_field(record, "segments", list, "", separator="")):
            prediction = _prediction(raw, f"segments[{number}]")
            if source[prediction.start : prediction.end] != prediction.text:
                raise DataError(f"segments[{number}]: text: is not source[start:end]")
            predictions.append(prediction)
        return cls(source, tuple(predictions))

    def _repr_html_(self) -> str:
        """What a Jupyter notebook shows: the segments coloured by label."""
        from nutgraf.render import to_fragment

        return to_fragment(self)


def read_articles(
    path: str | os.PathLike[str],
    *,
    labels: Sequence[str] = LABELS,
    require_labels: bool = True,
) -> list[Article]:
    """Read and check a JSONL file, or every `*.jsonl` file of a folder in the order of names.

    Args:
        path: the file or the folder.
        labels: the labels that may occur.
        require_labels: refuse a segment without a label.

    Raises:
        DataError: naming file, line and field, for a missing or empty file, bytes that are not
            UTF-8, malformed JSON, a missing or wrong field, an unknown label, an empty text or
            an id that occurs twice.
    """
    articles: list[Article] = []
    seen: dict[str, str] = {}
    for file in _jsonl_files(Path(path)):
        count = len(articles)
        for number, line in _lines(file):
            where = f"{file}:{number}"
            article = _parse(line, where, labels, require_labels)
            if article.id in seen:
                raise DataError(
                    f"{where}: id: {_quoted(article.id)} occurs before, at {seen[article.id]}"
                )
            seen[article.id] = where
            articles.append(article)
        if len(articles) == count:
            raise DataError(f"{file}: no article in this file")
    return articles


def write_articles(path: str | os.PathLike[str], articles: Iterable[Article]) -> None:
    """Write articles as JSONL; the file appears whole or not at all.

    Args:
        path: the file to write or replace; its folder is made where there is none.
        articles: in the order of lines.

    >>> article = Article("a1", (Segment("“We will stay,” she said.", "quote"),))
    >>> write_articles("mine.jsonl", [article])
    >>> read_articles("mine.jsonl") == [article]
    True
    """
    with atomic_write(path) as file:
        for article in articles:
            file.write(json.dumps(_to_json(article), ensure_ascii=False) + "\n")


def _to_json(article: Article) -> dict[str, Any]:
    metadata = {"title": article.title, "style": article.style, "provenance": article.provenance}
    segments = [
        {"text": s.text} if s.label is None else {"text": s.text, "label": s.label}
        for s in article.segments
    ]
    return {"id": article.id, **{k: v for k, v in metadata.items() if v}, "segments": segments}


def _jsonl_files(path: Path) -> list[Path]:
    if path.is_dir():
        files = sorted(path.glob("*.jsonl"))
        if not files:
            raise DataError(f"{path}: no *.jsonl file in this folder")
        return files
    if not path.is_file():
        raise DataError(f"{path}: no such file or folder")
    return [path]


def _lines(file: Path) -> Iterator[tuple[int, str]]:
    with file.open("rb") as stream:
        number = 0
        while raw := stream.readline(MAX_LINE_BYTES + 1):
            number += 1
            if len(raw) > MAX_LINE_BYTES:
                raise DataError(f"{file}:{number}: line of more than {MAX_LINE_BYTES:,} bytes")
            try:
                line = raw.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise DataError(
                    f"{file}:{number}: not UTF-8 text (byte 0x{raw[error.start]:02x} "
                    f"at column {error.start + 1})"
                ) from None
            if line.strip():
                yield number, line


def _parse(line: str, where: str, labels: Sequence[str], require_labels: bool) -> Article:
    try:
        # Without its end, or a value cut short would seem to go on in the next line.
        record = json.loads(line.rstrip("\r\n"))
    except json.JSONDecodeError as error:
        problem = error.msg.removesuffix(" at")
        raise DataError(f"{where}: malformed JSON: {problem} at column {error.colno}") from None
    except RecursionError:
        raise DataError(f"{where}: malformed JSON: nested too deeply") from None
    except ValueError:  # Python refuses to read an integer of more than 4,300 digits
        raise DataError(f"{where}: malformed JSON: a number is too long") from None
    if not isinstance(record, dict):
        raise DataError(f"{where}: expected a JSON object, got {_kind(record)}")
    raw_segments = _field(record, "segments", list, where)
    if not raw_segments:
        raise DataError(f"{where}: segments: is empty")
    segments = tuple(
        _parse_segment(raw, f"{where}: segments[{i}]", labels, require_labels)
        for i, raw in enumerate(raw_segments)
    )
    id = _field(record, "id", str, where)
    if not id.strip():
        raise DataError(f"{where}: id: is empty")
    provenance = record.get("provenance", record.get("source", {}))
    if isinstance(provenance, str):
        provenance = {"source": provenance}
    if not isinstance(provenance, dict):
        raise DataError(f"{where}: provenance: expected an object, got {_kind(provenance)}")
    try:
        _check_characters(json.dumps(provenance, ensure_ascii=False), f"{where}: provenance")
    except RecursionError:
        raise DataError(f"{where}: provenance: nested too deeply") from None
    return Article(
        id=id,
        segments=segments,
        title=_field(record, "title", str, where, default=""),
        style=_field(record, "style", str, where, default=""),
        provenance=provenance,
    )


LONE_SURROGATE = re.compile("[\ud800-\udfff]")
"""Half of a character: Python lets a string hold it, but no encoding and no tokenizer takes it."""


def _parse_segment(raw: Any, where: str, labels: Sequence[str], require_label: bool) -> Segment:
    if not isinstance(raw, dict):
        raise DataError(f"{where}: expected an object, got {_kind(raw)}")
    text = _field(raw, "text", str, where, separator=".")
    if not text.strip():
        raise DataError(f"{where}.text: is empty")
    if "label" not in raw and not require_label:
        return Segment(text)
    label = _field(raw, "label", str, where, separator=".")
    if label not in labels:
        raise DataError(f"{where}.label: unknown label {_quoted(label)}; {nearest(label, labels)}")
    return Segment(text, label)


def _quoted(text: str) -> str:
    return repr(text if len(text) <= 100 else f"{text[:100]}…")


def _prediction(record: Any, where: str) -> Prediction:
    if not isinstance(record, dict):
        raise DataError(f"{where or 'prediction'}: expected an object, got {_kind(record)}")
    dot = "." if where else ""
    values = {
        name: _field(record, name, kind, where, separator=dot)
        for name, kind in (("text", str), ("label", str), ("start", int), ("end", int))
    }
    probabilities = _field(record, "probabilities", dict, where, separator=dot)
    for label, value in probabilities.items():
        if not isinstance(value, int | float) or not 0 <= value <= 1:
            raise DataError(
                f"{where}{dot}probabilities: expected a number from 0 to 1 for {label!r}, "
                f"got {value!r}"
            )
    if values["label"] not in probabilities:
        raise DataError(f"{where}{dot}label: {values['label']!r} is not one of the probabilities'")
    return Prediction(probabilities=dict(probabilities), **values)


_REQUIRED: Any = object()


def _field(
    record: Mapping[str, Any],
    name: str,
    kind: type,
    where: str,
    *,
    separator: str = ": ",
    default: Any = _REQUIRED,
) -> Any:
    if name not in record:
        if default is _REQUIRED:
            raise DataError(f"{where}{separator}{name}: is missing")
        return default
    value = record[name]
    if not isinstance(value, kind):
        wanted = _KINDS[kind]
        raise DataError(f"{where}{separator}{name}: expected {wanted}, got {_kind(value)}")
    if isinstance(value, str):
        _check_characters(value, f"{where}{separator}{name}")
    return value


def _check_characters(text: str, where: str) -> None:
    if LONE_SURROGATE.search(text):
        raise DataError(f"{where}: holds half of a character (a lone surrogate)")


_KINDS = {
    str: "a string",
    list: "a list",
    dict: "an object",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    type(None): "null",
}


def _kind(value: Any) -> str:
    return _KINDS.get(type(value), type(value).__name__)
