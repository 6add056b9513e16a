"""Label maps and instance maps as source images: read, resized, trained on, translated and measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from i2ikit import ImageSpec, Model, build, fit, load, open_data
from i2ikit.core.recipe_json import dump, restore
from i2ikit.data import Loader, Transform
from i2ikit.errors import DataError, OptionError
from i2ikit.evaluation import evaluate
from i2ikit.train import resume
from i2ikit.train.progress import Silent

CLASSES = 5
OPTIONS: dict[str, Any] = {"batch_kind": "paired", "pairs": "maps,photos", "source_channels": CLASSES, "source_content": "label_map"}
NETS: dict[str, Any] = {"generator": {"width": 4, "depth": 4}, "discriminator": {"width": 4, "depth": 2}}


def make_numbers(seed: int) -> Any:
    return np.random.default_rng(seed).integers(0, CLASSES, (20, 20)).astype(np.uint8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write label maps, as grey and as palette images, and the same numbers as pictures."""
    root = tmp_path_factory.mktemp("city")
    for split in ("train", "test"):
        for seed in range(4):
            for name in ("maps", "photos"):
                (root / split / name).mkdir(parents=True, exist_ok=True)
            numbers = make_numbers(seed)
            picture = Image.fromarray(numbers)
            if seed % 2:
                picture.putpalette([(37 * index) % 256 for index in range(768)])
            picture.save(root / split / "maps" / f"{seed}.png")
            Image.fromarray(np.repeat(numbers[..., None] * 50, 3, 2)).save(root / split / "photos" / f"{seed}.png")
    return root


def build_small(**more: Any) -> Model:
    return build(
        "pix2pix", size=16, channels=3, source_channels=CLASSES, source_content="label_map", batch=2, jitter=0.25, **{**NETS, **more}
    )


def test_a_label_map_becomes_one_plane_for_each_class(folder: Path) -> None:
    data = open_data(folder, **OPTIONS)
    assert data.source == ImageSpec(CLASSES, 20, 20, "label_map")
    for item in data.split("train").items:
        planes = data.read(item)
        assert planes.shape == (CLASSES, 20, 20)
        assert planes.argmax(0).numpy().tolist() == make_numbers(int(Path(item.file).stem)).tolist()
        assert planes.sum(0).eq(1).all()


def test_maps_are_resized_to_the_nearest_value_and_mirrored_like_their_picture(folder: Path) -> None:
    data = open_data(folder, **OPTIONS).split("train")
    loader = Loader(data, Transform(20, 20, flip=True, jitter=0.0), batch=4, seed=1)
    for _ in range(6):
        batch = next(loader)
        assert torch.allclose(batch["image"].argmax(1) * 50.0, (batch["target"][:, 0] + 1) * 127.5, atol=0.01)
    enlarged = next(Loader(data, Transform(16, 16, flip=True, jitter=0.25), batch=4, seed=1))["image"]
    assert set(enlarged.unique().tolist()) == {0.0, 1.0}
    assert enlarged.sum(1).eq(1).all()


def test_an_instance_map_keeps_its_numbers(folder: Path) -> None:
    options = {**OPTIONS, "source_content": "instance_map", "source_channels": None}
    data = open_data(folder, **options)
    assert data.source == ImageSpec(1, 20, 20, "instance_map")
    batch = next(Loader(data.split("train"), Transform(16, 16), batch=4, seed=1))
    assert set(batch["image"].unique().tolist()) == set(map(float, range(CLASSES)))
    model = build("pix2pix", size=16, channels=3, source_channels=1, source_content="instance_map", **NETS)
    assert model.example_batch(2)["image"].frac().eq(0).all()
    model.step(batch | {"file": []})


def test_a_model_of_label_maps_trains_resumes_translates_and_is_measured(folder: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    fit(build_small(), open_data(folder, **OPTIONS), run, steps=2, checkpoint_every=1, progress=Silent())
    assert (run / "samples/step-00000002.png").is_file()
    resume(run, workers=1, progress=Silent())
    model = load(run)
    assert model.source == ImageSpec(CLASSES, 16, 16, "label_map")
    report = evaluate(model, open_data(folder, **OPTIONS), classifier=None)
    assert report.number("psnr")
    assert "maps" in report.left_out["psnr_copy"]


def test_a_map_of_any_type_gives_the_same_translation(folder: Path, tmp_path: Path) -> None:
    model = build_small(rehearsal=False)
    path = folder / "test/maps/1.png"
    numbers = torch.from_numpy(make_numbers(1).astype(np.int64))
    planes = torch.nn.functional.one_hot(numbers, CLASSES).permute(2, 0, 1).float()
    expected = ((model.translate(planes) + 1) * 127.5).round().byte().permute(1, 2, 0).numpy()
    assert np.array_equal(model.translate(make_numbers(1)), expected)
    with Image.open(path) as palette:
        assert np.array_equal(np.asarray(model.translate(palette)), expected)
    model.translate(path, out=tmp_path / "out.png")
    with Image.open(tmp_path / "out.png") as written:
        assert np.abs(np.asarray(written).astype(int) - expected).max() <= 1
    assert model.translate(planes, size="trained").shape == (3, 16, 16)


def test_an_example_batch_holds_planes_of_0_and_1() -> None:
    image = build_small(rehearsal=False).example_batch(3)["image"]
    assert (image.shape, set(image.unique().tolist())) == ((3, CLASSES, 16, 16), {0.0, 1.0})


def test_only_recipes_of_maps_have_an_entry_for_the_content() -> None:
    recipe = build_small(rehearsal=False).recipe
    assert dump(recipe)["source_content"] == "label_map"
    assert restore(dump(recipe)).source == recipe.source
    plain = dump(build("pix2pix", size=16, **NETS, rehearsal=False).recipe)
    assert "source_content" not in plain
    assert "content" not in plain["image"]


def test_wrong_maps_are_named(folder: Path) -> None:
    with pytest.raises(OptionError, match=r'"label_map" requires the number of classes\. Add it: source_channels=NUMBER'):
        open_data(folder, **{**OPTIONS, "source_channels": None})
    with pytest.raises(OptionError, match=r'source_content="label_maps" does not exist\. Did you mean "label_map"'):
        open_data(folder, **{**OPTIONS, "source_content": "label_maps"})
    with pytest.raises(OptionError, match=r'"label_map" is for the sources of pairs; "\w+" is unpaired data'):
        open_data(folder, **{**OPTIONS, "batch_kind": "unpaired", "pairs": None})
    few = open_data(folder, **{**OPTIONS, "source_channels": 2})
    with pytest.raises(DataError, match=r'Label map ".*\.png" has the class index 4, but there are 2 classes, 0 to 1\.'):
        few.read(few.items[0])
    with pytest.raises(DataError, match=r"must hold one whole number a pixel; found 3 channels of uint8"):
        open_data(folder, **{**OPTIONS, "pairs": "photos,maps"}).read(open_data(folder, **{**OPTIONS, "pairs": "photos,maps"}).items[0])
    model = build_small(rehearsal=False)
    with pytest.raises(DataError, match=r"must have the values 0 and 1"):
        model.translate(torch.full((CLASSES, 16, 16), 0.5))
    with pytest.raises(DataError, match=r"A tensor must hold label map \[5, 16, 16\]"):
        model.translate(torch.zeros(3, 16, 16))


def test_data_of_another_content_is_refused(folder: Path, tmp_path: Path) -> None:
    pictures = open_data(folder, batch_kind="paired", pairs="maps,photos", source_channels=1)
    model = build("pix2pix", size=16, channels=3, source_channels=1, source_content="instance_map", rehearsal=False, **NETS)
    with pytest.raises(DataError, match=r'have the content "picture"; the model expects "instance_map"'):
        fit(model, pictures, tmp_path / "run", steps=1, progress=Silent())
