"""Random crops of large images at their native scale."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from i2ikit import build
from i2ikit.data import Loader, Transform, open_data
from i2ikit.data.random_crop import format_random_crop
from i2ikit.errors import DataError, OptionError
from i2ikit.pixels import write_image
from i2ikit.train import fit, resume


def make_gradient(height: int, width: int, blue: float = 0.0) -> Tensor:
    """Return an image whose red and green are the row and the column of each pixel."""
    rows, columns = torch.arange(height)[:, None].expand(height, width), torch.arange(width).expand(height, width)
    return torch.stack([rows, columns, torch.full((height, width), blue)]) / 127.5 - 1


def get_place(image: Tensor) -> tuple[int, int]:
    """Return the row and the column of the first pixel."""
    return tuple(((image[:2, 0, 0] + 1) * 127.5).round().int().tolist())


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    for number in range(4):
        for side, blue in (("a", 10.0), ("b", 200.0)):
            write_image(make_gradient(48, 64, blue), tmp_path / "pairs" / "train" / side / f"{number}.png")
            write_image(make_gradient(48, 64, blue), tmp_path / "pairs" / "test" / side / f"t{number}.png")
    return tmp_path / "pairs"


def load(data: Any, size: int, seed: int = 0, window: str = "random:16") -> list[dict[str, Any]]:
    loader = Loader(data.split("train"), Transform(size, size, crop=window), batch=4, seed=seed)
    return [next(loader) for _ in range(5)]


def test_training_crops_windows_of_native_scale_and_both_images_of_a_pair_at_one_place(pairs: Path) -> None:
    batches = load(open_data(pairs, crop="random:16"), 16)
    places = set()
    for batch in batches:
        for image, target in zip(batch["image"], batch["target"], strict=True):
            row, column = get_place(image)
            expected = make_gradient(48, 64, 10.0)[:2, row : row + 16, column : column + 16]
            torch.testing.assert_close(image[:2], expected, rtol=0, atol=1e-5)
            assert get_place(target) == (row, column)
            assert not torch.equal(image[2], target[2])
            places.add((row, column))
    assert len(places) > 10
    assert max(row for row, _ in places) > 16
    assert max(column for _, column in places) > 32


def test_the_places_depend_on_the_seed_only(pairs: Path) -> None:
    first, again, other = (load(open_data(pairs, crop="random:16"), 16, seed) for seed in (3, 3, 4))
    assert all(torch.equal(one["image"], two["image"]) for one, two in zip(first, again, strict=True))
    assert not all(torch.equal(one["image"], two["image"]) for one, two in zip(first, other, strict=True))


def test_maps_and_images_are_cropped_at_one_place_without_blending(tmp_path: Path) -> None:
    for number in range(4):
        write_image(make_gradient(48, 64), tmp_path / "train" / "b" / f"{number}.png")
        classes = (torch.arange(64) // 16).expand(1, 48, 64) / 127.5 - 1
        write_image(classes, tmp_path / "train" / "a" / f"{number}.png")
    data = open_data(tmp_path, crop="random:24", source_content="label_map", source_channels=4, channels=3, holdout=0)
    batch = load(data, 12, window="random:24")[0]
    assert set(batch["image"].unique().tolist()) == {0.0, 1.0}
    for planes, image in zip(batch["image"], batch["target"], strict=True):
        columns = ((image[1] + 1) * 127.5).round()
        assert (planes.argmax(0)[0] - (columns[0] // 16)).abs().sum() <= 1  # one column may straddle two classes


def test_evaluation_reads_the_window_at_the_centre(pairs: Path) -> None:
    data = open_data(pairs, crop="random:16")
    assert (data.image.height, data.image.width) == (16, 16)
    assert get_place(data.read(data.items[0])) == (16, 24)
    transform = Transform(16, 16, crop="random:16")
    assert get_place(transform(make_gradient(48, 64))) == (16, 24)
    assert transform(make_gradient(48, 64), torch.Generator().manual_seed(1)).shape == (3, 16, 16)


def test_a_window_of_other_proportions_is_not_stretched() -> None:
    image = Transform(8, 16, crop="random:16x16").crop_at(make_gradient(48, 64), (0.0, 0.0))
    torch.testing.assert_close(image, make_gradient(48, 64)[:, 4:12, :16])


def test_a_run_with_random_crops_is_resumed_bit_for_bit(pairs: Path, tmp_path: Path) -> None:
    def train(run: Path, steps: int) -> dict[str, Tensor]:
        small: dict[str, Any] = {"size": 32, "generator": {"width": 2, "depth": 3}, "discriminator": {"width": 2}, "batch": 2}
        model = build("pix2pix", steps=4, schedule="constant", **small)
        if steps == 4:
            fit(model, open_data(pairs, crop="random:32"), run, progress=False)
            return dict(model.nets.state_dict())
        fit(model, open_data(pairs, crop="random:32"), run, progress=False, steps=2)
        again = resume(run, progress=False, steps=4, allow=["recipe.steps"])
        assert again.preprocessing["crop"] == [32, 32]
        return dict(again.nets.state_dict())

    whole, resumed = train(tmp_path / "whole", 4), train(tmp_path / "resumed", 2)
    assert all(torch.equal(tensor, resumed[name]) for name, tensor in whole.items())


def test_data_with_a_random_crop_has_another_fingerprint(pairs: Path) -> None:
    fingerprints = {open_data(pairs, crop=crop).fingerprint() for crop in (None, 16, "random:16", "random:24")}
    assert len(fingerprints) == 4


def test_images_of_a_pair_must_have_one_size(pairs: Path) -> None:
    from i2ikit.data.sizes import check_sizes

    write_image(make_gradient(50, 64), pairs / "train" / "b" / "0.png")
    with pytest.raises(DataError, match="Source and target differ in size"):
        check_sizes(open_data(pairs, crop="random:16"))


def test_an_image_smaller_than_the_window_is_named(pairs: Path) -> None:
    for side in "ab":
        write_image(make_gradient(10, 64), pairs / "train" / side / "0.png")
    with pytest.raises(DataError, match=r'"train/a/0\.png".* is 10x64, smaller than the crop of 16x16'):
        load(open_data(pairs, crop="random:16"), 16)


@pytest.mark.parametrize("crop", ["random", "random:", "random:0", "random:x", "random:8x", "rand:8", "random:8x8x8", "random:-8"])
def test_a_wrong_crop_is_refused(crop: str, pairs: Path) -> None:
    with pytest.raises(OptionError, match="crop"):
        open_data(pairs, crop=crop)
    with pytest.raises(OptionError, match="crop"):
        Transform(8, 8, crop=crop)


def test_the_text_of_a_random_crop() -> None:
    assert [format_random_crop(size) for size in ((256, 256), (256, 192))] == ["random:256", "random:256x192"]
