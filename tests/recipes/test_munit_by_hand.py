"""MUNIT equals a MUNIT written by hand, in its forward passes and after whole training iterations."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from core.toys.assembly import Calls
from munit_by_hand import Munit, content, discriminate, draw, parameters_of_norms, style
from torch import Tensor

from i2ikit import Code, Model, build
from i2ikit_munit.official import export_official

SMALL: dict[str, Any] = {
    "encoder": {"width": 4, "blocks": 2, "style": 5},
    "generator": {"blocks": 2, "hidden": 6},
    "discriminator": {"width": 4, "depth": 3, "scales": 2},
}


def small(recipe: str = "munit", **changes: Any) -> Model:
    """A small MUNIT in double precision with biases that are not at their start."""
    slots = {name: {**SMALL[name], **changes.pop(name, {})} for name in SMALL}
    model = build(recipe, **{"size": (16, 24), **changes}, **slots).double()
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for parameter in model.nets.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype))
    return model


def images(model: Model, seed: int = 0, rows: int = 2) -> dict[str, Tensor]:
    return {name: image.double() for name, image in model.example_batch(rows, seed=seed).items()}


def styles(seed: int, rows: int = 2, width: int = 5) -> dict[str, Tensor]:
    one, other = torch.randn(2, rows, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return {"a": one, "b": other}


def given(styles: dict[str, Tensor], player: str = "") -> dict[str, Tensor]:
    return {f"{player}b_to_a/style": styles["a"], f"{player}a_to_b/style": styles["b"]}


@pytest.mark.parametrize(("size", "downsamples", "channels"), [((16, 24), 2, 3), ((16, 16), 1, 1), ((24, 40), 3, 4)])
def test_encoder_and_decoder_equal_those_written_by_hand(size: tuple[int, int], downsamples: int, channels: int) -> None:
    model = small(size=size, channels=channels, encoder={"downsamples": downsamples}, discriminator={"depth": 2})
    weights, image = export_official(model)["generator"]["b"], images(model)["b"]
    code = model.slot("encoder")["b"](image)
    torch.testing.assert_close(code.maps[0], content(weights, image), rtol=0, atol=1e-10)
    torch.testing.assert_close(code.style, style(weights, image), rtol=0, atol=1e-10)
    noise = styles(3)["b"]
    fake = model.slot("generator")["b"](Code(code.maps, noise))
    torch.testing.assert_close(fake, draw(weights, code.maps[0], noise), rtol=0, atol=1e-10)


def test_the_style_draws_shifts_first_and_then_scales() -> None:
    model = small()
    wanted = parameters_of_norms(export_official(model)["generator"]["a"], styles(1)["a"]).unflatten(1, (2, 2, 2, 16))
    found = model.slot("generator")["a"].norms_of(styles(1)["a"]).unflatten(2, (2, 2, 16))
    torch.testing.assert_close(found[:, :, :, 0], wanted[:, :, :, 1])
    torch.testing.assert_close(found[:, :, :, 1], wanted[:, :, :, 0])


@pytest.mark.parametrize(("size", "depth", "scales"), [((16, 24), 3, 2), ((16, 40), 2, 3), ((16, 16), 4, 1)])
def test_the_discriminator_equals_the_one_written_by_hand(size: tuple[int, int], depth: int, scales: int) -> None:
    model = small(size=size, discriminator={"depth": depth, "scales": scales})
    image = images(model)["a"]
    wanted = discriminate(export_official(model)["discriminator"]["a"], image)
    found = model.slot("discriminator")["a"](image).scores
    assert len(found) == len(wanted) == scales
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-10)


def test_two_steps_equal_the_paper() -> None:
    model = small()
    by_hand = Munit(export_official(model))
    for index in range(2):
        batch, noise = images(model, index), styles(index)
        logs = model.step(batch, draws=given(noise))
        fake = by_hand.translations(batch, noise)
        losses = {"discriminator/adversarial": by_hand.discriminate(batch, fake), **by_hand.translators(batch, noise)}
        assert {name: float(value) for name, value in logs.items()} == pytest.approx(losses, rel=1e-9)
    by_hand.assert_equal(export_official(model))


def test_two_official_steps_draw_styles_and_encode_for_discriminators_and_translators_apart() -> None:
    model = small(official=True)
    by_hand = Munit(export_official(model))
    for index in range(2):
        batch, for_discriminators, for_translators = images(model, index), styles(index), styles(10 + index)
        logs = model.step(batch, draws={**given(for_discriminators, "discriminator/"), **given(for_translators, "translator/")})
        losses = {**by_hand.discriminators(batch, for_discriminators), **by_hand.translators(batch, for_translators)}
        assert {name: float(value) for name, value in logs.items()} == pytest.approx(losses, rel=1e-9)
    by_hand.assert_equal(export_official(model))


@pytest.mark.parametrize("left_out", ["recon", "content", "style"])
def test_an_ablation_of_the_paper_leaves_out_one_reconstruction(left_out: str) -> None:
    name = {"recon": "image"}.get(left_out, left_out)
    model = small(f"munit-without-{name}-recon")
    by_hand = Munit(export_official(model))
    batch, noise = images(model), styles(0)
    logs = model.step(batch, draws=given(noise))
    by_hand.discriminators(batch, noise)
    losses = by_hand.translators(batch, noise, leave_out=lambda loss: loss == left_out)
    assert {key: float(value) for key, value in logs.items() if key.startswith("translator")} == pytest.approx(losses, rel=1e-9)
    assert f"translator/{left_out}" not in logs


def test_the_style_augmented_cycle_comes_back_in_the_image_s_own_style() -> None:
    model = small("munit-style-cycle", official=True)
    by_hand = Munit(export_official(model))
    batch, for_discriminators, for_translators = images(model), styles(0), styles(1)
    logs = model.step(batch, draws={**given(for_discriminators, "discriminator/"), **given(for_translators, "translator/")})
    losses = {**by_hand.discriminators(batch, for_discriminators), **by_hand.translators(batch, for_translators, cycle=10.0)}
    assert {name: float(value) for name, value in logs.items()} == pytest.approx(losses, rel=1e-9)
    by_hand.assert_equal(export_official(model))


@pytest.mark.parametrize(
    ("recipe", "official", "calls"),
    [
        ("munit", False, {"encoder": 4, "generator": 4, "discriminator": 6}),
        ("munit", True, {"encoder": 6, "generator": 6, "discriminator": 6}),
        ("munit-style-cycle", False, {"encoder": 4, "generator": 6, "discriminator": 6}),
        ("munit-without-image-recon", False, {"encoder": 4, "generator": 2, "discriminator": 6}),
    ],
)
def test_no_view_is_computed_twice_and_none_without_need(recipe: str, official: bool, calls: dict[str, int]) -> None:
    model = small(recipe, official=official)
    format_count = Calls(model)
    model.step(images(model))
    assert format_count.take()[0] == calls


def test_three_domains_are_translated_each_to_each() -> None:
    model = small(domains=("cat", "dog", "tiger"))
    logs = model.step(images(model))
    assert all(bool(torch.isfinite(value)) for value in logs.values())
    assert len(model.slot("encoder")) == 3
    fake = model.float().translate(images(model)["cat"].float(), to="dog", source="cat")
    assert fake.shape == (2, 3, 16, 24)


def test_the_comparison_notices_exchanged_styles() -> None:
    model = small()
    by_hand = Munit(export_official(model))
    batch, noise = images(model), styles(0)
    model.step(batch, draws=given(noise))
    exchanged = {"a": noise["b"], "b": noise["a"]}
    by_hand.discriminate(batch, by_hand.translations(batch, exchanged))
    with pytest.raises(AssertionError):
        by_hand.assert_equal(export_official(model))
