"""Export a trained model as a model folder, in ONNX."""

import warnings
from pathlib import Path

import torch
from tokenizers import Tokenizer
from transformers import PreTrainedModel

from nutgraf.files import atomic_folder
from nutgraf.folder import ONNX_FILE, TOKENIZER_FILE, ModelConfig, write_config


class _Logits(torch.nn.Module):
    """The model as a plain function of tensors, which is what the ONNX exporter traces."""

    def __init__(self, model: PreTrainedModel, names: tuple[str, ...]) -> None:
        super().__init__()
        self._model = model
        self._names = names

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self._model(**dict(zip(self._names, inputs, strict=True))).logits
        return logits


def export(model: PreTrainedModel, tokenizer: Tokenizer, config: ModelConfig, path: Path) -> Path:
    """Write a model folder that `nutgraf.Classifier.load` reads. It appears whole or not at all.

    Args:
        model: a token classifier whose labels are those of `config`.
        tokenizer: its tokenizer, without truncation or padding.
        config: labels, windows and special tokens.
        path: the folder; an older one there is replaced.
    """
    names: tuple[str, ...] = ("input_ids", "attention_mask")
    if config.window.mark_targets:
        names += ("token_type_ids",)
    model = model.eval().float().cpu()
    model.set_attn_implementation("eager")
    example = tuple(torch.ones((2, 8), dtype=torch.long) for _ in names)
    axes = {0: "windows", 1: "tokens"}
    with atomic_folder(path) as folder:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                _Logits(model, names),
                example,
                str(folder / ONNX_FILE),
                input_names=list(names),
                output_names=["logits"],
                dynamic_axes=dict.fromkeys((*names, "logits"), axes),
                opset_version=17,
                dynamo=False,
            )
        tokenizer.save(str(folder / TOKENIZER_FILE))
        write_config(folder, config)
    return path
