"""Discriminators score real and translated images in the order of the original code with ``official=True``; else real ones first."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from i2ikit import Model, build
from i2ikit.core.batch_kinds import list_tensors

UNET = {"generator": {"width": 2, "depth": 4}, "discriminator": {"width": 2, "depth": 2}}
SMALL: dict[str, dict[str, Any]] = {
    "pix2pix": UNET,
    "bicyclegan": {**UNET, "style_encoder": {"width": 2}, "discriminator_random": {"width": 2, "depth": 2}},
    "cyclegan": {"generator": {"width": 2, "blocks": 1}, "discriminator": {"width": 2}},
    "munit": {"encoder": {"width": 2, "blocks": 1}, "generator": {"blocks": 1, "hidden": 4}, "discriminator": {"width": 2, "depth": 2}},
    "unit": {"encoder": {"width": 2, "blocks": 2}, "generator": {"blocks": 2}, "discriminator": {"width": 2, "depth": 2}},
    "stargan": {"generator": {"width": 2, "blocks": 1}, "discriminator": {"width": 2}},
}
ORIGINAL = {  # the calls of each discriminator in a step
    "pix2pix": ["fake", "real", "fake"],
    "bicyclegan": ["fake", "fake", "real"],  # the translator plays first
    "cyclegan": ["fake", "real", "fake"],  # the translator plays first; then real images come first
    "munit": ["fake", "real", "fake"],
    "unit": ["fake", "real", "fake"],
    "stargan": ["real", "fake", "penalty", "fake"],
}
DEFAULT = {
    **ORIGINAL,
    "pix2pix": ["real", "fake", "fake"],
    "bicyclegan": ["fake", "real", "fake"],
    "munit": ["real", "fake", "fake"],
    "unit": ["real", "fake", "fake"],
}


def record_calls(model: Model) -> dict[str, list[str]]:
    """Run a step, and return whether each image that each discriminator scores is a real one, a fake or a mixture of both."""
    batch = model.example_batch(2)
    real = [image for image in list_tensors(batch) if image.ndim == 4]
    calls: dict[str, list[str]] = {}

    def record(name: str, image: Tensor) -> None:
        is_real = any(torch.equal(each[: len(image)], image) or torch.equal(each[-len(image) :], image) for each in real)
        is_mixed = image.is_leaf and image.requires_grad
        calls.setdefault(name, []).append("real" if is_real else "penalty" if is_mixed else "fake")

    for slot, role in model.nets.roles.items():
        if role == "discriminator":
            found = model.slot(slot)
            for name, net in found.items() if isinstance(found, nn.ModuleDict) else [("", found)]:
                net.register_forward_pre_hook(lambda _, inputs, name=f"{slot}{name}": record(name, inputs[0]))
    model.steps_done = 4  # the translator of StarGAN plays at every fifth step
    model.step(batch)
    return calls


@pytest.mark.parametrize("official", [False, True])
@pytest.mark.parametrize("name", SMALL)
def test_discriminators_score_in_the_order_of_the_original_code(name: str, official: bool) -> None:
    labels = {"labels": {"hair": ("black", "blond")}} if name == "stargan" else {}
    calls = record_calls(build(name, size=32, official=official, **labels, **SMALL[name]))
    assert {tuple(each) for each in calls.values()} == {tuple((ORIGINAL if official else DEFAULT)[name])}


def test_batch_norms_of_bicyclegan_have_the_running_statistics_of_the_original_order() -> None:
    small = {
        **SMALL["bicyclegan"],
        **{slot: {"width": 2, "depth": 2, "norm": "batch"} for slot in ("discriminator", "discriminator_random")},
    }
    model = build("bicyclegan", size=32, official=True, **small).double()
    seen: list[Tensor] = []
    norm = next(each for each in model.slot("discriminator").modules() if isinstance(each, nn.BatchNorm2d))
    norm.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].detach()))
    model.step({key: value.double() for key, value in model.example_batch(4).items()})
    mean, variance = torch.zeros(norm.num_features).double(), torch.ones(norm.num_features).double()
    for maps in seen:
        mean, variance = 0.9 * mean + 0.1 * maps.mean((0, 2, 3)), 0.9 * variance + 0.1 * maps.var((0, 2, 3), unbiased=True)
    assert len(seen) == 3
    torch.testing.assert_close(norm.running_mean, mean, rtol=0, atol=1e-12)
    torch.testing.assert_close(norm.running_var, variance, rtol=0, atol=1e-12)
