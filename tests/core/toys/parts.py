"""Networks of a few dozen weights, one for every kind of component in the papers."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from i2ikit import Code, CodeSpec, DiscriminatorOutput, DomainSpec, ImageSpec, MapSpec, Posterior, StyleSpec


def expand_label(label: Tensor, like: Tensor) -> Tensor:
    return label[:, :, None, None].expand(-1, -1, *like.shape[-2:]).to(like.dtype)


class Whole(nn.Module):
    """Passes the image on as the only map of the code."""

    def __init__(self, image: ImageSpec) -> None:
        super().__init__()
        self.output_spec = CodeSpec((MapSpec(image.channels),))

    def forward(self, image: Tensor, label: Tensor | None = None) -> Code:
        return Code((image,))


class LabelEncoder(nn.Module):
    """Adds the first entry of the label to the image."""

    def __init__(self, image: ImageSpec) -> None:
        super().__init__()
        self.output_spec = CodeSpec((MapSpec(image.channels, 1),))

    def forward(self, image: Tensor, label: Tensor) -> Code:
        """Return the image plus the entry."""
        return Code((image + label[:, :1, None, None],))


class Painter(nn.Module):
    """Generates an image from the last map, shifted by the style."""

    def __init__(self, code: CodeSpec, image: ImageSpec, width: int = 4, styled: bool = True, dropout: float = 0.0) -> None:
        super().__init__()
        self.stochastic = dropout > 0
        self.dropout = nn.Dropout(dropout)
        self.trunk = nn.Conv2d(code.maps[-1].channels, width, 3, padding=1)
        self.shift = nn.Linear(code.style.width, width) if code.style and styled else None
        self.up = nn.Upsample(scale_factor=code.maps[-1].stride)
        self.out = nn.Conv2d(width, image.channels, 3, padding=1)

    def forward(self, code: Code) -> Tensor:
        hidden = self.trunk(code.maps[-1])
        if self.shift is not None and code.style is not None:
            hidden = hidden + self.shift(code.style)[:, :, None, None]
        return torch.tanh(self.out(self.up(self.dropout(torch.tanh(hidden)))))


class Discriminator(nn.Module):
    """Scores patches; further inputs are concatenated with the image."""

    def __init__(self, image: ImageSpec, domain: DomainSpec, width: int = 4, inputs: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.inputs = inputs
        extra = {"source": image.channels, "label": domain.width}
        self.trunk = nn.Conv2d(image.channels + sum(extra[name] for name in inputs), width, 4, stride=2, padding=1)
        self.score = nn.Conv2d(width, 1, 3, padding=1)

    def forward(self, image: Tensor, source: Tensor | None = None, label: Tensor | None = None) -> DiscriminatorOutput:
        planes = [each for each in (source, None if label is None else expand_label(label, image)) if each is not None]
        hidden = torch.tanh(self.trunk(torch.cat([image, *planes], 1)))
        return DiscriminatorOutput((self.score(hidden),))


class ContentAndStyle(nn.Module):
    """Returns content at half the resolution, and the style from the mean of the content (MUNIT)."""

    def __init__(self, image: ImageSpec, width: int = 3, style: int = 2) -> None:
        super().__init__()
        self.content = nn.Conv2d(image.channels, width, 4, stride=2, padding=1)
        self.style = nn.Linear(width, style)
        self.output_spec = CodeSpec((MapSpec(width, 2),), StyleSpec(style))

    def forward(self, image: Tensor, label: Tensor | None = None) -> Code:
        hidden = torch.tanh(self.content(image))
        return Code((hidden,), self.style(hidden.mean((2, 3))))


class WholeWithStyle(nn.Module):
    """Returns the image as a map, and its style by the head of its domain (StarGAN v2)."""

    def __init__(self, image: ImageSpec, domain: DomainSpec, style: int = 2) -> None:
        super().__init__()
        self.trunk = nn.Conv2d(image.channels, 3, 4, stride=2, padding=1)
        self.heads = nn.Linear(3, style * domain.num_values)
        self.output_spec = CodeSpec((MapSpec(image.channels),), StyleSpec(style))

    def forward(self, image: Tensor, label: Tensor) -> Code:
        styles = self.heads(torch.tanh(self.trunk(image)).mean((2, 3))).unflatten(1, (label.shape[1], -1))
        return Code((image,), torch.einsum("bd,bds->bs", label.to(styles.dtype), styles))


class StyleOfNoise(nn.Module):
    """Maps noise to the style of a domain; without domains, to one style vector for each layer."""

    def __init__(self, domain: DomainSpec, noise: int = 3, style: int = 2, vectors: int = 0) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(noise, 4), nn.Tanh(), nn.Linear(4, style * max(1, domain.num_values, vectors)))
        self.shape = (max(1, domain.num_values, vectors), style)
        self.output_spec = CodeSpec(style=StyleSpec(style, vectors))

    def forward(self, code: Code, label: Tensor | None = None) -> Code:
        assert code.style is not None
        styles = self.net(code.style).unflatten(1, self.shape)
        return Code(style=styles if label is None else torch.einsum("bd,bds->bs", label.to(styles.dtype), styles))


class StyleOfImage(nn.Module):
    """Encodes an image as one style vector for each layer (pSp), or as the posterior of a single style vector (BicycleGAN)."""

    def __init__(self, image: ImageSpec, width: int = 2, vectors: int = 0, variational: bool = False) -> None:
        super().__init__()
        self.trunk = nn.Conv2d(image.channels, 3, 4, stride=2, padding=1)
        self.mean = nn.Linear(3, width * max(vectors, 1))
        self.logvar = nn.Linear(3, width) if variational else None
        self.vectors = vectors
        self.output_spec = CodeSpec(style=StyleSpec(width, vectors), posterior=variational)

    def forward(self, image: Tensor, label: Tensor | None = None) -> Code:
        hidden = torch.tanh(self.trunk(image)).mean((2, 3))
        mean = self.mean(hidden)
        posterior = Posterior(mean, self.logvar(hidden)) if self.logvar is not None else None
        return Code((), mean.unflatten(1, (self.vectors, -1)) if self.vectors else mean, posterior)


class Synthesis(nn.Module):
    """Generates an image from one style vector for each layer (StyleGAN2)."""

    def __init__(self, code: CodeSpec, image: ImageSpec, width: int = 3) -> None:
        super().__init__()
        assert code.style is not None
        self.start = nn.Parameter(torch.randn(1, width, image.height // 2, image.width // 2))
        self.modulate = nn.ModuleList(nn.Linear(code.style.width, width) for _ in range(code.style.vectors))
        self.conv = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(code.style.vectors))
        self.out = nn.Conv2d(width, image.channels, 1)

    def forward(self, code: Code) -> Tensor:
        assert code.style is not None
        hidden: Tensor = self.start
        for index, (modulate, conv) in enumerate(zip(self.modulate, self.conv, strict=True)):
            hidden = torch.tanh(conv(hidden * (1 + modulate(code.style[:, index]))[:, :, None, None]))
        return torch.tanh(self.out(nn.functional.interpolate(hidden, scale_factor=2)))


class PatchHead(nn.Module):
    """Projects features [B, P, C] onto the unit sphere (CUT)."""

    def __init__(self, code: CodeSpec, width: int = 3) -> None:
        super().__init__()
        self.project = nn.Linear(code.maps[-1].channels, width)

    def forward(self, features: Tensor) -> Tensor:
        return nn.functional.normalize(self.project(features), dim=-1)
