"""BicycleGAN's style encoder: from an image of the target domain to a distribution over styles."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal, cast, get_args

from torch import Tensor, nn
from torch.nn import functional as F

from i2ikit import Code, CodeSpec, ImageSpec, Posterior, StyleSpec
from i2ikit.errors import OptionError, suggest
from i2ikit.nn import InstanceNorm, init_gaussian

Architecture = Literal["resnet", "conv"]
Norm = Literal["instance", "batch"]
STYLE_WIDTH = 8


class BicycleGANStyleEncoder(nn.Module):
    """Style encoder of BicycleGAN: maps an image to a Gaussian with diagonal covariance (BicycleGAN, sections 3.2 and 4).

    A 4x4 convolution of stride 2, then either residual blocks that halve the sides ("resnet", the choice of the paper) or 4x4 convolutions
    of stride 2 with leaky ReLUs ("conv"). Global average pooling follows, and two linear layers for the mean and the log variance.

    Args:
        image: Size and channels of the images.
        code: Spec of the code so far. If the plan samples a style, this one has the same width by default.
        style: Width of the style; 0 means the width of the plan's style, or 8 if the plan samples none. Allowed: 0 or more.
        width: Channels after the first convolution. Each residual block adds ``width`` channels ("conv": doubles them), up to four times
            ``width``. Allowed: 1 or more.
        depth: How often the sides are halved. The default is until 8 pixels remain, between 2 and 5 times: 4 for 128 pixels, 5 for 256.
            Allowed: 1 or more, or None.
        architecture: "resnet" or "conv".
        norm: "instance", or "batch", which uses running statistics at inference.

    Shapes:
        in:  [B, C, H, W] in [-1, 1]
        out: code.style [B, style], the mean; code.posterior.mean and code.posterior.logvar [B, style]

    Raises:
        OptionError: The architecture is unknown, or a number is out of range.
    """

    def __init__(
        self,
        image: ImageSpec,
        code: CodeSpec,
        *,
        style: int = 0,
        width: int = 64,
        depth: int | None = None,
        architecture: Architecture = "resnet",
        norm: Norm = "instance",
    ) -> None:
        super().__init__()
        side = min(image.height, image.width)
        depth = min(5, max(2, side.bit_length() - 4)) if depth is None else depth
        if architecture not in get_args(Architecture):
            raise OptionError(
                f'"bicyclegan_style_encoder" does not support architecture="{architecture}". '
                f"{suggest(str(architecture), get_args(Architecture))}"
            )
        if width < 1 or style < 0 or depth < 1:
            raise OptionError(
                f'"bicyclegan_style_encoder" does not support style={style}, width={width}, depth={depth}: style must be 0 or more, width '
                "and depth 1 or more."
            )
        if side < 2**depth:
            raise OptionError(
                f'"bicyclegan_style_encoder" with depth={depth} does not fit {image}. Use a depth of {side.bit_length() - 1} or less.'
            )
        style = style or (code.style.width if code.style and not code.style.vectors else STYLE_WIDTH)
        widths = [width * min(4, step + 1 if architecture == "resnet" else 2**step) for step in range(depth)]
        block = _ResidualBlock if architecture == "resnet" else _StridedBlock
        self.stem = nn.Conv2d(image.channels, width, 4, 2, 1)
        self.blocks = nn.ModuleList(block(before, after, norm) for before, after in pairwise(widths))
        self.mean, self.logvar = nn.Linear(widths[-1], style), nn.Linear(widths[-1], style)
        self.architecture = architecture
        self.output_spec = CodeSpec((), StyleSpec(style), posterior=True)
        init_gaussian(self)

    def forward(self, image: Tensor, label: Tensor | None = None) -> Code:
        """Encode images [B, C, H, W] in [-1, 1]; the label is not used."""
        maps = self.stem(image)
        maps = F.leaky_relu(maps, 0.2) if self.architecture == "conv" else maps
        for block in self.blocks:
            maps = block(maps)
        maps = F.leaky_relu(maps, 0.2) if self.architecture == "resnet" else maps
        pooled = maps.mean((2, 3))
        mean = self.mean(pooled)
        return Code((), mean, Posterior(mean, self.logvar(pooled)))


class _ResidualBlock(nn.Module):
    """Residual block: norm, leaky ReLU, 3x3, norm, leaky ReLU, 3x3, average pooling; shortcut: average pooling, 1x1."""

    def __init__(self, inputs: int, outputs: int, norm: Norm) -> None:
        super().__init__()
        self.first_norm, self.first = _make_norm(norm, inputs), nn.Conv2d(inputs, inputs, 3, padding=1)
        self.second_norm, self.second = _make_norm(norm, inputs), _PooledConv(inputs, outputs)
        self.shortcut = nn.Conv2d(inputs, outputs, 1)

    def forward(self, maps: Tensor) -> Tensor:
        residual = self.second(self.second_norm(self.first(self.first_norm(maps))))
        return cast(Tensor, residual + self.shortcut(F.avg_pool2d(maps, 2)))


class _StridedBlock(nn.Module):
    """A 4x4 convolution of stride 2, norm, leaky ReLU."""

    def __init__(self, inputs: int, outputs: int, norm: Norm) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(inputs, outputs, 4, 2, 1), _make_norm(norm, outputs)

    def forward(self, maps: Tensor) -> Tensor:
        return cast(Tensor, self.norm(self.conv(maps)))


class _PooledConv(nn.Conv2d):
    """A 3x3 convolution followed by 2x2 average pooling, computed as a single convolution: less than half the work."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 3)

    def forward(self, maps: Tensor) -> Tensor:
        wide = F.pad(self.weight, (0, 1)) + F.pad(self.weight, (1, 0))
        both = F.pad(wide, (0, 0, 0, 1)) + F.pad(wide, (0, 0, 1, 0))
        return F.conv2d(maps, both / 4, self.bias, stride=2, padding=1)


def _make_norm(norm: Norm, channels: int) -> nn.Module:
    """Return a norm with the leaky ReLU that follows it."""
    return InstanceNorm(channels, affine=False, activation="lrelu") if norm == "instance" else _ActivatedBatchNorm(channels)


class _ActivatedBatchNorm(nn.BatchNorm2d):
    """A batch norm followed by a leaky ReLU."""

    def forward(self, maps: Tensor) -> Tensor:
        return F.leaky_relu(super().forward(maps), 0.2)
