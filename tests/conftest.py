"""Small things to test on: a tiny encoder, a few articles, and a model trained from both."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import hypothesis
import pytest
import torch

from nutgraf import Classifier
from nutgraf.folder import CONFIG_FILE, digest
from training.config import load_config
from training.finetune import finetune
from training.tiny import ARTICLES as ARTICLES
from training.tiny import article as article
from training.tiny import write_checkpoint, write_data, write_settings

ROOT = Path(__file__).parent.parent

# The models here are so small that a second thread costs more than it does.
torch.set_num_threads(1)

# How long an example takes depends on what else the machine does.
_UNTIMED: Any = {"deadline": None, "suppress_health_check": [hypothesis.HealthCheck.too_slow]}
hypothesis.settings.register_profile("ci", derandomize=True, **_UNTIMED)
hypothesis.settings.register_profile("long", max_examples=5_000, **_UNTIMED)
hypothesis.settings.load_profile("ci")


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkpoint")
    write_checkpoint(folder)
    return folder


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with train.jsonl and validation.jsonl."""
    folder = tmp_path_factory.mktemp("data")
    write_data(folder)
    return folder


@pytest.fixture(scope="session")
def settings(checkpoint: Path, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configuration that trains the tiny encoder on the few articles in a second or two."""
    file = tmp_path_factory.mktemp("config") / "tiny.yaml"
    write_settings(file, checkpoint=checkpoint, data=data)
    return file


def change_settings(folder: Path, **changes: Any) -> None:
    """Change fields of a model folder's nutgraf.json, with the digest that belongs to them."""
    file = folder / CONFIG_FILE
    record = json.loads(file.read_text(encoding="utf-8")) | changes
    record["digest"] = digest(record)
    file.write_text(json.dumps(record), encoding="utf-8")


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
