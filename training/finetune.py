"""Fine-tune a classifier: python -m training.finetune CONFIG [key=value ...]"""

import os
import shutil
import sys
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import torch
import yaml
from safetensors.torch import load_file
from transformers import EarlyStoppingCallback, EvalPrediction, Trainer, TrainingArguments, set_seed
from transformers.trainer_callback import PrinterCallback, ProgressCallback

from nutgraf.article import Article
from nutgraf.files import atomic_write
from nutgraf.folder import ModelConfig

from .augment import augment
from .checkpoint import Checkpoints, is_over, last_checkpoint, read_state
from .config import Config, ConfigError, load_config, make_config
from .dataset import IGNORED, Collator, read_split, to_windows
from .distil import soften
from .encoder import has_two_token_types, library_tokenizer, load_encoder
from .export import export_run
from .metrics import segment_metrics
from .pooling import pool, segment_loss
from .progress import Progress
from .sampler import SeededSampler
from .script import run

RUNS = Path("runs")


def main(arguments: Sequence[str]) -> None:
    if not arguments:
        raise ConfigError("usage: python -m training.finetune CONFIG [key=value ...]")
    config = load_config(arguments[0], arguments[1:])
    folder = finetune(config)
    if os.environ.get("RANK", "0") == "0":
        print(f"model written to {folder}")


def finetune(config: Config, *, runs: Path = RUNS) -> Path:
    """Train as the configuration says, keep the best checkpoint in a folder of `runs` and export
    it.

    Under `torchrun` every process calls this: each batch is shared out between them, so that
    windows come in the same order as in one process, and the first process exports.

    Returns:
        The model folder.

    Raises:
        ConfigError: for a checkpoint, window or run folder that cannot be used.
        DataError: for data that breaks the schema.
    """
    set_seed(config.seed)
    torch.use_deterministic_algorithms(True, warn_only=True)
    # Nothing here reads memory before it writes it, so it need not be filled first.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    labels = config.data.label_set()
    train, validation = read_split(config, "train"), read_split(config, "validation")
    model, tokenizer = load_encoder(config, labels)
    backend, special = library_tokenizer(tokenizer)
    window = config.window.to_library(mark_targets=has_two_token_types(model.config))

    readings = augment(train, config.augment, config.seed)
    soft = soften(readings, labels, config.distil)
    train_windows = to_windows(readings, backend, window, special, labels, soft)
    validation_windows = to_windows(validation, backend, window, special, labels)
    folder = runs / config.name
    args = training_arguments(config, folder)
    if args.process_index == 0:
        report_sizes(train, train_windows)
    with args.main_process_first(local=False):
        checkpoint = prepare_run_folder(folder, config, first=args.process_index == 0)
    trainer = _Trainer(
        model=model,
        args=args,
        train_dataset=train_windows,
        eval_dataset=validation_windows,
        data_collator=Collator(window, special),
        compute_loss_func=segment_loss(class_weights(train, labels, config.train.class_weights)),
        compute_metrics=partial(validation_metrics, labels),
        preprocess_logits_for_metrics=pool,
        callbacks=[EarlyStoppingCallback(config.train.patience), Checkpoints(), Progress()],
    )
    for callback in (PrinterCallback, ProgressCallback):
        trainer.remove_callback(callback)
    if checkpoint is not None and is_over(checkpoint):
        # The run was interrupted after its last step: what is missing is the export.
        best = folder / Path(read_state(checkpoint)["best_model_checkpoint"]).name
        model.load_state_dict(load_file(best / "model.safetensors"))
        report = f"nothing is left to train; best checkpoint: {best}"
    else:
        result = trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        seconds = result.metrics["train_runtime"]
        segments = result.metrics["epoch"] * sum(map(len, train_windows["targets"]))
        report = (
            f"trained and validated in {seconds:.0f} s, {segments / seconds:.0f} segments a "
            f"second; best checkpoint: {trainer.state.best_model_checkpoint}"
        )
    if args.process_index > 0:
        return Path(config.output)
    print(report, file=sys.stderr)
    return export_run(config, model, backend, ModelConfig(labels, window, special), validation)


class _Trainer(Trainer):
    def _get_train_sampler(self, train_dataset: datasets.Dataset | None = None) -> SeededSampler:
        windows: Any = self.train_dataset if train_dataset is None else train_dataset
        return SeededSampler(self._train_batch_size, windows["length"], seed=self.args.seed)


def report_sizes(articles: Sequence[Article], windows: datasets.Dataset) -> None:
    segments = sum(len(a.segments) for a in articles)
    print(
        f"training on {len(articles)} articles, {segments} segments: "
        f"{len(windows)} windows, {sum(windows['length'])} tokens an epoch",
        file=sys.stderr,
    )


def prepare_run_folder(folder: Path, config: Config, *, first: bool) -> Path | None:
    """Start a new run folder, or find the checkpoint to go on from.

    Of several processes the `first` makes the folder before the others look into it.
    """
    settings = config.model_dump()
    settings["train"].pop("resume")
    file = folder / "config.yaml"
    if config.train.resume:
        if not file.is_file():
            raise ConfigError(f"train.resume: there is no run to go on with in {folder}")
        # As a configuration: the run may be older than a setting that has its default.
        if load_config(file) != make_config(settings):
            raise ConfigError(f"train.resume: the settings differ from those in {file}")
        return last_checkpoint(folder, clean=first)
    if not first:
        return None
    if folder.exists() and any(not file.name.startswith(".") for file in folder.iterdir()):
        # The run before this one is not lost to a forgotten train.resume.
        previous = folder.with_name(f"{folder.name}.previous")
        shutil.rmtree(previous, ignore_errors=True)
        folder.rename(previous)
    with atomic_write(file) as stream:
        yaml.safe_dump(settings, stream, sort_keys=False)
    return None


def training_arguments(config: Config, folder: Path) -> TrainingArguments:
    gpu = torch.cuda.is_available()
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    # A share of the run: the Trainer takes 1.0 for one step.
    every = min(1 / config.train.evaluations, 1 - 1e-9)
    return TrainingArguments(
        output_dir=str(folder),
        seed=config.seed,
        num_train_epochs=config.train.epochs,
        per_device_train_batch_size=config.train.batch_size,
        per_device_eval_batch_size=2 * config.train.batch_size,
        learning_rate=config.train.learning_rate,
        weight_decay=config.train.weight_decay,
        warmup_steps=config.train.warmup,
        optim="adamw_torch_fused",
        bf16=gpu and torch.cuda.is_bf16_supported(),
        ddp_backend="gloo" if processes > 1 and not gpu else None,
        # A batch is shared out between processes: its size does not grow with their number.
        accelerator_config={"split_batches": True},
        # The loss is a mean already; the Trainer would multiply it by the number of processes.
        average_tokens_across_devices=False,
        remove_unused_columns=False,
        eval_strategy="steps",
        save_strategy="steps",
        eval_steps=every,
        save_steps=every,
        logging_steps=min(every, 0.05),
        # `Checkpoints` removes the older ones, once a new one is whole.
        save_total_limit=None,
        restore_callback_states_from_checkpoint=True,
        load_best_model_at_end=True,
        metric_for_best_model="macro_f1",
        greater_is_better=True,
        report_to="tensorboard" if config.train.tensorboard else "none",
        disable_tqdm=True,
        dataloader_pin_memory=gpu,
    )


def class_weights(
    articles: Sequence[Article], labels: Sequence[str], kind: str
) -> torch.Tensor | None:
    """Weights in the order of `labels`: n / (labels * n_label) as scikit-learn's "balanced", its
    square root, or none."""
    if kind == "none":
        return None
    counts = Counter(s.label for a in articles for s in a.segments)
    total = sum(counts.values())
    weights = torch.tensor([total / (len(labels) * max(counts[label], 1)) for label in labels])
    return weights.sqrt() if kind == "sqrt" else weights


def validation_metrics(labels: Sequence[str], prediction: EvalPrediction) -> dict[str, Any]:
    logits, gold = (
        np.asarray(prediction.predictions),
        np.asarray(prediction.label_ids)[..., 0].astype(int),
    )
    real = gold != IGNORED
    figures = segment_metrics(logits.argmax(-1)[real].tolist(), gold[real].tolist(), labels)
    return {key: figures[key] for key in ("macro_f1", "macro_f1_named", "accuracy")}


if __name__ == "__main__":
    run(main)
