"""The multi-scale discriminator of UNIT and MUNIT."""

from __future__ import annotations

import itertools
import math
from typing import cast

from torch import Tensor, nn
from torch.nn import functional as F

from i2ikit.core.code import DiscriminatorOutput
from i2ikit.core.specs import ImageSpec
from i2ikit.errors import OptionError
from i2ikit.nn.init import init_gaussian
from i2ikit.nn.padded_conv import Pad, PaddedConv

DEFAULT_SCALES = 3


class MultiscaleDiscriminator(nn.Module):
    """Multi-scale discriminator: scores patches at full, half and quarter resolution (MUNIT, section 5.1; Wang et al. 2018).

    Each resolution has its own network: 4x4 convolutions of stride 2 with leaky ReLUs of slope 0.2 and without norm, then a 1x1
    convolution that computes the scores.

    Args:
        image: Size and channels of the images.
        width: Channels after the first convolution. Each further one doubles them. Allowed: 1 or more.
        depth: Number of convolutions of stride 2. Allowed: 1 or more.
        scales: Number of resolutions. By default 3, as in the paper, or fewer if the smaller side does not allow 3. Allowed: 1 or more, or
            None.
        pad: Padding: "reflect" or "zero".

    Shapes:
        in:  [B, C, H, W] in [-1, 1]
        out: scores[i] [B, 1, H / 2**(depth + i), W / 2**(depth + i)], the full resolution first;  features[i]: the maps of the strided
            convolutions

    Raises:
        OptionError: An option is out of range, or the image is too small for the convolutions.
    """

    def __init__(self, image: ImageSpec, *, width: int = 64, depth: int = 4, scales: int | None = None, pad: Pad = "reflect") -> None:
        super().__init__()
        if width < 1 or depth < 1 or (scales is not None and scales < 1):
            raise OptionError(
                '"multiscale_discriminator": width, depth and scales must be at least 1; '
                f"found width={width}, depth={depth}, scales={scales}."
            )
        room = int(math.log2(min(image.height, image.width))) - depth + 1
        if room < (scales or 1):
            raise OptionError(
                f'"multiscale_discriminator" with depth={depth} and scales={scales or 1} does not fit {image}. '
                f"Use sides of at least {2 ** (depth + (scales or 1) - 1)} pixels, a smaller depth or fewer scales."
            )
        self.scales = nn.ModuleList(_SingleScale(image.channels, width, depth, pad) for _ in range(scales or min(DEFAULT_SCALES, room)))
        init_gaussian(self)

    def forward(self, image: Tensor) -> DiscriminatorOutput:
        """Score images."""
        scores, features = [], []
        for index, scale in enumerate(self.scales):
            if index:
                image = F.avg_pool2d(image, 3, 2, 1, count_include_pad=False)
            score, hidden = scale(image)
            scores.append(score)
            features.append(hidden)
        return DiscriminatorOutput(tuple(scores), None, tuple(features))


class _SingleScale(nn.Module):
    """Convolutions that score the patches at one resolution."""

    def __init__(self, channels: int, width: int, depth: int, pad: Pad) -> None:
        super().__init__()
        widths = [channels, *(width * 2**step for step in range(depth))]
        self.layers = nn.ModuleList(
            PaddedConv(before, after, 4, stride=2, pad=pad, activation="lrelu") for before, after in itertools.pairwise(widths)
        )
        self.score = nn.Conv2d(widths[-1], 1, 1)

    def forward(self, maps: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        hidden = []
        for layer in self.layers:
            maps = layer(maps)
            hidden.append(maps)
        return cast(Tensor, self.score(maps)), tuple(hidden)
