"""The patch discriminator of CycleGAN, pix2pix and BicycleGAN."""

from __future__ import annotations

from typing import Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from i2ikit.core.code import DiscriminatorOutput
from i2ikit.core.specs import ImageSpec
from i2ikit.errors import OptionError
from i2ikit.nn.init import init_gaussian
from i2ikit.nn.norms import InstanceNorm
from i2ikit.nn.resample import make_blur_pool

Norm = Literal["instance", "batch", "none"]


class PatchDiscriminator(nn.Module):
    """PatchGAN discriminator: scores overlapping patches of an image (pix2pix, section 3.2.2 and appendix 6.1.2; CycleGAN, section 4).

    It has 4x4 convolutions with leaky ReLUs of slope 0.2: ``depth`` of stride 2, one of stride 1, and a last one of stride 1 that computes
    the scores. All but the first and the last have a norm. With depth 3 the receptive field of a score is 70x70 pixels; with depth 5 it is
    286x286 (the paper's ImageGAN). With depth 0 the kernels are 1x1 and each pixel is scored alone (PixelGAN).

    Args:
        image: Spec of the scored images.
        source: Spec of the source images, which a conditional discriminator takes too.
        width: Channels after the first convolution. Each further one doubles them, up to 8 times the width. Allowed: 1 or more.
        depth: Number of convolutions of stride 2. Allowed: 0 or more.
        norm: "instance", "batch" or "none".
        conditional: Whether the source image is concatenated with its translation (pix2pix, equation 1).
        scales: Number of resolutions: full, half, quarter and so on. Each has a network of its own. Allowed: 1 or more.
        narrower: Whether the network of each coarser scale has half the channels of the scale before, as in BicycleGAN's code.
        antialiased: Whether to downsample by a convolution of stride 1, then a blur of stride 2 (Zhang 2019), as in CUT's code.

    Shapes:
        in:  image [B, C, H, W], source [B, C', H, W], both in [-1, 1]
        out: scores[i] [B, 1, about H / 2**(depth + i), about W / 2**(depth + i)], the full resolution first;  features[i]: the maps of
            all convolutions but the last

    Attributes:
        inputs: Inputs in addition to the image.

    Raises:
        OptionError: An option is out of range, or the images are too small for the depth and the scales.
    """

    def __init__(
        self,
        image: ImageSpec,
        source: ImageSpec,
        *,
        width: int = 64,
        depth: int = 3,
        norm: Norm = "instance",
        conditional: bool = False,
        scales: int = 1,
        narrower: bool = False,
        antialiased: bool = False,
    ) -> None:
        super().__init__()
        if width < 1 or depth < 0 or scales < 1:
            raise OptionError(
                '"patch_discriminator": width must be at least 1, depth at least 0 and scales at least 1; '
                f"found width={width}, depth={depth}, scales={scales}."
            )
        side = min(image.height, image.width)
        for _ in range(scales - 1):
            side = (side + 1) // 2
        if depth and side >> depth < 3:
            min_size = 3 * 2 ** (depth + scales - 1)
            options = f"depth={depth}" + (f" and scales={scales}" if scales > 1 else "")
            raise OptionError(
                f'"patch_discriminator" with {options} does not fit {image}. Use sides of at least {min_size} pixels, or a smaller depth.'
            )
        self.inputs: tuple[str, ...] = ("source",) if conditional else ()
        inputs = image.channels + (source.channels if conditional else 0)
        widths = [max(1, round(width / 2**scale) if narrower else width) for scale in range(scales)]
        self.scales = nn.ModuleList(_SingleScale(inputs, each, depth, norm, antialiased) for each in widths)
        init_gaussian(self)

    def forward(self, image: Tensor, source: Tensor | None = None) -> DiscriminatorOutput:
        """Score images. Only a conditional discriminator is given ``source`` [B, C', H, W], the images that were translated."""
        maps = image if source is None else torch.cat([source, image], 1)
        scores, features = [], []
        for index, scale in enumerate(self.scales):
            if index:
                maps = F.avg_pool2d(maps, 3, 2, 1, count_include_pad=False)
            score, hidden = scale(maps)
            scores.append(score)
            features.append(hidden)
        return DiscriminatorOutput(tuple(scores), None, tuple(features))


class _SingleScale(nn.Module):
    """Convolutions that score the patches at one resolution."""

    def __init__(self, inputs: int, width: int, depth: int, norm: Norm, antialiased: bool) -> None:
        super().__init__()
        self.depth = depth
        self.halve = make_blur_pool() if antialiased else None
        widths = [width * min(2**step, 8) for step in range(max(depth, 1) + 1)]
        kernel, padding = (4, 1) if depth else (1, 0)
        layers = []
        for step, (before, after) in enumerate(zip([inputs, *widths], widths, strict=False)):
            bias = step == 0 or norm != "batch"  # a batch norm has its own shift
            layers.append(nn.Conv2d(before, after, kernel, 2 if step < depth and not antialiased else 1, padding, bias=bias))
        self.layers = nn.ModuleList(layers)
        self.norms = nn.ModuleList(nn.Identity() if step == 0 else _make_norm(norm, after) for step, after in enumerate(widths))
        # The original pixel discriminator has no bias here if it uses batch norm.
        self.score = nn.Conv2d(widths[-1], 1, kernel, 1, padding, bias=depth > 0 or norm != "batch")

    def forward(self, maps: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        hidden = []
        for step, (layer, norm) in enumerate(zip(self.layers, self.norms, strict=True)):
            maps = norm(layer(maps))
            maps = maps if isinstance(norm, InstanceNorm) else F.leaky_relu(maps, 0.2)
            if self.halve is not None and step < self.depth:
                maps = self.halve(maps)
            hidden.append(maps)
        return cast(Tensor, self.score(maps)), tuple(hidden)


def _make_norm(kind: Norm, channels: int) -> nn.Module:
    if kind == "instance":
        return InstanceNorm(channels, affine=False, activation="lrelu")
    return nn.BatchNorm2d(channels) if kind == "batch" else nn.Identity()
