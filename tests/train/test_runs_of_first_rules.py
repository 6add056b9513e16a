"""A run that was started before data was read by the present rules goes on with the images and the values that it had."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from i2ikit import build, open_data
from i2ikit.cli import main
from i2ikit.core.storage import read_json
from i2ikit.data.manifest import FIRST_RULES, RULES
from i2ikit.train import fit, resume

TINY = {"generator": {"width": 4, "blocks": 1}, "discriminator": {"width": 4, "depth": 2}}
VALUES = ("none", "sunglasses", "reading", "N/A")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    rows = []
    for index in range(24):
        random = np.random.default_rng(index)
        (tmp_path / "data").mkdir(exist_ok=True)
        Image.fromarray(random.integers(0, 256, (16, 16, 3), dtype=np.uint8)).save(tmp_path / f"data/{index}.png")
        rows.append(f"{index}.png,{VALUES[index % 4]},{'ab'[index < 2]}")
    (tmp_path / "data/attributes.csv").write_text("\n".join(["file,glasses,tone", *rows]), encoding="utf-8")
    return tmp_path / "data"


def make_earlier_run(table: Path, run: Path) -> None:
    """Train by the first rules, and write the files as they were before there were rules."""
    data = open_data(table, rules=FIRST_RULES)
    assert data.domain.attributes[0].values == ("sunglasses", "reading", "N/A")
    fit(build("stargan", labels=data.domain, size=16, steps=4, batch=2, **TINY), data, run, steps=2)
    stored = json.loads((run / "run.json").read_text())
    assert stored["data"]["options"].pop("rules") == FIRST_RULES
    assert "none" not in stored["recipe"]["labels"]
    stored["recipe"]["steps"] = 4
    (run / "run.json").write_text(json.dumps(stored))


def test_an_earlier_run_resumes_and_is_evaluated_on_its_own_split_and_values(table: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    make_earlier_run(table, run)
    model = resume(run)
    assert model.steps_done == 4
    assert model.domain.attributes[0].values == ("sunglasses", "reading", "N/A")
    assert main(["eval", str(run), "--no-classifier"]) == 0
    report = read_json(run / "numbers.json")
    assert not any("differs from the data of the training" in note for note in report["notes"])


def test_an_earlier_run_resumes_with_moved_data(table: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    make_earlier_run(table, run)
    moved = table.rename(tmp_path / "moved")
    assert main(["train", "--resume", str(run), "--data", str(moved), "--no-eval"]) == 0


def test_a_run_of_today_stores_its_rules(table: Path, tmp_path: Path) -> None:
    words = ["train", "stargan", "--data", str(table), "--size", "16", "--batch", "2", "--steps", "1", "--run", str(tmp_path / "run")]
    words += [part for name in ("generator.blocks=1", "generator.width=4", "discriminator.depth=2") for part in ("--set", name)]
    assert main([*words, "--no-eval"]) == 0
    assert read_json(tmp_path / "run/run.json")["data"]["options"]["rules"] == RULES
    assert main(["train", "--resume", str(tmp_path / "run"), "--steps", "2", "--allow-change", "recipe.steps", "--no-eval"]) == 0
