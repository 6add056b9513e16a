"""StarGAN equals a StarGAN written by hand, in forward passes and after training steps."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import torch
from stargan_by_hand import StarGAN, celeba_loss, discriminate, generate, list_original_rates, rafd_loss
from torch import Tensor
from torch.nn import functional as F

from i2ikit import Model, Schedule, build
from i2ikit_stargan.official import export_official

HAIR = {"hair": ("black", "blond", "brown"), "male": bool}
MOOD = {"mood": ("angry", "happy", "sad")}
SMALL: dict[str, Any] = {"generator": {"width": 4, "blocks": 2}, "discriminator": {"width": 4, "depth": 3}}


def build_small(**overrides: Any) -> Model:
    """Build a small StarGAN in double precision, with perturbed initial weights."""
    slots = {name: {**SMALL[name], **overrides.pop(name, {})} for name in SMALL}
    model = build("stargan", **{"size": (16, 24), "labels": HAIR, **overrides}, **slots).double()
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for parameter in model.nets.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype))
    return model


def build_by_hand(model: Model) -> StarGAN:
    state = export_official(model)
    return StarGAN(state["generator"], state["discriminator"])


def make_batch(model: Model, rows: list[dict[str, Any]], seed: int = 0) -> dict[str, Tensor]:
    size = (len(rows), model.image.channels, model.image.height, model.image.width)
    image = torch.rand(size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 2 - 1
    return {"image": image, "label": torch.tensor([model.domain.encode(row) for row in rows], dtype=torch.float64)}


def make_draws(rows: int, seed: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(100 + seed)
    return {"perm": torch.randperm(rows, generator=generator), "alpha": torch.rand(rows, generator=generator, dtype=torch.float64)}


def paper_loss(logits: Tensor, label: Tensor) -> Tensor:
    """The domain loss of HAIR: cross entropy of the group, binary cross entropy of the attribute."""
    return F.cross_entropy(logits[:, :3], label[:, :3].argmax(1)) + F.binary_cross_entropy_with_logits(logits[:, 3], label[:, 3])


def assert_equal_weights(model: Model, by_hand: StarGAN) -> None:
    state = export_official(model)
    for own, expected in ((state["generator"], {**by_hand.g, **by_hand.running}), (state["discriminator"], by_hand.d)):
        for key, tensor in expected.items():
            torch.testing.assert_close(own[key], tensor.detach(), rtol=0, atol=1e-9, msg=lambda text, key=key: f"{key}: {text}")


ROWS: list[dict[str, Any]] = [
    {"hair": hair, "male": male} for hair, male in (("black", True), ("blond", False), ("brown", True), ("black", False))
]


@pytest.mark.parametrize(("size", "channels", "blocks"), [((16, 24), 3, 2), ((8, 8), 1, 0), ((36, 20), 4, 3)])
def test_the_generator_equals_the_one_written_by_hand(size: tuple[int, int], channels: int, blocks: int) -> None:
    model = build_small(size=size, channels=channels, generator={"blocks": blocks})
    batch = make_batch(model, ROWS)
    expected = generate(export_official(model)["generator"], batch["image"], batch["label"])
    for mode in (True, False):
        model.train(mode)
        code = model.slot("conditioner")(model.slot("encoder")(batch["image"], batch["label"]), batch["label"])
        torch.testing.assert_close(model.slot("generator")(code), expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize(("size", "depth"), [((16, 24), 3), ((16, 16), 4), ((20, 36), 2)])
def test_the_discriminator_equals_the_one_written_by_hand(size: tuple[int, int], depth: int) -> None:
    model = build_small(size=size, discriminator={"depth": depth})
    batch = make_batch(model, ROWS)
    score, logits = discriminate(export_official(model)["discriminator"], batch["image"])
    output = model.slot("discriminator")(batch["image"])
    torch.testing.assert_close(output.scores[0], score, rtol=0, atol=1e-10)
    torch.testing.assert_close(output.domain_logits, logits, rtol=0, atol=1e-10)


@pytest.mark.parametrize("official", [False, True])
def test_five_discriminator_steps_per_translator_step_and_linear_decay_equal_those_written_by_hand(official: bool) -> None:
    model = build_small(steps=12, official=official, schedule=Schedule("linear", 0.5))
    by_hand = build_by_hand(model)
    for i, lr in enumerate(list_original_rates(1e-4, 12, decay=6, every=1)):
        batch, draws = make_batch(model, ROWS, seed=i), make_draws(4, i)
        logs = model.step(batch, draws=draws)
        target = batch["label"][draws["perm"]]
        classify = celeba_loss if official else paper_loss
        losses = by_hand.step(batch["image"], batch["label"], target, draws["alpha"], classify, lr=lr, translator=(i + 1) % 5 == 0)
        assert {name: float(value) for name, value in logs.items()} == pytest.approx(losses, rel=1e-9)
    assert_equal_weights(model, by_hand)


def test_the_official_schedule_lowers_the_rate_once_in_many_steps() -> None:
    model = build_small(steps=12, official=True, schedule=Schedule("linear", 0.5, every=2), players={"translator": {"every": 1}})
    by_hand = build_by_hand(model)
    rates = list(list_original_rates(1e-4, 12, decay=6, every=2))
    assert [before > after for before, after in pairwise(rates)].count(True) == 2
    for i, lr in enumerate(rates):
        batch, draws = make_batch(model, ROWS, seed=i), make_draws(4, i)
        model.step(batch, draws=draws)
        by_hand.step(batch["image"], batch["label"], batch["label"][draws["perm"]], draws["alpha"], celeba_loss, lr=lr)
    assert_equal_weights(model, by_hand)


@pytest.mark.parametrize("official", [False, True])
def test_a_step_of_two_data_sets_uses_one_batch_of_each(official: bool) -> None:
    model = build_small(labels=[HAIR, MOOD], official=official, players={"translator": {"every": 2}})
    by_hand = build_by_hand(model)
    faces = [{"hair": row["hair"], "male": row["male"]} for row in ROWS]
    moods = [{"mood": mood} for mood in ("happy", "sad", "angry", "sad")]
    for i in range(4):
        batches = [make_batch(model, faces, seed=2 * i), make_batch(model, moods, seed=2 * i + 1)]
        draws = [make_draws(4, 2 * i), make_draws(4, 2 * i + 1)]
        model.step(batches, draws=draws)
        for batch, draw, content, classify in zip(
            batches, draws, (slice(0, 4), slice(4, 7)), (celeba_loss if official else paper_loss, rafd_loss), strict=True
        ):
            label = batch["label"]
            by_hand.step(batch["image"], label, label[draw["perm"]], draw["alpha"], classify, content=content, translator=(i + 1) % 2 == 0)
    assert [float(entry) for entry in batches[0]["label"][0, -2:]] == [1.0, 0.0]
    assert_equal_weights(model, by_hand)


def test_the_comparison_detects_a_wrong_alpha() -> None:
    model = build_small(players={"translator": {"every": 1}})
    by_hand = build_by_hand(model)
    batch, draws = make_batch(model, ROWS), make_draws(4, 0)
    model.step(batch, draws=draws)
    by_hand.step(batch["image"], batch["label"], batch["label"][draws["perm"]], 1 - draws["alpha"], paper_loss)
    with pytest.raises(AssertionError):
        assert_equal_weights(model, by_hand)
