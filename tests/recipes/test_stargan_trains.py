"""StarGAN learns: losses of a fixed batch fall, and every weight changes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from i2ikit import Model, build

LABELS = {"tone": ("dark", "light"), "striped": bool}
FACTORS = {"discriminator/domain": 0.5, "translator/cycle": 0.7}
STEPS = 40


def build_small(recipe: str) -> Model:
    players: dict[str, Any] = {name: {"every": 1, "optimizer": {"lr": 2e-3}} for name in ("discriminator", "translator")}
    slots: dict[str, Any] = {"generator": {"width": 8, "blocks": 1}, "discriminator": {"width": 8, "depth": 3}}
    return build(recipe, size=16, labels=LABELS, schedule="constant", players=players, rehearsal=False, **slots)


def make_images() -> dict[str, Tensor]:
    """Return eight images whose appearance depends on their labels."""
    generator = torch.Generator().manual_seed(3)
    label = torch.tensor([[row % 2, 1 - row % 2, row // 2 % 2] for row in range(8)], dtype=torch.float32)
    image = (label[:, 1] - 0.5).view(8, 1, 1, 1) + 0.2 * torch.randn(8, 3, 16, 16, generator=generator)
    image[..., ::4] -= 0.6 * label[:, 2].view(8, 1, 1, 1)
    return {"image": image.clamp(-1, 1), "label": label}


def assert_trains(model: Model) -> None:
    """Check that losses of a fixed batch with fixed draws fall by the factors FACTORS in STEPS steps, and that every weight changes."""
    batch, draws = make_images(), {"perm": torch.tensor([1, 0, 3, 2, 6, 7, 4, 5])}
    before = {name: parameter.detach().clone() for name, parameter in model.nets.named_parameters()}
    first = model.step(batch, draws=draws)
    for _ in range(STEPS - 2):
        model.step(batch, draws=draws)
    last = model.step(batch, draws=draws)
    unchanged = [name for name, parameter in model.nets.named_parameters() if torch.equal(parameter, before[name])]
    assert not unchanged, f"{unchanged} did not move"
    for name, factor in FACTORS.items():
        assert last[name] < factor * first[name], f"{name} went from {first[name]:.3f} to {last[name]:.3f}"


@pytest.mark.parametrize("recipe", ["stargan", "stargan-fast"])
def test_training_lowers_the_losses_and_moves_every_weight(recipe: str) -> None:
    assert_trains(build_small(recipe))


@pytest.mark.parametrize(
    "zeroed",
    ["generator.stem.conv.weight", "generator.middle.0.second.norm.bias", "generator.draw.weight", "discriminator.trunk.1.bias"],
)
def test_the_check_detects_a_zero_gradient(zeroed: str) -> None:
    model = build_small("stargan-fast")
    model.nets.get_parameter(zeroed).register_hook(torch.zeros_like)
    with pytest.raises(AssertionError, match=f"{zeroed}.* did not move"):
        assert_trains(model)


@pytest.mark.parametrize(("slot", "loss"), [("generator", "translator/cycle"), ("discriminator", "discriminator/domain")])
def test_the_check_detects_gradients_with_the_wrong_sign(slot: str, loss: str) -> None:
    model = build_small("stargan-fast")
    for parameter in model.slot(slot).parameters():
        parameter.register_hook(torch.neg)
    with pytest.raises(AssertionError, match=f"{loss} went from"):
        assert_trains(model)
