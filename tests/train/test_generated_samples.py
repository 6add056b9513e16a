"""Sample grids, the page and the evaluation of models that generate images from noise."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from inference.noise_systems import build_cogan, build_noisy
from PIL import Image
from torch import Tensor

from i2ikit import Model, build, evaluate, fit, open_data
from i2ikit.data import Dataset
from i2ikit.evaluation import Extractor, Preparation, to_unit_range
from i2ikit.evaluation.distribution import frechet_distance_from_features
from i2ikit.train.generated_samples import GeneratedSamples
from i2ikit.train.page import write_page
from i2ikit.train.progress import Silent
from i2ikit.train.setup import STYLES, _make_samples

FACES = "faces:count=60,size=16"


def make_cogan() -> tuple[Model, Dataset]:
    data = open_data(f"{FACES},domains=hair")
    return build_cogan(labels=data.domain), data


def make_labelled() -> tuple[Model, Dataset]:
    data = open_data(FACES, labels="hair,glasses")
    return build_noisy(labels=data.domain, generator={"noise": 0.0}), data


def make_plain() -> tuple[Model, Dataset]:
    return build_noisy(), open_data(FACES)


def make_extractor() -> Extractor:
    def pool(images: Tensor) -> Tensor:
        return torch.nn.functional.adaptive_avg_pool2d(images, 2).flatten(1)

    return Extractor("mean", pool, 12, {}, logits=lambda images: images.mean((2, 3)))


def get_difference(one: Tensor, other: Tensor) -> float:
    return float((one - other).abs().max())


def test_a_grid_has_a_column_for_each_domain_and_one_noise_for_each_row() -> None:
    model, data = make_cogan()
    columns = GeneratedSamples(model, [data], rows=3).generate(model)
    assert len(columns) == 4
    for name, images in zip(model.domain.names, columns, strict=True):
        assert get_difference(torch.stack(images), model.sample(3, domain=name)) < 1e-6


def test_a_grid_of_labels_changes_one_attribute_of_held_out_labels() -> None:
    model, data = make_labelled()
    samples = GeneratedSamples(model, [data], rows=2)
    columns = samples.generate(model)
    titles = [column.get_title(with_attribute=True) for column in samples.columns]
    assert titles == ["hair: black", "hair: brown", "hair: blond", "hair: red", "glasses: switched"]
    rows = [{**row, "hair": "red"} for row in samples.labels]
    assert get_difference(torch.stack(columns[3]), model.sample(2, domain=rows)) < 1e-6
    assert set(samples.labels[0].values()) <= {"black", "brown", "blond", "red", "yes", "no"}


def test_without_domains_every_cell_has_a_noise_of_its_own() -> None:
    model, data = make_plain()
    columns = GeneratedSamples(model, [data], rows=2).generate(model)
    images = model.sample(12)
    assert get_difference(columns[1][0], images[1]) < 1e-6
    assert get_difference(columns[0][1], images[6]) < 1e-6


def test_the_grid_and_its_layout_agree(tmp_path: Path) -> None:
    model, data = make_cogan()
    samples = GeneratedSamples(model, [data], rows=2)
    path = samples.write(model, tmp_path, 30)
    layout = json.loads((tmp_path / "samples" / "layout.json").read_text())
    assert (layout["steps"], layout["places"]["input"], layout["target"]) == ([30], None, False)
    left, top = layout["places"]["outputs"][2][1]
    with Image.open(path) as grid:
        cell = grid.convert("RGB").crop((left, top, left + 128, top + 128)).resize((16, 16), Image.Resampling.BOX)
    pixels = torch.tensor(list(cell.tobytes())).view(16, 16, 3).permute(2, 0, 1) / 127.5 - 1
    assert (pixels - model.sample(2, domain=model.domain.names[2])[1]).abs().mean() < 0.05


@pytest.mark.parametrize("make", [make_cogan, make_labelled, make_plain])
def test_a_training_writes_grids_and_the_page_shows_them(make: Any, tmp_path: Path) -> None:
    model, data = make()
    run = tmp_path / "run"
    fit(model, data, run, steps=2, batch=4, sample_every=1, progress=Silent())
    assert [path.name for path in sorted((run / "samples").glob("*.png"))] == [f"step-{step:08d}.png" for step in (0, 1, 2)]
    page = write_page(run).read_text()
    assert "<h2>Samples</h2>" in page
    assert "generated from noise" in page
    assert f"i2ikit sample {run} images/ --count 64" in page
    assert "<th>input</th>" not in page
    assert "i2ikit translate" not in page


@pytest.mark.parametrize("make", [make_cogan, make_labelled, make_plain])
def test_an_evaluation_measures_whole_sets_and_says_what_is_left_out(make: Any) -> None:
    model, data = make()
    report = evaluate(model, data, features=make_extractor(), samples_per_input=2)
    names = {number.name for number in report.numbers}
    assert {"fid@mean", "kid@mean", "is@mean", "diversity", "parameters"} <= names
    assert not {name for name in names if name.startswith(("psnr", "accuracy", "cis"))}
    assert "generates images from noise" in report.left_out["psnr"]
    assert "generated images" in report.number("fid@mean").protocol["definition"]
    assert report.value("diversity") > 0


def test_the_distance_is_that_of_as_many_samples_as_real_images_of_each_domain() -> None:
    model, data = make_cogan()
    with torch.no_grad():
        for weight in model.generator.parameters():
            weight.mul_(4)  # the images of new weights are almost equal
    extractor, prepare = make_extractor(), Preparation(16, 16, "fit")
    report = evaluate(model, data, features=extractor, samples_per_input=0)
    part = data.split("test")
    name = next(each for each in model.domain.names if sum(item.row["hair"] == each for item in part.items) > 1)
    real = torch.stack([prepare(part.read(item)) for item in part.items if item.row["hair"] == name])
    fakes = model.sample(len(real), domain=name)
    features = [extractor(to_unit_range(images)) for images in (fakes, real)]
    assert report.value(f"fid@mean/hair={name}") == pytest.approx(float(frechet_distance_from_features(*features)), rel=1e-4)
    assert report.left_out["diversity"] == "No samples were requested."


def test_without_features_the_report_names_the_option() -> None:
    report = evaluate(*make_plain())
    assert "--features own-classifier" in report.left_out["fid"]


def test_a_model_whose_networks_draw_noise_shows_several_translations() -> None:

    data = open_data(FACES, labels="glasses")
    small = {"generator": {"width": 4, "blocks": 1}, "discriminator": {"width": 4, "depth": 2}}
    for noise, styles in ((0, 0), (1, STYLES)):
        model = build("stargan", size=16, labels=data.domain, **small)
        model.generator.noise_shapes = (lambda code: {"a": (len(code.maps[0]), 1)}) if noise else None
        if not noise:
            del model.generator.noise_shapes
        samples: Any = _make_samples(model, [data], Silent())
        assert max(column.number for column in samples.columns) == styles
