"""CycleGAN and related methods learn: losses of a fixed batch fall, and every weight that can matter changes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from i2ikit import Model, build

STEPS = 20
FACTORS = {"translator/cycle": 0.8, "discriminator/adversarial": 0.95}


def build_small(recipe: str) -> Model:
    slots: dict[str, Any] = {"generator": {"width": 8, "blocks": 1}, "discriminator": {"width": 8, "depth": 2}}
    if recipe == "cyclegan-cycle-alone":
        del slots["discriminator"]
    return build(recipe, size=16, labels=("dark", "light"), schedule="constant", lr=2e-3, rehearsal=False, **slots)


def make_images() -> dict[str, Tensor]:
    """Return four images of each domain, which differ in brightness."""
    generator = torch.Generator().manual_seed(3)
    return {
        name: (tone + 0.3 * torch.randn(4, 3, 16, 16, generator=generator)).clamp(-1, 1) for name, tone in (("dark", -0.5), ("light", 0.5))
    }


def find_cancelled_biases(model: Model) -> set[str]:
    """Return the names of the biases that an instance norm cancels."""
    unaffected = {"generator": ("draw.bias",), "discriminator": ("layers.0.bias", "score.bias")}
    biases = [name for name, _ in model.nets.named_parameters() if name.endswith("bias")]
    return {name for name in biases if not name.endswith(unaffected[name.split(".")[0]])}


def assert_trains(model: Model) -> None:
    """Check that losses of a fixed batch fall by the factors FACTORS in STEPS steps, and that every weight that can matter changes."""
    batch = make_images()
    before = {name: parameter.detach().clone() for name, parameter in model.nets.named_parameters()}
    first = model.step({"images": batch})
    for _ in range(STEPS - 2):
        model.step({"images": batch})
    last = model.step({"images": batch})
    unchanged = {name for name, parameter in model.nets.named_parameters() if (parameter - before[name]).abs().max() < 1e-6}
    assert not unchanged - find_cancelled_biases(model), f"{unchanged - find_cancelled_biases(model)} did not move"
    for name, factor in FACTORS.items():
        if name in last:
            assert last[name] < factor * first[name], f"{name} went from {first[name]:.3f} to {last[name]:.3f}"


@pytest.mark.parametrize("recipe", ["cyclegan-identity", "cyclegan-fast", "cyclegan-cycle-alone", "cyclegan-noise", "discogan"])
def test_training_lowers_the_losses_and_moves_every_weight(recipe: str) -> None:
    assert_trains(build_small(recipe))


@pytest.mark.parametrize("zeroed", ["generator.dark_to_light.middle.0.second.conv.weight", "discriminator.dark.scales.0.score.weight"])
def test_the_check_detects_a_zero_gradient(zeroed: str) -> None:
    model = build_small("cyclegan")
    model.nets.get_parameter(zeroed).register_hook(torch.zeros_like)
    with pytest.raises(AssertionError, match=f"{zeroed}.* did not move"):
        assert_trains(model)


def test_translations_move_towards_the_target_domain() -> None:
    model, batch = build_small("cyclegan"), make_images()
    for _ in range(3 * STEPS):
        model.step({"images": batch})
    fake = model.translate(batch["dark"], to="light")
    assert fake.mean() > 0.2
    assert model.translate(batch["light"], to="dark").mean() < -0.2


def test_micro_batches_equal_the_whole_batch() -> None:
    def build_for_sgd() -> Model:
        sgd = {"optimizer": {"name": "sgd", "lr": 0.1, "betas": (0.0, 0.0)}}
        slots: dict[str, Any] = {"generator": {"width": 4, "blocks": 1}, "discriminator": {"width": 4, "depth": 2}}
        players = {"translator": sgd, "discriminator": {**sgd, "pool": 0}}
        return build("cyclegan-identity", size=16, labels=("dark", "light"), players=players, **slots).double()

    batch = {name: image.double() for name, image in make_images().items()}
    whole, split = build_for_sgd(), build_for_sgd()
    for _ in range(2):
        whole.step({"images": batch})
        split.step({"images": batch}, accumulate=2)
    for (name, one), other in zip(whole.nets.named_parameters(), split.nets.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-10, msg=lambda text, name=name: f"{name}: {text}")
