"""pix2pix's U-Net and its recipes, one promise at a time."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn import functional as F

from i2ikit import Code, CodeSpec, ImageSpec, MapSpec, StyleSpec, build
from i2ikit.errors import BuildError, OptionError, SpecError
from i2ikit.testing import check_component
from i2ikit_pix2pix.generator import Pix2PixUNet

IMAGE = ImageSpec(3, 64, 64)
CODE = CodeSpec((MapSpec(3, 1),))


@pytest.mark.parametrize("options", [{}, {"norm": "instance"}, {"up": "bilinear"}, {"dropout": 0.0, "depth": 4}])
def test_the_unet_conforms_with_its_options(options: dict[str, Any]) -> None:
    assert "runs_in_bfloat16" in check_component("pix2pix_unet", width=2, **options).passed


def test_the_unet_conforms_where_it_draws_noise() -> None:
    report = check_component("pix2pix_unet", width=2, image=IMAGE)
    assert report.skipped["compiles_whole"] == "it draws by itself"


@pytest.mark.parametrize(("size", "depth"), [((256, 256), 8), ((512, 1024), 8), ((128, 128), 7), ((64, 96), 5), ((20, 24), 2)])
def test_the_depth_is_the_deepest_that_both_sides_allow(size: tuple[int, int], depth: int) -> None:
    generator = Pix2PixUNet(CODE, ImageSpec(3, *size), width=1)
    assert len(generator.net.down) == depth
    assert generator.net.size_multiple == generator.net.min_size == 2**depth


def test_the_size_of_the_papers_networks() -> None:
    model = build("pix2pix", rehearsal=False)
    format_count = {name: sum(p.numel() for p in model.slot(name).parameters()) for name in ("generator", "discriminator")}
    assert format_count == {"generator": 54_413_955, "discriminator": 2_768_705}


def test_the_first_the_innermost_and_the_last_convolution_have_no_norm() -> None:
    net = Pix2PixUNet(CODE, IMAGE, width=2).net
    assert [type(norm).__name__ for norm in net.down_norms] == ["Identity", *["BatchNorm2d"] * 4, "Identity"]
    assert [type(norm).__name__ for norm in net.up_norms] == ["Identity", *["BatchNorm2d"] * 5]
    assert [layer.bias is not None for layer in [*net.down, *net.up]] == [False] * 6 + [True] + [False] * 5


@pytest.mark.parametrize(("late", "sides"), [(False, [2, 4, 8]), (True, [4, 8, 16])])
def test_dropout_follows_three_steps_up_of_the_papers_eight(late: bool, sides: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    real = F.dropout
    monkeypatch.setattr(F, "dropout", lambda maps, *rest: (seen.append(maps.shape[-1]), real(maps, *rest))[1])
    Pix2PixUNet(CODE, ImageSpec(3, 256, 256), width=1, late_dropout=late)(Code((torch.zeros(1, 3, 256, 256),)))
    assert seen == sides


def test_in_use_as_in_training_dropout_stays_on_and_statistics_are_those_of_the_batch() -> None:
    generator = Pix2PixUNet(CODE, IMAGE, width=2).eval()
    image = torch.rand(2, 3, 64, 64) * 2 - 1
    assert not torch.equal(generator(Code((image,))), generator(Code((image,))))
    still = Pix2PixUNet(CODE, IMAGE, width=2, dropout=0.0)
    assert torch.equal(still(Code((image,))), still.eval()(Code((image,))))
    assert not torch.allclose(still(Code((image,)))[:1], still(Code((image[:1],))), atol=1e-6)


def test_a_translation_is_repeated_by_its_seed_and_varied_by_another() -> None:
    model = build("pix2pix", size=64, generator={"width": 2}, discriminator={"width": 2}, rehearsal=False)
    image = model.example_batch(1)["image"]
    one, same, other = (model.translate(image, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


@pytest.mark.parametrize(("source", "drawn"), [(1, 3), (4, 1), (2, 4)])
def test_any_number_of_channels_on_either_side_trains_and_translates(source: int, drawn: int) -> None:
    model = build("pix2pix", size=32, source_channels=source, channels=drawn, generator={"width": 2}, discriminator={"width": 2})
    model.step(model.example_batch(2))
    model.raise_if_not_finite()
    assert model.translate(torch.zeros(1, source, 32, 32)).shape == (1, drawn, 32, 32)


@pytest.mark.parametrize("name", ["pix2pix", "pix2pix-l1", "pix2pix-gan", "pix2pix-unconditional", "pix2pix-fast"])
def test_every_recipe_builds_with_other_source_channels(name: str) -> None:
    model = build(name, source_channels=1, size=64, generator={"width": 2})
    assert (model.source.channels, model.image.channels) == (1, 3)


@pytest.mark.parametrize("depth", [0, 5])
def test_the_papers_pixel_and_image_discriminators_are_a_depth(depth: int) -> None:
    model = build("pix2pix", size=128, generator={"width": 1}, discriminator={"width": 2, "depth": depth})
    batch = model.example_batch(1)
    score = model.slot("discriminator")(batch["target"], source=batch["image"]).scores[0]
    assert score.shape[-1] == (128 if depth == 0 else 2)


def test_what_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(SpecError, match=r'from a last map at full size, but is given .* Use "identity_encoder"'):
        Pix2PixUNet(CodeSpec((MapSpec(8, 4),), StyleSpec(8)), IMAGE)
    with pytest.raises(SpecError, match=r"6 times and needs multiples of 64; found 96 x 96. Choose another size, or use depth=5"):
        Pix2PixUNet(CODE, ImageSpec(3, 96, 96), depth=6)
    with pytest.raises(SpecError, match=r"halves sides 2 times and needs multiples of 4; found 50 x 50. Choose another size."):
        Pix2PixUNet(CODE, ImageSpec(3, 50, 50))
    with pytest.raises(OptionError, match="depth=1: sides are halved 2 times or more"):
        Pix2PixUNet(CODE, IMAGE, depth=1)
    with pytest.raises(OptionError, match=r"width=0 and dropout=0.5: needed are 1 or more"):
        Pix2PixUNet(CODE, IMAGE, width=0)


def test_images_too_small_for_the_discriminator_are_told_when_building() -> None:
    with pytest.raises(BuildError, match=r'"patch_discriminator" with depth=3 does not fit image \[3, 16, 16\]: sides of 24 will do'):
        build("pix2pix", size=16)


def test_source_channels_are_for_paired_data() -> None:
    with pytest.raises(BuildError, match="source_channels=1 differs from channels=3, which only paired data can have"):
        build("pix2pix", source_channels=1, plan="labelled", labels={"male": bool})
