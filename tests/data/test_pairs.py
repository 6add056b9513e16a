"""Pairs whose two images differ in channels or size."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from i2ikit.data import Loader, Transform, open_data
from i2ikit.data.sizes import check_sizes
from i2ikit.errors import DataError

WritePicture = Callable[..., Path]


def pairs(write_picture: WritePicture, count: int = 4, source: str = "L", target: str = "RGB") -> None:
    for number in range(count):
        write_picture(f"a/{number}.png", mode=source)
        write_picture(f"b/{number}.png", mode=target)


def test_source_and_target_have_their_own_channels(write_picture: WritePicture, tmp_path: Path) -> None:
    pairs(write_picture)
    data = open_data(tmp_path, holdout=0)
    batch = next(Loader(data, Transform(8, 8), batch=2, seed=0))

    assert (data.batch_kind, data.source.channels, data.image.channels) == ("paired", 1, 3)
    assert (batch["image"].shape, batch["target"].shape) == ((2, 1, 8, 8), (2, 3, 8, 8))
    assert data.select(data.items[:1]).source.channels == 1


def test_source_and_target_can_be_converted_to_different_channels(write_picture: WritePicture, tmp_path: Path) -> None:
    pairs(write_picture, source="RGB")
    data = open_data(tmp_path, holdout=0, channels=3, source_channels=1)

    assert data.read(data.items[0]).shape == (1, 8, 8)
    assert data.read_target(data.items[0]).shape == (3, 8, 8)  # type: ignore[union-attr]


def test_the_channels_of_a_source_are_compared_with_those_of_the_sources(write_picture: WritePicture, tmp_path: Path) -> None:
    pairs(write_picture, count=40)
    write_picture("a/7.png")
    data = open_data(tmp_path, holdout=0)
    odd = next(item for item in data.items if item.file == "a/7.png")

    with pytest.raises(DataError, match=r'Image "a/7\.png" is RGB, but the data set is grey'):
        data.read(odd)


def test_pairs_of_different_sizes_are_refused_and_the_first_three_named(write_picture: WritePicture, tmp_path: Path) -> None:
    pairs(write_picture, count=6)
    for number in range(5):
        write_picture(f"b/{number}.png", size=(8, 10))
    data = open_data(tmp_path, holdout=0)

    with pytest.raises(
        DataError,
        match=r"differ in size in 5 of 6 pairs: a/0\.png 8x8 and 8x10; a/1\.png 8x8 and 8x10; a/2\.png 8x8 and 8x10; and 2",
    ):
        check_sizes(data)


def test_images_with_the_same_crop_have_the_same_size(write_picture: WritePicture, tmp_path: Path) -> None:
    pairs(write_picture)
    write_picture("b/1.png", size=(8, 10))

    check_sizes(open_data(tmp_path, holdout=0, crop=8))


def test_a_domain_of_one_image_is_named(write_picture: WritePicture, tmp_path: Path) -> None:
    for name in ("a/1.png", "a/2.png", "a/3.png", "b/4.png"):
        write_picture(name)
    data = open_data(tmp_path, batch_kind="unpaired", holdout=0)

    with pytest.raises(DataError, match=r'^Domain "b" of ".*" has only one image in this split'):
        Loader(data, None, batch=1, seed=0)
