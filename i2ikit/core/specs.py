"""Specs: the shapes of images and codes, known before there are tensors. This module does not import torch."""

from __future__ import annotations

from attrs import evolve, field, frozen

from i2ikit.core.domain import Attribute, DomainSpec, LabelSet
from i2ikit.core.validators import whole_number
from i2ikit.errors import format_count

__all__ = ["Attribute", "CodeSpec", "DomainSpec", "ImageSpec", "LabelSet", "MapSpec", "StyleSpec"]


@frozen
class ImageSpec:
    """An image [B, channels, height, width] with values in [-1, 1]."""

    channels: int = field(default=3, validator=whole_number(1))
    height: int = field(default=128, validator=whole_number(1))
    width: int = field(default=128, validator=whole_number(1))

    def __str__(self) -> str:
        return f"image [{self.channels}, {self.height}, {self.width}]"


@frozen
class MapSpec:
    """A feature map [B, channels, H / stride, W / stride]. A stride of 0 means a fixed size that does not depend on the image."""

    channels: int
    stride: int = 1

    def __str__(self) -> str:
        return f"[{format_count(self.channels, 'channel')}, stride {self.stride}]"


@frozen
class StyleSpec:
    """A style [B, width]; or [B, vectors, width] if ``vectors`` is not 0."""

    width: int
    vectors: int = 0

    def __str__(self) -> str:
        return f"style [{self.vectors}, {self.width}]" if self.vectors else f"style [{self.width}]"

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one style, without the batch axis."""
        return (self.vectors, self.width) if self.vectors else (self.width,)


@frozen
class CodeSpec:
    """The shapes of the code that an encoder or a conditioner returns.

    Attributes:
        maps: The feature maps, from fine to coarse.
        style: The style; None if there is none.
        posterior: Whether the code has a posterior.
    """

    maps: tuple[MapSpec, ...] = ()
    style: StyleSpec | None = None
    posterior: bool = False

    def __str__(self) -> str:
        maps = "maps " + ", ".join(map(str, self.maps)) if self.maps else "no maps"
        return f"{maps} and {self.style or 'no style'}"

    def with_channels_added(self, channels: int) -> CodeSpec:
        """Return the spec with additional channels in the last map."""
        *finer, last = self.maps
        return evolve(self, maps=(*finer, evolve(last, channels=last.channels + channels)))

    def with_style(self, style: StyleSpec | None) -> CodeSpec:
        """Return the spec with another style."""
        return evolve(self, style=style)
