"""What else one would use: classifiers of single paragraphs, trained on the project's articles.

Each function here returns a peer: something that takes texts and gives the indices of their
labels. They see the same training segments; none of them sees a segment's neighbours.
"""

import hashlib
import random
import warnings
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, make_pipeline

from nutgraf.article import Article
from nutgraf.files import atomic_folder, atomic_write

from .encoder import find_checkpoint

Peer = Callable[[Sequence[str]], list[int]]

CACHE = Path("runs") / "peers"
"""Where what takes minutes to make is kept, by a digest of the training texts."""

_EPOCHS = 4
_SEED = 13


def tfidf(texts: Sequence[str], labels: Sequence[int]) -> Peer:
    """TF-IDF of words and word pairs and of runs of 2 to 4 characters, and logistic regression."""
    features = FeatureUnion(
        [
            ("words", TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)),
            (
                "characters",
                TfidfVectorizer(
                    analyzer="char_wb",
                    ngram_range=(2, 4),
                    min_df=5,
                    sublinear_tf=True,
                    max_features=100_000,
                ),
            ),
        ]
    )
    model = make_pipeline(features, LogisticRegression(C=10, max_iter=300))
    model.fit(texts, labels)
    return lambda new: model.predict(new).tolist()


def embeddings(texts: Sequence[str], labels: Sequence[int], checkpoint: str) -> Peer:
    """Sentence embeddings of the same encoder as it comes, and logistic regression."""
    from sentence_transformers import SentenceTransformer

    encoder = SentenceTransformer(
        find_checkpoint(checkpoint), device="cpu", model_kwargs={"use_safetensors": True}
    )

    def embed(new: Sequence[str]) -> npt.NDArray[np.float32]:
        found = encoder.encode(list(new), batch_size=32, show_progress_bar=False)
        return np.asarray(found, dtype=np.float32)

    file = CACHE / digest(checkpoint, texts) / "embeddings.npy"
    if not file.is_file():
        with atomic_write(file, binary=True) as stream:
            np.save(stream, embed(texts))
    model = LogisticRegression(C=10, max_iter=1000)
    model.fit(np.load(file), labels)
    return lambda new: model.predict(embed(new)).tolist()


def spacy_textcat(texts: Sequence[str], labels: Sequence[int], names: Sequence[str]) -> Peer:
    """spaCy's text classifier with its default architecture, on a blank English pipeline."""
    import spacy
    from spacy.training import Example
    from spacy.util import minibatch
    from thinc.api import fix_random_seed

    folder = CACHE / digest(f"spacy {version('spacy')} {_EPOCHS}", texts) / "textcat"
    if folder.is_dir():
        nlp = spacy.load(folder)
    else:
        fix_random_seed(_SEED)
        nlp = spacy.blank("en")
        component = nlp.add_pipe("textcat")
        for name in names:
            component.add_label(name)  # type: ignore[attr-defined]
        examples = [
            Example.from_dict(
                nlp.make_doc(text), {"cats": {n: float(i == label) for i, n in enumerate(names)}}
            )
            for text, label in zip(texts, labels, strict=True)
        ]
        optimizer = nlp.initialize(lambda: examples[:1000])
        shuffle = random.Random(_SEED).shuffle
        for _ in range(_EPOCHS):
            shuffle(examples)
            for batch in minibatch(examples, 128):
                nlp.update(batch, sgd=optimizer, drop=0.2)
        with atomic_folder(folder) as new:
            nlp.to_disk(new)

    def predict(new: Sequence[str]) -> list[int]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            docs = nlp.pipe(new, batch_size=256)
            return [names.index(max(doc.cats, key=doc.cats.__getitem__)) for doc in docs]

    return predict


def digest(what: str, texts: Sequence[str]) -> str:
    """A name for what was made of these texts."""
    return hashlib.sha256("\0".join([what, *texts]).encode()).hexdigest()[:16]


def segments(articles: Sequence[Article], names: Sequence[str]) -> tuple[list[str], list[int]]:
    """All segments' texts, and the indices of their labels."""
    index = {name: i for i, name in enumerate(names)}
    pairs = [(s.text, index[s.label or ""]) for a in articles for s in a.segments]
    return [text for text, _ in pairs], [label for _, label in pairs]
