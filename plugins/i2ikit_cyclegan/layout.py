"""Layer names of the networks of the original code, and the sizes that are inferred from their tensors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch
from attrs import frozen
from torch import Tensor

from i2ikit.errors import CheckpointError, format_count
from i2ikit.nn.discriminator_weights import DiscriminatorSizes, map_discriminator_layers
from i2ikit.nn.weights import StateDict, make_wrong_network_error

FILTER_TAPS = {3: (1.0, 2.0, 1.0), 4: (1.0, 3.0, 3.0, 1.0)}


@frozen
class GeneratorSizes:
    """Sizes of an original generator, inferred from its tensors."""

    width: int
    blocks: int
    channels: int
    dropout: bool = False
    down: str = "strided"
    up: str = "transposed"

    @property
    def options(self) -> dict[str, Any]:
        """The options of ``cyclegan_generator``."""
        options: dict[str, Any] = {"width": self.width, "blocks": self.blocks, "down": self.down, "up": self.up}
        return {**options, "dropout": 0.5} if self.dropout else options

    @property
    def parts(self) -> dict[str, str]:
        """Mapping from the original's layer names to ours, in the order of the original."""
        down, first, up, distance = self._positions
        parts = {"model.1": "stem.conv", **{f"model.{number}": f"down.{step}.0.conv" for step, number in enumerate(down)}}
        for block in range(self.blocks):
            parts[f"model.{first + block}.conv_block.1"] = f"middle.{block}.first.conv"
            parts[f"model.{first + block}.conv_block.{6 if self.dropout else 5}"] = f"middle.{block}.second.conv"
        inner = 0 if self.up == "transposed" else 1
        parts |= {f"model.{up + inner + distance * step}": f"up.{step}.{inner}.conv" for step in range(2)}
        return {**parts, f"model.{up + 2 * distance + 1}": "draw"}

    @property
    def filters(self) -> dict[str, tuple[int, int]]:
        """Number of channels and kernel size of each fixed filter, by its key."""
        down, _, up, distance = self._positions
        blurs = {f"model.{number + 3}.filt": (2 * self.width << step, 3) for step, number in enumerate(down) if self.down == "blurred"}
        upsamplings = range(2) if self.up == "bilinear" else ()
        return {**blurs, **{f"model.{up + distance * step}.filt": (4 * self.width >> step, 4) for step in upsamplings}}

    @property
    def _positions(self) -> tuple[tuple[int, int], int, int, int]:
        """Layer numbers of the downsamplings, of the first block and of the first upsampling, and the distance of the upsamplings."""
        down = (4, 7) if self.down == "strided" else (4, 8)
        first = 10 if self.down == "strided" else 12
        return down, first, first + self.blocks, 3 if self.up == "transposed" else 4

    def __str__(self) -> str:
        resampling = f", {self.down} down, {self.up} up" if (self.down, self.up) != ("strided", "transposed") else ""
        dropout = " and dropout" if self.dropout else ""
        return f"CycleGAN generator of width {self.width} with {format_count(self.blocks, 'block')}{dropout}{resampling}"


@frozen
class Layout:
    """Layer names of a network of the original code.

    Attributes:
        parts: Mapping from the original's layer names to ours.
        filters: Number of channels and kernel size of each fixed filter, by its key.
        description: What the network is, for messages.
    """

    parts: Mapping[str, str]
    filters: Mapping[str, tuple[int, int]]
    description: str


def get_layout(sizes: GeneratorSizes | DiscriminatorSizes) -> Layout:
    """Return the layer names of an original network of these sizes."""
    if isinstance(sizes, GeneratorSizes):
        return Layout(sizes.parts, sizes.filters, str(sizes))
    steps = range(sizes.depth if sizes.antialiased else 0)
    filters = {f"{prefix}.{4 * step + 2}.filt": (sizes.width * min(2**step, 8), 3) for prefix in sizes.prefixes for step in steps}
    description = f"CycleGAN discriminator of width {sizes.width} and depth {sizes.depth}{', antialiased' * sizes.antialiased}"
    return Layout(map_discriminator_layers(sizes.depth, sizes.prefixes, sizes.antialiased), filters, description)


def make_filters(filters: Mapping[str, tuple[int, int]]) -> dict[str, Tensor]:
    """Return the fixed filters [C, 1, K, K] by their keys, from their channels and kernel sizes. Upsampling filters have a sum of 4."""
    tensors = {}
    for key, (channels, size) in filters.items():
        taps = torch.tensor(FILTER_TAPS[size])
        kernel = taps[:, None] * taps / taps.sum() ** 2 * (4 if size == 4 else 1)
        tensors[key] = kernel.repeat(channels, 1, 1, 1)
    return tensors


def infer_generator_sizes(state: StateDict, name: str) -> GeneratorSizes:
    """Infer the sizes of a generator from its tensors.

    Raises:
        CheckpointError: The tensors are not those of a residual generator, or its input and output channels differ.
    """
    blocks = [int(key.split(".")[1]) for key in state if re.fullmatch(r"model\.\d+\.conv_block\.1\.weight", key)]
    stem = state.get("model.1.weight")
    if stem is None or stem.ndim != 4 or stem.shape[-1] != 7:
        raise make_wrong_network_error(
            state, name, "CycleGAN generator", "model.1.weight [width, channels, 7, 7], model.1.bias, model.4.weight, ..."
        )
    down = "blurred" if "model.8.weight" in state and "model.7.weight" not in state else "strided"
    after = (10 if down == "strided" else 12) + len(blocks)
    second = state.get(f"model.{after + 1}.weight")  # present if upsampling and convolution are two layers
    resized = second is not None and second.ndim == 4
    up = "transposed" if not resized else "bilinear" if f"model.{after}.filt" in state else "nearest"
    dropout = any(re.fullmatch(r"model\.\d+\.conv_block\.6\.weight", key) for key in state)
    sizes = GeneratorSizes(stem.shape[0], len(blocks), stem.shape[1], dropout, down, up)
    last = state.get(f"{list(sizes.parts)[-1]}.weight")
    if last is not None and last.ndim == 4 and last.shape[0] != sizes.channels:
        raise CheckpointError(
            f"{name} translates {format_count(sizes.channels, 'channel')} to {last.shape[0]}. All domains must have equal channels."
        )
    return sizes
