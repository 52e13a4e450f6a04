"""Export a checkpoint as a model folder: python -m training.export CONFIG CHECKPOINT [KEY=VALUE]

The model becomes ONNX with 8-bit weights, and a temperature is fitted on the validation split.
`training.finetune` does the same at its end; this is for a checkpoint of an earlier run.
"""

import dataclasses
import logging
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.quantization.shape_inference import quant_pre_process
from safetensors import SafetensorError
from tokenizers import Tokenizer
from transformers import AutoModelForTokenClassification, PreTrainedModel

from nutgraf.article import Article
from nutgraf.classifier import Classifier
from nutgraf.files import atomic_folder
from nutgraf.folder import ONNX_FILE, TOKENIZER_FILE, ModelConfig, write_config

from .augment import augment, once
from .calibration import fit_temperature
from .config import Config, ConfigError, load_config
from .dataset import read_split
from .encoder import has_two_token_types, library_tokenizer, load_encoder
from .evaluation.outcomes import answer
from .script import run


def main(arguments: Sequence[str]) -> None:
    if len(arguments) < 2:
        raise ConfigError("usage: python -m training.export CONFIG CHECKPOINT [key=value ...]")
    config = load_config(arguments[0], arguments[2:])
    checkpoint = arguments[1]
    labels = config.data.label_set()
    encoder, tokenizer = load_encoder(config, labels)
    try:
        model = AutoModelForTokenClassification.from_pretrained(
            checkpoint, use_safetensors=True, trust_remote_code=False
        )
    except (OSError, ValueError, SafetensorError) as error:
        raise ConfigError(f"{checkpoint}: {str(error).strip().splitlines()[0]}") from None
    if [model.config.id2label[i] for i in range(model.config.num_labels)] != list(labels):
        raise ConfigError(f"{checkpoint}: its labels are not {', '.join(labels)}")
    backend, special = library_tokenizer(tokenizer)
    window = config.window.to_library(mark_targets=has_two_token_types(encoder.config))
    folder = export_run(
        config,
        model,
        backend,
        ModelConfig(labels, window, special),
        read_split(config, "validation"),
    )
    print(f"model written to {folder}")


class _Logits(torch.nn.Module):
    """The model as a plain function of tensors, which is what the ONNX exporter traces."""

    def __init__(self, model: PreTrainedModel, names: tuple[str, ...]) -> None:
        super().__init__()
        self._model = model
        self._names = names

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self._model(**dict(zip(self._names, inputs, strict=True))).logits
        return logits


def export_run(
    config: Config,
    model: PreTrainedModel,
    tokenizer: Tokenizer,
    settings: ModelConfig,
    validation: Sequence[Article],
) -> Path:
    """Export what a run trained, as its configuration says; see `export`."""
    return export(
        model,
        tokenizer,
        settings,
        Path(config.output),
        int8=config.export.int8,
        # Damaged as the training articles are: on clean pages alone a model looks surer than
        # it may be on what a scraper delivers.
        validation=augment(validation, once(config.augment), config.seed),
    )


def export(
    model: PreTrainedModel,
    tokenizer: Tokenizer,
    config: ModelConfig,
    path: Path,
    *,
    int8: bool,
    validation: Sequence[Article],
) -> Path:
    """Write a model folder that `nutgraf.Classifier.load` reads. It appears whole or not at all.

    Args:
        model: a token classifier whose labels are those of `config`.
        tokenizer: its tokenizer, without truncation or padding.
        config: labels, windows and special tokens.
        path: the folder; an older one there is replaced.
        int8: store the weights in 8 bits, and compute with them.
        validation: labelled articles to fit the temperature on; without any it is 1.
    """
    with atomic_folder(path) as folder:
        if int8:
            with tempfile.TemporaryDirectory(dir=folder) as temporary:
                floats = Path(temporary) / ONNX_FILE
                write_onnx(model, floats, mark_targets=config.window.mark_targets)
                quantize(floats, folder / ONNX_FILE)
        else:
            write_onnx(model, folder / ONNX_FILE, mark_targets=config.window.mark_targets)
        tokenizer.save(str(folder / TOKENIZER_FILE))
        write_config(folder, dataclasses.replace(config, temperature=1.0))
        if validation:
            # On what was exported rather than on the checkpoint: 8 bits change the confidence.
            temperature = fit_temperature(answer(Classifier.load(folder), validation))
            write_config(folder, dataclasses.replace(config, temperature=temperature))
    return path


def write_onnx(model: PreTrainedModel, file: Path, *, mark_targets: bool) -> None:
    """Write a token classifier as ONNX, in 32-bit floats."""
    names: tuple[str, ...] = ("input_ids", "attention_mask")
    if mark_targets:
        names += ("token_type_ids",)
    model = model.eval().float().cpu()
    model.set_attn_implementation("eager")
    example = tuple(torch.ones((2, 8), dtype=torch.long) for _ in names)
    axes = {0: "windows", 1: "tokens"}
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            _Logits(model, names),
            example,
            str(file),
            input_names=list(names),
            output_names=["logits"],
            dynamic_axes=dict.fromkeys((*names, "logits"), axes),
            opset_version=17,
            dynamo=False,
        )


def quantize(source: Path, target: Path) -> None:
    """Quantize an ONNX model dynamically: weights in 8 bits, activations as they come.

    Weights use 7 of the 8 bits: processors without VNNI add products in 16 bits, which would
    overflow (ONNX Runtime's documentation of `reduce_range`).
    """
    with _temporary_files(source.parent) as temporary:
        inferred = temporary / "inferred.onnx"
        # Its advice on how to call it is for models that it does not know.
        logging.getLogger().setLevel(logging.ERROR)
        quant_pre_process(str(source), str(inferred), skip_symbolic_shape=True)
        quantize_dynamic(
            str(inferred),
            str(target),
            weight_type=QuantType.QInt8,
            per_channel=True,
            reduce_range=True,
        )


@contextmanager
def _temporary_files(parent: Path) -> Iterator[Path]:
    """Make a temporary folder in which libraries make theirs too, so that what a killed process
    leaves is all in one place."""
    before = tempfile.tempdir
    with tempfile.TemporaryDirectory(dir=parent) as temporary:
        tempfile.tempdir = temporary
        try:
            yield Path(temporary)
        finally:
            tempfile.tempdir = before


if __name__ == "__main__":
    run(main)
