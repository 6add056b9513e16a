"""The patch discriminator under the names of the original codes of CycleGAN, pix2pix and BicycleGAN."""

from __future__ import annotations

import re
from typing import Any

from attrs import frozen

from i2ikit.nn.weights import State, foreign


@frozen
class DiscriminatorSizes:
    """What the tensors of an original patch discriminator say of it.

    Attributes:
        channels: Of what it sees, the source included where it is conditional.
        width, depth, norm, scales: Options of :class:`i2ikit.nn.PatchDiscriminator`.
        prefixes: The original's name of each scale.
        antialiased: Whether a fixed filter halves the maps, as in CUT's code.
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
        """The options of the component."""
        narrower = {"scales": self.scales, "narrower": True} if self.scales > 1 else {}
        blurred = {"antialiased": True} if self.antialiased else {}
        return {"width": self.width, "depth": self.depth, "norm": self.norm, **narrower, **blurred}


def discriminator_sizes(state: State, name: str, what: str) -> DiscriminatorSizes:
    """Read the sizes of a patch discriminator off its tensors.

    Raises:
        CheckpointError: These are no tensors of such a discriminator.
    """
    several = sorted({found[0] for key in state if (found := re.match(r"model_\d+", key))}, key=lambda prefix: int(prefix[6:]))
    prefixes = tuple(several) or (("net",) if "net.0.weight" in state else ("model",))
    first = state.get(f"{prefixes[0]}.0.weight")
    layers = len([key for key in state if re.fullmatch(rf"{prefixes[0]}\.\d+\.weight", key) and state[key].ndim == 4])
    depth = 0 if prefixes == ("net",) else layers - 2
    third = state.get(f"{prefixes[0]}.3.weight")  # a norm, or a convolution where a filter stands before it
    antialiased = third is not None and third.ndim == 4
    score = state.get(f"{prefixes[0]}.{_score(depth, antialiased)}.weight")
    if first is None or first.ndim != 4 or score is None or score.ndim != 4 or score.shape[0] != 1:
        raise foreign(state, name, what, "model.0.weight, model.0.bias, model.2.weight, ..., net.0.weight, ... or model_0.0.weight, ...")
    norm = "batch" if f"{prefixes[0]}.{4 if antialiased else 3}.weight" in state else "instance"
    return DiscriminatorSizes(first.shape[1], first.shape[0], depth, norm, len(prefixes), prefixes, antialiased)


def discriminator_parts(depth: int, prefixes: tuple[str, ...], antialiased: bool = False) -> dict[str, str]:
    """Return our name of each layer of a patch discriminator, by the original's.

    Args:
        depth: Convolutions of stride 2; 0 for the pixel discriminator.
        prefixes: The original's name of each scale.
        antialiased: Whether a filter follows each step down, and is counted too.
    """
    first, apart = (3, 4) if antialiased else (2, 3)
    parts: dict[str, str] = {}
    for scale, prefix in enumerate(prefixes):
        ours = f"scales.{scale}"
        parts[f"{prefix}.0"] = f"{ours}.layers.0"
        for step in range(max(depth, 1)):
            place = first + apart * step
            parts |= {f"{prefix}.{place}": f"{ours}.layers.{step + 1}", f"{prefix}.{place + 1}": f"{ours}.norms.{step + 1}"}
        parts[f"{prefix}.{_score(depth, antialiased)}"] = f"{ours}.score"
    return parts


def _score(depth: int, antialiased: bool) -> int:
    """Return the number of the convolution that gives the scores."""
    return 4 * depth + 2 if antialiased else 2 + 3 * max(depth, 1)
