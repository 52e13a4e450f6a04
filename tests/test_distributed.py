"""Two processes on a CPU train as one does."""

import json
import os
import subprocess
import sys
from itertools import chain
from pathlib import Path

import pytest

from tests.conftest import ROOT

# Trains as `training.finetune` does, and writes down which windows came in which order.
RECORDER = """
import os, sys, torch
from training import finetune

class Recorder(finetune.Collator):
    def __call__(self, rows):
        if torch.is_grad_enabled():
            with open("order-" + os.environ.get("RANK", "0"), "a") as file:
                print([hash(tuple(row["token_ids"])) for row in rows], file=file)
        return super().__call__(rows)

finetune.Collator = Recorder
finetune.main(sys.argv[1:])
"""


def test_two_processes_train_as_one(settings: Path, tmp_path: Path) -> None:
    (tmp_path / "record.py").write_text(RECORDER)
    orders, losses = [], []
    for processes in (1, 2):
        folder = tmp_path / str(processes)
        folder.mkdir()
        command = [sys.executable, "-m", "torch.distributed.run", f"--nproc_per_node={processes}"]
        command += ["--standalone", str(tmp_path / "record.py"), str(settings)]
        done = subprocess.run(
            [*command, "train.epochs=2", "train.evaluations=2"],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("model written to") == 1
        assert (folder / "models/tiny/model.onnx").is_file()
        shares = [batches(folder / f"order-{rank}") for rank in range(processes)]
        orders.append([list(chain(*parts)) for parts in zip(*shares, strict=True)])
        losses.append(history(folder))
    one, two = orders
    assert len(one) > 10
    # Each batch is shared out; a last one that is too short is filled up from the first.
    assert len(one) == len(two)
    assert one == [shared[: len(whole)] for whole, shared in zip(one, two, strict=True)]
    assert losses[0].keys() == losses[1].keys()
    for step, loss in losses[0].items():
        # Dropout is drawn in each process, and the mean of two means is not quite the mean.
        assert losses[1][step] == pytest.approx(loss, rel=0.1)


def batches(file: Path) -> list[list[int]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def history(folder: Path) -> dict[int, float]:
    """The validation loss by step."""
    last = max(folder.glob("runs/tiny/checkpoint-*"), key=lambda p: int(p.name.split("-")[1]))
    state = json.loads((last / "trainer_state.json").read_text(encoding="utf-8"))
    return {row["step"]: row["eval_loss"] for row in state["log_history"] if "eval_loss" in row}
