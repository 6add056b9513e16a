"""Parts that a stranger's package could bring: those of StyleGAN2, pSp and a labelled AdaIN system, in a tiny form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from i2ikit import (
    Call,
    Code,
    CodeSpec,
    Component,
    DiscriminatorOutput,
    DomainSpec,
    ImageSpec,
    MapSpec,
    Registry,
    StyleSpec,
    Translation,
    hookimpl,
)
from i2ikit.nn import EqualLinear, ModulatedConv

# -- StyleGAN2


class Mapping2W(nn.Module):
    """Maps noise to one style vector per layer, and keeps their mean."""

    average_style: Tensor

    def __init__(self, code: CodeSpec, generator: CodeSpec) -> None:
        super().__init__()
        assert code.style is not None
        assert generator.style is not None
        self.vectors = generator.style.vectors
        self.net = EqualLinear(code.style.width, generator.style.width, activation="lrelu")
        self.output_spec = CodeSpec(style=generator.style)
        self.register_buffer("average_style", torch.zeros(generator.style.width))

    def forward(self, code: Code, label: Tensor | None = None) -> Code:
        """Map noise."""
        assert code.style is not None
        style = self.net(code.style)
        if self.training:
            with torch.no_grad():
                self.average_style.lerp_(style.mean(0).to(self.average_style), 0.1)
        return Code(style=style[:, None].expand(-1, self.vectors, -1))


class Synthesis(nn.Module):
    """Generates images from styles, with one noise per layer."""

    def __init__(self, image: ImageSpec, width: int = 4) -> None:
        super().__init__()
        self.image, self.input_spec = image, CodeSpec(style=StyleSpec(width, 3))
        self.start = nn.Parameter(torch.randn(1, width, image.height // 2, image.width // 2))
        layer: dict[str, Any] = {"style": width, "noise": True, "bias": True, "activation": "lrelu"}
        self.layers = nn.ModuleList([ModulatedConv(width, width, **layer), ModulatedConv(width, width, up=2, **layer)])
        self.to_image = ModulatedConv(width, image.channels, 1, style=width, demodulate=False, bias=True)

    def noise_shapes(self, code: Code) -> dict[str, tuple[int, ...]]:
        """Return the shape of the noise of each layer."""
        assert code.style is not None
        height, width = self.image.height, self.image.width
        return {"layer0": (len(code.style), 1, height // 2, width // 2), "layer1": (len(code.style), 1, height, width)}

    def forward(self, code: Code, noise: Mapping[str, Tensor]) -> Tensor:
        """Generate images."""
        assert code.style is not None
        maps = self.start.expand(len(code.style), -1, -1, -1)
        for index, layer in enumerate(self.layers):
            maps = layer(maps, code.style[:, index], noise[f"layer{index}"])
        image: Tensor = self.to_image(maps, code.style[:, -1])
        return image.tanh()


class AdaptiveFlip(nn.Module):
    """Mirrors images with a probability that rises while the discriminator is sure of real images (the idea of ADA)."""

    probability: Tensor

    def __init__(self, net: nn.Module, speed: float = 0.1) -> None:
        super().__init__()
        self.speed = speed
        self.register_buffer("probability", torch.zeros(()))

    def forward(self, net: Callable[..., Any], call: Call, image: Tensor, *others: Any, **named: Any) -> DiscriminatorOutput:
        """Mirror some images, and follow the signs of the real scores."""
        flipped = call.uniform("flip", (len(image), 1, 1, 1)) < self.probability
        output: DiscriminatorOutput = net(image.flip(3).where(flipped, image), *others, **named)
        if self.training and call.is_real:
            with torch.no_grad():
                self.probability.add_(self.speed * (output.scores[0].sign().mean() - 0.6)).clamp_(0, 1)
        return output


class PathLengthLoss(nn.Module):
    """Path length regularisation on every second image of a batch (StyleGAN2, section 3.2)."""

    mean: Tensor

    def __init__(self, decay: float = 0.01) -> None:
        super().__init__()
        self.decay = decay
        self.register_buffer("mean", torch.zeros(()))

    def forward(self, t: Translation) -> Tensor:
        """Compare the lengths with their running mean."""
        half = t.take_every(2)
        style = half.conditioned.style
        assert style is not None
        noise = half.normal("path/noise", *half.fake.shape[1:]) / (half.fake.shape[2] * half.fake.shape[3]) ** 0.5
        (gradient,) = torch.autograd.grad((half.fake * noise).sum(), style, create_graph=True)
        length = gradient.square().sum(2).mean(1).sqrt()
        with torch.no_grad():
            self.mean.lerp_(length.mean().to(self.mean), self.decay)
        return (length - self.mean).square().mean()


# -- pSp


class PyramidEncoder(nn.Module):
    """Encodes an image as maps at three scales and one style vector for each layer of the generator."""

    def __init__(self, image: ImageSpec, generator: CodeSpec, width: int = 4) -> None:
        super().__init__()
        assert generator.style is not None
        self.shape = generator.style.shape
        self.down = nn.ModuleList(nn.Conv2d(image.channels if index == 0 else width, width, 3, 2, 1) for index in range(3))
        self.heads = nn.ModuleList(nn.Linear(width, self.shape[-1]) for _ in range(self.shape[0]))
        self.output_spec = CodeSpec(style=generator.style)

    def forward(self, image: Tensor, label: Tensor | None = None) -> Code:
        """Encode images."""
        maps = []
        for layer in self.down:
            image = F.leaky_relu(layer(image), 0.2)
            maps.append(image.mean((2, 3)))
        return Code(style=torch.stack([head(maps[index % 3]) for index, head in enumerate(self.heads)], 1))


class MapPyramid(nn.Module):
    """Encodes an image as maps at three scales, from fine to coarse."""

    def __init__(self, image: ImageSpec, width: int = 4) -> None:
        super().__init__()
        self.down = nn.ModuleList(nn.Conv2d(image.channels if index == 0 else width, width, 3, 2, 1) for index in range(2))
        self.output_spec = CodeSpec((MapSpec(width, 2), MapSpec(width, 4)))

    def forward(self, image: Tensor, label: Tensor | None = None) -> Code:
        """Encode images."""
        fine = F.leaky_relu(self.down[0](image), 0.2)
        return Code((fine, F.leaky_relu(self.down[1](fine), 0.2)))


class LabelToStyle(nn.Module):
    """Makes the style from the target label."""

    def __init__(self, code: CodeSpec, domain: DomainSpec, width: int = 4) -> None:
        super().__init__()
        self.net = nn.Linear(domain.width, width)
        self.output_spec = code.with_style(StyleSpec(width))

    def forward(self, code: Code, label: Tensor) -> Code:
        """Replace the style."""
        return code._replace(style=self.net(label.to(self.net.weight.dtype)))


def reconstruction_loss(t: Translation) -> Tensor:
    """Squared error to the target image."""
    return (t.fake - t.target).square().mean()


PARTS = """
conditioner: mapping_to_w assembly_parts:Mapping2W, label_to_style assembly_parts:LabelToStyle, domain_mapping stargan2_parts:DomainStyles
encoder: pyramid_encoder assembly_parts:PyramidEncoder, map_pyramid assembly_parts:MapPyramid, \
domain_style_encoder stargan2_parts:DomainStyles
generator: tiny_synthesis assembly_parts:Synthesis, styled_generator stargan2_parts:StyledGenerator
discriminator: domain_discriminator stargan2_parts:DomainDiscriminator
wrapper: adaptive_flip assembly_parts:AdaptiveFlip
plan: two_passes stargan2_parts:two_passes
loss: path_length_loss assembly_parts:PathLengthLoss, style_of_fake_loss stargan2_parts:style_of_fake_loss, \
diversity_loss stargan2_parts:diversity_loss, reconstruction_loss assembly_parts:reconstruction_loss
"""


@hookimpl
def i2ikit_components() -> list[Component]:
    """Return the parts."""
    found = []
    for line in PARTS.strip().splitlines():
        role, _, parts = line.partition(": ")
        for part in parts.split(", "):
            name, place = part.split()
            found.append(Component(name, role, f"recipes.{place}", "A part of a stranger's package."))  # type: ignore[arg-type]
    return found


def make_registry() -> Registry:
    """Return a registry with the installed plugins and these parts."""
    plugin = ModuleType("assembly_parts")
    plugin.i2ikit_components = i2ikit_components  # type: ignore[attr-defined]
    registry = Registry()
    registry.register(plugin)
    return registry
