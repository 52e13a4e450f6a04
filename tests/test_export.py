"""The real base model, untrained head: what is exported is what was trained."""

from pathlib import Path

import numpy as np
import pytest
import torch

from nutgraf import LABELS, Classifier, segment_text
from nutgraf.folder import ONNX_FILE, ModelConfig
from nutgraf.windows import make_windows, pad, segment_logits, tokenize
from tests.conftest import ROOT
from training.config import load_config
from training.encoder import library_tokenizer, load_encoder
from training.export import export


@pytest.mark.parametrize("int8", [False, True])
def test_onnx_and_torch_agree_on_the_seed_article(tmp_path: Path, int8: bool) -> None:
    torch.manual_seed(0)
    config = load_config(ROOT / "configs/quick.yaml")
    model, tokenizer = load_encoder(config, LABELS)
    # A head of unit weights spreads the probabilities, as training would.
    head = model.get_submodule("classifier")
    assert isinstance(head, torch.nn.Linear)
    torch.nn.init.normal_(head.weight)
    backend, special = library_tokenizer(tokenizer)
    window = config.window.to_library(mark_targets=True)
    source = (ROOT / "seeds/nato.txt").read_text(encoding="utf-8")
    texts = [segment.text for segment in segment_text(source)]

    windows = make_windows(tokenize(backend, texts, window, special), window, special)
    batch = {k: torch.from_numpy(v) for k, v in pad(windows, window, special).items()}
    with torch.no_grad():
        token_logits = model.eval()(**batch).logits.numpy()
    expected = np.stack(
        [
            row
            for logits, read in zip(token_logits, windows, strict=True)
            for _, row in segment_logits(logits, read)
        ]
    )
    expected = torch.softmax(torch.from_numpy(expected), dim=1).numpy()

    export(
        model,
        backend,
        ModelConfig(LABELS, window, special),
        tmp_path / "model",
        int8=int8,
        validation=(),
    )
    result = Classifier.load(tmp_path / "model").classify(source)
    found = np.array([list(p.probabilities.values()) for p in result])
    if int8:
        # A random head magnifies what 8 bits lose: training.benchmark measures what that costs.
        assert np.abs(found - expected).mean() < 0.05
    else:
        assert found == pytest.approx(expected, abs=1e-3)
        assert [p.label for p in result] == [LABELS[i] for i in expected.argmax(1)]
    size = (tmp_path / "model" / ONNX_FILE).stat().st_size
    assert size < 30e6 if int8 else size > 80e6
    assert expected.std(axis=0).max() > 0.01, "the probabilities must differ for this to mean much"
