"""Images, styles, labels and codes with NaN or infinity, other data types, and models that were never trained."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from i2ikit import Code, Model, build, load
from i2ikit.errors import DataError, LabelError, OptionError

STARGAN: dict[str, Any] = {
    "size": 32,
    "labels": {"hair": ("black", "blond")},
    "generator": {"width": 2, "blocks": 1},
    "discriminator": {"width": 2},
}
MUNIT: dict[str, Any] = {
    "size": 32,
    "encoder": {"width": 2, "blocks": 1},
    "generator": {"blocks": 1, "hidden": 4},
    "discriminator": {"width": 2, "depth": 2},
}
CYCLEGAN: dict[str, Any] = {"size": 32, "generator": {"width": 2, "blocks": 1}, "discriminator": {"width": 2}}
NAN, INFINITY = float("nan"), float("inf")


def make_stargan() -> Model:
    return build("stargan", rehearsal=False, **STARGAN)


def make_munit() -> Model:
    return build("munit", rehearsal=False, **MUNIT)


def make_image(value: float) -> torch.Tensor:
    image = torch.zeros(1, 3, 32, 32)
    image[0, 1, 2, 3] = value
    return image


@pytest.mark.parametrize("value", [NAN, INFINITY, -INFINITY])
@pytest.mark.parametrize(
    "use",
    [
        lambda model, image: model.translate(image, to="a", source="b"),
        lambda model, image: model.encode(image, domain="a"),
        lambda model, image: model.discriminate(image, domain="a"),
        lambda model, image: model.translate(make_image(0.0), to="a", source="b", style=image),
    ],
    ids=["translate", "encode", "discriminate", "style image"],
)
def test_an_image_with_values_that_are_not_finite_is_refused(use: Callable[[Model, Any], Any], value: float) -> None:
    with pytest.raises(DataError, match=r"has 1 value of NaN or infinity|found torch\.float32 up to inf"):
        use(make_munit(), make_image(value))


def test_a_float_array_with_nan_is_refused() -> None:
    with pytest.raises(DataError, match=r"NaN|not finite"):
        make_stargan().translate(make_image(NAN)[0].permute(1, 2, 0).numpy(), to={"hair": "black"})


def test_a_style_and_a_code_with_nan_are_refused() -> None:
    model = make_munit()
    with pytest.raises(OptionError, match="style= has 8 values of NaN or infinity"):
        model.translate(make_image(0.0), to="a", source="b", style=torch.full((8,), NAN))
    code = model.encode(make_image(0.0), domain="a")
    with pytest.raises(OptionError, match="code= has 8 values of NaN or infinity"):
        model.decode(Code(code.maps, torch.full((1, 8), NAN)), domain="a")


def test_a_label_with_nan_is_refused() -> None:
    with pytest.raises(LabelError, match="to= has values of NaN or infinity"):
        make_stargan().translate(make_image(0.0), to=torch.tensor([NAN, 0.0]))


def test_an_image_without_pixels_is_refused() -> None:
    with pytest.raises(DataError, match=r"The image has no pixels: its shape is \[1, 3, 0, 32\]"):
        make_stargan().translate(torch.zeros(1, 3, 0, 32), to={"hair": "black"})


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.uint8])
@pytest.mark.parametrize("precision", [torch.float32, torch.float64])
def test_images_of_every_type_are_translated_by_models_of_every_precision(precision: torch.dtype, dtype: torch.dtype) -> None:
    model = make_stargan().to(precision)
    image = torch.rand(1, 3, 32, 32)
    image = (image * 255).to(dtype) if dtype == torch.uint8 else image.to(dtype)
    assert model.translate(image, to={"hair": "black"}).dtype == dtype


def test_a_model_that_was_saved_at_step_0_says_so(tmp_path: Path) -> None:
    model = build("cyclegan", rehearsal=False, **CYCLEGAN)
    loaded = load(model.save(tmp_path / "model"))
    with pytest.warns(UserWarning, match=r"was saved at step 0: its weights are random, and so are its images\."):
        loaded.translate(make_image(0.0), to="zebra")
    model.steps_done = 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load(model.save(tmp_path / "model")).translate(make_image(0.0), to="zebra")
