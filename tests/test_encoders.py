"""Every kind of encoder that `configs/` names, as a tiny random model: trained and served."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from transformers import (
    AutoConfig,
    AutoModelForTokenClassification,
    PreTrainedTokenizerFast,
    set_seed,
)

from nutgraf import LABELS, Classifier
from nutgraf.windows import make_windows, pad, segment_logits, tokenize
from tests.conftest import ARTICLES, train
from training.config import load_config
from training.encoder import library_tokenizer, load_encoder

SIZES = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 66,
}
KINDS: dict[str, dict[str, Any]] = {
    "bert": {},
    "mpnet": {},
    "xlm-roberta": {"type_vocab_size": 1},
    "deberta-v2": {
        "type_vocab_size": 0,
        "relative_attention": True,
        "position_buckets": 16,
        "pos_att_type": ["p2c", "c2p"],
        "norm_rel_ebd": "layer_norm",
        "share_att_key": True,
        "position_biased_input": False,
    },
    "modernbert": {"global_attn_every_n_layers": 2, "local_attention": 16},
}


def checkpoint(kind: str, folder: Path) -> Path:
    """A random encoder of a kind, with a vocabulary of letters and the words of the articles."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = " ".join(s.text for a in ARTICLES for s in a.segments).lower().split()
    pieces = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    pieces += dict.fromkeys([*words, *letters, *(f"##{c}" for c in letters)])
    backend = Tokenizer(models.WordPiece({w: i for i, w in enumerate(pieces)}, unk_token="<unk>"))
    backend.normalizer = normalizers.BertNormalizer()
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    PreTrainedTokenizerFast(
        tokenizer_object=backend,
        cls_token="<s>",
        sep_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        mask_token="<mask>",
    ).save_pretrained(folder)
    set_seed(0)
    config = AutoConfig.for_model(
        kind, vocab_size=len(pieces), pad_token_id=1, **{**SIZES, **KINDS[kind]}
    )
    AutoModelForTokenClassification.from_config(config).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("kind", KINDS)
def test_an_encoder_is_trained_exported_and_served(
    kind: str, settings: Path, tmp_path: Path
) -> None:
    encoder = checkpoint(kind, tmp_path / "checkpoint")
    overrides = [
        f"model.checkpoint={encoder}",
        "train.epochs=1",
        "train.evaluations=1",
        "export.int8=false",
    ]
    folder = train(settings, tmp_path, overrides)

    config = load_config(settings, overrides)
    _, tokenizer = load_encoder(config, LABELS)
    backend, special = library_tokenizer(tokenizer)
    (best,) = (tmp_path / "runs/tiny").glob("checkpoint-*")
    trained = AutoModelForTokenClassification.from_pretrained(best).eval()
    marked = getattr(trained.config, "type_vocab_size", 0) >= 2
    assert marked is (kind == "bert")
    window = config.window.to_library(mark_targets=marked)
    classifier = Classifier.load(folder)
    for article in ARTICLES[:4]:
        expected = []
        ids = tokenize(backend, [s.text for s in article.segments], window, special)
        for made in make_windows(ids, window, special):
            arrays = pad([made], window, special)
            if not marked:
                del arrays["token_type_ids"]
            with torch.no_grad():
                logits = trained(**{k: torch.from_numpy(v) for k, v in arrays.items()}).logits
            expected += [row for _, row in segment_logits(logits[0].numpy(), made)]
        scaled = torch.from_numpy(np.stack(expected)) / classifier.temperature
        found = [list(p.probabilities.values()) for p in classifier.classify(article)]
        assert np.array(found) == pytest.approx(torch.softmax(scaled, 1).numpy(), abs=1e-4)
