"""The U-Net of pix2pix and BicycleGAN."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from i2ikit.core.specs import ImageSpec
from i2ikit.errors import OptionError, SpecError
from i2ikit.nn.init import init_gaussian
from i2ikit.nn.norms import InstanceNorm

MAX_DEPTH = 8


class UNet(nn.Module):
    """U-Net of pix2pix: a convolutional encoder and decoder with skip connections (Ronneberger et al. 2015).

    As in pix2pix (section 3.2.1 and appendix 6.1.1), it has 4x4 convolutions of stride 2, leaky ReLUs of slope 0.2 in the encoder and ReLUs
    in the decoder. The first, the innermost and the last convolution have no norm; the last ends in a tanh. Dropout is the noise of pix2pix
    and stays active at inference (section 3.1).

    Args:
        inputs: Input channels.
        outputs: Channels of the image.
        depth: Number of downsamplings by 2.
        width: Channels after the first convolution. Each further one doubles them, up to 8 times the width.
        norm: "batch", with a learned scale and shift, or "instance", without.
        track: Whether batch norms keep running statistics and use them in evaluation mode. Otherwise they always use those of the batch.
        bias: Whether convolutions before a norm, the first and the innermost one have a bias. The last one always has.
        dropout: Dropout rate after each decoder step in ``dropout_steps``.
        dropout_steps: Decoder steps with dropout, counted from the bottleneck.
        style: Width of the style, which is concatenated with the maps as one constant plane per entry; 0 for none.
        style_placement: "input" concatenates the style with the image only, "all" with the input of each encoder convolution.
        up: "transposed" 4x4 convolutions, or "bilinear" upsampling and a 3x3 convolution, which avoids checkerboard artefacts.

    Shapes:
        in:  maps [B, inputs, H, W], with sides that are multiples of 2**depth; style [B, style]
        out: [B, outputs, H, W] in [-1, 1]

    Attributes:
        size_multiple: Sides must be multiples of it.
        min_size: The smallest allowed side.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        depth: int = MAX_DEPTH,
        width: int = 64,
        norm: Literal["batch", "instance"] = "batch",
        track: bool = False,
        bias: bool = False,
        dropout: float = 0.0,
        dropout_steps: Collection[int] = (),
        style: int = 0,
        style_placement: Literal["input", "all"] = "input",
        up: Literal["transposed", "bilinear"] = "transposed",
    ) -> None:
        super().__init__()
        self.size_multiple = self.min_size = 2**depth
        self.dropout, self.dropout_steps = dropout, frozenset(dropout_steps)
        self.style, self.style_at_all_levels = style, style_placement == "all"
        widths = [width * min(2**level, 8) for level in range(depth)]
        style_widths = [style if self.style_at_all_levels or not level else 0 for level in range(depth)]
        down_inputs = [each + more for each, more in zip([inputs, *widths[:-1]], style_widths, strict=True)]
        self.down = nn.ModuleList(nn.Conv2d(down_inputs[level], each, 4, 2, 1, bias=bias) for level, each in enumerate(widths))
        inner = range(1, depth - 1)
        self.down_norms = nn.ModuleList(
            _make_norm(norm, each, track, "lrelu") if level in inner else nn.Identity() for level, each in enumerate(widths)
        )
        up_inputs = [each * (1 if level == depth - 1 else 2) for level, each in enumerate(widths)]
        up_outputs = [outputs, *widths[:-1]]
        self.up = nn.ModuleList(_make_upsampling(up, up_inputs[level], up_outputs[level], bias or not level) for level in range(depth))
        self.up_norms = nn.ModuleList(_make_norm(norm, each, track) if level else nn.Identity() for level, each in enumerate(up_outputs))
        init_gaussian(self)

    def forward(self, maps: Tensor, style: Tensor | None = None) -> Tensor:
        """Return images for maps [B, inputs, H, W] and a style [B, style]."""
        skips: list[Tensor] = []
        depth = len(self.down)
        for level, (convolution, norm) in enumerate(zip(self.down, self.down_norms, strict=True)):
            maps = convolution(self._concatenate_style(maps, style, level))
            if level < depth - 1:
                maps = norm(maps)
                maps = maps if isinstance(norm, InstanceNorm) else F.leaky_relu(maps, 0.2)
                skips.append(maps)
        maps = F.relu(maps)
        for step in range(depth - 1):
            level = depth - 1 - step
            maps = self.up_norms[level](self.up[level](maps))
            if step in self.dropout_steps and self.dropout:
                maps = F.dropout(maps, self.dropout)
            # relu(leaky_relu(x)) equals relu(x), so it does not matter that the skip was taken after the leaky ReLU.
            maps = torch.cat([skips.pop(), maps], 1).relu_()
        return torch.tanh(self.up[0](maps))

    def _concatenate_style(self, maps: Tensor, style: Tensor | None, level: int) -> Tensor:
        if not self.style or (level and not self.style_at_all_levels):
            return maps
        if style is None or tuple(style.shape) != (len(maps), self.style):
            found = "no style" if style is None else list(style.shape)
            raise SpecError(f"This U-Net requires a style of shape {[len(maps), self.style]}; found {found}.")
        style = F.leaky_relu(style, 0.2) if level else style  # the activation before a convolution applies to its whole input
        return torch.cat([maps, style.to(maps.dtype)[:, :, None, None].expand(-1, -1, *maps.shape[-2:])], 1)

    def extra_repr(self) -> str:
        """Show the options in a printed model."""
        noise = f"dropout={self.dropout} after {sorted(self.dropout_steps)}" if self.dropout_steps and self.dropout else "no dropout"
        where = "at all encoder convolutions" if self.style_at_all_levels else "at the input"
        return f"size_multiple={self.size_multiple}, {noise}, {f'style {self.style} {where}' if self.style else 'no style'}"


def choose_unet_depth(name: str, image: ImageSpec, depth: int | None) -> int:
    """Choose the depth of a U-Net for images: the requested depth, or the largest one that the sides allow, at most 8.

    Args:
        name: Name of the component, for messages.
        image: Spec of the images.
        depth: The requested depth, or None.

    Raises:
        OptionError: The depth is below 2.
        SpecError: The sides are not multiples of 2**depth.
    """
    largest = 0
    while largest < MAX_DEPTH and not (image.height % 2 ** (largest + 1) or image.width % 2 ** (largest + 1)):
        largest += 1
    if depth is not None and depth < 2:
        raise OptionError(f'"{name}": depth must be at least 2; found {depth}.')
    chosen = depth or max(largest, 2)
    if image.height % 2**chosen or image.width % 2**chosen:
        hint = f", or use depth={largest}" if largest >= 2 else ""
        raise SpecError(
            f'"{name}" halves sides {chosen} times and requires multiples of {2**chosen}; found {image.height} x {image.width}. '
            f"Choose another size{hint}."
        )
    return chosen


def _make_norm(kind: Literal["batch", "instance"], channels: int, track: bool, activation: Literal["lrelu"] | None = None) -> nn.Module:
    if kind == "instance":
        return InstanceNorm(channels, affine=False, activation=activation)
    return nn.BatchNorm2d(channels, track_running_stats=track)


def _make_upsampling(kind: Literal["transposed", "bilinear"], inputs: int, outputs: int, bias: bool) -> nn.Module:
    if kind == "transposed":
        return nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=bias)
    return BilinearUpsampleConv(inputs, outputs, bias=bias)


class BilinearUpsampleConv(nn.Conv2d):
    """Upsampling by 2 with bilinear interpolation, then a 3x3 convolution with reflection padding (Odena et al. 2016).

    Shapes:
        in:  [B, inputs, H, W]
        out: [B, outputs, 2 H, 2 W]
    """

    def __init__(self, inputs: int, outputs: int, *, bias: bool = True) -> None:
        super().__init__(inputs, outputs, 3, padding=1, padding_mode="reflect", bias=bias)

    def forward(self, maps: Tensor) -> Tensor:
        """Upsample and convolve maps."""
        return super().forward(F.interpolate(maps, scale_factor=2.0, mode="bilinear", align_corners=False))
