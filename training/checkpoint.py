"""Checkpoints of a run, each marked once it is whole and on the disk.

The Trainer writes a checkpoint file by file, so a run that is killed may leave half of one. The
marker is written last and has the checksums of all the files: a folder without it, or with other
files than it says, is not a checkpoint.
"""

import hashlib
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from nutgraf.files import atomic_write, sync_tree

MARKER = "complete.json"
_STATE = "trainer_state.json"


class Checkpoints(TrainerCallback):
    """Marks each checkpoint that the Trainer writes, and then removes those that are not needed
    any more: all but the last, the best, and, where these are one, the last before."""

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        if torch.distributed.is_initialized():
            # Each process has written its own random state into the folder.
            torch.distributed.barrier()
        if not state.is_world_process_zero:
            return
        run = Path(str(args.output_dir))
        last = run / f"checkpoint-{state.global_step}"
        mark(last)
        kept = {last.name, Path(state.best_model_checkpoint or last).name}
        for checkpoint in checkpoints(run):
            if len(kept) < 2:
                kept.add(checkpoint.name)
            if checkpoint.name not in kept:
                shutil.rmtree(checkpoint)


def checkpoints(run: Path) -> list[Path]:
    """The folders of a run's checkpoints, whole or not, the last one first."""
    steps = {}
    for folder in run.glob("checkpoint-*"):
        step = folder.name.removeprefix("checkpoint-")
        if step.isdecimal() and folder.is_dir():
            steps[folder] = int(step)
    return sorted(steps, key=lambda folder: -steps[folder])


def mark(checkpoint: Path) -> None:
    """Say of a checkpoint that it is whole, once all of it is on the disk."""
    sync_tree(checkpoint)
    with atomic_write(checkpoint / MARKER) as file:
        json.dump({"sha256": checksums(checkpoint)}, file, indent=2)


def is_whole(checkpoint: Path) -> bool:
    """Whether a folder is marked as a checkpoint and its files are those it was marked with."""
    try:
        marked = json.loads((checkpoint / MARKER).read_text(encoding="utf-8"))["sha256"]
        return bool(marked.items() <= checksums(checkpoint).items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def checksums(checkpoint: Path) -> dict[str, str]:
    """SHA-256 of each file of a checkpoint, by its path in it."""
    found = {}
    for file in sorted(checkpoint.rglob("*")):
        name = file.relative_to(checkpoint).as_posix()
        if file.is_file() and name != MARKER and not file.name.startswith("."):
            with file.open("rb") as stream:
                found[name] = hashlib.file_digest(stream, "sha256").hexdigest()
    return found


def last_checkpoint(run: Path, *, clean: bool) -> Path | None:
    """Find the last whole checkpoint of a run whose best checkpoint is whole too.

    Args:
        run: the folder of the run.
        clean: remove the checkpoints that are not whole.
    """
    whole = []
    for checkpoint in checkpoints(run):
        if is_whole(checkpoint):
            whole.append(checkpoint)
        elif clean:
            print(f"{checkpoint}: removed, it is not whole", file=sys.stderr)
            shutil.rmtree(checkpoint)
    names = {checkpoint.name for checkpoint in whole}
    for checkpoint in whole:
        best = read_state(checkpoint)["best_model_checkpoint"]
        if best is None or Path(best).name in names:
            return checkpoint
    return None


def read_state(checkpoint: Path) -> dict[str, Any]:
    """What the Trainer knew when it wrote a checkpoint."""
    state: dict[str, Any] = json.loads((checkpoint / _STATE).read_text(encoding="utf-8"))
    return state


def is_over(checkpoint: Path) -> bool:
    """Whether training was to stop after a checkpoint: it was the last step, or validation had
    not improved for long enough."""
    control = read_state(checkpoint)["stateful_callbacks"]["TrainerControl"]
    return bool(control["args"]["should_training_stop"])
