"""Parts that a stranger's package could bring: those of StarGAN v2, in a tiny form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from i2ikit import (
    BatchKind,
    Code,
    CodeSpec,
    DiscriminatorOutput,
    DomainSpec,
    ImageSpec,
    Nets,
    RandomStreams,
    StyleSpec,
    Translation,
    batch_kind,
    view,
)


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
