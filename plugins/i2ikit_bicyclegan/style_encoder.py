"""BicycleGAN's encoder: from an image of the target to a distribution over styles."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal, cast, get_args

from torch import Tensor, nn
from torch.nn import functional as F

from i2ikit import Code, CodeSpec, ImageSpec, Posterior, StyleSpec
from i2ikit.errors import OptionError, suggest
from i2ikit.nn import InstanceNorm, gaussian

Architecture = Literal["resnet", "conv"]
Norm = Literal["instance", "batch"]
STYLE = 8


class BicycleGANStyleEncoder(nn.Module):
    """Read the style off an image as a Gaussian with a diagonal covariance (BicycleGAN, sections 3.2 and 4).

    A 4x4 convolution of stride 2, then either residual blocks that halve the sides ("resnet", the paper's choice) or 4x4 convolutions of
    stride 2 with leaky ReLUs ("conv"); the mean over all places; a linear layer for the mean and one for the logarithm of the variance.

    Args:
        image: Size and channels of the images that are encoded.
        code: What is there so far; where the plan draws a style, that is how wide this one is.
        style: Width of the style; 0 means that of the plan, or 8 where it draws none.
        width: Channels after the first convolution; each block adds as many ("conv" doubles them), up to four times.
        depth: How many times the sides are halved: by default until 8 pixels are left, between 2 and 5 times: 4 for 128 pixels, 5 for 256.
        architecture: "resnet" or "conv".
        norm: "instance", or "batch", which outside training uses running statistics.

    Shapes:
        in:  [B, C, H, W]
        out: code.style [B, style], the mean; code.posterior.mean and code.posterior.logvar [B, style]

    Raises:
        OptionError: No such kind, or a number that cannot be.
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
                f'"bicyclegan_style_encoder" has no architecture "{architecture}". {suggest(str(architecture), get_args(Architecture))}'
            )
        if width < 1 or style < 0 or depth < 1:
            raise OptionError(
                f'"bicyclegan_style_encoder" with style={style}, width={width} and depth={depth}: needed are 0, 1 and 1 or more.'
            )
        if side < 2**depth:
            raise OptionError(f'"bicyclegan_style_encoder" with depth={depth} does not fit {image}. Use {side.bit_length() - 1} or less.')
        style = style or (code.style.width if code.style and not code.style.vectors else STYLE)
        widths = [width * min(4, step + 1 if architecture == "resnet" else 2**step) for step in range(depth)]
        block = _Residual if architecture == "resnet" else _Strided
        self.stem = nn.Conv2d(image.channels, width, 4, 2, 1)
        self.blocks = nn.ModuleList(block(before, after, norm) for before, after in pairwise(widths))
        self.mean, self.logvar = nn.Linear(widths[-1], style), nn.Linear(widths[-1], style)
        self.architecture = architecture
        self.output_spec = CodeSpec((), StyleSpec(style), posterior=True)
        gaussian(self)

    def forward(self, image: Tensor, label: Tensor | None = None) -> Code:
        """Encode images [B, C, H, W]; there are no labels."""
        maps = self.stem(image)
        maps = F.leaky_relu(maps, 0.2) if self.architecture == "conv" else maps
        for block in self.blocks:
            maps = block(maps)
        maps = F.leaky_relu(maps, 0.2) if self.architecture == "resnet" else maps
        pooled = maps.mean((2, 3))
        mean = self.mean(pooled)
        return Code((), mean, Posterior(mean, self.logvar(pooled)))


class _Residual(nn.Module):
    """Norm, leaky ReLU, 3x3, norm, leaky ReLU, 3x3, and halve; beside it, halve and 1x1."""

    def __init__(self, inputs: int, outputs: int, norm: Norm) -> None:
        super().__init__()
        self.first_norm, self.first = _Norm.of(norm, inputs), nn.Conv2d(inputs, inputs, 3, padding=1)
        self.second_norm, self.second = _Norm.of(norm, inputs), _HalvedConv(inputs, outputs)
        self.shortcut = nn.Conv2d(inputs, outputs, 1)

    def forward(self, maps: Tensor) -> Tensor:
        changed = self.second(self.second_norm(self.first(self.first_norm(maps))))
        return cast(Tensor, changed + self.shortcut(F.avg_pool2d(maps, 2)))


class _Strided(nn.Module):
    """4x4 of stride 2, norm, leaky ReLU."""

    def __init__(self, inputs: int, outputs: int, norm: Norm) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(inputs, outputs, 4, 2, 1), _Norm.of(norm, outputs)

    def forward(self, maps: Tensor) -> Tensor:
        return cast(Tensor, self.norm(self.conv(maps)))


class _HalvedConv(nn.Conv2d):
    """A 3x3 convolution followed by the mean over squares of 2 x 2, as the one convolution that both are: less than half the work."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 3)

    def forward(self, maps: Tensor) -> Tensor:
        wide = F.pad(self.weight, (0, 1)) + F.pad(self.weight, (1, 0))
        both = F.pad(wide, (0, 0, 0, 1)) + F.pad(wide, (0, 0, 1, 0))
        return F.conv2d(maps, both / 4, self.bias, stride=2, padding=1)


class _Norm(nn.BatchNorm2d):
    """A batch norm with the leaky ReLU that follows it; an instance norm has its own."""

    @staticmethod
    def of(architecture: Norm, channels: int) -> nn.Module:
        return InstanceNorm(channels, affine=False, activation="lrelu") if architecture == "instance" else _Norm(channels)

    def forward(self, maps: Tensor) -> Tensor:
        return F.leaky_relu(super().forward(maps), 0.2)
