"""What a discriminator needs besides the image is asked for by name, and sizes that it does not take are named."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from i2ikit import Model, build
from i2ikit.errors import DataError, OptionError

UNET: dict[str, Any] = {"generator": {"width": 2, "depth": 3}, "discriminator": {"width": 2}}
SMALL: dict[str, dict[str, Any]] = {
    "cyclegan": {"generator": {"width": 2, "blocks": 1}, "discriminator": {"width": 2}},
    "munit": {"encoder": {"width": 2, "blocks": 1}, "generator": {"blocks": 1, "hidden": 4}, "discriminator": {"width": 2, "depth": 2}},
    "unit": {"encoder": {"width": 2, "blocks": 2}, "generator": {"blocks": 2}, "discriminator": {"width": 2, "depth": 2}},
}
IMAGE = torch.zeros(2, 3, 32, 32)


def make(name: str) -> Model:
    return build(name, size=32, rehearsal=False, **SMALL.get(name, UNET))


@pytest.mark.parametrize("name", SMALL)
def test_a_domain_is_asked_for_by_name(name: str) -> None:
    model = make(name)
    with pytest.raises(OptionError, match=rf"domain= is not given, .* Available: {', '.join(model.domain.names)}\.") as caught:
        model.discriminate(IMAGE)
    assert "\n" not in str(caught.value)
    assert model.discriminate(IMAGE, domain=model.domain.names[0]).scores


def test_a_source_is_asked_for_by_name() -> None:
    model = make("pix2pix")
    with pytest.raises(
        OptionError, match=r"source= is missing: the discriminator .* also takes the source image\. Give it: source=IMAGE\."
    ):
        model.discriminate(IMAGE)
    assert model.discriminate(IMAGE, source=IMAGE).scores


@pytest.mark.parametrize("source", [torch.zeros(2, 3, 16, 16), torch.zeros(1, 3, 32, 32)], ids=["size", "rows"])
def test_a_source_of_another_shape_is_named(source: torch.Tensor) -> None:
    with pytest.raises(DataError, match=r"The source image and the image to score have the shapes \[B, H, W\] .* and \[2, 32, 32\]"):
        make("pix2pix").discriminate(IMAGE, source=source)


@pytest.mark.parametrize("name", ["pix2pix", *SMALL])
def test_an_image_that_is_too_small_for_a_discriminator_is_named(name: str) -> None:
    model = make(name)
    small = torch.zeros(1, 3, 2, 2)
    needed = {"source": small} if name == "pix2pix" else {"domain": model.domain.names[0]}
    with pytest.raises(OptionError, match=r'The discriminator "discriminator" does not take images of 2x2; the model was built for 32x32'):
        model.discriminate(small, **needed)
