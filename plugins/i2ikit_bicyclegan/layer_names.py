"""Layer names of generators and encoders in the original BicycleGAN code, and the sizes that are inferred from their tensors."""

from __future__ import annotations

from attrs import frozen
from torch import Tensor

from i2ikit.nn.weights import StateDict, make_wrong_network_error


@frozen
class GeneratorSizes:
    """Sizes of an original generator, inferred from its tensors.

    Attributes:
        width, depth, style_placement, norm, up: Options of the component.
        inputs: Input channels of the first convolution, including those of the style.
        style: Width of the style, or 0 if it cannot be inferred, because the style is concatenated with the image only.
        channels: Channels of the generated images.
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
    """Sizes of an original style encoder, inferred from its tensors."""

    width: int
    depth: int
    architecture: str
    norm: str
    style: int
    channels: int


def infer_generator_sizes(state: StateDict, name: str) -> GeneratorSizes:
    """Infer the sizes of a generator from its tensors.

    Raises:
        CheckpointError: The tensors are not those of such a generator.
    """
    style_placement = "all" if "model.down.0.weight" in state else "input"
    depth = 1
    while f"{_get_down_name(style_placement, depth)}.weight" in state:
        depth += 1
    first, second = (state.get(f"{_get_down_name(style_placement, level)}.weight") for level in range(2))
    transposed, convolved = (state.get(f"{_get_up_name(style_placement, 0, depth, up)}.weight") for up in ("transposed", "bilinear"))
    last = transposed if transposed is not None else convolved
    if first is None or second is None or last is None or min(first.ndim, second.ndim, last.ndim) < 4 or depth < 3:
        expected = "model.down.0.weight, ..., model.up.1.bias, or model.model.0.weight, ..., model.model.3.bias"
        raise make_wrong_network_error(state, name, "BicycleGAN generator", expected)
    return GeneratorSizes(
        width=first.shape[0],
        depth=depth,
        style_placement=style_placement,
        norm="batch" if f"{get_norm_name(_get_down_name(style_placement, 1))}.weight" in state else "instance",
        up="transposed" if transposed is not None else "bilinear",
        inputs=first.shape[1],
        style=second.shape[1] - first.shape[0],
        channels=last.shape[1 if transposed is not None else 0],
    )


def map_generator_layers(depth: int, style_placement: str, up: str) -> dict[str, str]:
    """Return a mapping from the original's layer names of a generator to ours, in the order of the original."""
    parts: dict[str, str] = {}
    for level in range(depth):
        theirs = _get_down_name(style_placement, level)
        parts |= {theirs: f"net.down.{level}"}
        parts |= {get_norm_name(theirs): f"net.down_norms.{level}"} if 0 < level < depth - 1 else {}
    for level in range(depth - 1, -1, -1):
        theirs = _get_up_name(style_placement, level, depth, up)
        parts |= {theirs: f"net.up.{level}"} | ({get_norm_name(theirs): f"net.up_norms.{level}"} if level else {})
    return parts


def swap_skip_halves(state: StateDict, depth: int, style_placement: str, up: str) -> dict[str, Tensor]:
    """Return a generator's state dict with the two halves of each decoder layer's input swapped, from the original's order to ours or back.

    The original concatenates the maps of the inner block with the skip connection; pix2pix and i2ikit use the opposite order.
    """
    swapped = dict(state)
    for level in range(depth - 1):
        key = f"{_get_up_name(style_placement, level, depth, up)}.weight"
        if key in swapped and swapped[key].ndim == 4:
            axis = 0 if up == "transposed" else 1
            swapped[key] = swapped[key].roll(swapped[key].shape[axis] // 2, axis)
    return swapped


def infer_encoder_sizes(state: StateDict, name: str) -> EncoderSizes:
    """Infer the sizes of a style encoder from its tensors.

    Raises:
        CheckpointError: The tensors are not those of such an encoder, or it does not return a distribution.
    """
    architecture = "resnet" if any(".shortcut." in key for key in state) else "conv"
    depth = 1
    while f"{_get_block_name(architecture, depth)}.weight" in state:
        depth += 1
    first, mean = state.get("conv.0.weight"), state.get("fc.0.weight")
    if first is None or mean is None or "fcVar.0.weight" not in state or first.ndim != 4 or mean.ndim != 2:
        raise make_wrong_network_error(
            state, name, "BicycleGAN style encoder", "conv.0.weight, conv.0.bias, ..., fc.0.weight, fcVar.0.weight"
        )
    norm = "conv.1.conv.0.weight" if architecture == "resnet" else "conv.3.weight"
    return EncoderSizes(first.shape[0], depth, architecture, "batch" if norm in state else "instance", mean.shape[0], first.shape[1])


def map_encoder_layers(depth: int, architecture: str) -> dict[str, str]:
    """Return a mapping from the original's layer names of a style encoder to ours, in the order of the original."""
    parts = {"fc.0": "mean", "fcVar.0": "logvar", "conv.0": "stem"} if architecture == "resnet" else {"conv.0": "stem"}
    for step in range(1, depth):
        ours, theirs = f"blocks.{step - 1}", _get_block_name(architecture, step)
        if architecture == "conv":
            parts |= {theirs: f"{ours}.conv", get_norm_name(theirs): f"{ours}.norm"}
            continue
        inside = f"conv.{step}.conv"
        parts |= {f"{inside}.0": f"{ours}.first_norm", f"{inside}.2": f"{ours}.first", f"{inside}.3": f"{ours}.second_norm"}
        parts |= {f"{inside}.5.0": f"{ours}.second", f"conv.{step}.shortcut.1": f"{ours}.shortcut"}
    return parts if architecture == "resnet" else {**parts, "fc.0": "mean", "fcVar.0": "logvar"}


def _get_down_name(style_placement: str, level: int) -> str:
    """Return the original's name of the downsampling convolution of a level."""
    if style_placement == "all":
        return f"model{'.submodule' * level}.down.{min(level, 1)}"
    return "model.model.0" if not level else f"model.model.1{'.model.3' * (level - 1)}.model.1"


def _get_up_name(style_placement: str, level: int, depth: int, up: str) -> str:
    """Return the original's name of the upsampling convolution of a level, which may follow interpolation and padding layers."""
    offset = 0 if up == "transposed" else 2
    if style_placement == "all":
        return f"model{'.submodule' * level}.up.{1 + offset}"
    if not level:
        return f"model.model.{3 + offset}"
    return f"model.model.1{'.model.3' * (level - 1)}.model.{(3 if level == depth - 1 else 5) + offset}"


def get_norm_name(convolution: str) -> str:
    """Return the original's name of the norm that follows a convolution."""
    outer, _, number = convolution.rpartition(".")
    return f"{outer}.{int(number) + 1}"


def _get_block_name(architecture: str, step: int) -> str:
    return f"conv.{step}.conv.2" if architecture == "resnet" else f"conv.{3 * step - 1}"
