"""The networks whose maps LPIPS compares, AlexNet and VGG-16, with weights from files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from i2ikit.errors import CheckpointError, OptionError, suggest
from i2ikit.evaluate.weights import read_weights
from i2ikit.nn.vgg import VGG16

CHANNELS: dict[str, tuple[int, ...]] = {"alex": (64, 192, 384, 256, 256), "vgg": (64, 128, 256, 512, 512)}
"""Of the five maps of each trunk, by LPIPS's own names: AlexNet's relu1 to relu5, and relu1_2, relu2_2, relu3_3, relu4_3 and relu5_3."""
LEAST = {"alex": 31, "vgg": 16}
"""The smallest height and width in pixels."""
VGG_LAYERS = ("relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3")


class AlexNet(nn.Module):
    """The convolutions of AlexNet (Krizhevsky 2014, one tower), their maps after each ReLU.

    Args:
        state: torchvision's ``alexnet``, whole or its ``features`` alone; the classifier is not needed.
        origin: What the state is called in messages.

    Raises:
        CheckpointError: A convolution is missing or has another shape; the first five are named.
    """

    # place among torchvision's layers: channels, kernel, stride, padding; those at POOLED have a maximum of 3x3 before them
    LAYOUT = {0: (64, 11, 4, 2), 3: (192, 5, 1, 2), 6: (384, 3, 1, 1), 8: (256, 3, 1, 1), 10: (256, 3, 1, 1)}  # noqa: RUF012
    POOLED = (3, 6)
    mean: Tensor
    deviation: Tensor

    def __init__(self, state: Mapping[str, Tensor], origin: str = "The state dict") -> None:
        super().__init__()
        self.convolutions, before = nn.ModuleDict(), 3
        for place, (channels, kernel, stride, padding) in self.LAYOUT.items():
            self.convolutions[str(place)] = nn.utils.skip_init(nn.Conv2d, before, channels, kernel, stride, padding)  # type: ignore[no-untyped-call]
            before = channels
        # of ImageNet's colours in [-1, 1]
        self.register_buffer("mean", torch.tensor([-0.030, -0.088, -0.188])[:, None, None], persistent=False)
        self.register_buffer("deviation", torch.tensor([0.458, 0.448, 0.450])[:, None, None], persistent=False)
        own = self.convolutions.state_dict()
        given = {name.removeprefix("features."): value for name, value in state.items() if not name.startswith("classifier.")}
        wrong = [
            f"features.{name} is {list(given[name].shape) if name in given else 'missing'}, expected {list(value.shape)}"
            for name, value in own.items()
            if name not in given or given[name].shape != value.shape
        ]
        if wrong:
            raise CheckpointError(f"{origin} does not fit AlexNet: {'; '.join(wrong[:5])}. Give torchvision's alexnet.")
        self.convolutions.load_state_dict({name: given[name] for name in own})
        self.requires_grad_(requires_grad=False).eval()

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return five maps [B C H W] of images [B 3 H W] in [-1, 1]."""
        maps, found = (images - self.mean) / self.deviation, list[Tensor]()
        for place, convolution in self.convolutions.items():
            maps = F.relu(convolution(F.max_pool2d(maps, 3, 2) if int(place) in self.POOLED else maps))
            found.append(maps)
        return found


class Trunk(nn.Module):
    """One of the two networks, which refuses what it cannot read.

    Args:
        name: ``"alex"`` or ``"vgg"``.
        path: Its weights, as torchvision names them.

    Raises:
        OptionError: There is no such trunk.
        CheckpointError: The file is missing, damaged, unsafe or of another network.
    """

    def __init__(self, name: str, path: str | Path) -> None:
        super().__init__()
        if name not in CHANNELS:
            raise OptionError(f'"{name}" is no trunk of LPIPS. {suggest(name, CHANNELS)}')
        self.name, self.channels, self.least = name, CHANNELS[name], LEAST[name]
        self.network = AlexNet(read_weights(path), f'"{path}"') if name == "alex" else VGG16(read_weights(path), layers=VGG_LAYERS)

    def forward(self, images: Tensor) -> Sequence[Tensor]:
        """Return five maps [B C H W] of images [B 3 H W] in [-1, 1]; one channel is read as grey.

        Raises:
            OptionError: Another number of channels, or images too small for the network.
        """
        if images.ndim != 4 or images.shape[1] not in {1, 3} or min(images.shape[-2:]) < self.least:
            raise OptionError(
                f'The trunk "{self.name}" reads images [B, 3, H, W] or [B, 1, H, W] of {self.least} pixels or more a side; '
                f"found {list(images.shape)}."
            )
        maps: Sequence[Tensor] = self.network(images.expand(-1, 3, -1, -1))
        return maps
