"""Training, inference and evaluation crop the same window of an image."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from i2ikit import ImageSpec
from i2ikit.data import Transform
from i2ikit.errors import DataError
from i2ikit.evaluation import Preparation
from i2ikit.inference.geometry import crop_to_training
from i2ikit.pixels.geometry import centre_window, fit_window

SIDES = st.integers(1, 70)


def make_coordinates(height: int, width: int) -> torch.Tensor:
    """Return an image [2 H W] of rows and columns: a crop shows where it was cut."""
    return torch.stack(torch.meshgrid(torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij"))


@settings(max_examples=200, deadline=None)
@given(SIDES, SIDES, SIDES, SIDES)
def test_training_inference_and_evaluation_return_the_same_pixels(height: int, width: int, to_height: int, to_width: int) -> None:
    image = make_coordinates(height, width)
    training = Transform(to_height, to_width, crop="fit").apply(image)
    assert torch.equal(crop_to_training(image[None], ImageSpec(2, to_height, to_width), {})[0], training)
    assert torch.equal(Preparation(to_height, to_width, crop="fit", resize="bilinear")(image), training)


@settings(max_examples=200, deadline=None)
@given(SIDES, SIDES, SIDES, SIDES)
def test_the_window_is_centred_and_has_the_rounded_sides(height: int, width: int, to_height: int, to_width: int) -> None:
    scale = min(height / to_height, width / to_width)
    sides = max(1, min(height, round(to_height * scale))), max(1, min(width, round(to_width * scale)))
    top, left = round((height - sides[0]) / 2), round((width - sides[1]) / 2)
    image = make_coordinates(height, width)
    window = image[..., *centre_window((height, width), fit_window((height, width), (to_height, to_width)))]
    assert torch.equal(window, image[:, top : top + sides[0], left : left + sides[1]])
    assert torch.equal(Transform(to_height, to_width, crop="fit").crop_centre(image), window)


@pytest.mark.parametrize("crop", [(9, 20), (20, 9)])
def test_a_window_larger_than_the_image_is_refused_with_the_name_of_the_image(crop: tuple[int, int]) -> None:
    with pytest.raises(DataError, match=rf'^Image "a\.png" is 12x12, smaller than the crop of {crop[0]}x{crop[1]}\. Choose'):
        centre_window((12, 12), crop, 'Image "a.png"')
