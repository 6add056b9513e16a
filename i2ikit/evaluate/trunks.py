"""The convolutional trunks of AlexNet and VGG-16, whose maps LPIPS compares; weights are given as files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from attrs import frozen
from torch import Tensor, nn

from i2ikit.errors import CheckpointError, OptionError, suggestion
from i2ikit.evaluate.weights import read_weights


@frozen
class _Conv:
    place: int
    channels: int
    kernel: int = 3
    stride: int = 1
    padding: int = 1


@frozen
class Layout:
    """Where a trunk's convolutions stand.

    Attributes:
        stages: The convolutions of each stage, each followed by ReLU, with their places among torchvision's ``features``; the maps after
            the last one of a stage are compared.
        pool: Of the maximum between the stages that have one before them, of stride 2.
        pooled: Which stages have one before them.
        least: The smallest height and width in pixels.
    """

    stages: tuple[tuple[_Conv, ...], ...]
    pool: int
    pooled: tuple[bool, ...]
    least: int


LAYOUTS: dict[str, Layout] = {
    "alex": Layout(
        ((_Conv(0, 64, 11, 4, 2),), (_Conv(3, 192, 5, 1, 2),), (_Conv(6, 384),), (_Conv(8, 256),), (_Conv(10, 256),)),
        3,
        (False, True, True, False, False),
        31,
    ),
    "vgg": Layout(
        (
            (_Conv(0, 64), _Conv(2, 64)),
            (_Conv(5, 128), _Conv(7, 128)),
            (_Conv(10, 256), _Conv(12, 256), _Conv(14, 256)),
            (_Conv(17, 512), _Conv(19, 512), _Conv(21, 512)),
            (_Conv(24, 512), _Conv(26, 512), _Conv(28, 512)),
        ),
        2,
        (False, True, True, True, True),
        16,
    ),
}
"""By LPIPS's own names: AlexNet (relu1 to relu5) and VGG-16 (relu1_2, relu2_2, relu3_3, relu4_3, relu5_3)."""


class Trunk(nn.Module):
    """The maps of AlexNet or VGG-16 after the last ReLU of each of five stages.

    Args:
        name: ``"alex"`` or ``"vgg"``.

    Raises:
        OptionError: There is no such trunk.
    """

    shift: Tensor
    scale: Tensor

    def __init__(self, name: str = "alex") -> None:
        super().__init__()
        if name not in LAYOUTS:
            raise OptionError(f'"{name}" is no trunk of LPIPS. {suggestion(name, LAYOUTS)}')
        self.name, self.layout = name, LAYOUTS[name]
        self.channels = tuple(stage[-1].channels for stage in self.layout.stages)
        self.convolutions = nn.ModuleDict()
        before = 3
        for each in (conv for stage in self.layout.stages for conv in stage):
            self.convolutions[str(each.place)] = nn.Conv2d(before, each.channels, each.kernel, each.stride, each.padding)
            before = each.channels
        # the mean and the deviation of ImageNet's colours in [-1, 1], with the digits that LPIPS was fitted with
        self.register_buffer("shift", torch.tensor([-0.030, -0.088, -0.188]).reshape(1, 3, 1, 1), persistent=False)
        self.register_buffer("scale", torch.tensor([0.458, 0.448, 0.450]).reshape(1, 3, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return five maps [B, C, H, W] of images [B, 3, H, W] in [-1, 1]; one channel is read as grey.

        Raises:
            OptionError: Another number of channels, or images too small for the network.
        """
        if images.ndim != 4 or images.shape[1] not in {1, 3} or min(images.shape[-2:]) < self.layout.least:
            raise OptionError(
                f'The trunk "{self.name}" reads images [B, 3, H, W] or [B, 1, H, W] of {self.layout.least} pixels or more a side; '
                f"found {list(images.shape)}."
            )
        maps, found = (images - self.shift) / self.scale, []
        for stage, pooled in zip(self.layout.stages, self.layout.pooled, strict=True):
            if pooled:
                maps = nn.functional.max_pool2d(maps, self.layout.pool, 2)
            for each in stage:
                maps = self.convolutions[str(each.place)](maps).relu()
            found.append(maps)
        return found

    def take(self, tensors: Mapping[str, Tensor], origin: str) -> None:
        """Copy the weights of torchvision's ``alexnet`` or ``vgg16``, whole or its ``features`` alone; the classifier is not needed.

        Raises:
            CheckpointError: A convolution is missing or has another shape; the first five are named.
        """
        convolutions = {name.removeprefix("features."): value for name, value in tensors.items() if not name.startswith("classifier.")}
        own = self.convolutions.state_dict()
        wrong = [
            f"features.{name} is {list(convolutions[name].shape) if name in convolutions else 'missing'}, expected {list(value.shape)}"
            for name, value in own.items()
            if name not in convolutions or convolutions[name].shape != value.shape
        ]
        if wrong:
            raise CheckpointError(f'"{origin}" does not hold the trunk "{self.name}": {"; ".join(wrong[:5])}.')
        self.convolutions.load_state_dict({name: convolutions[name] for name in own})


def load_trunk(name: str, path: str | Path) -> Trunk:
    """Return a trunk with weights from a file (torchvision's names), frozen.

    Raises:
        OptionError: There is no such trunk.
        CheckpointError: The file is missing, damaged, unsafe or of another network.
    """
    trunk = Trunk(name)
    trunk.take(read_weights(path), str(path))
    return trunk.eval().requires_grad_(requires_grad=False)
