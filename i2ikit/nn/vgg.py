"""Features of a VGG-16 that was trained elsewhere, for losses that compare images by what they show."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from i2ikit.core.component import is_restoring
from i2ikit.errors import CheckpointError, OptionError, UnknownNameError, suggest
from i2ikit.nn.weights import Given, differences, first_five, read_weights

Scaling = Literal["torchvision", "caffe"]

BLOCKS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
"""Channels and convolutions of each block, between which the size is halved."""

LAYERS = tuple(f"{block}_{each}" for block, (_, count) in enumerate(BLOCKS, 1) for each in range(1, count + 1))
"""The convolutions by the paper's names, "1_1" to "5_3"."""

# In torchvision's list of layers each convolution is followed by its ReLU, and each block by a pooling.
_PLACES = {f"features.{2 * index + int(layer[0]) - 1}": f"conv{layer}" for index, layer in enumerate(LAYERS)}


class VGG16(nn.Module):
    """The convolutions of VGG-16 (Simonyan and Zisserman 2015, configuration D), frozen.

    Args:
        weights: A file of trained weights, safetensors or a state dict written by torch, or that state dict itself: torchvision's
            (``features.0.weight``, with or without its classifier), or one by layer (``conv1_1.weight``), as MUNIT's code has it.
        layers: What is wanted, such as ``("relu2_2", "relu4_2")``; nothing above the last of them is built.
        scaling: What the weights were trained on. "torchvision": RGB from 0 to 1, less the mean and over the deviation of ImageNet.
            "caffe", the authors' own: BGR from 0 to 255, less the mean.
        pools: How many of the four poolings between the blocks there are, from the first; MUNIT's code leaves out the last.

    Shapes:
        in:  [B, 3, H, W] in [-1, 1], or [B, 1, H, W], which is taken for gray
        out: one map a wanted layer, in that order, [B, C, H / 2**n, W / 2**n] for a layer of the block n + 1, after the ReLU

    Raises:
        UnknownNameError: No such layer.
        OptionError: No such scaling, or no layer is wanted.
        CheckpointError: The file is missing, damaged, unsafe, or holds something else.
    """

    factor: Tensor
    shift: Tensor

    def __init__(self, weights: Given, *, layers: tuple[str, ...] = ("relu5_3",), scaling: Scaling = "torchvision", pools: int = 4) -> None:
        super().__init__()
        known = [f"relu{layer}" for layer in LAYERS]
        for layer in layers:
            if layer not in known:
                raise UnknownNameError("layer of VGG-16", layer, known)
        if not layers:
            raise OptionError(f"VGG-16 was asked for no layer. Name some, from {known[0]} to {known[-1]}.")
        if scaling not in get_args(Scaling):
            raise OptionError(f'VGG-16 has no scaling "{scaling}". {suggest(str(scaling), get_args(Scaling))}')
        self.layers, self.scaling, self.pools = tuple(layers), scaling, pools
        self.convolutions = nn.ModuleDict()
        channels = 3
        for layer in LAYERS[: max(known.index(each) for each in layers) + 1]:
            wanted = BLOCKS[int(layer[0]) - 1][0]
            self.convolutions[f"conv{layer}"] = nn.utils.skip_init(nn.Conv2d, channels, wanted, 3, padding=1)  # type: ignore[no-untyped-call]
            channels = wanted
        torchvision = scaling == "torchvision"
        mean = [0.485, 0.456, 0.406] if torchvision else [103.939, 116.779, 123.68]
        deviation = [0.229, 0.224, 0.225] if torchvision else [1.0, 1.0, 1.0]
        top = 1.0 if torchvision else 255.0
        # (image + 1) / 2 * top, less the mean, over the deviation: one product and one sum.
        self.register_buffer("factor", (top / 2 / torch.tensor(deviation))[:, None, None], persistent=False)
        self.register_buffer("shift", ((top / 2 - torch.tensor(mean)) / torch.tensor(deviation))[:, None, None], persistent=False)
        self._fill(weights)
        self.requires_grad_(False).eval()

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Return the maps of the wanted layers."""
        colours = image.expand(-1, 3, -1, -1) if image.shape[1] == 1 else image
        maps = (colours if self.scaling == "torchvision" else colours.flip(1)) * self.factor + self.shift
        found: dict[str, Tensor] = {}
        for name, convolution in self.convolutions.items():
            layer = name.removeprefix("conv")
            if layer.endswith("_1") and 1 < int(layer[0]) <= self.pools + 1:
                maps = F.max_pool2d(maps, 2)
            maps = F.relu(convolution(maps))
            found[f"relu{layer}"] = maps
        return tuple(found[layer] for layer in self.layers)

    def _fill(self, weights: Given) -> None:
        if is_restoring.get():  # they come with the saved model
            return
        state, name = read_weights(weights, "weights")
        own = self.convolutions.state_dict()
        given = {_by_layer(key): value for key, value in state.items()}
        wrong = differences(own, given, more=True)
        if wrong:
            raise CheckpointError(
                f"{name} does not fit VGG-16: {first_five(wrong)}. Give torchvision's vgg16, or weights by layer (conv1_1.weight)."
            )
        with torch.no_grad():
            for key, tensor in own.items():
                tensor.copy_(given[key])

    def extra_repr(self) -> str:
        """Show the options in a printed model."""
        return f"layers={', '.join(self.layers)}, scaling={self.scaling}"


def _by_layer(key: str) -> str:
    place, _, leaf = key.rpartition(".")
    return f"{_PLACES.get(place, place)}.{leaf}"
