"""Components and losses of MUNIT and UNIT."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from i2ikit import Code, CodeSpec, ImageSpec, MapSpec, Slot, StyleSpec, build
from i2ikit.errors import BuildError, OptionError, SpecError
from i2ikit_munit.decoder import AdaINDecoder
from i2ikit_munit.encoders import ContentEncoder, ContentStyleEncoder, StyleEncoder
from i2ikit_unit.decoder import UNITDecoder
from i2ikit_unit.encoder import UNITEncoder

IMAGE = ImageSpec(3, 16, 24)
CONTENT = CodeSpec((MapSpec(8, 4),))
TINY: dict[str, Any] = {
    "encoder": {"width": 4, "blocks": 1},
    "generator": {"blocks": 1, "hidden": 6},
    "discriminator": {"width": 4, "depth": 2},
}


def test_the_joint_encoder_equals_the_two_separate_encoders() -> None:
    both = ContentStyleEncoder(IMAGE, width=4, blocks=1, style=3)
    content, style = ContentEncoder(IMAGE, width=4, blocks=1), StyleEncoder(IMAGE, width=4, style=3)
    content.content.load_state_dict(both.content.state_dict())
    style.style.load_state_dict(both.style.state_dict())
    image = torch.rand(2, 3, 16, 24)
    code = both(image)
    assert torch.equal(code.maps[0], content(image).maps[0])
    assert torch.equal(code.style, style(image).style)
    assert both.output_spec == content.output_spec.with_style(style.output_spec.style)


def test_the_content_does_not_depend_on_brightness_and_contrast() -> None:
    encoder, image = ContentEncoder(IMAGE, width=4, blocks=1), torch.rand(1, 3, 16, 24)
    torch.testing.assert_close(encoder(image).maps[0], encoder(image * 0.5 - 0.3).maps[0], rtol=1e-2, atol=1e-2)


def test_the_style_influences_the_image_and_its_vectors_are_flattened() -> None:
    decoder = AdaINDecoder(CONTENT.with_style(StyleSpec(3, 2)), IMAGE, blocks=1, hidden=6)
    maps, style = torch.randn(2, 8, 4, 6), torch.randn(2, 2, 3)
    fake = decoder(Code((maps,), style))
    assert fake.shape == (2, 3, 16, 24)
    assert not torch.allclose(fake, decoder(Code((maps,), style.flip(1))))


def test_a_decoder_without_a_style_names_the_remedy() -> None:
    with pytest.raises(
        SpecError, match=r"requires a style; found maps \[8 channels, stride 4\] and no style\. .* build\(\.\.\., style=8\)"
    ):
        AdaINDecoder(CONTENT, IMAGE)
    with pytest.raises(SpecError, match="whose stride is a power of two"):
        AdaINDecoder(CodeSpec((MapSpec(8, 3),), StyleSpec(3)), IMAGE)
    with pytest.raises(SpecError, match=r'whose stride is a power of two.*Use "unit_encoder"'):
        UNITDecoder(CodeSpec(style=StyleSpec(3)), IMAGE)


def test_a_content_encoder_works_with_sampled_styles() -> None:
    model = build(
        "munit",
        size=16,
        style=5,
        encoder="munit_content_encoder",
        terms={"translator/style": None, "translator/recon": None},
        **{name: TINY[name] for name in ("generator", "discriminator")},
    )
    assert model.slot("generator")["a"].mlp[0].in_features == 5


def test_unsupported_options_and_sizes_are_refused() -> None:
    with pytest.raises(SpecError, match="multiples of 4, at least 8; found 18 x 16"):
        ContentEncoder(ImageSpec(3, 18, 16))
    with pytest.raises(SpecError, match="halves the sides 4 times for the style and requires sides of 16 or more; found 8 x 16"):
        ContentStyleEncoder(ImageSpec(3, 8, 16))
    with pytest.raises(SpecError, match="multiples of 4, at least 8; found 4 x 16"):
        UNITEncoder(ImageSpec(3, 4, 16))
    with pytest.raises(OptionError, match="width=4, downsamples=2, blocks=1, latent_blocks=2"):
        UNITEncoder(IMAGE, width=4, blocks=1, latent_blocks=2)
    with pytest.raises(OptionError, match="blocks=1, latent_blocks=2"):
        UNITDecoder(CONTENT, IMAGE, blocks=1, latent_blocks=2)
    with pytest.raises(OptionError, match="style=0, width=64"):
        StyleEncoder(IMAGE, style=0)


def test_losses_name_what_the_encoder_does_not_return() -> None:
    parts = {name: TINY[name] for name in ("generator", "discriminator")}
    with pytest.raises(BuildError, match='"style_loss" requires an encoder that returns a style'):
        build("munit", size=16, style=5, encoder="munit_content_encoder", terms={"translator/recon": None}, **parts)
    with pytest.raises(BuildError, match='"latent_kl_loss" requires an encoder that returns a posterior'):
        build("unit", size=16, encoder=Slot("munit_content_encoder", per="domain"), discriminator=TINY["discriminator"])


def test_the_networks_have_the_papers_number_of_parameters() -> None:
    model = build("munit", rehearsal=False)
    counts = {name: sum(p.numel() for p in model.slot(name)["a"].parameters()) for name in model.nets.slots}
    assert counts == {"encoder": 8_150_792, "generator": 6_875_395, "discriminator": 8_271_171}


def test_styles_are_sampled_or_given_or_encoded_from_an_example() -> None:
    model = build("munit", size=16, rehearsal=False, **TINY)
    image, example = torch.rand(2, 1, 3, 16, 16) * 2 - 1
    five = model.translate(image, to="b", samples=5, seed=0)
    assert len({float(fake.mean()) for fake in five}) == 5
    own = model.slot("encoder")["b"].eval()(example).style
    assert torch.equal(
        model.translate(image, to="b", style=own.detach()[..., None, None]), model.translate(image, to="b", style=own.detach())
    )
    torch.testing.assert_close(model.translate(image, to="b", style=example), model.translate(image, to="b", style=own.detach()))


def test_style_dim_sets_the_width_of_styles_in_every_recipe_with_styles() -> None:
    model = build("munit", domains=("cat", "dog", "tiger"), style_dim=5, size=16, **TINY)
    assert model.nets.style == StyleSpec(5)
    assert len(model.translate(torch.rand(1, 3, 16, 16), to="dog", source="cat", samples=2)) == 2
    discriminator = {"width": 4, "scales": 1, "depth": 1}
    small = {
        "generator": {"width": 4},
        "style_encoder": {"width": 4},
        "discriminator": discriminator,
        "discriminator_random": discriminator,
    }
    assert build("bicyclegan", size=16, style_dim=3, rehearsal=False, **small).nets.style == StyleSpec(3)


def test_an_unsupported_style_width_is_refused() -> None:
    with pytest.raises(OptionError, match=r'^Recipe "cyclegan" does not support style_dim=4'):
        build("cyclegan", style_dim=4)
    with pytest.raises(OptionError, match='"style_dim" is 0; it must be a whole number of 1 or more'):
        build("munit", style_dim=0)
    with pytest.raises(BuildError, match="style=4 samples styles of 4 numbers, but the encoder's style has 8"):
        build("munit", size=16, style=4, **TINY)


def test_labels_that_are_not_domains_are_refused() -> None:
    with pytest.raises(BuildError, match=r"one categorical attribute, .* found .*hair, male"):
        build("munit", size=16, labels={"hair": ("black", "red"), "male": bool}, **TINY)


def test_the_fast_unit_has_one_encoder_for_all_domains() -> None:
    model = build("unit-fast", size=16, rehearsal=False)
    first, second = (dict(model.nets.net("encoder", name).named_parameters()) for name in ("a", "b"))
    assert all(first[name] is second[name] for name in first)
