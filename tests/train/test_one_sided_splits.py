"""A split that lacks a domain or a value: it is said once, the rest is measured, and samples of it are marked training images."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from i2ikit import build
from i2ikit.cli import main
from i2ikit.data import Transform, check, open_data
from i2ikit.evaluation import evaluate
from i2ikit.train import start_run
from i2ikit.train.page import write_page
from i2ikit.train.samples import Samples

TINY = ("--set", "generator.width=4", "--set", "generator.blocks=1", "--set", "discriminator.width=4", "--set", "discriminator.depth=2")


def write_images(root: Path, folder: str, count: int) -> None:
    for index in range(count):
        path = root / folder / f"{folder.replace('/', '')}{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        random = np.random.default_rng(list(path.name.encode()))
        Image.fromarray(random.integers(0, 256, (16, 16, 3), dtype=np.uint8)).save(path)


def warn(split: str, value: str) -> str:
    return (
        f'The split "{split}" has no images of "{value}": translations of such images are not measured, and sample grids show training '
        "images instead."
    )


@pytest.mark.parametrize(
    ("folders", "split", "missing"),
    [
        (("trainA", "trainB", "testA"), "test", "B"),
        (("train/a", "train/b", "test/a"), "test", "b"),
        (("a/train", "b/train", "b/test"), "test", "a"),
        (("trainA", "trainB", "valB"), "val", "A"),
        (("trainA", "trainB", "valA", "valB", "testB"), "test", "A"),
    ],
)
def test_a_split_without_a_domain_is_told_in_one_line(tmp_path: Path, folders: tuple[str, ...], split: str, missing: str) -> None:
    for folder in folders:
        write_images(tmp_path, folder, 3)
    for batch_kind in (None, "labelled"):
        data = open_data(tmp_path, batch_kind=batch_kind)
        assert list(data.notes).count(warn(split, missing)) == 1
    assert f"note: {warn(split, missing)}" in check(tmp_path).render()


def test_complete_splits_and_data_without_held_out_images_are_not_warned_of(tmp_path: Path) -> None:
    for folder in ("trainA", "trainB", "testA", "testB"):
        write_images(tmp_path / "complete", folder, 3)
    for folder in ("trainA", "trainB"):
        write_images(tmp_path / "training", folder, 3)
    assert not any("has no images of" in note for name in ("complete", "training") for note in open_data(tmp_path / name, holdout=0).notes)


def test_a_training_measures_the_direction_with_test_images_and_marks_the_samples_of_the_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder in ("trainA", "trainB", "testA"):
        write_images(tmp_path / "data", folder, 3)
    run = tmp_path / "run"
    words = [
        "train",
        "cyclegan",
        "--data",
        str(tmp_path / "data"),
        "--size",
        "16",
        "--batch",
        "2",
        "--steps",
        "1",
        "--run",
        str(run),
        *TINY,
    ]
    assert main([*words, "--no-eval"]) == 0
    assert capsys.readouterr().out.count(f"note: {warn('test', 'B')}") == 1
    layout = json.loads((run / "samples/layout.json").read_text())
    assert [(row["values"]["domain"], row["split"]) for row in layout["rows"]] == [("A", "test")] * 3 + [("B", "train")] * 3
    page = (run / "index.html").read_text()
    assert page.count("<h3>B → A (training image)</h3>") == 3
    assert page.count("<h3>A → B</h3>") == 3
    assert "Images that are marked as training images were used for training" in page


def test_an_evaluation_measures_the_rest_and_says_what_it_cannot_measure(tmp_path: Path) -> None:
    for folder in ("trainA", "trainB", "testA"):
        write_images(tmp_path, folder, 3)
    data = open_data(tmp_path)
    model = build("cyclegan", labels=data.domain, size=16, generator={"width": 4, "blocks": 1}, discriminator={"width": 4, "depth": 2})
    report = evaluate(model, data, features="own-classifier", classifier_steps=2)
    assert [(pair["source"], pair["target"], pair["count"]) for pair in report.pairs] == [("A", "B", 3)]
    assert 'The split "test" has no images of "B": translations of such images are not measured.' in report.notes


def test_a_value_of_a_table_without_test_images_is_sampled_from_training_images(tmp_path: Path) -> None:
    write_images(tmp_path, "images", 8)
    splits = ["train"] * 4 + ["test"] * 4
    rows = [f"images/images{index}.png,{split},{('dark', 'light')[index % 2]},{index < 2:d}" for index, split in enumerate(splits)]
    (tmp_path / "attributes.csv").write_text("\n".join(["file,split,tone,hat", *rows]), encoding="utf-8")
    data = open_data(tmp_path)
    assert warn("test", "hat: yes") in data.notes
    samples = Samples(data, data.domain, Transform(16, 16), rows=4)
    assert sorted((item.split, str(item.row["hat"])) for item in samples.items) == [*[("test", "no")] * 3, ("train", "yes")]


def test_samples_of_data_without_held_out_images_are_marked(tmp_path: Path) -> None:
    for folder in ("trainA", "trainB"):
        write_images(tmp_path / "data", folder, 3)
    data = open_data(tmp_path / "data", holdout=0)
    model = build("cyclegan", labels=data.domain, size=16, generator={"width": 4, "blocks": 1}, discriminator={"width": 4, "depth": 2})
    with start_run(model, data, tmp_path / "run", steps=1, batch=2) as trainer:
        trainer.run()
    assert "These images were used for training: none were held out." in write_page(tmp_path / "run").read_text()
