"""Progress of long work: a bar on a terminal, plain lines in CI."""

import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from tqdm import tqdm
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

_LINE_EVERY = 15.0
"""Seconds between plain lines."""

T = TypeVar("T")


def track(items: Sequence[T], what: str) -> Iterator[T]:
    """Yield the items, showing on standard error how many of them are done."""
    if sys.stderr.isatty():
        yield from tqdm(items, desc=what, unit="", leave=False)
        return
    started = shown = time.monotonic()
    for done, item in enumerate(items):
        now = time.monotonic()
        if now - shown > _LINE_EVERY:
            print(f"{what} {done}/{len(items)}  {now - started:.0f} s", file=sys.stderr, flush=True)
            shown = now
        yield item


class Progress(TrainerCallback):
    """Shows loss and validation macro-F1 as training goes."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._started = 0.0

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        self._started = time.monotonic()
        if sys.stderr.isatty() and state.is_world_process_zero:
            self._bar = tqdm(total=state.max_steps, initial=state.global_step, unit="step")

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        if self._bar is not None:
            self._bar.update(state.global_step - self._bar.n)

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **_: Any,
    ) -> None:
        logs = logs or {}
        if not state.is_world_process_zero:
            return
        if "eval_macro_f1" in logs:
            text = (
                f"validation macro-F1 {logs['eval_macro_f1']:.3f}"
                f"  accuracy {logs['eval_accuracy']:.3f}  loss {logs['eval_loss']:.3f}"
            )
        elif "loss" in logs:
            text = f"loss {float(logs['loss']):.3f}"
        else:
            return
        seconds = time.monotonic() - self._started
        line = f"step {state.global_step}/{state.max_steps}  {seconds:4.0f} s  {text}"
        if self._bar is not None:
            self._bar.write(line, file=sys.stderr)
        else:
            print(line, file=sys.stderr, flush=True)

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        if self._bar is not None:
            self._bar.close()
