from pathlib import Path

import pytest

from tests.conftest import ROOT
from training.config import ConfigError, load_config

QUICK = ROOT / "configs/quick.yaml"


NO_RUNS = {ROOT / "configs/gates.yaml", ROOT / "configs/ablation.yaml"}
RUNS = sorted(set((ROOT / "configs").glob("*.yaml")) - NO_RUNS)


@pytest.mark.parametrize("path", RUNS, ids=lambda p: p.name)
def test_every_configuration_is_valid(path: Path) -> None:
    config = load_config(path)
    assert config.name == path.stem
    for split in (config.data.train, config.data.validation):
        assert (ROOT / split).exists()


def test_overrides() -> None:
    config = load_config(QUICK, ["seed=7", "train.learning_rate=3e-4", "window.targets=1"])
    assert (config.seed, config.train.learning_rate, config.window.targets) == (7, 3e-4, 1)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("window.tokns=64", "window.tokns: unknown key; did you mean 'tokens'"),
        ("trian.epochs=2", "trian: unknown key; did you mean 'train'"),
        ("train.epochs=many", "train.epochs: input should be a valid number, got 'many'"),
        ("train.epochs=0", "train.epochs: input should be greater than 0, got 0"),
        ("train.batch_size=2.5", "train.batch_size: .*integer, got 2.5"),
        ("train.resume=1", "train.resume: input should be a valid boolean, got 1"),
        ("augment.share=1.5", "augment.share: .*less than or equal to 1, got 1.5"),
        (
            "train.class_weights=balance",
            "class_weights: 'balance' is not valid; did you mean 'balanced'",
        ),
        (
            "window.context=200",
            "window: context: 200 tokens on each side .* the largest valid value is 119",
        ),
        ("name=a/b", "name: string should match"),
        ("train.epochs", "expected key=value"),
        ("seed.x=1", "seed is not a section"),
    ],
)
def test_overrides_that_cannot_be_used(override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as error:
        load_config(QUICK, [override])
    assert "\n" not in str(error.value)


def test_errors_name_file_and_line(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    text = QUICK.read_text(encoding="utf-8")
    file.write_text(text.replace("batch_size", "batch_sise"), encoding="utf-8")
    lines = file.read_text(encoding="utf-8").splitlines()
    line = 1 + next(i for i, text in enumerate(lines) if "batch_sise" in text)
    with pytest.raises(ConfigError, match=f"config.yaml:{line}: train.batch_sise: unknown key"):
        load_config(file)
    file.write_text(text.replace("seed: 13\n", "").replace("output: models/quick\n", ""))
    with pytest.raises(ConfigError, match=r"config.yaml: output: is missing"):
        load_config(file)
    file.write_text("name: [\n")
    with pytest.raises(ConfigError, match=r"config.yaml:2: malformed YAML"):
        load_config(file)
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="not UTF-8 text"):
        load_config(file)
    with pytest.raises(ConfigError, match="No such file"):
        load_config(tmp_path / "missing.yaml")
