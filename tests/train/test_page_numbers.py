"""The numbers of the report page: the same words at its head and in its table, counts, and rough numbers."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from written_runs import write_log, write_run

from i2ikit.train.page import write_page


def write_numbers(run: Path, *numbers: tuple[str, float], count: int = 1200, inputs: int = 400, step: int = 100) -> Path:
    protocol = {"split": "test", "inputs": inputs, "count": count, "definition": "mean"}
    entries: list[dict[str, Any]] = [
        {"name": name, "value": value, "unit": "dB" if name.startswith("psnr") else "", "higher_is_better": True, "protocol": protocol}
        for name, value in numbers
    ]
    (run / "numbers.json").write_text(json.dumps({"numbers": entries, "model": {"step": step}}))
    return run


def read_head(run: Path) -> str:
    head = re.search(r"<header>.*</header>", write_page(run).read_text())
    assert head is not None
    return head[0]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    run = write_run(tmp_path / "run")
    write_log(run, 100)
    return run


@pytest.mark.parametrize(("measure", "name"), [("accuracy", "Accuracy"), ("nearest_accuracy", "Nearest-target accuracy")])
def test_an_accuracy_has_the_same_name_at_the_head_and_in_the_table(run: Path, measure: str, name: str) -> None:
    write_numbers(run, (f"{measure}/hair", 0.5))
    page = write_page(run).read_text()
    assert f"<span>{name} of hair (n = 1,200)</span>" in read_head(run)
    assert f"<tr><th>{name} ↑</th>" in page


def test_with_both_accuracies_the_head_has_that_of_the_classifier(run: Path) -> None:
    write_numbers(run, ("accuracy/hair", 0.25), ("nearest_accuracy/hair", 0.75))
    assert "<b>25.0 %</b><span>Accuracy of hair" in read_head(run)
    assert "75.0 %" not in read_head(run)


@pytest.mark.parametrize(("inputs", "is_rough"), [(49, True), (50, False)])
def test_a_number_of_fewer_than_fifty_images_is_called_rough(run: Path, inputs: int, is_rough: bool) -> None:
    write_numbers(run, ("psnr/hair", 20.0), inputs=inputs)
    page = write_page(run).read_text()
    assert ("PSNR of hair (n = 1,200, rough)" in page) is is_rough
    assert ("<small>n = 1,200, rough</small>" in page) is is_rough
    assert ("A number of fewer than 50 images is <i>rough</i>" in page) is is_rough


def test_a_few_images_give_a_sentence_instead_of_a_headline(run: Path) -> None:
    write_numbers(run, ("psnr/hair", 20.0), ("accuracy/hair", 1.0), count=12, inputs=4)
    head = read_head(run)
    assert "<b>" not in head
    assert "Measured on 4 images only, too few for a number here" in head
    assert "<b>100.0 %</b><small>n = 12, rough</small>" in write_page(run).read_text()


def test_each_cell_has_its_own_count(run: Path) -> None:
    write_numbers(run, ("psnr/hair", 20.0), ("psnr/glasses", 21.0))
    data = json.loads((run / "numbers.json").read_text())
    data["numbers"][1]["protocol"] = {**data["numbers"][1]["protocol"], "count": 60}
    (run / "numbers.json").write_text(json.dumps(data))
    cells = re.findall(r'<td data-part="(\w+)"><b>[^<]*</b><small>([^<]*)</small>', write_page(run).read_text())
    assert cells == [("hair", "n = 1,200"), ("glasses", "n = 60")]


def test_numbers_of_an_earlier_step_are_marked_at_the_head_and_in_the_section(run: Path) -> None:
    write_numbers(run, ("psnr/hair", 20.0), step=60)
    assert write_page(run).read_text().count("The numbers are those of step 60; the training is at step 100.") == 2
    write_numbers(run, ("psnr/hair", 20.0), step=100)
    assert "The numbers are those of step" not in write_page(run).read_text()


def test_numbers_of_older_versions_without_counts_are_shown(run: Path) -> None:
    write_numbers(run, ("psnr", 20.0))
    data = json.loads((run / "numbers.json").read_text())
    data["numbers"][0]["protocol"] = {"definition": "mean"}
    (run / "numbers.json").write_text(json.dumps(data))
    assert "<b>20.00 dB</b><span>PSNR</span>" in read_head(run)


def test_the_configuration_has_every_setting_of_the_recipe(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", ema=0.995, flip=True, jitter=0.12)
    page = write_page(run).read_text()
    for name, text in (("ema", "0.995"), ("flip", "yes"), ("jitter", "0.12"), ("steps", "100"), ("plan", "labelled")):
        assert f"<tr><th>{name}</th><td>{text}</td></tr>" in page
