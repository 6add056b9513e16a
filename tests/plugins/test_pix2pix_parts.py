"""pix2pix's U-Net and recipes."""

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


def test_the_unet_conforms_with_dropout() -> None:
    report = check_component("pix2pix_unet", width=2, image=IMAGE)
    assert report.skipped["compiles_full_graph"] == "it draws random numbers"


@pytest.mark.parametrize(("size", "depth"), [((256, 256), 8), ((512, 1024), 8), ((128, 128), 7), ((64, 96), 5), ((20, 24), 2)])
def test_the_default_depth_is_the_largest_that_both_sides_support(size: tuple[int, int], depth: int) -> None:
    generator = Pix2PixUNet(CODE, ImageSpec(3, *size), width=1)
    assert len(generator.net.down) == depth
    assert generator.net.size_multiple == generator.net.min_size == 2**depth


def test_the_networks_have_the_papers_number_of_parameters() -> None:
    model = build("pix2pix", rehearsal=False)
    counts = {name: sum(p.numel() for p in model.slot(name).parameters()) for name in ("generator", "discriminator")}
    assert counts == {"generator": 54_413_955, "discriminator": 2_768_705}


def test_the_first_the_innermost_and_the_last_convolution_have_no_norm() -> None:
    net = Pix2PixUNet(CODE, IMAGE, width=2).net
    assert [type(norm).__name__ for norm in net.down_norms] == ["Identity", *["BatchNorm2d"] * 4, "Identity"]
    assert [type(norm).__name__ for norm in net.up_norms] == ["Identity", *["BatchNorm2d"] * 5]
    assert [layer.bias is not None for layer in [*net.down, *net.up]] == [False] * 6 + [True] + [False] * 5


@pytest.mark.parametrize(("late", "sides"), [(False, [2, 4, 8]), (True, [4, 8, 16])])
def test_dropout_follows_three_of_the_papers_eight_decoder_layers(late: bool, sides: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[int] = []
    dropout = F.dropout
    monkeypatch.setattr(F, "dropout", lambda maps, *rest: (found.append(maps.shape[-1]), dropout(maps, *rest))[1])
    Pix2PixUNet(CODE, ImageSpec(3, 256, 256), width=1, late_dropout=late)(Code((torch.zeros(1, 3, 256, 256),)))
    assert found == sides


def test_at_inference_dropout_stays_active_and_norms_use_the_batch() -> None:
    generator = Pix2PixUNet(CODE, IMAGE, width=2).eval()
    image = torch.rand(2, 3, 64, 64) * 2 - 1
    assert not torch.equal(generator(Code((image,))), generator(Code((image,))))
    deterministic = Pix2PixUNet(CODE, IMAGE, width=2, dropout=0.0)
    assert torch.equal(deterministic(Code((image,))), deterministic.eval()(Code((image,))))
    assert not torch.allclose(deterministic(Code((image,)))[:1], deterministic(Code((image[:1],))), atol=1e-6)


def test_equal_seeds_give_equal_translations_and_other_seeds_differ() -> None:
    model = build("pix2pix", size=64, generator={"width": 2}, discriminator={"width": 2}, rehearsal=False)
    image = model.example_batch(1)["image"]
    one, same, other = (model.translate(image, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


@pytest.mark.parametrize(("source", "target"), [(1, 3), (4, 1), (2, 4)])
def test_source_and_target_can_have_any_number_of_channels(source: int, target: int) -> None:
    model = build("pix2pix", size=32, source_channels=source, channels=target, generator={"width": 2}, discriminator={"width": 2})
    model.step(model.example_batch(2))
    model.raise_if_not_finite()
    assert model.translate(torch.zeros(1, source, 32, 32)).shape == (1, target, 32, 32)


@pytest.mark.parametrize("name", ["pix2pix", "pix2pix-l1", "pix2pix-gan", "pix2pix-unconditional", "pix2pix-fast"])
def test_every_recipe_builds_with_other_source_channels(name: str) -> None:
    model = build(name, source_channels=1, size=64, generator={"width": 2})
    assert (model.source.channels, model.image.channels) == (1, 3)


@pytest.mark.parametrize("depth", [0, 5])
def test_depth_selects_the_papers_pixel_and_image_discriminators(depth: int) -> None:
    model = build("pix2pix", size=128, generator={"width": 1}, discriminator={"width": 2, "depth": depth})
    batch = model.example_batch(1)
    score = model.slot("discriminator")(batch["target"], source=batch["image"]).scores[0]
    assert score.shape[-1] == (128 if depth == 0 else 2)


def test_unsupported_codes_sizes_and_options_are_refused() -> None:
    with pytest.raises(SpecError, match=r'requires a code whose last map has stride 1; found .* Use "identity_encoder"'):
        Pix2PixUNet(CodeSpec((MapSpec(8, 4),), StyleSpec(8)), IMAGE)
    with pytest.raises(SpecError, match=r"6 times and requires multiples of 64; found 96 x 96. Choose another size, or use depth=5"):
        Pix2PixUNet(CODE, ImageSpec(3, 96, 96), depth=6)
    with pytest.raises(SpecError, match=r"halves sides 2 times and requires multiples of 4; found 50 x 50. Choose another size."):
        Pix2PixUNet(CODE, ImageSpec(3, 50, 50))
    with pytest.raises(OptionError, match="depth must be at least 2; found 1"):
        Pix2PixUNet(CODE, IMAGE, depth=1)
    with pytest.raises(OptionError, match=r"width=0, dropout=0.5: width must be 1 or more"):
        Pix2PixUNet(CODE, IMAGE, width=0)


def test_build_refuses_images_too_small_for_the_discriminator() -> None:
    with pytest.raises(
        BuildError, match=r'"patch_discriminator" with depth=3 does not fit image \[3, 16, 16\]. Use sides of at least 24 pixels'
    ):
        build("pix2pix", size=16)


def test_source_channels_require_paired_data() -> None:
    with pytest.raises(BuildError, match="source_channels=1 differs from channels=3"):
        build("pix2pix", source_channels=1, plan="labelled", labels={"male": bool})
