"""Components that publish or ask for the code that a generator takes, for the conformance checks."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from i2ikit import Code, CodeSpec, DiscriminatorOutput, ImageSpec, StyleSpec


class NoisyGenerator(nn.Module):
    """Takes three styles, and a noise that it requires."""

    def __init__(self, image: ImageSpec) -> None:
        super().__init__()
        self.input_spec = CodeSpec(style=StyleSpec(5, 3))
        self.size = (image.height, image.width)
        self.colour, self.strength = nn.Linear(15, image.channels), nn.Parameter(torch.ones(()))

    def noise_shapes(self, code: Code) -> dict[str, tuple[int, ...]]:
        """Return the shape of the only noise."""
        assert code.style is not None
        return {"grain": (len(code.style), 1, *self.size)}

    def forward(self, code: Code, noise: dict[str, Tensor]) -> Tensor:
        """Return images of one colour with grain."""
        assert code.style is not None
        return (self.colour(code.style.flatten(1))[:, :, None, None] + self.strength * noise["grain"]).tanh()


class StyleEncoder(nn.Module):
    """Encodes an image as the styles that the generator takes."""

    def __init__(self, source: ImageSpec, generator: CodeSpec) -> None:
        super().__init__()
        assert generator.style is not None
        self.output_spec, self.shape = generator, generator.style.shape
        self.linear = nn.Linear(source.channels, math.prod(self.shape))

    def forward(self, image: Tensor, label: Tensor | None = None) -> Code:
        """Return the styles of images."""
        return Code(style=self.linear(image.mean((2, 3))).unflatten(1, self.shape))


class StyleDiscriminator(nn.Module):
    """Scores the style of a code."""

    def __init__(self, code: CodeSpec) -> None:
        super().__init__()
        self.linear = nn.Linear(math.prod(code.style.shape), 1)  # type: ignore[union-attr]  # an AttributeError without a style

    def forward(self, code: Code) -> DiscriminatorOutput:
        """Score codes."""
        assert code.style is not None
        return DiscriminatorOutput((self.linear(code.style.flatten(1)),))


class ReadsANameThatIsMissing(StyleDiscriminator):
    """Reads a name that a style does not have."""

    def __init__(self, code: CodeSpec) -> None:
        super().__init__(code)
        self.size = code.style.size  # type: ignore[union-attr]
