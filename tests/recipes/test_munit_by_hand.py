"""MUNIT equals a MUNIT written by hand, in forward passes and after training steps."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from core.toys.assembly import Calls
from munit_by_hand import Munit, compute_adain_parameters, decode, discriminate, encode_content, encode_style
from torch import Tensor

from i2ikit import Code, Model, build
from i2ikit_munit.official import export_official

SMALL: dict[str, Any] = {
    "encoder": {"width": 4, "blocks": 2, "style": 5},
    "generator": {"blocks": 2, "hidden": 6},
    "discriminator": {"width": 4, "depth": 3, "scales": 2},
}


def build_small(recipe: str = "munit", **overrides: Any) -> Model:
    """Build a small MUNIT in double precision, with perturbed initial weights."""
    slots = {name: {**SMALL[name], **overrides.pop(name, {})} for name in SMALL}
    model = build(recipe, **{"size": (16, 24), **overrides}, **slots).double()
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for parameter in model.nets.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype))
    return model


def make_images(model: Model, seed: int = 0, rows: int = 2) -> dict[str, Tensor]:
    return {name: image.double() for name, image in model.example_batch(rows, seed=seed)["images"].items()}


def make_styles(seed: int, rows: int = 2, width: int = 5) -> dict[str, Tensor]:
    one, other = torch.randn(2, rows, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return {"a": one, "b": other}


def make_draws(styles: dict[str, Tensor], player: str = "") -> dict[str, Tensor]:
    return {f"{player}b_to_a/style": styles["a"], f"{player}a_to_b/style": styles["b"]}


@pytest.mark.parametrize(("size", "downsamples", "channels"), [((16, 24), 2, 3), ((16, 16), 1, 1), ((24, 40), 3, 4)])
def test_encoder_and_decoder_equal_those_written_by_hand(size: tuple[int, int], downsamples: int, channels: int) -> None:
    model = build_small(size=size, channels=channels, encoder={"downsamples": downsamples}, discriminator={"depth": 2})
    weights, image = export_official(model)["generator"]["b"], make_images(model)["b"]
    code = model.slot("encoder")["b"](image)
    torch.testing.assert_close(code.maps[0], encode_content(weights, image), rtol=0, atol=1e-10)
    torch.testing.assert_close(code.style, encode_style(weights, image), rtol=0, atol=1e-10)
    noise = make_styles(3)["b"]
    fake = model.slot("generator")["b"](Code(code.maps, noise))
    torch.testing.assert_close(fake, decode(weights, code.maps[0], noise), rtol=0, atol=1e-10)


def test_the_mlp_returns_shifts_first_and_then_scales() -> None:
    model = build_small()
    expected = compute_adain_parameters(export_official(model)["generator"]["a"], make_styles(1)["a"]).unflatten(1, (2, 2, 2, 16))
    found = model.slot("generator")["a"].compute_adain_parameters(make_styles(1)["a"]).unflatten(2, (2, 2, 16))
    torch.testing.assert_close(found[:, :, :, 0], expected[:, :, :, 1])
    torch.testing.assert_close(found[:, :, :, 1], expected[:, :, :, 0])


@pytest.mark.parametrize(("size", "depth", "scales"), [((16, 24), 3, 2), ((16, 40), 2, 3), ((16, 16), 4, 1)])
def test_the_discriminator_equals_the_one_written_by_hand(size: tuple[int, int], depth: int, scales: int) -> None:
    model = build_small(size=size, discriminator={"depth": depth, "scales": scales})
    image = make_images(model)["a"]
    expected = discriminate(export_official(model)["discriminator"]["a"], image)
    found = model.slot("discriminator")["a"](image).scores
    assert len(found) == len(expected) == scales
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-10)


def test_two_steps_equal_the_paper() -> None:
    model = build_small()
    by_hand = Munit(export_official(model))
    for index in range(2):
        batch, noise = make_images(model, index), make_styles(index)
        logs = model.step({"images": batch}, draws=make_draws(noise))
        fake = by_hand.translate(batch, noise)
        losses = {"discriminator/adversarial": by_hand.update_discriminators(batch, fake), **by_hand.step_translators(batch, noise)}
        assert {name: float(value) for name, value in logs.items()} == pytest.approx(losses, rel=1e-9)
    by_hand.assert_equal(export_official(model))


def test_official_steps_sample_styles_separately_for_discriminators_and_translators() -> None:
    model = build_small(official=True)
    by_hand = Munit(export_official(model))
    for index in range(2):
        batch, for_discriminators, for_translators = make_images(model, index), make_styles(index), make_styles(10 + index)
        logs = model.step(
            {"images": batch}, draws={**make_draws(for_discriminators, "discriminator/"), **make_draws(for_translators, "translator/")}
        )
        losses = {**by_hand.step_discriminators(batch, for_discriminators), **by_hand.step_translators(batch, for_translators)}
        assert {name: float(value) for name, value in logs.items()} == pytest.approx(losses, rel=1e-9)
    by_hand.assert_equal(export_official(model))


@pytest.mark.parametrize("left_out", ["recon", "content", "style"])
def test_an_ablation_of_the_paper_omits_one_reconstruction_loss(left_out: str) -> None:
    name = {"recon": "image"}.get(left_out, left_out)
    model = build_small(f"munit-without-{name}-recon")
    by_hand = Munit(export_official(model))
    batch, noise = make_images(model), make_styles(0)
    logs = model.step({"images": batch}, draws=make_draws(noise))
    by_hand.step_discriminators(batch, noise)
    losses = by_hand.step_translators(batch, noise, leave_out=lambda loss: loss == left_out)
    assert {key: float(value) for key, value in logs.items() if key.startswith("translator")} == pytest.approx(losses, rel=1e-9)
    assert f"translator/{left_out}" not in logs


def test_the_style_augmented_cycle_ends_with_the_style_of_the_source() -> None:
    model = build_small("munit-style-cycle", official=True)
    by_hand = Munit(export_official(model))
    batch, for_discriminators, for_translators = make_images(model), make_styles(0), make_styles(1)
    logs = model.step(
        {"images": batch}, draws={**make_draws(for_discriminators, "discriminator/"), **make_draws(for_translators, "translator/")}
    )
    losses = {**by_hand.step_discriminators(batch, for_discriminators), **by_hand.step_translators(batch, for_translators, cycle=10.0)}
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
    model = build_small(recipe, official=official)
    counter = Calls(model)
    model.step({"images": make_images(model)})
    assert counter.pop_counts()[0] == calls


def test_three_domains_are_supported() -> None:
    model = build_small(domains=("cat", "dog", "tiger"))
    logs = model.step({"images": make_images(model)})
    assert all(bool(torch.isfinite(value)) for value in logs.values())
    assert len(model.slot("encoder")) == 3
    fake = model.float().translate(make_images(model)["cat"].float(), to="dog", source="cat")
    assert fake.shape == (2, 3, 16, 24)


def test_the_comparison_detects_swapped_styles() -> None:
    model = build_small()
    by_hand = Munit(export_official(model))
    batch, noise = make_images(model), make_styles(0)
    model.step({"images": batch}, draws=make_draws(noise))
    swapped = {"a": noise["b"], "b": noise["a"]}
    by_hand.update_discriminators(batch, by_hand.translate(batch, swapped))
    with pytest.raises(AssertionError):
        by_hand.assert_equal(export_official(model))
