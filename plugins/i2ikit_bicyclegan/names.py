"""The original's names of the layers of BicycleGAN's generators and encoders, and the sizes that their tensors tell."""

from __future__ import annotations

from attrs import frozen
from torch import Tensor

from i2ikit.nn.weights import State, foreign


@frozen
class GeneratorSizes:
    """What the tensors of an original generator say of it.

    Attributes:
        width, depth, where, norm, up: Options of the component.
        inputs: Channels that the first convolution takes, the style's included.
        style: Width of the style; 0 where the tensors do not say, because it enters at the input alone.
        channels: Of what is drawn.
    """

    width: int
    depth: int
    style_placement: str
    norm: str
    up: str
    inputs: int
    style: int
    channels: int


@frozen
class EncoderSizes:
    """What the tensors of an original style encoder say of it."""

    width: int
    depth: int
    architecture: str
    norm: str
    style: int
    channels: int


def generator_sizes(state: State, name: str) -> GeneratorSizes:
    """Read the sizes of a generator off its tensors.

    Raises:
        CheckpointError: These are no tensors of such a generator.
    """
    style_placement = "all" if "model.down.0.weight" in state else "input"
    depth = 1
    while f"{_down(style_placement, depth)}.weight" in state:
        depth += 1
    first, second = (state.get(f"{_down(style_placement, level)}.weight") for level in range(2))
    transposed, convolved = (state.get(f"{_up(style_placement, 0, depth, up)}.weight") for up in ("transposed", "bilinear"))
    last = transposed if transposed is not None else convolved
    if first is None or second is None or last is None or min(first.ndim, second.ndim, last.ndim) < 4 or depth < 3:
        wanted = "model.down.0.weight, ..., model.up.1.bias, or model.model.0.weight, ..., model.model.3.bias"
        raise foreign(state, name, "BicycleGAN generator", wanted)
    return GeneratorSizes(
        width=first.shape[0],
        depth=depth,
        style_placement=style_placement,
        norm="batch" if f"{norm_after(_down(style_placement, 1))}.weight" in state else "instance",
        up="transposed" if transposed is not None else "bilinear",
        inputs=first.shape[1],
        style=second.shape[1] - first.shape[0],
        channels=last.shape[1 if transposed is not None else 0],
    )


def generator_parts(depth: int, style_placement: str, up: str) -> dict[str, str]:
    """Return our name of each layer of a generator, by the original's, in the original's order."""
    parts: dict[str, str] = {}
    for level in range(depth):
        theirs = _down(style_placement, level)
        parts |= {theirs: f"net.down.{level}"}
        parts |= {norm_after(theirs): f"net.down_norms.{level}"} if 0 < level < depth - 1 else {}
    for level in range(depth - 1, -1, -1):
        theirs = _up(style_placement, level, depth, up)
        parts |= {theirs: f"net.up.{level}"} | ({norm_after(theirs): f"net.up_norms.{level}"} if level else {})
    return parts


def exchanged(state: State, depth: int, style_placement: str, up: str) -> dict[str, Tensor]:
    """Return a generator's state with both halves of what enters each step up exchanged, from the original's order to ours or back.

    The original puts what comes from below first, and pix2pix, and we, what comes by.
    """
    found = dict(state)
    for level in range(depth - 1):
        key = f"{_up(style_placement, level, depth, up)}.weight"
        if key in found and found[key].ndim == 4:
            axis = 0 if up == "transposed" else 1
            found[key] = found[key].roll(found[key].shape[axis] // 2, axis)
    return found


def encoder_sizes(state: State, name: str) -> EncoderSizes:
    """Read the sizes of a style encoder off its tensors.

    Raises:
        CheckpointError: These are no tensors of such an encoder, or it gives no distribution.
    """
    architecture = "resnet" if any(".shortcut." in key for key in state) else "conv"
    depth = 1
    while f"{_block(architecture, depth)}.weight" in state:
        depth += 1
    first, mean = state.get("conv.0.weight"), state.get("fc.0.weight")
    if first is None or mean is None or "fcVar.0.weight" not in state or first.ndim != 4 or mean.ndim != 2:
        raise foreign(state, name, "BicycleGAN style encoder", "conv.0.weight, conv.0.bias, ..., fc.0.weight, fcVar.0.weight")
    norm = "conv.1.conv.0.weight" if architecture == "resnet" else "conv.3.weight"
    return EncoderSizes(first.shape[0], depth, architecture, "batch" if norm in state else "instance", mean.shape[0], first.shape[1])


def encoder_parts(depth: int, architecture: str) -> dict[str, str]:
    """Return our name of each layer of a style encoder, by the original's, in the original's order."""
    parts = {"fc.0": "mean", "fcVar.0": "logvar", "conv.0": "stem"} if architecture == "resnet" else {"conv.0": "stem"}
    for step in range(1, depth):
        ours, theirs = f"blocks.{step - 1}", _block(architecture, step)
        if architecture == "conv":
            parts |= {theirs: f"{ours}.conv", norm_after(theirs): f"{ours}.norm"}
            continue
        inside = f"conv.{step}.conv"
        parts |= {f"{inside}.0": f"{ours}.first_norm", f"{inside}.2": f"{ours}.first", f"{inside}.3": f"{ours}.second_norm"}
        parts |= {f"{inside}.5.0": f"{ours}.second", f"conv.{step}.shortcut.1": f"{ours}.shortcut"}
    return parts if architecture == "resnet" else {**parts, "fc.0": "mean", "fcVar.0": "logvar"}


def _down(style_placement: str, level: int) -> str:
    """Return the original's name of the convolution down from a level."""
    if style_placement == "all":
        return f"model{'.submodule' * level}.down.{min(level, 1)}"
    return "model.model.0" if not level else f"model.model.1{'.model.3' * (level - 1)}.model.1"


def _up(style_placement: str, level: int, depth: int, up: str) -> str:
    """Return the original's name of the convolution up to a level; interpolation and padding come before it where it has them."""
    later = 0 if up == "transposed" else 2
    if style_placement == "all":
        return f"model{'.submodule' * level}.up.{1 + later}"
    if not level:
        return f"model.model.{3 + later}"
    return f"model.model.1{'.model.3' * (level - 1)}.model.{(3 if level == depth - 1 else 5) + later}"


def norm_after(convolution: str) -> str:
    """Return the original's name of the norm that follows a convolution."""
    outer, _, place = convolution.rpartition(".")
    return f"{outer}.{int(place) + 1}"


def _block(architecture: str, step: int) -> str:
    return f"conv.{step}.conv.2" if architecture == "resnet" else f"conv.{3 * step - 1}"
