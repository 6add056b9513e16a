"""Run folders for tests of the report page, written without a training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from i2ikit import default_registry
from i2ikit.core import recipe_json


def write_run(run: Path, recipe: str = "stargan-fast", **overrides: Any) -> Path:
    run.mkdir(parents=True, exist_ok=True)
    data = default_registry().recipe(recipe).with_overrides(**{"size": 16, "steps": 100, **overrides})
    config = {
        "recipe": recipe_json.dump(data),
        "data": {"path": "faces:size=16", "name": "faces", "options": {"labels": ["hair", "glasses"]}, "fingerprint": "ab" * 32},
        "train": {"precision": "32-true"},
        "versions": {"torch": "2.10.0"},
        "command": f"i2ikit train {recipe} --data faces --run {run}",
    }
    (run / "run.json").write_text(json.dumps(config))
    return run


def write_log(run: Path, lines: int) -> None:
    keys = ("discriminator/adversarial", "discriminator/domain", "translator/adversarial", "translator/domain", "translator/cycle")
    with (run / "log.jsonl").open("a") as log:
        for number in range(1, lines + 1):
            log.write(json.dumps({"step": number, "seconds": number / 10, **dict.fromkeys(keys, 0.5 + 0.1 / number), "lr": 1e-4}) + "\n")
