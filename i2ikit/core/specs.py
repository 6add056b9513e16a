"""Shapes before there are tensors: images, codes and what a component publishes. Imports no torch."""

from __future__ import annotations

from attrs import evolve, field, frozen

from i2ikit.core.domain import Attribute, DomainSpec, LabelSet
from i2ikit.core.validators import whole
from i2ikit.errors import format_count

__all__ = ["Attribute", "CodeSpec", "DomainSpec", "ImageSpec", "LabelSet", "MapSpec", "StyleSpec"]


@frozen
class ImageSpec:
    """An image [B, channels, height, width] with values in [-1, 1]."""

    channels: int = field(default=3, validator=whole(1))
    height: int = field(default=128, validator=whole(1))
    width: int = field(default=128, validator=whole(1))

    def __str__(self) -> str:
        return f"image [{self.channels}, {self.height}, {self.width}]"


@frozen
class MapSpec:
    """One feature map [B, channels, H / stride, W / stride]; a stride of 0 means a fixed size, independent of the image."""

    channels: int
    stride: int = 1

    def __str__(self) -> str:
        return f"[{format_count(self.channels, 'channel')}, stride {self.stride}]"


@frozen
class StyleSpec:
    """A style [B, width], or [B, vectors, width] where ``vectors`` is not 0."""

    width: int
    vectors: int = 0

    def __str__(self) -> str:
        return f"style [{self.vectors}, {self.width}]" if self.vectors else f"style [{self.width}]"

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one row."""
        return (self.vectors, self.width) if self.vectors else (self.width,)


@frozen
class CodeSpec:
    """What an encoder or a conditioner gives: maps fine to coarse, a style, a posterior."""

    maps: tuple[MapSpec, ...] = ()
    style: StyleSpec | None = None
    posterior: bool = False

    def __str__(self) -> str:
        maps = "maps " + ", ".join(map(str, self.maps)) if self.maps else "no maps"
        return f"{maps} and {self.style or 'no style'}"

    def widened(self, channels: int) -> CodeSpec:
        """Return the spec with ``channels`` more channels on the last map."""
        *finer, last = self.maps
        return evolve(self, maps=(*finer, evolve(last, channels=last.channels + channels)))

    def styled(self, style: StyleSpec | None) -> CodeSpec:
        """Return the spec with another style."""
        return evolve(self, style=style)
