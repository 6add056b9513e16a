"""pix2pix equals a pix2pix written by hand, in its forward passes and after whole steps."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from core.toys.assembly import Calls
from pix2pix_by_hand import Pix2Pix, discriminate, draw
from torch import Tensor

from i2ikit import Code, Model, build
from i2ikit_pix2pix.official import export_official

SMALL: dict[str, Any] = {"generator": {"width": 2, "depth": 4}, "discriminator": {"width": 2}}


def small(name: str = "pix2pix", *, double: bool = True, **changes: Any) -> Model:
    """A small pix2pix in double precision, away from its first weights."""
    slots = {slot: {**SMALL[slot], **changes.pop(slot, {})} for slot in SMALL if slot == "generator" or name != "pix2pix-l1"}
    model = build(name, **{"size": 32, "schedule": "constant", **changes}, **slots)
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for parameter in model.nets.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype))
    return model.double() if double else model


def batch_of(model: Model, rows: int = 2, seed: int = 0) -> dict[str, Tensor]:
    return {name: tensor.double() for name, tensor in model.example_batch(rows, seed=seed).items()}


def hand(model: Model, **changes: Any) -> Pix2Pix:
    state = export_official(model)
    return Pix2Pix(state["generator"], state.get("discriminator"), **changes)


def assert_equal_weights(model: Model, by_hand: Pix2Pix) -> None:
    state = export_official(model)
    for own, wanted in ((state["generator"], by_hand.g), (state.get("discriminator", {}), by_hand.d)):
        for key, tensor in wanted.items():
            torch.testing.assert_close(own[key], tensor.detach(), rtol=0, atol=1e-10, msg=lambda text, key=key: f"{key}: {text}")


@pytest.mark.parametrize("norm", ["batch", "instance"])
@pytest.mark.parametrize("depth", [3, 5])
def test_the_generator_draws_what_the_hand_written_one_draws(norm: str, depth: int) -> None:
    model = small(source_channels=1, size=(32, 64), generator={"norm": norm, "depth": depth})
    image = batch_of(model)["image"]
    with torch.no_grad():
        drawn = model.slot("generator")(Code((image,)))
        torch.testing.assert_close(drawn, draw(export_official(model)["generator"], image), rtol=0, atol=1e-10)
    assert drawn.shape == (2, 3, 32, 64)
    assert drawn.std() > 0.1


@pytest.mark.parametrize("options", [{}, {"norm": "instance"}, {"depth": 0}, {"depth": 0, "norm": "instance"}, {"depth": 2}])
def test_the_discriminator_gives_the_scores_of_the_hand_written_one(options: dict[str, Any]) -> None:
    model = small(source_channels=1, discriminator=options)
    batch = batch_of(model)
    score = model.slot("discriminator")(batch["target"], source=batch["image"]).scores[0]
    wanted = discriminate(export_official(model)["discriminator"], torch.cat([batch["image"], batch["target"]], 1))
    torch.testing.assert_close(score, wanted, rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    ("name", "changes", "method"),
    [
        ("pix2pix", {}, {}),
        ("pix2pix", {"official": True, "source_channels": 1}, {}),
        ("pix2pix", {"discriminator": {"depth": 0}}, {}),
        ("pix2pix", {"size": 128, "discriminator": {"depth": 5, "width": 1}, "generator": {"width": 1}}, {}),
        ("pix2pix-l1", {}, {}),
        ("pix2pix-gan", {}, {"l1": 0.0}),
        ("pix2pix-unconditional", {}, {"conditional": False}),
    ],
    ids=["paper", "official", "pixel", "image", "l1", "gan", "unconditional"],
)
def test_two_steps_equal_the_hand_written_ones(name: str, changes: dict[str, Any], method: dict[str, Any]) -> None:
    model = small(name, **changes)
    by_hand = hand(model, **method)
    start = {key: tensor.clone() for key, tensor in model.nets.state_dict().items()}
    for index in range(2):
        batch = batch_of(model, seed=index)
        logs = model.step(batch)
        losses = by_hand.iteration(batch["image"], batch["target"])
        assert {each: float(value) for each, value in logs.items()} == pytest.approx(losses, rel=1e-9)
    assert_equal_weights(model, by_hand)
    assert all(not torch.equal(weight, start[key]) for key, weight in model.nets.named_parameters())


def test_the_comparison_notices_a_discriminator_whose_objective_is_not_halved() -> None:
    # Adam hides a factor from the weights but for its epsilon; plain descent does not.
    plain = {"optimizer": {"name": "sgd", "lr": 0.1, "betas": (0.0, 0.0)}}
    model, whole = (small(players={"discriminator": plain}, terms={"discriminator/adversarial": weight}) for weight in (0.5, 1.0))
    before = model.slot("discriminator").scales[0].score.weight.clone()  # type: ignore[index, union-attr]
    moves = []
    for each in (model, whole):
        each.step(batch_of(each))
        moves.append(each.slot("discriminator").scales[0].score.weight - before)  # type: ignore[index, union-attr]
    torch.testing.assert_close(moves[1], 2 * moves[0])
    assert build("pix2pix", size=32, rehearsal=False).recipe.player("discriminator").terms["adversarial"].weight == 0.5


def test_a_step_draws_once_and_scores_three_times() -> None:
    model = small()
    calls = Calls(model)
    model.step(batch_of(model))
    assert calls.take()[0] == {"encoder": 1, "generator": 1, "discriminator": 3}


def test_without_a_discriminator_a_step_draws_once() -> None:
    model = small("pix2pix-l1")
    calls = Calls(model)
    model.step(batch_of(model))
    assert calls.take()[0] == {"encoder": 1, "generator": 1}


def test_one_image_of_the_smallest_size_trains_through_a_bottleneck_of_one_pixel() -> None:
    model = small(size=16, discriminator={"depth": 2})
    logs = model.step(batch_of(model, rows=1))
    assert all(bool(value.isfinite()) for value in logs.values())
    model.raise_if_not_finite()
