"""BicycleGAN's networks, plan, losses and recipes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from i2ikit import Code, CodeSpec, ImageSpec, MapSpec, RandomStreams, Slot, StyleSpec, Translation, build, default_registry
from i2ikit.errors import BuildError, OptionError, PlanError, SpecError
from i2ikit.testing import check_component
from i2ikit_bicyclegan.generator import BicycleGANGenerator
from i2ikit_bicyclegan.losses import latent_loss, style_kl_loss
from i2ikit_bicyclegan.plan import two_styles
from i2ikit_bicyclegan.style_encoder import BicycleGANStyleEncoder

IMAGE = ImageSpec(3, 64, 64)
CODE = CodeSpec((MapSpec(3, 1),), StyleSpec(4))
WIDTHS: dict[str, Any] = {
    **{slot: {"width": 2} for slot in ("generator", "style_encoder")},
    **{slot: {"width": 2, "depth": 2} for slot in ("discriminator", "discriminator_random")},
}
NAMES = ["bicyclegan", "cvae-gan", "cvae-gan++", "cae-gan", "clr-gan", "pix2pix+noise", "bicyclegan-fast"]


def build_small(name: str = "bicyclegan", **overrides: Any) -> Any:
    return build(name, **{"size": 32, "style": 4, **WIDTHS, **overrides})


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("bicyclegan_generator", {}),
        ("bicyclegan_generator", {"style_placement": "input", "norm": "batch", "up": "bilinear"}),
        ("bicyclegan_generator", {"dropout": 0.5, "image": IMAGE}),
        ("bicyclegan_style_encoder", {"architecture": "conv"}),
        ("bicyclegan_style_encoder", {"norm": "batch", "depth": 3}),
    ],
    ids=str,
)
def test_the_networks_conform_with_their_options(name: str, options: dict[str, Any]) -> None:
    assert "runs_in_bfloat16" in check_component(name, width=2, **options).passed


@pytest.mark.parametrize("options", [{"sample": False}, {"official": True}])
def test_the_plan_conforms_with_its_options(options: dict[str, Any]) -> None:
    assert len(check_component("bicyclegan_two_styles", **options).passed) == 7


def test_the_official_kl_loss_is_a_sum_over_images() -> None:
    assert "is_a_mean_over_images" in check_component("style_kl_loss").passed
    model = build_small()
    batch = model.example_batch(3)
    encoded, _ = two_styles(model.nets, batch, RandomStreams(), False, style=4)
    torch.testing.assert_close(style_kl_loss(encoded, official=True), 3 * style_kl_loss(encoded))


@pytest.mark.parametrize("style_placement", ["all", "input"])
def test_style_placement_selects_the_layers_that_take_the_style(style_placement: Any) -> None:
    net = BicycleGANGenerator(CODE, IMAGE, width=8, style_placement=style_placement).net
    expected = [3 + 4, *(each + 4 * (style_placement == "all") for each in (8, 16, 32, 64, 64))]
    assert [layer.in_channels for layer in net.down] == expected


@pytest.mark.parametrize(
    ("size", "depth"), [((256, 256), 5), ((512, 300), 5), ((128, 128), 4), ((64, 64), 3), ((32, 48), 2), ((16, 16), 2)]
)
def test_the_style_encoder_halves_the_sides_until_eight_pixels_remain(size: tuple[int, int], depth: int) -> None:
    encoder = BicycleGANStyleEncoder(ImageSpec(3, *size), CodeSpec(), width=1)
    assert len(encoder.blocks) == depth - 1
    assert encoder(torch.zeros(1, 3, *size)).style.shape == (1, 8)


def test_the_style_width_is_that_of_the_plan_by_default() -> None:
    assert BicycleGANStyleEncoder(IMAGE, CODE, width=1).output_spec.style == StyleSpec(4)
    assert BicycleGANStyleEncoder(IMAGE, CODE, width=1, style=5).output_spec.style == StyleSpec(5)
    assert BicycleGANStyleEncoder(IMAGE, CodeSpec(), width=1).output_spec.style == StyleSpec(8)
    assert build_small(style=5).slot("style_encoder").output_spec.style == StyleSpec(5)


def test_the_style_encoder_takes_images_of_any_size() -> None:
    encoder = BicycleGANStyleEncoder(IMAGE, CODE, width=1)
    assert encoder(torch.zeros(2, 3, 37, 101)).style.shape == (2, 4)


@pytest.mark.parametrize("name", ["bicyclegan", "bicyclegan-fast"])
def test_the_recipes_build_without_arguments(name: str) -> None:
    assert build(name).nets.style == StyleSpec(8)


@pytest.mark.parametrize("name", NAMES)
def test_every_recipe_trains_and_translates_many_ways(name: str) -> None:
    options = {slot: width for slot, width in WIDTHS.items() if slot in default_registry().recipe(name).slots}
    plan = {"plan_options": {"style": 4, "sample": False}} if name == "cae-gan" else {"style": 4}
    model = build(name, size=32, source_channels=1, **plan, **options)
    model.step(model.example_batch(2))
    model.raise_if_not_finite()
    one, other = model.translate(torch.zeros(1, 1, 40, 30), samples=2)
    assert one.shape == (1, 3, 40, 30)
    assert not torch.equal(one, other)


def test_a_style_is_encoded_from_an_example() -> None:
    model = build_small(source_channels=1)
    image, example = torch.zeros(1, 1, 32, 32), torch.rand(1, 3, 32, 32)
    style = model.slot("style_encoder")(example).style.detach()
    assert torch.equal(model.translate(image, style=example), model.translate(image, style=style))


def test_the_two_styles_are_those_of_the_target_and_of_the_prior() -> None:
    model = build_small()
    batch = model.example_batch(2)
    encoded, random = two_styles(model.nets, batch, RandomStreams(), True, style=4)
    mean, logvar = model.slot("style_encoder")(batch["target"]).posterior
    noise = RandomStreams().for_translation("encoded").normal("style", (2, 4))
    torch.testing.assert_close(encoded.style, mean + (0.5 * logvar).exp() * noise)
    assert not encoded.style.equal(random.style)
    deterministic, _ = two_styles(model.nets, batch, RandomStreams(), True, style=4, sample=False)
    torch.testing.assert_close(deterministic.style, mean)
    assert all(each.real is batch["image"] and each.reference is batch["target"] for each in (encoded, random))


def test_the_official_plan_uses_the_second_half_of_a_batch_only_as_reference() -> None:
    model = build_small()
    batch = model.example_batch(4)
    encoded, random = two_styles(model.nets, batch, RandomStreams(), True, style=4, official=True)
    for each, reference in ((encoded, batch["target"][:2]), (random, batch["target"][2:])):
        assert torch.equal(each.real, batch["image"][:2])
        assert torch.equal(each.reference, reference)
    with pytest.raises(PlanError, match="even number of rows; found 3"):
        two_styles(model.nets, model.example_batch(3), RandomStreams(), True, style=4, official=True)


def test_a_batch_without_pairs_is_refused_with_its_keys() -> None:
    model = build_small()
    with pytest.raises(PlanError, match=r'"bicyclegan_two_styles" requires batch\["target"\]; this batch has: image'):
        two_styles(model.nets, {"image": torch.zeros(1, 3, 32, 32)}, RandomStreams(), True)


def test_the_latent_loss_is_the_mean_absolute_difference_of_the_styles() -> None:
    model = build_small()
    image, style = model.example_batch(2)["image"], torch.randn(2, 4)
    t = Translation(model.nets, RandomStreams(), real=image, style=style)
    recovered: Tensor = model.slot("style_encoder")(t.fake).posterior.mean
    torch.testing.assert_close(latent_loss(t), (recovered - style).abs().mean())


def test_unsupported_codes_and_options_are_refused() -> None:
    with pytest.raises(SpecError, match=r'requires a style of one vector; found .* no style. Use plan "bicyclegan_two_styles"'):
        BicycleGANGenerator(CodeSpec((MapSpec(3, 1),)), IMAGE)
    with pytest.raises(SpecError, match="requires a code whose last map has stride 1"):
        BicycleGANGenerator(CodeSpec((MapSpec(3, 4),), StyleSpec(4)), IMAGE)
    with pytest.raises(SpecError, match=r"requires a style of shape \[1, 4\]; found \[1, 5\]"):
        BicycleGANGenerator(CODE, IMAGE, width=1)(Code((torch.zeros(1, 3, 64, 64),), torch.zeros(1, 5)))
    with pytest.raises(OptionError, match=r'architecture="resnt"\. Did you mean "resnet"'):
        BicycleGANStyleEncoder(IMAGE, CODE, architecture="resnt")  # type: ignore[arg-type]
    with pytest.raises(OptionError, match=r"depth=7 does not fit image \[3, 64, 64\]. Use a depth of 6 or less"):
        BicycleGANStyleEncoder(IMAGE, CODE, depth=7)


def test_build_refuses_unequal_style_widths_and_encoders_without_distribution() -> None:
    with pytest.raises(BuildError, match=r"requires a style of shape \[2, 4\]; found \[2, 3\]"):
        build_small(style_encoder={"width": 2, "style": 3})
    with pytest.raises(BuildError, match='Slot "style_encoder" does not return a distribution over styles'):
        build_small(style_encoder=Slot("identity_encoder", role="encoder"))
