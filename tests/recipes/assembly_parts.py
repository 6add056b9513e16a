"""Parts that a stranger's package could bring: those of StyleGAN2, pSp, StarGAN v2 and a labelled AdaIN system, in a tiny form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from i2ikit import (
    BatchKind,
    Call,
    Code,
    CodeSpec,
    Component,
    DiscriminatorOutput,
    DomainSpec,
    ImageSpec,
    MapSpec,
    Nets,
    RandomStreams,
    Registry,
    StyleSpec,
    Translation,
    batch_kind,
    draw_style,
    hookimpl,
    view,
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


# -- StarGAN v2


class DomainStyles(nn.Module):
    """Style network with one head for each domain: of images (style encoder) or of noise (mapping network)."""

    def __init__(self, domain: DomainSpec, image: ImageSpec, style: int = 4, noise: int = 0) -> None:
        super().__init__()
        self.net = nn.Linear(noise or image.channels, style * domain.num_values)
        self.output_spec = CodeSpec(style=StyleSpec(style))

    def forward(self, given: Any, label: Tensor) -> Code:
        """Compute the style of the domain of each row."""
        values = given.mean((2, 3)) if isinstance(given, Tensor) else given.style
        styles = self.net(values).unflatten(1, (label.shape[1], -1))
        return Code(style=(styles * label[:, :, None]).sum(1))


class StyledGenerator(nn.Module):
    """Changes an image by a style."""

    def __init__(self, code: CodeSpec, image: ImageSpec) -> None:
        super().__init__()
        assert code.style is not None
        self.conv, self.tint = nn.Conv2d(image.channels, 4, 3, padding=1), nn.Linear(code.style.width, 4)
        self.out = nn.Conv2d(4, image.channels, 3, padding=1)

    def forward(self, code: Code) -> Tensor:
        """Generate images."""
        assert code.style is not None
        hidden = self.conv(code.maps[-1]) * (1 + self.tint(code.style)[:, :, None, None])
        return torch.tanh(self.out(torch.tanh(hidden)))


class DomainDiscriminator(nn.Module):
    """Scores an image for the domain of its label."""

    inputs = ("label",)

    def __init__(self, image: ImageSpec, domain: DomainSpec) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Conv2d(image.channels, 4, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(4, domain.num_values, 4, 2, 1))

    def forward(self, image: Tensor, label: Tensor) -> DiscriminatorOutput:
        """Score images."""
        return DiscriminatorOutput(((self.net(image).mean((2, 3)) * label).sum(1, keepdim=True),))


TWO_REFERENCES = BatchKind("two_references", "images with two references of one other domain", label="required", references=2)


def encode_reference(t: Translation) -> Tensor:
    """The style of the reference image."""
    style = t.encode(t.reference, t.target_label, None, slot="style_encoder").style
    assert style is not None
    return style


@view
def mapped_noise(t: Translation) -> Tensor:
    """The style of noise."""
    return t.run("mapping", Code(style=t.normal("noise", 3)), t.target_label).style  # type: ignore[no-any-return]


@view
def second_fake(t: Translation) -> Tensor:
    """The translation with the style of other noise, or of the second reference image."""
    if t.name == "latent":
        style = t.run("mapping", Code(style=t.normal("other_noise", 3)), t.target_label).style
    else:
        style = t.encode(t.second_reference, t.target_label, None, slot="style_encoder").style
    return t.decode(t.code._replace(style=style), t.target_label).detach()


@batch_kind(TWO_REFERENCES)
def two_passes(nets: Nets, batch: Mapping[str, Any], streams: RandomStreams, requires_grad: bool, *, style: int = 4) -> list[Translation]:
    """Translate each image twice: with a style from noise, and with the style of a reference image."""
    image, label = batch["image"], batch["label"]
    shared: dict[str, Any] = {
        "real": image, "source_label": label, "target_label": batch["reference_label"], "reference": batch["reference"],
        "second_reference": batch["second_reference"], "reference_label": batch["reference_label"], "requires_grad": requires_grad,
    }  # fmt: skip
    assert draw_style(nets, streams, len(image)) is not None
    return [
        Translation(nets, streams, name="latent", style=mapped_noise, **shared),
        Translation(nets, streams, name="by_reference", style=encode_reference, **shared),
    ]


def style_of_fake_loss(t: Translation) -> Tensor:
    """Style reconstruction."""
    recovered = t.encode(t.fake, t.target_label, None, slot="style_encoder").style
    assert recovered is not None
    return (recovered - t.style).abs().mean()


def diversity_loss(t: Translation) -> Tensor:
    """Diversity: translations with two styles should differ."""
    return -(t.fake - t[second_fake]).abs().mean()


def reconstruction_loss(t: Translation) -> Tensor:
    """Squared error to the target image."""
    return (t.fake - t.target).square().mean()


PARTS = {
    "conditioner": {"mapping_to_w": "Mapping2W", "label_to_style": "LabelToStyle", "domain_mapping": "DomainStyles"},
    "encoder": {"pyramid_encoder": "PyramidEncoder", "map_pyramid": "MapPyramid", "domain_style_encoder": "DomainStyles"},
    "generator": {"tiny_synthesis": "Synthesis", "styled_generator": "StyledGenerator"},
    "discriminator": {"domain_discriminator": "DomainDiscriminator"},
    "wrapper": {"adaptive_flip": "AdaptiveFlip"},
    "plan": {"two_passes": "two_passes"},
    "loss": {
        "path_length_loss": "PathLengthLoss", "style_of_fake_loss": "style_of_fake_loss", "diversity_loss": "diversity_loss",
        "reconstruction_loss": "reconstruction_loss",
    },
}  # fmt: skip


@hookimpl
def i2ikit_components() -> list[Component]:
    """Return the parts."""
    return [
        Component(name, role, f"recipes.assembly_parts:{place}", "A part of a stranger's package.")  # type: ignore[arg-type]
        for role, parts in PARTS.items()
        for name, place in parts.items()
    ]


def make_registry() -> Registry:
    """Return a registry with the installed plugins and these parts."""
    plugin = ModuleType("assembly_parts")
    plugin.i2ikit_components = i2ikit_components  # type: ignore[attr-defined]
    registry = Registry()
    registry.register(plugin)
    return registry
