"""Specs: the shapes of images and codes, known before there are tensors. This module does not import torch."""

from __future__ import annotations

from typing import Literal, get_args

from attrs import evolve, field, frozen

from i2ikit.core.domain import Attribute, DomainSpec, LabelSet
from i2ikit.core.validators import one_of, whole_number
from i2ikit.errors import OptionError, format_count

__all__ = ["Attribute", "CodeSpec", "DomainSpec", "ImageSpec", "LabelSet", "MapSpec", "StyleSpec"]


Content = Literal["picture", "label_map", "instance_map"]
CONTENTS: tuple[Content, ...] = get_args(Content)
"""What the values of an image are: colours, class indices, or numbers of instances."""


MAX_PIXELS = 200_000_000
"""The largest number of pixels of an image of a model, as of image files. A larger one would take the memory of any machine."""


@frozen
class ImageSpec:
    """An image [B, channels, height, width].

    Attributes:
        channels: The number of channels; of a label map, the number of classes.
        height, width: The size in pixels.
        content: "picture" (values in [-1, 1]), "label_map" (one plane for each class, with values 0 and 1) or "instance_map" (one plane
            with the number of the instance of each pixel). Maps are resized to the nearest value.
    """

    channels: int = field(default=3, validator=whole_number(1))
    height: int = field(default=128, validator=whole_number(1))
    width: int = field(default=128, validator=whole_number(1))
    content: Content = field(default="picture", validator=one_of(*CONTENTS))

    def __attrs_post_init__(self) -> None:
        if self.height * self.width > MAX_PIXELS:
            raise OptionError(
                f"The size {self.height}x{self.width} has {self.height * self.width:,} pixels; at most {MAX_PIXELS:,} are supported. "
                "Choose a smaller size."
            )
        if self.content == "instance_map" and self.channels != 1:
            raise OptionError(f"An instance map has one channel, the numbers of the instances; found {self.channels}.")

    def __str__(self) -> str:
        return f"{'image' if self.is_picture else self.content.replace('_', ' ')} [{self.channels}, {self.height}, {self.width}]"

    @property
    def is_picture(self) -> bool:
        """Whether the values are colours, which may be blended when the image is resized."""
        return self.content == "picture"


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
        if not self.maps:
            return f"{self.style or 'no style'} and no maps"
        return f"maps {', '.join(map(str, self.maps))} and {self.style or 'no style'}"

    def with_channels_added(self, channels: int) -> CodeSpec:
        """Return the spec with additional channels in the last map."""
        *finer, last = self.maps
        return evolve(self, maps=(*finer, evolve(last, channels=last.channels + channels)))

    def with_style(self, style: StyleSpec | None) -> CodeSpec:
        """Return the spec with another style."""
        return evolve(self, style=style)
