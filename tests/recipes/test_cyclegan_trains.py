"""CycleGAN and its relatives learn: losses of a fixed batch fall, and every weight that can matter takes part."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from i2ikit import Model, build

ROUNDS = 20
FALLS = {"translator/cycle": 0.8, "discriminator/adversarial": 0.95}


def small(recipe: str) -> Model:
    slots: dict[str, Any] = {"generator": {"width": 8, "blocks": 1}, "discriminator": {"width": 8, "depth": 2}}
    if recipe == "cyclegan-cycle-alone":
        del slots["discriminator"]
    return build(recipe, size=16, labels=("dark", "light"), schedule="constant", lr=2e-3, rehearsal=False, **slots)


def pictures() -> dict[str, Tensor]:
    """Four pictures of each domain, which differ in brightness."""
    generator = torch.Generator().manual_seed(3)
    return {
        name: (tone + 0.3 * torch.randn(4, 3, 16, 16, generator=generator)).clamp(-1, 1) for name, tone in (("dark", -0.5), ("light", 0.5))
    }


def cancelled(model: Model) -> set[str]:
    """The biases that an instance norm takes away again."""
    kept = {"generator": ("draw.bias",), "discriminator": ("layers.0.bias", "score.bias")}
    biases = [name for name, _ in model.nets.named_parameters() if name.endswith("bias")]
    return {name for name in biases if not name.endswith(kept[name.split(".")[0]])}


def assert_trains(model: Model) -> None:
    """The losses of a fixed batch fall by FALLS in ROUNDS steps, and no weight that can matter stays where it was."""
    batch = pictures()
    before = {name: parameter.detach().clone() for name, parameter in model.nets.named_parameters()}
    first = model.step(batch)
    for _ in range(ROUNDS - 2):
        model.step(batch)
    last = model.step(batch)
    still = {name for name, parameter in model.nets.named_parameters() if (parameter - before[name]).abs().max() < 1e-6}
    assert not still - cancelled(model), f"{still - cancelled(model)} did not move"
    for name, factor in FALLS.items():
        if name in last:
            assert last[name] < factor * first[name], f"{name} went from {first[name]:.3f} to {last[name]:.3f}"


@pytest.mark.parametrize("recipe", ["cyclegan-identity", "cyclegan-fast", "cyclegan-cycle-alone", "cyclegan-noise", "discogan"])
def test_training_lowers_the_losses_and_moves_every_weight(recipe: str) -> None:
    assert_trains(small(recipe))


@pytest.mark.parametrize("zeroed", ["generator.dark_to_light.middle.0.second.conv.weight", "discriminator.dark.scales.0.score.weight"])
def test_the_check_fails_when_one_gradient_is_zeroed(zeroed: str) -> None:
    model = small("cyclegan")
    model.nets.get_parameter(zeroed).register_hook(torch.zeros_like)
    with pytest.raises(AssertionError, match=f"{zeroed}.* did not move"):
        assert_trains(model)


def test_a_translation_goes_towards_the_other_domain() -> None:
    model, batch = small("cyclegan"), pictures()
    for _ in range(3 * ROUNDS):
        model.step(batch)
    fake = model.translate(batch["dark"], to="light")
    assert fake.mean() > 0.2
    assert model.translate(batch["light"], to="dark").mean() < -0.2


def test_a_split_batch_takes_the_step_of_the_whole() -> None:
    def made() -> Model:
        sgd = {"optimizer": {"name": "sgd", "lr": 0.1, "betas": (0.0, 0.0)}}
        slots: dict[str, Any] = {"generator": {"width": 4, "blocks": 1}, "discriminator": {"width": 4, "depth": 2}}
        players = {"translator": sgd, "discriminator": {**sgd, "pool": 0}}
        return build("cyclegan-identity", size=16, labels=("dark", "light"), players=players, **slots).double()

    batch = {name: image.double() for name, image in pictures().items()}
    whole, split = made(), made()
    for _ in range(2):
        whole.step(batch)
        split.step(batch, accumulate=2)
    for (name, one), other in zip(whole.nets.named_parameters(), split.nets.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-10, msg=lambda text, name=name: f"{name}: {text}")
