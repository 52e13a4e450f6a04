import json
from pathlib import Path

import pytest
import yaml

from training.ablate import main
from training.config import ConfigError


@pytest.fixture
def plan(settings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "ablation.yaml"
    rows = [
        {"name": "base"},
        {"name": "alone", "overrides": ["window.context=0"]},
        {"name": "half", "share": 0.5},
    ]
    record = {
        "config": str(settings),
        "overrides": ["train.epochs=1", "train.evaluations=1"],
        "seeds": [1, 2],
        "results": str(tmp_path / "results.jsonl"),
        "rows": rows,
    }
    file.write_text(yaml.safe_dump(record))
    return file


def read(plan: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in plan.with_name("results.jsonl").read_text().splitlines()]


def test_each_row_is_trained_with_each_seed_and_only_once(
    plan: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main([str(plan)])
    results = read(plan)
    assert [(r["row"], r["seed"]) for r in results] == [
        (row, seed) for seed in (1, 2) for row in ("base", "alone", "half")
    ]
    cost = {str(r["row"]): r["tokens_per_segment"] for r in results}
    assert cost["alone"] < cost["base"] == cost["half"]  # type: ignore[operator]
    table = capsys.readouterr().out
    assert table.count(" ± ") == 3 * 2

    plan.with_name("results.jsonl").write_text("".join(json.dumps(r) + "\n" for r in results[:-1]))
    main([str(plan), "--table"])
    assert read(plan) == results[:-1]
    main([str(plan)])
    again = read(plan)
    assert again == results


def test_a_misspelt_plan_is_refused(plan: Path) -> None:
    plan.write_text(plan.read_text().replace("seeds:", "seed:"))
    with pytest.raises(ConfigError, match="missing or unknown key 'seed'"):
        main([str(plan)])
