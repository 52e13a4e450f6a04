"""The classifier: articles in, a labelled segment for each paragraph out."""

import dataclasses
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
from tokenizers import Tokenizer

from nutgraf.article import LONE_SURROGATE, Article, LabelledArticle, Prediction, Segment
from nutgraf.clean import Page, extract_article, read_page
from nutgraf.errors import InputError, ModelError, nearest
from nutgraf.folder import ONNX_FILE, TOKENIZER_FILE, ModelConfig, default_folder, read_config
from nutgraf.html import UTF16_MARKS, binary_kind, html_blocks, looks_like_html, segment_html
from nutgraf.labels import CLUTTER
from nutgraf.onnxfile import check_self_contained
from nutgraf.segment import check_length, segment_text
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
Method = Literal["tree", "trafilatura"]
ArticleLike = str | bytes | Article | Sequence[str]

MAX_SEGMENT_CHARACTERS = 1_000_000
"""A longer segment is refused: no paragraph is that long, so the input is something else."""

_WINDOWS_AHEAD = 8
"""How many windows for each thread a stream reads ahead of the answers it gives."""

_Source = tuple[str, list[Segment]]
_Rows = list[tuple[int, FloatArray]]
"""Logits of shape (labels,) for segments of an article, by their number."""
_SEPARATOR = "\n\n"
_EMPTY = "no text: the article is empty"


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
        check_self_contained(folder / ONNX_FILE)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        try:
            session = onnxruntime.InferenceSession(
                str(folder / ONNX_FILE),
                options,
                providers=["CPUExecutionProvider"],
                # On a CPU the fused operator takes three times as long as the two it stands for.
                disabled_optimizers=["SkipLayerNormFusion"],
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
        return cls(config, tokenizer, session, threads or usable_cores())

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
            InputError: for an article without a segment, a text of more than
                `segment.MAX_TEXT_LENGTH` or a segment of more than `MAX_SEGMENT_CHARACTERS`,
                bytes that are not UTF-8, a lone surrogate, or an unknown label.
        """
        wanted = self._label_indices(labels)
        result: LabelledArticle
        (result,) = self._label([_segments(article, format)], wanted)
        return result

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

        Args:
            articles: each as in `classify`.
            labels: as in `classify`.
            format: as in `classify`.

        Raises:
            InputError: as `classify` does, naming the article by its number from 0.
        """
        return list(self.classify_stream(articles, labels=labels, format=format))

    @overload
    def classify_stream(
        self,
        articles: Iterable[ArticleLike],
        *,
        labels: Sequence[str] | None = None,
        format: Format = "auto",
        errors: Literal["raise"] = "raise",
    ) -> Iterator[LabelledArticle]: ...
    @overload
    def classify_stream(
        self,
        articles: Iterable[ArticleLike],
        *,
        labels: Sequence[str] | None = None,
        format: Format = "auto",
        errors: Literal["return"],
    ) -> Iterator[LabelledArticle | InputError]: ...
    def classify_stream(
        self,
        articles: Iterable[ArticleLike],
        *,
        labels: Sequence[str] | None = None,
        format: Format = "auto",
        errors: Literal["raise", "return"] = "raise",
    ) -> Iterator[LabelledArticle | InputError]:
        """Label any number of articles as they come, in their order; see `classify`.

        Articles are taken from the iterable only a few windows ahead of the answers, so that
        memory does not grow with their number. While the model reads, the next ones are
        tokenized.

        Args:
            articles: read once, in the thread that asks for the answers.
            labels: as in `classify`.
            format: as in `classify`.
            errors: what to do with an article that cannot be used: "raise" the error, which ends
                the stream, or "return" it in the article's place and go on.

        Raises:
            InputError: as `classify` does, naming the article by its number from 0.
        """
        _check_errors(errors)
        wanted = self._label_indices(labels)
        read = partial(_segments, format=format)
        return self._label(_sources(articles, read, errors == "return"), wanted)

    def clean(
        self,
        page: ArticleLike,
        *,
        method: Method = "tree",
        headline: bool = False,
        format: Format = "auto",
    ) -> LabelledArticle:
        """The article of a page without its clutter.

        In HTML, what elements say (tag, links, the names that sites give to furniture) is joined
        with what the text says; see `nutgraf.clean`. Blocks that can only be furniture are not
        read at all. In raw text and lists of segments the text alone decides.

        Args:
            page: as in `classify`.
            method: for HTML, "trafilatura" takes the article as that library extracts it, less
                what the model reads as clutter; needs `pip install 'nutgraf[trafilatura]'`.
            headline: whether to keep the page's headline, which is not part of the article's
                body. For HTML and "tree" only.
            format: as in `classify`.

        Returns:
            The article's segments, with probabilities over all labels but navigation_clutter.
            Its `source` is their texts joined by blank lines, and empty where nothing is left.

        Raises:
            InputError: as `classify` does, and where trafilatura is asked for and missing.
            ModelError: for a model without the label navigation_clutter.
        """
        self._check_clean(method)
        reader = _PageReader(method, headline, format)
        result: LabelledArticle
        (result,) = self._clean([reader.read(page)], reader)
        return result

    @overload
    def clean_stream(
        self,
        pages: Iterable[ArticleLike],
        *,
        method: Method = "tree",
        headline: bool = False,
        format: Format = "auto",
        errors: Literal["raise"] = "raise",
    ) -> Iterator[LabelledArticle]: ...
    @overload
    def clean_stream(
        self,
        pages: Iterable[ArticleLike],
        *,
        method: Method = "tree",
        headline: bool = False,
        format: Format = "auto",
        errors: Literal["return"],
    ) -> Iterator[LabelledArticle | InputError]: ...
    def clean_stream(
        self,
        pages: Iterable[ArticleLike],
        *,
        method: Method = "tree",
        headline: bool = False,
        format: Format = "auto",
        errors: Literal["raise", "return"] = "raise",
    ) -> Iterator[LabelledArticle | InputError]:
        """The articles of any number of pages, in their order; see `clean`.

        Pages are parsed while the model reads those before, and memory does not grow with their
        number.

        Args:
            pages: read once, in the thread that asks for the articles.
            method: as in `clean`.
            headline: as in `clean`.
            format: as in `clean`.
            errors: as in `classify_stream`.

        Raises:
            InputError: as `clean` does, naming the page by its number from 0.
            ModelError: as `clean` does.
        """
        self._check_clean(method)
        _check_errors(errors)
        reader = _PageReader(method, headline, format)
        return self._clean(_sources(pages, reader.read, errors == "return"), reader)

    def _check_clean(self, method: str) -> None:
        if CLUTTER not in self.labels:
            raise ModelError(f"this model cannot clean: it has no label {CLUTTER!r}")
        if method not in ("tree", "trafilatura"):
            raise InputError(f"method: {method!r}; {nearest(method, ['tree', 'trafilatura'])}")

    def _clean(
        self, sources: Iterable[_Source | InputError], reader: "_PageReader"
    ) -> Iterator[Any]:
        for result in self._label(sources, self._label_indices(None)):
            if isinstance(result, InputError):
                yield result
            else:
                kept = reader.article(result)
                yield _joined_predictions([_without(CLUTTER, prediction) for prediction in kept])

    def _label(self, sources: Iterable[_Source | InputError], wanted: list[int]) -> Iterator[Any]:
        """Label articles in order, with a bounded number of windows under way; errors among the
        sources stay in their places."""
        with ThreadPoolExecutor(self._threads) as pool:
            pending: deque[tuple[_Source | InputError, list[Future[_Rows]]]] = deque()
            windows = 0
            try:
                for source in sources:
                    futures = [] if isinstance(source, InputError) else self._start(pool, source[1])
                    pending.append((source, futures))
                    windows += len(futures)
                    while windows - len(pending[0][1]) >= self._threads * _WINDOWS_AHEAD:
                        windows -= len(pending[0][1])
                        yield self._finish(*pending.popleft(), wanted)
                while pending:
                    yield self._finish(*pending.popleft(), wanted)
            finally:
                pool.shutdown(cancel_futures=True)

    def _start(
        self, pool: ThreadPoolExecutor, segments: Sequence[Segment]
    ) -> list["Future[_Rows]"]:
        """Begin to read an article's windows."""
        config, special = self._config.window, self._config.special_tokens
        ids = tokenize(self._tokenizer, [s.text for s in segments], config, special)
        return [pool.submit(self._read, w) for w in make_windows(ids, config, special)]

    def _finish(
        self, source: _Source | InputError, futures: Sequence["Future[_Rows]"], wanted: list[int]
    ) -> LabelledArticle | InputError:
        if isinstance(source, InputError):
            return source
        text, segments = source
        logits = np.empty((len(segments), len(self.labels)), np.float32)
        for future in futures:
            for segment, row in future.result():
                logits[segment] = row
        return LabelledArticle(text, self._predictions(segments, logits, wanted))

    def _label_indices(self, labels: Sequence[str] | None) -> list[int]:
        if labels is None:
            return list(range(len(self.labels)))
        if isinstance(labels, str) or not labels:
            raise InputError("labels: expected a list of one or more labels")
        for label in labels:
            if label not in self.labels:
                raise InputError(f"labels: unknown label {label!r}; {nearest(label, self.labels)}")
        return [i for i, label in enumerate(self.labels) if label in labels]

    def _read(self, window: Window) -> _Rows:
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


class _PageReader:
    """Reads pages for `clean` up to where the model is needed, and goes on with its answers."""

    def __init__(self, method: Method, headline: bool, format: Format) -> None:
        self._method = method
        self._headline = headline
        self._format = format
        self._pages: deque[tuple[Page, list[int], list[int]] | None] = deque()

    def read(self, page: ArticleLike) -> _Source:
        """The texts that the model must read."""
        if not isinstance(page, str | bytes) or not _is_html(page, self._format):
            source = _segments(page, self._format)
        elif self._method == "trafilatura":
            source = _segments(extract_article(page), "text")
        else:
            if not (blocks := html_blocks(page)):
                raise InputError(_EMPTY)
            tree = read_page(blocks)
            title = [tree.headline] if self._headline and tree.headline is not None else []
            numbers = sorted({*tree.unsettled(), *title})
            source = _segments([blocks[i].text for i in numbers], "text") if numbers else ("", [])
            self._pages.append((tree, numbers, title))
            return source
        self._pages.append(None)
        return source

    def article(self, found: LabelledArticle) -> list[Prediction]:
        """What is left of the first page that was read and is not finished."""
        page = self._pages.popleft()
        if page is None:
            return [prediction for prediction in found if prediction.label != CLUTTER]
        tree, numbers, title = page
        read = dict(zip(numbers, found, strict=True))
        clutter = {i: prediction.probabilities[CLUTTER] for i, prediction in read.items()}
        return [read[i] for i in sorted({*tree.article(clutter), *title})]


def _check_errors(errors: str) -> None:
    if errors not in ("raise", "return"):
        raise InputError(f"errors: {errors!r}; {nearest(errors, ['raise', 'return'])}")


def _sources(
    articles: Iterable[ArticleLike], read: Callable[[ArticleLike], _Source], keep_errors: bool
) -> Iterator[_Source | InputError]:
    """Read articles one by one; an error names the article by its number."""
    for number, article in enumerate(articles):
        try:
            yield read(article)
        except InputError as error:
            named = InputError(f"article {number}: {error}")
            if not keep_errors:
                raise named from None
            yield named


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
        raise InputError(_EMPTY)
    for number, segment in enumerate(segments):
        if len(segment.text) > MAX_SEGMENT_CHARACTERS:
            raise InputError(
                f"segment {number} has {len(segment.text):,} characters, more than the "
                f"{MAX_SEGMENT_CHARACTERS:,} allowed: is this a news article?"
            )
    return source, segments


def _from_text(article: str | bytes, format: Format) -> _Source:
    if _is_html(article, format):
        return _joined(segment_html(article))
    if isinstance(article, bytes):
        article = decode(article)
    return article, segment_text(article)


def _is_html(article: str | bytes, format: Format) -> bool:
    """Whether to read a text as HTML; refuses what is neither text nor HTML."""
    if format not in ("auto", "text", "html"):
        raise InputError(f"format: {format!r}; {nearest(format, ['auto', 'text', 'html'])}")
    check_length(article)
    if isinstance(article, bytes):
        if kind := binary_kind(article):
            raise InputError(f"this is {kind}")
        head = _head(article)
    else:
        if half := LONE_SURROGATE.search(article):
            raise InputError(
                f"holds half of a character (a lone surrogate) at offset {half.start():,}"
            )
        head = article
    return format == "html" or (format == "auto" and looks_like_html(head))


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


def _without(label: str, prediction: Prediction) -> Prediction:
    """The prediction among the other labels."""
    rest = {k: p for k, p in prediction.probabilities.items() if k != label}
    total = sum(rest.values())
    probabilities = {k: p / total for k, p in rest.items()}
    best = max(probabilities, key=probabilities.__getitem__)
    return dataclasses.replace(prediction, label=best, probabilities=probabilities)


def _joined_predictions(predictions: Sequence[Prediction]) -> LabelledArticle:
    """An article of its own, with offsets into the texts joined by blank lines."""
    placed = []
    position = 0
    for prediction in predictions:
        end = position + len(prediction.text)
        placed.append(dataclasses.replace(prediction, start=position, end=end))
        position = end + len(_SEPARATOR)
    return LabelledArticle(_SEPARATOR.join(p.text for p in predictions), tuple(placed))


def usable_cores() -> int:
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
