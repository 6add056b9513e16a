"""The patch discriminator of CycleGAN, pix2pix and BicycleGAN."""

from __future__ import annotations

from typing import Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from i2ikit.core.code import DiscriminatorOutput
from i2ikit.core.specs import ImageSpec
from i2ikit.errors import OptionError
from i2ikit.nn.init import gaussian
from i2ikit.nn.norms import InstanceNorm
from i2ikit.nn.resample import halving

Norm = Literal["instance", "batch", "none"]


class PatchDiscriminator(nn.Module):
    """Score overlapping patches of an image (pix2pix, section 3.2.2 and appendix 6.1.2; CycleGAN, section 4).

    4x4 convolutions with leaky ReLUs of slope 0.2: ``depth`` of stride 2, one of stride 1, and one of stride 1 that gives a score a place.
    All but the first and the last are normalised. With a depth of 3 a score sees 70x70 pixels, with 5 it sees 286x286, the paper's
    ImageGAN; with 0 the kernels are 1x1 and each pixel is scored alone, its PixelGAN.

    Args:
        image: Channels of the images that are scored.
        source: Channels of the images that were translated, which a conditional discriminator sees too.
        width: Channels after the first convolution; doubled by each further one, up to eight times.
        depth: Convolutions of stride 2.
        norm: "instance", "batch", or "none".
        conditional: Whether the image that was translated is seen beside its translation (pix2pix, equation 1).
        scales: So many discriminators score the image at full, half, quarter ... resolution, and each has a net of its own.
        narrower: Whether the discriminator of each coarser scale has half the channels of the one before it, as in BicycleGAN's code.
        antialiased: Whether a step down is a convolution of stride 1 whose activated maps are blurred before every second pixel is taken
            (Zhang 2019), as in CUT's code.

    Shapes:
        in:  [B, C, H, W]; source [B, C', H, W]
        out: scores[i] [B, 1, about H / 2**(depth + i), about W / 2**(depth + i)], the full resolution first;  features[i]: one map for
            each convolution but the last

    Attributes:
        inputs: What it is given beside the image.

    Raises:
        OptionError: A number that cannot be, or images too small for the depth and the scales.
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
                f'"patch_discriminator" with width={width}, depth={depth} and scales={scales}: needed are 1, 0 and 1 or more.'
            )
        side = min(image.height, image.width)
        for _ in range(scales - 1):
            side = (side + 1) // 2
        if depth and side >> depth < 3:
            min_size = 3 * 2 ** (depth + scales - 1)
            asked = f"depth={depth}" + (f" and scales={scales}" if scales > 1 else "")
            raise OptionError(f'"patch_discriminator" with {asked} does not fit {image}: sides of {min_size} will do. Use a smaller depth.')
        self.inputs: tuple[str, ...] = ("source",) if conditional else ()
        inputs = image.channels + (source.channels if conditional else 0)
        widths = [max(1, round(width / 2**scale) if narrower else width) for scale in range(scales)]
        self.scales = nn.ModuleList(_Patches(inputs, each, depth, norm, antialiased) for each in widths)
        gaussian(self)

    def forward(self, image: Tensor, source: Tensor | None = None) -> DiscriminatorOutput:
        """Score images; ``source`` [B, C', H, W] are those that were translated, which only a conditional discriminator reads."""
        seen = image if source is None else torch.cat([source, image], 1)
        scores, features = [], []
        for index, scale in enumerate(self.scales):
            if index:
                seen = F.avg_pool2d(seen, 3, 2, 1, count_include_pad=False)
            score, hidden = scale(seen)
            scores.append(score)
            features.append(hidden)
        return DiscriminatorOutput(tuple(scores), None, tuple(features))


class _Patches(nn.Module):
    def __init__(self, inputs: int, width: int, depth: int, norm: Norm, antialiased: bool) -> None:
        super().__init__()
        self.depth = depth
        self.halve = halving() if antialiased else None
        widths = [width * min(2**step, 8) for step in range(max(depth, 1) + 1)]
        kernel, padding = (4, 1) if depth else (1, 0)
        layers = []
        for step, (before, after) in enumerate(zip([inputs, *widths], widths, strict=False)):
            bias = step == 0 or norm != "batch"  # a batch norm has a shift of its own
            layers.append(nn.Conv2d(before, after, kernel, 2 if step < depth and not antialiased else 1, padding, bias=bias))
        self.layers = nn.ModuleList(layers)
        self.norms = nn.ModuleList(nn.Identity() if step == 0 else _norm(norm, after) for step, after in enumerate(widths))
        # The original's pixel discriminator has no bias where it has a batch norm.
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


def _norm(kind: Norm, channels: int) -> nn.Module:
    if kind == "instance":
        return InstanceNorm(channels, affine=False, activation="lrelu")
    return nn.BatchNorm2d(channels) if kind == "batch" else nn.Identity()
