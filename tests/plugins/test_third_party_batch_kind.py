"""A plan of a third party with a batch kind of its own trains, resumes, translates and is evaluated as a bundled one."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from toy_training import CallAtStep, assert_same_state, read_losses

from i2ikit import Model, Registry, build, default_registry, fit, load, open_data
from i2ikit.cli import main
from i2ikit.core.batch_kinds import BATCH_KINDS
from i2ikit.errors import DataError, OptionError, PlanError
from i2ikit.evaluation import evaluate, evaluate_run
from i2ikit.pixels import read_image, write_image
from i2ikit.testing import check_component
from i2ikit.train import resume
from i2ikit.train.progress import Silent

FOLDER = Path(__file__).parent / "example_plugin"
SMALL: dict[str, Any] = {
    "size": 16,
    "generator": {"width": 4, "blocks": 1},
    "discriminator": {"width": 4, "depth": 2},
    "batch": 2,
    "labels": {},
}


@pytest.fixture(scope="module")
def registry() -> Iterator[Registry]:
    """Install the package: its plugin joins the registry that all commands use."""
    sys.path.insert(0, str(FOLDER))
    found = default_registry()
    found.register(importlib.import_module("i2ikit_example"))
    yield found
    default_registry.cache_clear()
    sys.path.remove(str(FOLDER))
    for name in [name for name in sys.modules if name.partition(".")[0] == "i2ikit_example"]:
        del sys.modules[name]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("pictures")
    generator = torch.Generator().manual_seed(0)
    for split, count in (("train", 6), ("test", 3)):
        for number in range(count):
            path = root / split / ("more" if number % 2 else "") / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_image(torch.rand(3, 16, 16, generator=generator) * 2 - 1, path)
    return root


@pytest.fixture(scope="module")
def run(registry: Registry, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("runs") / "whole"
    fit(make_model(), open_images(folder), path, **OPTIONS)
    return path


OPTIONS: dict[str, Any] = {"steps": 4, "log_every": 1, "checkpoint_every": 2, "progress": Silent()}


def make_model() -> Model:
    return build("example-inpainting", **SMALL)


def open_images(folder: Path) -> Any:
    return open_data(folder, batch_kind="images")


class PulledPlugError(BaseException):
    """An exception that the library does not catch."""


def crash() -> None:
    raise PulledPlugError


def test_its_plan_conforms(registry: Registry) -> None:
    assert "returns_translations" in check_component("example_fill_holes", registry=registry).passed


def test_its_kind_is_known_to_no_list_of_the_library(registry: Registry) -> None:
    kind = make_model().batch_kind
    assert str(kind) not in BATCH_KINDS
    assert (kind.data, kind.is_own_target, kind.entries) == ("images", True, ("image",))


def test_it_resumes_bit_by_bit(run: Path, folder: Path) -> None:
    parts = run.parent / "parts"
    with pytest.raises(PulledPlugError):
        fit(make_model(), open_images(folder), parts, loggers=[CallAtStep(3, crash)], **OPTIONS)
    resume(parts, progress=Silent())
    assert_same_state(run, parts)
    assert {"translator/l1", "translator/adversarial", "discriminator/adversarial"} <= read_losses(run)[0].keys()


def test_its_sample_grids_show_translations_of_images_with_holes(run: Path) -> None:
    assert (run / "samples/step-00000004.png").is_file()
    assert '"target": true' in (run / "samples/layout.json").read_text()


def test_it_translates_files_and_takes_no_target(run: Path, folder: Path, tmp_path: Path) -> None:
    model = load(run)
    assert (model.can_translate, model.can_sample, model.can_encode) == (True, False, True)
    model.translate(folder / "test/0.png", out=tmp_path / "out.png")
    assert read_image(tmp_path / "out.png").shape == (3, 16, 16)
    with pytest.raises(OptionError, match="does not accept to='x': it has one fixed target"):
        model.translate(folder / "test/0.png", to="x")


def test_an_evaluation_compares_with_the_image_without_the_hole(run: Path, folder: Path) -> None:
    report = evaluate_run(run, classifier=None)
    assert report.number("psnr").protocol["count"] == 3
    assert report.value("psnr_copy") < 20  # a copy still has the hole
    again = evaluate(load(run), open_images(folder), classifier=None)
    assert again.value("psnr_copy") == report.value("psnr_copy")  # the holes are the same in each evaluation


def test_it_trains_from_the_command_line(registry: Registry, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sets = [word for name, options in SMALL.items() if isinstance(options, dict) for key, value in options.items()
            for word in ("--set", f"{name}.{key}={value}")]  # fmt: skip
    words = ["train", "example-inpainting", "--data", folder, "--steps", 1, "--batch", 2, "--run", tmp_path / "run", "--no-eval", *sets]
    assert main([str(word) for word in words]) == 0
    assert '"pictures0" (6 images)' in capsys.readouterr().out


def test_wrong_data_and_batches_are_named(registry: Registry, tmp_path: Path) -> None:
    with pytest.raises(PlanError, match=r'Plan "example_fill_holes" requires batch\["image"\]; this batch has: target\.'):
        make_model().step({"target": torch.zeros(1, 3, 16, 16)})
    pairs = open_data("faces:count=8,size=16,view=sketch,target=image")
    with pytest.raises(DataError, match=r'requires images data; .*" is paired'):
        fit(make_model(), pairs, tmp_path / "run", steps=1, progress=Silent())
