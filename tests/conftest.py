"""Small things to test on: a tiny encoder, a few articles, and a model trained from both."""

import os
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import pytest
import yaml
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from transformers import BertConfig, BertForTokenClassification, PreTrainedTokenizerFast, set_seed

from nutgraf import Article, Classifier, Segment, write_articles
from training.config import load_config
from training.finetune import finetune

ROOT = Path(__file__).parent.parent

_WORDS = """read also : share follow us by staff " said he we will not go the minister told council
that road be closed analyst believes market fall study found storm came on monday and took roof
. , the of to a in it was his dogs bridge school town river""".split()


def article(id: str, *segments: tuple[str, str]) -> Article:
    return Article(id, tuple(Segment(text, label) for label, text in segments))


_SEGMENTS = (
    ("navigation_clutter", "Read also : the storm"),
    ("other", "The storm came on Monday and took the roof of a school in the town."),
    ("quote", '"We will not go," he said.'),
    ("official_statement", "The minister told the council that the road will be closed."),
    ("expert_opinion", "The analyst believes the market will fall, a study found."),
    ("navigation_clutter", "Share"),
    ("other", "It was his bridge."),
)
ARTICLES = tuple(
    article(f"a{n}", *(_SEGMENTS[(n + i) % len(_SEGMENTS)] for i in range(3 + n % 4)))
    for n in range(24)
)


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of two layers of 32 units with a vocabulary of words and letters."""
    folder = tmp_path_factory.mktemp("checkpoint")
    letters = "abcdefghijklmnopqrstuvwxyz"
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    pieces += dict.fromkeys([*_WORDS, *letters, *(f"##{c}" for c in letters)])
    backend = Tokenizer(models.WordPiece({w: i for i, w in enumerate(pieces)}, unk_token="[UNK]"))
    backend.normalizer = normalizers.BertNormalizer()
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        pad_token="[PAD]",
    )
    tokenizer.save_pretrained(folder)
    set_seed(0)
    config = BertConfig(
        vocab_size=len(pieces),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    BertForTokenClassification(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with train.jsonl and validation.jsonl."""
    folder = tmp_path_factory.mktemp("data")
    write_articles(folder / "train.jsonl", ARTICLES[:18])
    write_articles(folder / "validation.jsonl", ARTICLES[18:])
    return folder


@pytest.fixture(scope="session")
def settings(checkpoint: Path, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configuration that trains the tiny encoder on the few articles in a second or two."""
    file = tmp_path_factory.mktemp("config") / "tiny.yaml"
    file.write_text(
        yaml.safe_dump(
            {
                "name": "tiny",
                "output": "models/tiny",
                "data": {
                    "train": str(data / "train.jsonl"),
                    "validation": str(data / "validation.jsonl"),
                },
                "model": {"checkpoint": str(checkpoint)},
                "window": {"tokens": 48, "context": 8},
                "augment": {"passes": 2, "share": 1.0, "split": 0.5, "strip_marks": 0.5},
                "train": {
                    "epochs": 4,
                    "batch_size": 8,
                    "learning_rate": 5e-3,
                    "evaluations": 4,
                    "patience": 4,
                },
            }
        ),
        encoding="utf-8",
    )
    return file


def train(settings: Path, folder: Path, overrides: Sequence[str] = ()) -> Path:
    """Train in `folder` and return the model folder's full path."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        return finetune(load_config(settings, overrides)).absolute()
    finally:
        os.chdir(before)


@pytest.fixture(scope="session")
def model(settings: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(settings, tmp_path_factory.mktemp("work"))


@pytest.fixture(scope="session")
def classifier(model: Path) -> Classifier:
    return Classifier.load(model)
