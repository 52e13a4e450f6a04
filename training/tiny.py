"""Small things to try the scripts on: a tiny encoder, a few articles and a configuration."""

from pathlib import Path
from typing import Any

import yaml
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from transformers import BertConfig, BertForTokenClassification, PreTrainedTokenizerFast, set_seed

from nutgraf.article import Article, Segment, write_articles

_WORDS = """read also : share follow us by staff " said he we will not go the minister told council
that road be closed analyst believes market fall study found storm came on monday and took roof
. , the of to a in it was his dogs bridge school town river""".split()

_SEGMENTS = (
    ("navigation_clutter", "Read also : the storm"),
    ("other", "The storm came on Monday and took the roof of a school in the town."),
    ("quote", '"We will not go," he said.'),
    ("official_statement", "The minister told the council that the road will be closed."),
    ("expert_opinion", "The analyst believes the market will fall, a study found."),
    ("navigation_clutter", "Share"),
    ("other", "It was his bridge."),
)


def article(id: str, *segments: tuple[str, str]) -> Article:
    """An article of (label, text) pairs."""
    return Article(id, tuple(Segment(text, label) for label, text in segments))


ARTICLES = tuple(
    article(f"a{n}", *(_SEGMENTS[(n + i) % len(_SEGMENTS)] for i in range(3 + n % 4)))
    for n in range(24)
)


def write_checkpoint(folder: Path) -> None:
    """Write a BERT of two layers of 32 units with a vocabulary of words and letters."""
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


def write_data(folder: Path) -> None:
    """Write the articles to train.jsonl and validation.jsonl."""
    write_articles(folder / "train.jsonl", ARTICLES[:18])
    write_articles(folder / "validation.jsonl", ARTICLES[18:])


def write_settings(file: Path, *, checkpoint: Path, data: Path) -> None:
    """Write a configuration that trains the encoder on the articles in a second or two."""
    settings: dict[str, Any] = {
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
    file.write_text(yaml.safe_dump(settings), encoding="utf-8")
