"""Gradient penalties against discriminators whose gradient is known."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from i2ikit import Code, DiscriminatorOutput, Translation
from i2ikit.core.domain import DomainSpec
from i2ikit.core.nets import Nets
from i2ikit.core.random_streams import RandomStreams
from i2ikit.core.slot import Slot
from i2ikit.core.specs import ImageSpec
from i2ikit.losses.penalties import gradient_penalty_loss, r1_loss
from i2ikit.nn.identity import IdentityEncoder


class Quadratic(nn.Module):
    """Two scales, one with several patches, one with a single score. The gradient of their sum is 2 * weight * image + 1."""

    def __init__(self, weight: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(weight))
        self.dtypes: list[torch.dtype] = []

    def forward(self, image: Tensor) -> DiscriminatorOutput:
        product = torch.mm(image.flatten(1), torch.eye(image[0].numel(), dtype=image.dtype))
        self.dtypes.append(product.dtype)
        return DiscriminatorOutput((self.weight * image.square(), image.flatten(1).sum(1, keepdim=True)))


class FixedGenerator(nn.Module):
    """A generator that always returns the same images."""

    def __init__(self, images: Tensor) -> None:
        super().__init__()
        self.images = images

    def forward(self, code: Code) -> Tensor:
        return self.images


def make_translation(discriminator: nn.Module, draws: dict[str, Tensor] | None = None) -> tuple[Translation, Tensor, Tensor]:
    """Return a translation, its real images and its fakes."""
    generator = torch.Generator().manual_seed(1)
    real, fake = torch.randn(2, 3, 2, 1, 4, generator=generator).unbind()
    image = ImageSpec(2, 1, 4)
    roles = {"encoder": "encoder", "generator": "generator", "discriminator": "discriminator"}
    components = {"encoder": IdentityEncoder(image), "generator": FixedGenerator(fake), "discriminator": discriminator}
    nets = Nets(components, {name: Slot(name) for name in roles}, roles, ("labelled",), image, DomainSpec())
    return Translation(nets, RandomStreams(replacements=draws or {}), real=real, reference=real), real, fake


def test_gradient_penalty_uses_the_sum_of_all_scores_between_real_and_fake() -> None:
    alpha = torch.tensor([0.0, 1.0, 0.25])
    t, real, fake = make_translation(Quadratic(0.3), {"alpha": alpha})
    mixed = alpha.view(3, 1, 1, 1) * real + (1 - alpha.view(3, 1, 1, 1)) * fake
    expected = (((0.6 * mixed + 1).flatten(1).norm(dim=1) - 1) ** 2).mean()
    torch.testing.assert_close(gradient_penalty_loss(t, discriminator="discriminator"), expected)


def test_r1_is_half_the_mean_of_squared_gradients_on_real_images() -> None:
    t, real, _ = make_translation(Quadratic(0.3))
    expected = (0.6 * real + 1).flatten(1).square().sum(1).mean()
    torch.testing.assert_close(r1_loss(t, discriminator="discriminator"), 0.5 * expected)
    torch.testing.assert_close(r1_loss(t, discriminator="discriminator", factor=1.0), expected)


@pytest.mark.parametrize("penalty", [gradient_penalty_loss, r1_loss])
def test_penalty_has_a_gradient_for_the_discriminator(penalty: Any) -> None:
    t, _, _ = make_translation(discriminator := Quadratic(0.3))
    penalty(t, discriminator="discriminator").backward()
    assert discriminator.weight.grad


@pytest.mark.parametrize("penalty", [gradient_penalty_loss, r1_loss])
def test_penalty_runs_in_float32_under_autocast(penalty: Any) -> None:
    t, _, _ = make_translation(discriminator := Quadratic(0.3))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        autocast = penalty(t, discriminator="discriminator")
    assert discriminator.dtypes == [torch.float32]
    torch.testing.assert_close(autocast, penalty(t, discriminator="discriminator"))


class ZeroGradient(Quadratic):
    """A discriminator whose gradient is exactly zero on black images."""

    def forward(self, image: Tensor) -> DiscriminatorOutput:
        return DiscriminatorOutput((self.weight * image.square(),))


@pytest.mark.parametrize(("eps", "finite"), [(0.0, False), (1e-12, True)])
def test_penalty_of_a_zero_gradient_is_finite_only_with_eps(eps: float, finite: bool) -> None:
    t, real, fake = make_translation(discriminator := ZeroGradient(0.3))
    real.zero_()
    fake.zero_()
    gradient_penalty_loss(t, discriminator="discriminator", eps=eps).backward()
    assert bool(torch.isfinite(discriminator.weight.grad)) is finite


@pytest.mark.parametrize("penalty", [gradient_penalty_loss, r1_loss])
def test_penalty_of_a_compiled_discriminator_equals_the_eager_one(penalty: Any) -> None:
    t, _, _ = make_translation(discriminator := nn.Sequential(Quadratic(0.3)))
    expected = penalty(t, discriminator="discriminator")
    discriminator.compile(backend="aot_eager")
    assert discriminator(t.reference).scores[0].requires_grad  # compiled code, which has no second derivative
    found = penalty(t, discriminator="discriminator")
    found.backward()
    torch.testing.assert_close(found, expected)
