"""The encoder: find a checkpoint, load it with its tokenizer, and say what windows it takes."""

import importlib.metadata
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from tokenizers import Tokenizer
from transformers import (
    AutoConfig,
    AutoModelForTokenClassification,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from nutgraf.windows import SpecialTokens

from .config import Config, ConfigError

_ATTENTION_DROPOUT_NAMES = ("attention_probs_dropout_prob", "attention_dropout")


def find_checkpoint(name: str) -> str:
    """Resolve a checkpoint: a folder, the folder inside an installed package, else a hub name."""
    if Path(name).is_dir():
        return name
    try:
        files = importlib.metadata.files(name) or []
    except (importlib.metadata.PackageNotFoundError, ValueError):
        return name
    for file in files:
        folder = Path(str(file.locate())).parent
        if file.name == "model.safetensors" and (folder / "config.json").is_file():
            return str(folder)
    return name


def max_tokens(config: Any) -> int | None:
    """How many tokens an encoder can read at once, or None where nothing limits it."""
    positions = getattr(config, "max_position_embeddings", None)
    if not isinstance(positions, int) or positions <= 0:
        return None
    # RoBERTa and its kin number positions from the padding id + 1.
    if config.model_type in ("roberta", "xlm-roberta", "camembert"):
        return positions - int(config.pad_token_id + 1)
    return positions


def load_encoder(
    config: Config, labels: tuple[str, ...]
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Load the checkpoint with a new token-classification head, and its tokenizer.

    Raises:
        ConfigError: if the checkpoint cannot be had, has no safetensors or brings code of its own,
            or if its positions do not hold a window.
    """
    checkpoint = find_checkpoint(config.model.checkpoint)
    try:
        encoder_config = AutoConfig.from_pretrained(
            checkpoint,
            num_labels=len(labels),
            id2label=dict(enumerate(labels)),
            label2id={label: i for i, label in enumerate(labels)},
            trust_remote_code=False,
        )
        tokenizer = AutoTokenizer.from_pretrained(
            checkpoint, use_fast=True, trust_remote_code=False
        )
        check_window(config, encoder_config)
        keep_layers(config, encoder_config)
        for name in _ATTENTION_DROPOUT_NAMES:
            if hasattr(encoder_config, name):
                setattr(encoder_config, name, config.model.attention_dropout)
        model = AutoModelForTokenClassification.from_pretrained(
            checkpoint,
            config=encoder_config,
            dtype=torch.float32,
            use_safetensors=True,
            trust_remote_code=False,
            # A checkpoint that was fine-tuned before may have a head of another size.
            ignore_mismatched_sizes=True,
        )
    except ConfigError:
        raise
    except (OSError, ValueError, SafetensorError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ConfigError(f"model.checkpoint: {config.model.checkpoint!r}: {reason}") from None
    if config.model.freeze_embeddings:
        model.get_input_embeddings().requires_grad_(False)
    return model, tokenizer


def check_window(config: Config, encoder_config: Any) -> None:
    """Refuse windows longer than the encoder's positions."""
    most = max_tokens(encoder_config)
    if most is not None and config.window.tokens > most:
        raise ConfigError(
            f"window.tokens: {config.window.tokens} is more than the {most} positions of "
            f"{config.model.checkpoint!r}; the longest valid window is {most}"
        )


def keep_layers(config: Config, encoder_config: Any) -> None:
    """Set how many of the encoder's layers are built; the weights of the others stay unread."""
    wanted, there = config.model.layers, encoder_config.num_hidden_layers
    if wanted is None:
        return
    if wanted > there:
        raise ConfigError(f"model.layers: {wanted}, but {config.model.checkpoint!r} has {there}")
    encoder_config.num_hidden_layers = wanted


def has_two_token_types(encoder_config: Any) -> bool:
    """Whether targets can be told from their neighbours by token type."""
    return getattr(encoder_config, "type_vocab_size", 0) >= 2


def library_tokenizer(tokenizer: PreTrainedTokenizerBase) -> tuple[Tokenizer, SpecialTokens]:
    """The tokenizer and special tokens as the library uses them."""
    backend: Tokenizer = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    backend.no_truncation()
    backend.no_padding()
    special = SpecialTokens(
        cls=_first(tokenizer.cls_token_id, tokenizer.bos_token_id),
        sep=_first(tokenizer.sep_token_id, tokenizer.eos_token_id),
        pad=tokenizer.pad_token_id,
        unk=tokenizer.unk_token_id,
    )
    return backend, special


def _first(*ids: int | None) -> int:
    """The first id that the tokenizer has."""
    return next(i for i in ids if i is not None)
