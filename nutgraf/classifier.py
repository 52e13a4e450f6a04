"""The classifier: articles in, a labelled segment for each paragraph out."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from tokenizers import Tokenizer

from nutgraf.article import LONE_SURROGATE, Article, LabelledArticle, Prediction, Segment
from nutgraf.errors import InputError, ModelError, nearest
from nutgraf.folder import ONNX_FILE, TOKENIZER_FILE, ModelConfig, default_folder, read_config
from nutgraf.html import UTF16_MARKS, binary_kind, looks_like_html, segment_html
from nutgraf.segment import segment_text
from nutgraf.windows import (
    FloatArray,
    Window,
    make_windows,
    pad,
    segment_logits,
    tokenize,
)

if TYPE_CHECKING:
    import onnxruntime

Format = Literal["auto", "text", "html"]
ArticleLike = str | bytes | Article | Sequence[str]

MAX_SEGMENT_CHARACTERS = 1_000_000
"""A longer segment is refused: no paragraph is that long, so the input is something else."""

MAX_TEXT_LENGTH = 20_000_000
"""A longer text or page is refused unread: no article is that long, and labelling all the
paragraphs of a corpus in one call would look like a hang and fill the memory."""

_Source = tuple[str, list[Segment]]
_SEPARATOR = "\n\n"


class Classifier:
    """A trained classifier, ready to label articles on a CPU. Make one with `Classifier.load`.

    The model reads one window at a time, each on one thread. So nothing is spent on padding, and
    an article gets the same answer to the last bit whatever is classified beside it and on
    however many threads: an int8 model scales its activations over all that it reads at once.
    """

    def __init__(
        self,
        config: ModelConfig,
        tokenizer: Tokenizer,
        session: "onnxruntime.InferenceSession",
        threads: int,
    ) -> None:
        self._config = config
        self._tokenizer = tokenizer
        self._session = session
        self._threads = threads
        self._inputs = {i.name for i in session.get_inputs()}

    @classmethod
    def load(
        cls, path: str | os.PathLike[str] | None = None, *, threads: int | None = None
    ) -> "Classifier":
        """Load a model.

        Args:
            path: a model folder, as `python -m training.finetune` writes it; by default that of
                the released model, which comes with the package.
            threads: how many windows may be read at the same time, each on a thread; by default
                one for each core that the process may use.

        Raises:
            ModelError: if the folder or a file in it is missing or damaged.
        """
        import onnxruntime

        folder = default_folder() if path is None else Path(path)
        config = read_config(folder)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        try:
            session = onnxruntime.InferenceSession(
                str(folder / ONNX_FILE), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime's own exceptions share no base class
            raise ModelError(f"{folder / ONNX_FILE}: {_first_line(error)}") from None
        width = session.get_outputs()[0].shape[-1]
        if isinstance(width, int) and width != len(config.labels):
            raise ModelError(f"{folder}: {len(config.labels)} labels, but {width} outputs")
        try:
            tokenizer = Tokenizer.from_file(str(folder / TOKENIZER_FILE))
        except Exception as error:  # tokenizers raises bare Exception
            raise ModelError(f"{folder / TOKENIZER_FILE}: {_first_line(error)}") from None
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return cls(config, tokenizer, session, threads or _cores())

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that this model tells apart."""
        return self._config.labels

    @property
    def temperature(self) -> float:
        """What logits are divided by before they become probabilities."""
        return self._config.temperature

    def classify(
        self,
        article: ArticleLike,
        *,
        labels: Sequence[str] | None = None,
        format: Format = "auto",
    ) -> LabelledArticle:
        """Label every segment of an article.

        Args:
            article: raw text, HTML (text or bytes), a list of segments, or an `Article`.
            labels: answer with these labels only, probabilities renormalised over them.
            format: how to read a single text: "text", "html", or "auto" to tell by its markup.

        Returns:
            One prediction for each segment, in reading order. Offsets are into
            `LabelledArticle.source`: the text that was given (decoded, if it was bytes), or for
            HTML and lists the segments joined by blank lines.

        Raises:
            InputError: for an article without a segment, a text of more than `MAX_TEXT_LENGTH`
                or a segment of more than `MAX_SEGMENT_CHARACTERS`, bytes that are not UTF-8, a
                lone surrogate, or an unknown label.
        """
        wanted = self._label_indices(labels)
        return self._label([_segments(article, format)], wanted)[0]

    def classify_many(
        self,
        articles: Iterable[ArticleLike],
        *,
        labels: Sequence[str] | None = None,
        format: Format = "auto",
    ) -> list[LabelledArticle]:
        """Label many articles at once, in their order; see `classify`.

        Windows of all articles are spread over the threads, which is faster than one call an
        article where articles are short.

        Raises:
            InputError: as `classify` does, naming the article by its number from 0.
        """
        wanted = self._label_indices(labels)
        sources: list[_Source] = []
        for number, article in enumerate(articles):
            try:
                sources.append(_segments(article, format))
            except InputError as error:
                raise InputError(f"article {number}: {error}") from None
        return self._label(sources, wanted)

    def _label(self, sources: list[_Source], wanted: list[int]) -> list[LabelledArticle]:
        logits = self._segment_logits([[s.text for s in segments] for _, segments in sources])
        return [
            LabelledArticle(source, self._predictions(segments, rows, wanted))
            for (source, segments), rows in zip(sources, logits, strict=True)
        ]

    def _label_indices(self, labels: Sequence[str] | None) -> list[int]:
        if labels is None:
            return list(range(len(self.labels)))
        if isinstance(labels, str) or not labels:
            raise InputError("labels: expected a list of one or more labels")
        for label in labels:
            if label not in self.labels:
                raise InputError(f"labels: unknown label {label!r}; {nearest(label, self.labels)}")
        return [i for i, label in enumerate(self.labels) if label in labels]

    def _segment_logits(self, articles: list[list[str]]) -> list[FloatArray]:
        """Logits of shape (segments, labels) for each article."""
        config, special = self._config.window, self._config.special_tokens
        windows: list[Window] = []
        owners: list[int] = []
        for number, texts in enumerate(articles):
            ids = tokenize(self._tokenizer, texts, config, special)
            made = make_windows(ids, config, special)
            windows += made
            owners += [number] * len(made)
        logits = [np.empty((len(texts), len(self.labels)), np.float32) for texts in articles]
        for owner, rows in zip(owners, self._read(windows), strict=True):
            for segment, row in rows:
                logits[owner][segment] = row
        return logits

    def _read(self, windows: list[Window]) -> Iterator[list[tuple[int, FloatArray]]]:
        """Segment logits of each window, in order."""
        if self._threads == 1 or len(windows) < 2:
            yield from map(self._read_one, windows)
            return
        with ThreadPoolExecutor(min(self._threads, len(windows))) as pool:
            yield from pool.map(self._read_one, windows)

    def _read_one(self, window: Window) -> list[tuple[int, FloatArray]]:
        arrays = pad([window], self._config.window, self._config.special_tokens)
        feed = {name: array for name, array in arrays.items() if name in self._inputs}
        (token_logits,) = self._session.run(["logits"], feed)
        return segment_logits(token_logits[0], window)

    def _predictions(
        self, segments: list[Segment], logits: FloatArray, wanted: list[int]
    ) -> tuple[Prediction, ...]:
        names = [self.labels[i] for i in wanted]
        probabilities = _softmax(logits[:, wanted] / self._config.temperature)
        predictions = []
        for segment, row in zip(segments, probabilities, strict=True):
            assert segment.start is not None
            assert segment.end is not None
            predictions.append(
                Prediction(
                    text=segment.text,
                    label=names[int(row.argmax())],
                    probabilities=dict(zip(names, row.tolist(), strict=True)),
                    start=segment.start,
                    end=segment.end,
                )
            )
        return tuple(predictions)


def _segments(article: ArticleLike, format: Format) -> _Source:
    """The article's source text and its segments, with offsets into that text."""
    if isinstance(article, Article):
        source, segments = _joined([s.text for s in article.segments])
    elif isinstance(article, str | bytes):
        source, segments = _from_text(article, format)
    elif isinstance(article, Mapping) or not isinstance(article, Iterable):
        raise InputError(
            f"expected text, bytes, an Article or a list of segments, got {type(article).__name__}"
        )
    else:
        source, segments = _joined(article)
    if not segments:
        raise InputError("no text: the article is empty")
    for number, segment in enumerate(segments):
        if len(segment.text) > MAX_SEGMENT_CHARACTERS:
            raise InputError(
                f"segment {number} has {len(segment.text):,} characters, more than the "
                f"{MAX_SEGMENT_CHARACTERS:,} allowed: is this a news article?"
            )
    return source, segments


def _from_text(article: str | bytes, format: Format) -> _Source:
    if format not in ("auto", "text", "html"):
        raise InputError(f"format: {format!r}; {nearest(format, ['auto', 'text', 'html'])}")
    if len(article) > MAX_TEXT_LENGTH:
        unit = "bytes" if isinstance(article, bytes) else "characters"
        raise InputError(
            f"more than the {MAX_TEXT_LENGTH:,} {unit} allowed: is this a news article?"
        )
    if isinstance(article, bytes):
        if kind := binary_kind(article):
            raise InputError(f"this is {kind}")
    elif half := LONE_SURROGATE.search(article):
        raise InputError(f"holds half of a character (a lone surrogate) at offset {half.start():,}")
    if format == "html":
        return _joined(segment_html(article))
    if isinstance(article, bytes):
        if format == "auto" and looks_like_html(_head(article)):
            return _joined(segment_html(article))
        article = decode(article)
    elif format == "auto" and looks_like_html(article):
        return _joined(segment_html(article))
    return article, segment_text(article)


def _head(raw: bytes) -> str:
    """The first 10,000 bytes, read well enough to see markup in them."""
    encoding = "utf-16" if raw.startswith(UTF16_MARKS) else "latin-1"
    return raw[:10_000].decode(encoding, "replace")


def decode(raw: bytes) -> str:
    """Decode text: UTF-8, or UTF-16 with a byte order mark.

    Raises:
        InputError: for anything else, binary files above all.
    """
    if raw.startswith(UTF16_MARKS):
        name, encoding = "UTF-16", "utf-16"
    else:
        name, encoding = "UTF-8", "utf-8-sig"
        if (position := raw.find(b"\0")) >= 0:
            raise InputError(f"not text: NUL byte at offset {position:,}")
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as error:
        raise InputError(
            f"not {name} text: byte 0x{raw[error.start]:02x} at offset {error.start:,}"
        ) from None


def _joined(texts: Iterable[str]) -> _Source:
    """Segments as given, with offsets into their texts joined by blank lines."""
    segments = []
    position = 0
    for number, text in enumerate(texts):
        if not isinstance(text, str):
            raise InputError(f"segment {number}: expected a string, got {type(text).__name__}")
        if LONE_SURROGATE.search(text):
            raise InputError(f"segment {number} holds half of a character (a lone surrogate)")
        segments.append(Segment(text, start=position, end=position + len(text)))
        position += len(text) + len(_SEPARATOR)
    return _SEPARATOR.join(segment.text for segment in segments), segments


def _cores() -> int:
    """How many cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on Linux
        return os.cpu_count() or 1


def _softmax(logits: FloatArray) -> FloatArray:
    exp = np.exp(logits - logits.max(axis=1, keepdims=True), dtype=np.float64)
    return np.asarray(exp / exp.sum(axis=1, keepdims=True), dtype=np.float64)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
