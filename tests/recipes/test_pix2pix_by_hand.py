"""pix2pix equals a pix2pix written by hand, in forward passes and after training steps."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from core.toys.assembly import Calls
from pix2pix_by_hand import Pix2Pix, discriminate, generate
from torch import Tensor

from i2ikit import Code, Model, build
from i2ikit_pix2pix.official import export_official

SMALL: dict[str, Any] = {"generator": {"width": 2, "depth": 4}, "discriminator": {"width": 2}}


def build_small(name: str = "pix2pix", *, double: bool = True, **overrides: Any) -> Model:
    """Build a small pix2pix in double precision, with perturbed initial weights."""
    slots = {slot: {**SMALL[slot], **overrides.pop(slot, {})} for slot in SMALL if slot == "generator" or name != "pix2pix-l1"}
    model = build(name, **{"size": 32, "schedule": "constant", **overrides}, **slots)
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for parameter in model.nets.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype))
    return model.double() if double else model


def make_batch(model: Model, rows: int = 2, seed: int = 0) -> dict[str, Tensor]:
    return {name: tensor.double() for name, tensor in model.example_batch(rows, seed=seed).items()}


def build_by_hand(model: Model, **overrides: Any) -> Pix2Pix:
    state = export_official(model)
    return Pix2Pix(state["generator"], state.get("discriminator"), **overrides)


def assert_equal_weights(model: Model, by_hand: Pix2Pix) -> None:
    state = export_official(model)
    for own, expected in ((state["generator"], by_hand.g), (state.get("discriminator", {}), {**by_hand.d, **by_hand.running})):
        for key, tensor in expected.items():
            torch.testing.assert_close(own[key], tensor.detach(), rtol=0, atol=1e-10, msg=lambda text, key=key: f"{key}: {text}")


@pytest.mark.parametrize("norm", ["batch", "instance"])
@pytest.mark.parametrize("depth", [3, 5])
def test_the_generator_equals_the_one_written_by_hand(norm: str, depth: int) -> None:
    model = build_small(source_channels=1, size=(32, 64), generator={"norm": norm, "depth": depth})
    image = make_batch(model)["image"]
    with torch.no_grad():
        fake = model.slot("generator")(Code((image,)))
        torch.testing.assert_close(fake, generate(export_official(model)["generator"], image), rtol=0, atol=1e-10)
    assert fake.shape == (2, 3, 32, 64)
    assert fake.std() > 0.1


@pytest.mark.parametrize("options", [{}, {"norm": "instance"}, {"depth": 0}, {"depth": 0, "norm": "instance"}, {"depth": 2}])
def test_the_discriminator_equals_the_one_written_by_hand(options: dict[str, Any]) -> None:
    model = build_small(source_channels=1, discriminator=options)
    batch = make_batch(model)
    score = model.slot("discriminator")(batch["target"], source=batch["image"]).scores[0]
    expected = discriminate(export_official(model)["discriminator"], torch.cat([batch["image"], batch["target"]], 1))
    torch.testing.assert_close(score, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    ("name", "overrides", "method"),
    [
        ("pix2pix", {}, {}),
        ("pix2pix", {"official": True, "source_channels": 1}, {"fake_first": True}),
        ("pix2pix", {"official": True, "discriminator": {"depth": 0}}, {"fake_first": True}),
        ("pix2pix", {"discriminator": {"depth": 0}}, {}),
        ("pix2pix", {"size": 128, "discriminator": {"depth": 5, "width": 1}, "generator": {"width": 1}}, {}),
        ("pix2pix-l1", {}, {}),
        ("pix2pix-l1", {"official": True}, {}),
        ("pix2pix-gan", {}, {"l1": 0.0}),
        ("pix2pix-unconditional", {}, {"conditional": False}),
    ],
    ids=["paper", "official", "official pixel", "pixel", "image", "l1", "official l1", "gan", "unconditional"],
)
def test_two_steps_equal_those_written_by_hand(name: str, overrides: dict[str, Any], method: dict[str, Any]) -> None:
    model = build_small(name, **overrides)
    by_hand = build_by_hand(model, **method)
    start = {key: tensor.clone() for key, tensor in model.nets.state_dict().items()}
    for index in range(2):
        batch = make_batch(model, seed=index)
        logs = model.step(batch)
        losses = by_hand.step(batch["image"], batch["target"])
        assert {each: float(value) for each, value in logs.items()} == pytest.approx(losses, rel=1e-9)
    assert_equal_weights(model, by_hand)
    assert all(not torch.equal(weight, start[key]) for key, weight in model.nets.named_parameters())


def test_the_order_of_real_and_fake_changes_the_running_statistics_and_nothing_else_that_a_step_uses() -> None:
    paper, original = build_small(), build_small(terms={"discriminator/adversarial": {"fake_first": True}})
    for each in (paper, original):
        each.step(make_batch(each))
    differences = {
        name: float((own - its).abs().max())
        for (name, own), its in zip(paper.nets.state_dict().items(), original.nets.state_dict().values(), strict=True)
        if "num_batches" not in name
    }
    assert max(value for name, value in differences.items() if "running" in name) > 1e-4
    assert max(value for name, value in differences.items() if "running" not in name) < 1e-12


def test_the_comparison_detects_a_discriminator_whose_objective_is_not_halved() -> None:
    # Adam cancels a factor of the loss, except for its epsilon; SGD does not.
    plain = {"optimizer": {"name": "sgd", "lr": 0.1, "betas": (0.0, 0.0)}}
    model, whole = (build_small(players={"discriminator": plain}, terms={"discriminator/adversarial": weight}) for weight in (0.5, 1.0))
    before = model.slot("discriminator").scales[0].score.weight.clone()  # type: ignore[index, union-attr]
    moves = []
    for each in (model, whole):
        each.step(make_batch(each))
        moves.append(each.slot("discriminator").scales[0].score.weight - before)  # type: ignore[index, union-attr]
    torch.testing.assert_close(moves[1], 2 * moves[0])
    assert build("pix2pix", size=32, rehearsal=False).recipe.player("discriminator").terms["adversarial"].weight == 0.5


def test_a_step_generates_once_and_scores_three_times() -> None:
    model = build_small()
    calls = Calls(model)
    model.step(make_batch(model))
    assert calls.pop_counts()[0] == {"encoder": 1, "generator": 1, "discriminator": 3}


def test_without_a_discriminator_a_step_generates_once() -> None:
    model = build_small("pix2pix-l1")
    calls = Calls(model)
    model.step(make_batch(model))
    assert calls.pop_counts()[0] == {"encoder": 1, "generator": 1}


def test_one_image_of_the_smallest_size_trains_through_a_bottleneck_of_one_pixel() -> None:
    model = build_small(size=16, discriminator={"depth": 2})
    logs = model.step(make_batch(model, rows=1))
    assert all(bool(value.isfinite()) for value in logs.values())
    model.raise_if_not_finite()
