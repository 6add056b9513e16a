"""The backbones of LPIPS, AlexNet and VGG-16, with weights from files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from i2ikit.errors import CheckpointError, OptionError, suggest
from i2ikit.evaluation.weights import read_weights
from i2ikit.nn.vgg import VGG16

CHANNELS: dict[str, tuple[int, ...]] = {"alex": (64, 192, 384, 256, 256), "vgg": (64, 128, 256, 512, 512)}
"""Channels of the five maps of each backbone: relu1 to relu5 of AlexNet; relu1_2, relu2_2, relu3_3, relu4_3 and relu5_3 of VGG-16."""
MIN_SIZE = {"alex": 31, "vgg": 16}
"""The smallest height and width of images in pixels."""
VGG_LAYERS = ("relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3")


class AlexNet(nn.Module):
    """The convolutions of AlexNet (Krizhevsky 2014, one tower).

    Args:
        state: The state dict of torchvision's ``alexnet``, with or without its classifier.
        origin: The name of the state dict in messages.

    Raises:
        CheckpointError: Convolutions are missing or have another shape; the message names the first five.
    """

    # index in torchvision's ``features``: channels, kernel, stride, padding; a max pooling of 3x3 precedes the layers in POOLED
    LAYOUT = {0: (64, 11, 4, 2), 3: (192, 5, 1, 2), 6: (384, 3, 1, 1), 8: (256, 3, 1, 1), 10: (256, 3, 1, 1)}  # noqa: RUF012
    POOLED = (3, 6)
    mean: Tensor
    deviation: Tensor

    def __init__(self, state: Mapping[str, Tensor], origin: str = "The state dict") -> None:
        super().__init__()
        self.convolutions, in_channels = nn.ModuleDict(), 3
        for index, (channels, kernel, stride, padding) in self.LAYOUT.items():
            convolution = nn.utils.skip_init(nn.Conv2d, in_channels, channels, kernel, stride, padding)  # type: ignore[no-untyped-call]
            self.convolutions[str(index)], in_channels = convolution, channels
        # mean and standard deviation of ImageNet's colours in [-1, 1]
        self.register_buffer("mean", torch.tensor([-0.030, -0.088, -0.188])[:, None, None], persistent=False)
        self.register_buffer("deviation", torch.tensor([0.458, 0.448, 0.450])[:, None, None], persistent=False)
        expected = self.convolutions.state_dict()
        found = {name.removeprefix("features."): value for name, value in state.items() if not name.startswith("classifier.")}
        wrong = [
            f"features.{name} is {list(found[name].shape) if name in found else 'missing'}, expected {list(value.shape)}"
            for name, value in expected.items()
            if name not in found or found[name].shape != value.shape
        ]
        if wrong:
            raise CheckpointError(f"{origin} does not fit AlexNet: {'; '.join(wrong[:5])}. Give the weights of torchvision's alexnet.")
        self.convolutions.load_state_dict({name: found[name] for name in expected})
        self.requires_grad_(requires_grad=False).eval()

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return the five maps [B, C, H, W] after each ReLU, for images [B, 3, H, W] in [-1, 1]."""
        features, maps = (images - self.mean) / self.deviation, list[Tensor]()
        for index, convolution in self.convolutions.items():
            features = F.relu(convolution(F.max_pool2d(features, 3, 2) if int(index) in self.POOLED else features))
            maps.append(features)
        return maps


class Backbone(nn.Module):
    """One of the two backbones, with a check of its inputs.

    Args:
        name: ``"alex"`` or ``"vgg"``.
        path: The file of the weights, with the names of torchvision.

    Raises:
        OptionError: There is no backbone of this name.
        CheckpointError: The file is missing, damaged or unsafe, or belongs to another network.
    """

    def __init__(self, name: str, path: str | Path) -> None:
        super().__init__()
        if name not in CHANNELS:
            raise OptionError(f'LPIPS has no backbone "{name}". {suggest(name, CHANNELS)}')
        self.name, self.channels, self.min_size = name, CHANNELS[name], MIN_SIZE[name]
        self.network = AlexNet(read_weights(path), f'"{path}"') if name == "alex" else VGG16(read_weights(path), layers=VGG_LAYERS)

    def forward(self, images: Tensor) -> Sequence[Tensor]:
        """Return five maps [B, C, H, W] for images [B, 3, H, W] in [-1, 1]; images of one channel are read as grey.

        Raises:
            OptionError: The images have another number of channels, or are too small for the network.
        """
        if images.ndim != 4 or images.shape[1] not in {1, 3} or min(images.shape[-2:]) < self.min_size:
            raise OptionError(
                f'The backbone "{self.name}" requires images [B, 3, H, W] or [B, 1, H, W] with {self.min_size} pixels or more on each '
                f"side; found {list(images.shape)}."
            )
        maps: Sequence[Tensor] = self.network(images.expand(-1, 3, -1, -1))
        return maps
