"""Pairs whose two images are unlike."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from i2ikit.data import Loader, Transform, open_data
from i2ikit.data.sizes import check_sizes
from i2ikit.errors import DataError

Draw = Callable[..., Path]


def pairs(draw: Draw, count: int = 4, source: str = "L", target: str = "RGB") -> None:
    for number in range(count):
        draw(f"a/{number}.png", mode=source)
        draw(f"b/{number}.png", mode=target)


def test_each_side_keeps_its_own_channels(draw: Draw, tmp_path: Path) -> None:
    pairs(draw)
    data = open_data(tmp_path, holdout=0)
    batch = next(Loader(data, Transform(8, 8), batch=2, seed=0))

    assert (data.batch_kind, data.source.channels, data.image.channels) == ("paired", 1, 3)
    assert (batch["image"].shape, batch["target"].shape) == ((2, 1, 8, 8), (2, 3, 8, 8))
    assert data.keep(data.items[:1]).source.channels == 1


def test_each_side_can_be_read_with_channels_of_its_own(draw: Draw, tmp_path: Path) -> None:
    pairs(draw, source="RGB")
    data = open_data(tmp_path, holdout=0, channels=3, source_channels=1)

    assert data.read(data.items[0]).shape == (1, 8, 8)
    assert data.target(data.items[0]).shape == (3, 8, 8)  # type: ignore[union-attr]


def test_an_odd_image_is_measured_against_its_own_side(draw: Draw, tmp_path: Path) -> None:
    pairs(draw, count=40)
    draw("a/7.png")
    data = open_data(tmp_path, holdout=0)
    odd = next(item for item in data.items if item.file == "a/7.png")

    with pytest.raises(DataError, match=r'Image "a/7\.png" is RGB while the data set is gray'):
        data.read(odd)


def test_pairs_of_unlike_sizes_are_refused_with_the_first_three(draw: Draw, tmp_path: Path) -> None:
    pairs(draw, count=6)
    for number in range(5):
        draw(f"b/{number}.png", size=(8, 10))
    data = open_data(tmp_path, holdout=0)

    with pytest.raises(
        DataError,
        match=r"^5 pairs of 6 have images of unlike sizes: a/0\.png 8x8 and 8x10; a/1\.png 8x8 and 8x10; a/2\.png 8x8 and 8x10; and 2",
    ):
        check_sizes(data)


def test_images_cut_to_one_window_are_equally_large(draw: Draw, tmp_path: Path) -> None:
    pairs(draw)
    draw("b/1.png", size=(8, 10))

    check_sizes(open_data(tmp_path, holdout=0, crop=8))


def test_a_domain_of_one_image_is_named(draw: Draw, tmp_path: Path) -> None:
    for name in ("a/1.png", "a/2.png", "a/3.png", "b/4.png"):
        draw(name)
    data = open_data(tmp_path, batch_kind="unpaired", holdout=0)

    with pytest.raises(DataError, match=r'^Domain "b" of ".*" has one image only in this split\.'):
        Loader(data, None, batch=1, seed=0)
