"""Features of a pretrained VGG-16, for perceptual losses and metrics."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from i2ikit.core.component import is_restoring
from i2ikit.errors import CheckpointError, OptionError, UnknownNameError, suggest
from i2ikit.nn.weights import WeightsSource, find_differences, join_first_five, read_weights

Scaling = Literal["torchvision", "caffe"]

BLOCKS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
"""Channels and number of convolutions of each block. Between blocks, max pooling halves the size."""

LAYERS = tuple(f"{block}_{each}" for block, (_, count) in enumerate(BLOCKS, 1) for each in range(1, count + 1))
"""Names of the convolutions as in the paper, "1_1" to "5_3"."""

# Layer names by torchvision's keys. In torchvision's list, a ReLU follows each convolution and a pooling follows each block.
_LAYER_NAMES = {f"features.{2 * index + int(layer[0]) - 1}": f"conv{layer}" for index, layer in enumerate(LAYERS)}


class VGG16(nn.Module):
    """Convolutional layers of a pretrained VGG-16, frozen (Simonyan and Zisserman 2015, configuration D).

    Args:
        weights: File of trained weights (safetensors, or a state dict saved by torch), or the state dict itself. Keys are torchvision's
            (``features.0.weight``, with or without the classifier) or named by layer (``conv1_1.weight``), as in MUNIT's code.
        layers: Layers whose features are returned, such as ``("relu2_2", "relu4_2")``. Layers above the last of them are not built.
        scaling: Input scaling that the weights were trained with. "torchvision": RGB in [0, 1], minus ImageNet's mean, divided by its
            standard deviation. "caffe", the authors' own: BGR in [0, 255], minus the mean.
        pools: Number of poolings, up to the four between the blocks. MUNIT's code omits the last one.

    Shapes:
        in:  [B, 3, H, W] in [-1, 1], or grey images [B, 1, H, W]
        out: features of each layer after the ReLU, in the order of ``layers``: [B, C, H / 2**n, W / 2**n] for a layer of block n + 1

    Raises:
        UnknownNameError: A layer is unknown.
        OptionError: The scaling is unknown, or ``layers`` is empty.
        CheckpointError: The file is missing, damaged, unsafe, or does not contain these weights.
    """

    factor: Tensor
    shift: Tensor

    def __init__(
        self, weights: WeightsSource, *, layers: tuple[str, ...] = ("relu5_3",), scaling: Scaling = "torchvision", pools: int = 4
    ) -> None:
        super().__init__()
        known = [f"relu{layer}" for layer in LAYERS]
        for layer in layers:
            if layer not in known:
                raise UnknownNameError("layer of VGG-16", layer, known)
        if not layers:
            raise OptionError(f"VGG-16: layers= is empty. Name at least one layer, from {known[0]} to {known[-1]}.")
        if scaling not in get_args(Scaling):
            raise OptionError(f'VGG-16 has no scaling "{scaling}". {suggest(str(scaling), get_args(Scaling))}')
        self.layers, self.scaling, self.pools = tuple(layers), scaling, pools
        self.convolutions = nn.ModuleDict()
        channels = 3
        for layer in LAYERS[: max(known.index(each) for each in layers) + 1]:
            outputs = BLOCKS[int(layer[0]) - 1][0]
            self.convolutions[f"conv{layer}"] = nn.utils.skip_init(nn.Conv2d, channels, outputs, 3, padding=1)  # type: ignore[no-untyped-call]
            channels = outputs
        torchvision = scaling == "torchvision"
        mean = [0.485, 0.456, 0.406] if torchvision else [103.939, 116.779, 123.68]
        deviation = [0.229, 0.224, 0.225] if torchvision else [1.0, 1.0, 1.0]
        top = 1.0 if torchvision else 255.0
        # ((image + 1) / 2 * top - mean) / deviation, as one product and one sum.
        self.register_buffer("factor", (top / 2 / torch.tensor(deviation))[:, None, None], persistent=False)
        self.register_buffer("shift", ((top / 2 - torch.tensor(mean)) / torch.tensor(deviation))[:, None, None], persistent=False)
        self._load_weights(weights)
        self.requires_grad_(False).eval()

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Return the features of the requested layers."""
        colours = image.expand(-1, 3, -1, -1) if image.shape[1] == 1 else image
        maps = (colours if self.scaling == "torchvision" else colours.flip(1)) * self.factor + self.shift
        features: dict[str, Tensor] = {}
        for name, convolution in self.convolutions.items():
            layer = name.removeprefix("conv")
            if layer.endswith("_1") and 1 < int(layer[0]) <= self.pools + 1:
                maps = F.max_pool2d(maps, 2)
            maps = F.relu(convolution(maps))
            features[f"relu{layer}"] = maps
        return tuple(features[layer] for layer in self.layers)

    def _load_weights(self, weights: WeightsSource) -> None:
        if is_restoring.get():  # the saved model contains them
            return
        state, name = read_weights(weights, "weights")
        own = self.convolutions.state_dict()
        renamed = {_name_by_layer(key): value for key, value in state.items()}
        wrong = find_differences(own, renamed, allow_extra=True)
        if wrong:
            raise CheckpointError(
                f"{name} does not fit VGG-16: {join_first_five(wrong)}. Use torchvision's vgg16 weights, or weights named by layer "
                "(conv1_1.weight)."
            )
        with torch.no_grad():
            for key, tensor in own.items():
                tensor.copy_(renamed[key])

    def extra_repr(self) -> str:
        """Show the options in a printed model."""
        return f"layers={', '.join(self.layers)}, scaling={self.scaling}"


def _name_by_layer(key: str) -> str:
    module, _, leaf = key.rpartition(".")
    return f"{_LAYER_NAMES.get(module, module)}.{leaf}"
