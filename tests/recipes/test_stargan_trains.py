"""StarGAN learns: losses of a fixed batch fall, and every weight takes part."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from i2ikit import Model, build

LABELS = {"tone": ("dark", "light"), "striped": bool}
FACTORS = {"discriminator/domain": 0.5, "translator/cycle": 0.7}
ROUNDS = 40


def small(recipe: str) -> Model:
    players: dict[str, Any] = {name: {"every": 1, "optimizer": {"lr": 2e-3}} for name in ("discriminator", "translator")}
    slots: dict[str, Any] = {"generator": {"width": 8, "blocks": 1}, "discriminator": {"width": 8, "depth": 3}}
    return build(recipe, size=16, labels=LABELS, schedule="constant", players=players, rehearsal=False, **slots)


def pictures() -> dict[str, Tensor]:
    """Eight pictures that look as their labels say."""
    generator = torch.Generator().manual_seed(3)
    label = torch.tensor([[row % 2, 1 - row % 2, row // 2 % 2] for row in range(8)], dtype=torch.float32)
    image = (label[:, 1] - 0.5).view(8, 1, 1, 1) + 0.2 * torch.randn(8, 3, 16, 16, generator=generator)
    image[..., ::4] -= 0.6 * label[:, 2].view(8, 1, 1, 1)
    return {"image": image.clamp(-1, 1), "label": label}


def assert_trains(model: Model) -> None:
    """The losses of a fixed batch with fixed draws fall by FACTORS in ROUNDS steps, and no weight stays where it was."""
    batch, draws = pictures(), {"perm": torch.tensor([1, 0, 3, 2, 6, 7, 4, 5])}
    before = {name: parameter.detach().clone() for name, parameter in model.nets.named_parameters()}
    first = model.step(batch, draws=draws)
    for _ in range(ROUNDS - 2):
        model.step(batch, draws=draws)
    last = model.step(batch, draws=draws)
    still = [name for name, parameter in model.nets.named_parameters() if torch.equal(parameter, before[name])]
    assert not still, f"{still} did not move"
    for name, factor in FACTORS.items():
        assert last[name] < factor * first[name], f"{name} went from {first[name]:.3f} to {last[name]:.3f}"


@pytest.mark.parametrize("recipe", ["stargan", "stargan-fast"])
def test_training_lowers_the_losses_and_moves_every_weight(recipe: str) -> None:
    assert_trains(small(recipe))


@pytest.mark.parametrize(
    "zeroed",
    ["generator.stem.conv.weight", "generator.middle.0.second.norm.bias", "generator.draw.weight", "discriminator.trunk.1.bias"],
)
def test_the_check_fails_when_one_gradient_is_zeroed(zeroed: str) -> None:
    model = small("stargan-fast")
    model.nets.get_parameter(zeroed).register_hook(torch.zeros_like)
    with pytest.raises(AssertionError, match=f"{zeroed}.* did not move"):
        assert_trains(model)


@pytest.mark.parametrize(("slot", "loss"), [("generator", "translator/cycle"), ("discriminator", "discriminator/domain")])
def test_the_losses_do_not_fall_when_the_gradients_of_one_network_are_turned_around(slot: str, loss: str) -> None:
    model = small("stargan-fast")
    for parameter in model.slot(slot).parameters():
        parameter.register_hook(torch.neg)
    with pytest.raises(AssertionError, match=f"{loss} went from"):
        assert_trains(model)
