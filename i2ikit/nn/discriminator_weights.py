"""Layer names of the patch discriminator in the original codes of CycleGAN, pix2pix and BicycleGAN."""

from __future__ import annotations

import re
from typing import Any

from attrs import frozen

from i2ikit.nn.weights import StateDict, make_wrong_network_error


@frozen
class DiscriminatorSizes:
    """Sizes of an original patch discriminator, inferred from the shapes of its tensors.

    Attributes:
        channels: Input channels, including those of the source image if the discriminator is conditional.
        width, depth, norm, scales: Options of :class:`i2ikit.nn.PatchDiscriminator`.
        prefixes: Original key prefix of each scale.
        antialiased: Whether a fixed blur filter follows each downsampling convolution, as in CUT's code.
    """

    channels: int
    width: int
    depth: int
    norm: str
    scales: int
    prefixes: tuple[str, ...]
    antialiased: bool = False

    @property
    def options(self) -> dict[str, Any]:
        """Options of the component "patch_discriminator"."""
        multiscale = {"scales": self.scales, "narrower": True} if self.scales > 1 else {}
        antialiased = {"antialiased": True} if self.antialiased else {}
        return {"width": self.width, "depth": self.depth, "norm": self.norm, **multiscale, **antialiased}


def infer_discriminator_sizes(state: StateDict, name: str, what: str) -> DiscriminatorSizes:
    """Infer the sizes of a patch discriminator from the shapes of its tensors.

    Args:
        state: State dict of the original.
        name: Name of the file or argument, for messages.
        what: Expected network, such as "pix2pix discriminator", for messages.

    Raises:
        CheckpointError: The tensors are not those of a patch discriminator.
    """
    several = sorted({match[0] for key in state if (match := re.match(r"model_\d+", key))}, key=lambda prefix: int(prefix[6:]))
    prefixes = tuple(several) or (("net",) if "net.0.weight" in state else ("model",))
    first = state.get(f"{prefixes[0]}.0.weight")
    layers = len([key for key in state if re.fullmatch(rf"{prefixes[0]}\.\d+\.weight", key) and state[key].ndim == 4])
    depth = 0 if prefixes == ("net",) else layers - 2
    third = state.get(f"{prefixes[0]}.3.weight")  # a norm, or a convolution if a blur filter precedes it
    antialiased = third is not None and third.ndim == 4
    score = state.get(f"{prefixes[0]}.{_get_score_index(depth, antialiased)}.weight")
    if first is None or first.ndim != 4 or score is None or score.ndim != 4 or score.shape[0] != 1:
        raise make_wrong_network_error(
            state, name, what, "model.0.weight, model.0.bias, model.2.weight, ..., net.0.weight, ... or model_0.0.weight, ..."
        )
    norm = "batch" if f"{prefixes[0]}.{4 if antialiased else 3}.weight" in state else "instance"
    return DiscriminatorSizes(first.shape[1], first.shape[0], depth, norm, len(prefixes), prefixes, antialiased)


def map_discriminator_layers(depth: int, prefixes: tuple[str, ...], antialiased: bool = False) -> dict[str, str]:
    """Return the layer names of a patch discriminator: original name -> our name.

    Args:
        depth: Number of downsampling convolutions; 0 for the pixel discriminator.
        prefixes: Original key prefix of each scale.
        antialiased: Whether a blur filter follows each downsampling convolution; the original numbers the filters too.
    """
    first, distance = (3, 4) if antialiased else (2, 3)
    names: dict[str, str] = {}
    for scale, prefix in enumerate(prefixes):
        ours = f"scales.{scale}"
        names[f"{prefix}.0"] = f"{ours}.layers.0"
        for step in range(max(depth, 1)):
            index = first + distance * step
            names |= {f"{prefix}.{index}": f"{ours}.layers.{step + 1}", f"{prefix}.{index + 1}": f"{ours}.norms.{step + 1}"}
        names[f"{prefix}.{_get_score_index(depth, antialiased)}"] = f"{ours}.score"
    return names


def _get_score_index(depth: int, antialiased: bool) -> int:
    """Return the original index of the convolution that computes the scores."""
    return 4 * depth + 2 if antialiased else 2 + 3 * max(depth, 1)
