"""Cropping and resizing before a measurement."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from i2ikit.data import Transform
from i2ikit.errors import DataError, OptionError
from i2ikit.evaluation import Preparation


def random_image(height: int, width: int, seed: int = 0) -> torch.Tensor:
    return torch.randint(0, 256, (3, height, width), generator=torch.Generator().manual_seed(seed)).float() / 127.5 - 1


@pytest.mark.parametrize("size", [(16, 24), (64, 48), (37, 11)])
def test_lanczos_equals_pillow_up_to_its_rounding(size: tuple[int, int]) -> None:
    image = random_image(32, 40)
    pixels = ((image + 1) * 127.5).round().byte().permute(1, 2, 0).numpy()
    expected = np.asarray(Image.fromarray(pixels).resize(size[::-1], Image.Resampling.LANCZOS)).astype(np.float64)
    found = ((Preparation(*size)(image) + 1) * 127.5).permute(1, 2, 0).double().numpy()
    # between rows and columns, Pillow clips and converts to 8 bits
    assert np.abs(found - expected).mean() < 1.0
    assert np.median(np.abs(found - expected)) < 0.6


def test_bilinear_equals_the_transform_of_training() -> None:
    image = random_image(33, 47)
    assert torch.equal(Preparation(16, 16, crop="fit", resize="bilinear")(image), Transform(16, 16, crop="fit").apply(image))


@pytest.mark.parametrize("crop", ["fit", 20, (12, 30)])
def test_both_resizes_crop_the_same_window(crop: object) -> None:
    ramp = torch.linspace(-1, 1, 48)[None, None, :].expand(3, 32, 48).contiguous()
    first, second = Preparation(8, 12, crop=crop)(ramp), Preparation(8, 12, crop=crop, resize="bilinear")(ramp)
    assert torch.allclose(first[..., 2:-2], second[..., 2:-2], atol=5e-3)


def test_an_image_of_the_right_size_is_unchanged() -> None:
    image = random_image(16, 16)
    assert torch.equal(Preparation(16, 16)(image), image)


def test_a_batch_is_prepared_like_its_single_images() -> None:
    images = torch.stack([random_image(30, 30, seed) for seed in range(3)])
    assert torch.allclose(Preparation(16, 16)(images)[1], Preparation(16, 16)(images[1]), atol=1e-6)


def test_an_unknown_resize_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(OptionError, match=r'resize="lanzcos" .* Did you mean "lanczos"'):
        Preparation(8, 8, resize="lanzcos")


def test_a_crop_larger_than_the_image_is_refused() -> None:
    with pytest.raises(DataError, match=r"10x10, smaller than the crop of 12x12"):
        Preparation(8, 8, crop=12)(torch.zeros(3, 10, 10))
