"""Small systems that generate images from noise: with a mapping, noise within the generator, labels, dropout."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any

import torch
from core.toys.assembly import make_registry
from torch import Tensor, nn

from i2ikit import Code, CodeSpec, Component, DomainSpec, ImageSpec, Model, Player, Recipe, Registry, Slot, StyleSpec, Term, build, hookimpl


class StyleMapping(nn.Module):
    """Maps noise, and the label if there is one, to two style vectors; publishes their mean."""

    average_style: Tensor

    def __init__(self, code: CodeSpec, domain: DomainSpec) -> None:
        super().__init__()
        assert code.style is not None
        self.net = nn.Linear(code.style.width + domain.width, 6)
        self.output_spec = CodeSpec(style=StyleSpec(3, 2))
        self.register_buffer("average_style", torch.full((2, 3), 0.25))

    def forward(self, code: Code, label: Tensor | None = None) -> Code:
        assert code.style is not None
        known = code.style if label is None else torch.cat([code.style, label], 1)
        return Code(style=self.net(known).tanh().unflatten(1, (2, 3)))


class NoisyGenerator(nn.Module):
    """Generates an image from two style vectors and noise of the size of the image."""

    def __init__(self, code: CodeSpec, image: ImageSpec, noise: float = 0.5, dropout: float = 0.0) -> None:
        super().__init__()
        self.size, self.strength = (image.height, image.width), noise
        self.style = nn.Linear(6, 4 * image.height * image.width)
        self.paint = nn.Conv2d(4, image.channels, 3, padding=1)
        self.rate, self.stochastic = dropout, dropout > 0

    def noise_shapes(self, code: Code) -> dict[str, tuple[int, ...]]:
        assert code.style is not None
        return {"pixels": (len(code.style), 1, *self.size)} if self.strength else {}

    def forward(self, code: Code, noise: Mapping[str, Tensor] | None = None) -> Tensor:
        assert code.style is not None
        hidden = self.style(code.style.flatten(1)).unflatten(1, (4, *self.size))
        hidden = hidden if noise is None else hidden + self.strength * noise["pixels"]
        return nn.functional.dropout(self.paint(hidden.tanh()), self.rate).tanh()


@hookimpl
def i2ikit_components() -> list[Component]:
    return [
        Component("style_mapping", "conditioner", f"{__name__}:StyleMapping", "Maps noise to styles."),
        Component("noisy_generator", "generator", f"{__name__}:NoisyGenerator", "Generates from styles and noise."),
    ]


NOISY = Recipe(
    "noisy",
    {"conditioner": Slot("style_mapping"), "generator": Slot("noisy_generator"), "discriminator": Slot("patch_discriminator")},
    "sampled",
    (
        Player("discriminator", ("discriminator",), {"adversarial": Term("logistic_discriminator_loss")}),
        Player("translator", ("conditioner", "generator"), {"adversarial": Term("logistic_generator_loss")}),
    ),
    image=ImageSpec(3, 16, 16),
    plan_options={"style": 5},
)


def make_noise_registry() -> Registry:
    registry, plugin = make_registry(), ModuleType("noise_systems")
    plugin.i2ikit_components = i2ikit_components  # type: ignore[attr-defined]
    registry.register(plugin)
    return registry


def build_noisy(**overrides: Any) -> Model:
    """Build the small system that generates from noise. It has labels if ``labels`` are given."""
    return build(NOISY, registry=make_noise_registry(), **{"discriminator": {"width": 4, "depth": 1}, **overrides})


def build_cogan(**overrides: Any) -> Model:
    """Build CoGAN in a small form for the domains "a" and "b"."""
    small: dict[str, Any] = {"generator": {"width": 4}, "discriminator": {"width": 4}, "style": 8}
    return build("cogan", **{"size": 16, "labels": ("a", "b"), **small, **overrides})
