"""The U-Net of pix2pix and BicycleGAN."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from i2ikit.core.specs import ImageSpec
from i2ikit.errors import OptionError, SpecError
from i2ikit.nn.init import gaussian
from i2ikit.nn.norms import InstanceNorm

DEEPEST = 8


class UNet(nn.Module):
    """Halve maps step by step to a bottleneck and draw an image on the way back, each step beside what came by on the way down.

    Ronneberger et al. 2015 as pix2pix has it (section 3.2.1 and appendix 6.1.1): 4x4 convolutions of stride 2, leaky ReLUs of slope 0.2 on
    the way down, ReLUs on the way up. The first and the innermost convolution have no norm, nor has the last, which ends in a tanh. Dropout
    stays on, in use as in training: that is where pix2pix takes its noise from (section 3.1).

    Args:
        inputs: Channels in.
        outputs: Channels of the image.
        depth: How many times the sides are halved.
        width: Channels after the first convolution; doubled by each further one, up to eight times.
        norm: "batch", with a learnt scale and shift, or "instance", without.
        track: Whether batch norms keep running statistics and use them outside training; otherwise they take those of the batch at hand.
        bias: Whether convolutions before a norm, and the first and the innermost, have a bias. The last always has.
        dropout: The share of values that are set to zero after each step in ``dropped``.
        dropped: Steps of the way up, counted from the bottleneck, after which dropout follows.
        style: Width of a style that is put beside the maps, one constant plane an entry; 0 for none.
        style_placement: "input" puts the style beside the image alone, "all" beside what enters each convolution on the way down.
        up: "transposed" convolutions 4x4, or "bilinear" upsampling and a 3x3 convolution, which leaves no checkerboard.

    Shapes:
        in:  maps [B, inputs, H, W], sides multiples of 2**depth; style [B, style]
        out: [B, outputs, H, W] in [-1, 1]

    Attributes:
        size_multiple: Sides are multiples of it.
        min_size: The smallest side.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        depth: int = DEEPEST,
        width: int = 64,
        norm: Literal["batch", "instance"] = "batch",
        track: bool = False,
        bias: bool = False,
        dropout: float = 0.0,
        dropped: Collection[int] = (),
        style: int = 0,
        style_placement: Literal["input", "all"] = "input",
        up: Literal["transposed", "bilinear"] = "transposed",
    ) -> None:
        super().__init__()
        self.size_multiple = self.min_size = 2**depth
        self.dropout, self.dropped, self.style, self.everywhere = dropout, frozenset(dropped), style, style_placement == "all"
        widths = [width * min(2**level, 8) for level in range(depth)]
        into = [each + (style if self.everywhere or not level else 0) for level, each in enumerate([inputs, *widths[:-1]])]
        self.down = nn.ModuleList(nn.Conv2d(into[level], each, 4, 2, 1, bias=bias) for level, each in enumerate(widths))
        inner = range(1, depth - 1)
        self.down_norms = nn.ModuleList(
            _norm(norm, each, track, "lrelu") if level in inner else nn.Identity() for level, each in enumerate(widths)
        )
        from_below = [each * (1 if level == depth - 1 else 2) for level, each in enumerate(widths)]
        drawn = [outputs, *widths[:-1]]
        self.up = nn.ModuleList(_up(up, from_below[level], drawn[level], bias or not level) for level in range(depth))
        self.up_norms = nn.ModuleList(_norm(norm, each, track) if level else nn.Identity() for level, each in enumerate(drawn))
        gaussian(self)

    def forward(self, maps: Tensor, style: Tensor | None = None) -> Tensor:
        """Draw images of maps [B, inputs, H, W] and a style [B, style]."""
        skips: list[Tensor] = []
        depth = len(self.down)
        for level, (convolution, norm) in enumerate(zip(self.down, self.down_norms, strict=True)):
            maps = convolution(self._beside(maps, style, level))
            if level < depth - 1:
                maps = norm(maps)
                maps = maps if isinstance(norm, InstanceNorm) else F.leaky_relu(maps, 0.2)
                skips.append(maps)
        maps = F.relu(maps)
        for step in range(depth - 1):
            level = depth - 1 - step
            maps = self.up_norms[level](self.up[level](maps))
            if step in self.dropped and self.dropout:
                maps = F.dropout(maps, self.dropout)
            # The ReLU undoes what the leaky one did below zero: after it, a skip is as if it had been taken before both.
            maps = torch.cat([skips.pop(), maps], 1).relu_()
        return torch.tanh(self.up[0](maps))

    def _beside(self, maps: Tensor, style: Tensor | None, level: int) -> Tensor:
        if not self.style or (level and not self.everywhere):
            return maps
        if style is None or tuple(style.shape) != (len(maps), self.style):
            found = "none" if style is None else list(style.shape)
            raise SpecError(f"This U-Net draws with a style of shape {[len(maps), self.style]}; found {found}.")
        style = F.leaky_relu(style, 0.2) if level else style  # the activation before a convolution takes all that enters it
        return torch.cat([maps, style.to(maps.dtype)[:, :, None, None].expand(-1, -1, *maps.shape[-2:])], 1)

    def extra_repr(self) -> str:
        """Show the options in a printed model."""
        noise = f"dropout={self.dropout} after {sorted(self.dropped)}" if self.dropped and self.dropout else "no dropout"
        where = "at every convolution down" if self.everywhere else "at the input"
        return f"size_multiple={self.size_multiple}, {noise}, {f'style {self.style} {where}' if self.style else 'no style'}"


def unet_depth(name: str, image: ImageSpec, depth: int | None) -> int:
    """Return the depth of a U-Net for images: the one that is asked for, or as many halvings as the sides allow, 8 at most.

    Raises:
        OptionError: A depth below 2.
        SpecError: The sides cannot be halved that often.
    """
    most = 0
    while most < DEEPEST and not (image.height % 2 ** (most + 1) or image.width % 2 ** (most + 1)):
        most += 1
    if depth is not None and depth < 2:
        raise OptionError(f'"{name}" with depth={depth}: sides are halved 2 times or more.')
    wanted = depth or max(most, 2)
    if image.height % 2**wanted or image.width % 2**wanted:
        hint = f", or use depth={most}" if most >= 2 else ""
        raise SpecError(
            f'"{name}" halves sides {wanted} times and needs multiples of {2**wanted}; found {image.height} x {image.width}. '
            f"Choose another size{hint}."
        )
    return wanted


def _norm(kind: Literal["batch", "instance"], channels: int, track: bool, activation: Literal["lrelu"] | None = None) -> nn.Module:
    if kind == "instance":
        return InstanceNorm(channels, affine=False, activation=activation)
    return nn.BatchNorm2d(channels, track_running_stats=track)


def _up(kind: Literal["transposed", "bilinear"], inputs: int, outputs: int, bias: bool) -> nn.Module:
    if kind == "transposed":
        return nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=bias)
    return BilinearConv(inputs, outputs, bias=bias)


class BilinearConv(nn.Conv2d):
    """Double the sides by bilinear interpolation, then convolve 3x3 with reflected borders (Odena et al. 2016).

    Shapes:
        in:  [B, inputs, H, W]
        out: [B, outputs, 2 H, 2 W]
    """

    def __init__(self, inputs: int, outputs: int, *, bias: bool = True) -> None:
        super().__init__(inputs, outputs, 3, padding=1, padding_mode="reflect", bias=bias)

    def forward(self, maps: Tensor) -> Tensor:
        """Enlarge and convolve maps."""
        return super().forward(F.interpolate(maps, scale_factor=2.0, mode="bilinear", align_corners=False))
