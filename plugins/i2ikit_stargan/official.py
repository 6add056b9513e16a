"""Import and export of weights of the original StarGAN code."""

from __future__ import annotations

import re
from typing import Any

from attrs import frozen
from torch import Tensor

from i2ikit import DomainSpec, Model, build
from i2ikit.errors import CheckpointError, LabelError, OptionError, format_count
from i2ikit.nn.weights import StateDict, WeightsSource, get_original_state_dict, load_original_weights, read_weights


@frozen
class GeneratorSizes:
    """Sizes of an original generator, inferred from its tensors."""

    width: int
    blocks: int
    channels: int
    planes: int


@frozen
class DiscriminatorSizes:
    """Sizes of an original discriminator, inferred from its tensors."""

    width: int
    depth: int
    channels: int
    classes: int
    size: tuple[int, int]


def import_official(
    *,
    generator: WeightsSource | None = None,
    discriminator: WeightsSource | None = None,
    labels: Any = None,
    size: int | tuple[int, int] | None = None,
) -> Model:
    """Return a model with the weights of the original repository (yunjey/stargan), built with ``official=True``.

    All sizes are inferred from the tensors. The weights do not contain the meaning of the labels. Without ``labels``, the entries of one
    label set become binary attributes "label1", "label2", .... Two label sets are only accepted with the default sizes of the original:
    5 such attributes, and one attribute of 8 values.

    Args:
        generator: The file ``*-G.ckpt``, or the state dict itself.
        discriminator: The file ``*-D.ckpt``, or the state dict itself. A network that is not given stays untrained;
            ``model.preprocessing["untrained"]`` names its slot.
        labels: The label sets, in the format of ``build`` and in the order of the label vector.
        size: Pixels, or a pair of height and width. Only required if the size cannot be inferred from the discriminator: if no
            discriminator is given, or if the size is not a multiple of its stride.

    Raises:
        OptionError: Neither network is given, or the size differs from that of the discriminator.
        LabelError: The number of labels differs from the length of the label vector.
        CheckpointError: A file is missing, damaged, unsafe, or of another architecture.
    """
    if generator is None and discriminator is None:
        raise OptionError('Importing an official "stargan" requires generator=, discriminator= or both; found neither.')
    g_state, g_name = read_weights(generator, "generator")
    d_state, d_name = read_weights(discriminator, "discriminator")
    g = _infer_generator_sizes(g_state, g_name) if g_state else None
    d = _infer_discriminator_sizes(d_state, d_name) if d_state else None
    if g and d and g.channels != d.channels:
        raise CheckpointError(
            f"{g_name} generates {format_count(g.channels, 'channel')}, but {d_name} takes {format_count(d.channels, 'channel')}. "
            "Use files of the same training."
        )
    domain = _parse_labels(labels, g.planes if g else None, d.classes if d else None)
    model = build(
        "stargan",
        official=True,
        size=_choose_size(size, d),
        channels=(g or d).channels,  # type: ignore[union-attr]
        labels=domain,
        generator={"width": g.width, "blocks": g.blocks} if g else {},
        discriminator={"width": d.width, "depth": d.depth} if d else {},
        rehearsal=False,
    )
    if g:
        load_original_weights(model.slot("generator"), map_generator_layers(g.blocks), g_state, g_name, "StarGAN generator")
    if d:
        load_original_weights(model.slot("discriminator"), map_discriminator_layers(d.depth), d_state, d_name, "StarGAN discriminator")
    model.preprocessing["untrained"] = [name for name, found in (("generator", g), ("discriminator", d)) if found is None]
    return model


def export_official(model: Model) -> dict[str, dict[str, Tensor]]:
    """Return the state dicts "generator" and "discriminator" of a StarGAN under the keys of the original code.

    The original code also requires the running statistics of the norms. Only a model that was built with ``official=True`` has them.
    """
    generator, discriminator = model.slot("generator"), model.slot("discriminator")
    blocks, depth = len(generator.middle), len(discriminator.trunk)  # type: ignore[arg-type]
    return {
        "generator": get_original_state_dict(generator, map_generator_layers(blocks)),
        "discriminator": get_original_state_dict(discriminator, map_discriminator_layers(depth)),
    }


def map_generator_layers(blocks: int) -> dict[str, str]:
    """Return a mapping from the original's layer names of the generator to ours, in the order of the original."""
    parts = {"main.0": "stem.conv", "main.1": "stem.norm"}
    for step in range(2):
        parts |= {f"main.{3 + 3 * step}": f"down.{step}.conv", f"main.{4 + 3 * step}": f"down.{step}.norm"}
    for block in range(blocks):
        for place, half in ((0, "first"), (3, "second")):
            theirs, ours = f"main.{9 + block}.main", f"middle.{block}.{half}"
            parts |= {f"{theirs}.{place}": f"{ours}.conv", f"{theirs}.{place + 1}": f"{ours}.norm"}
    for step in range(2):
        first = 9 + blocks + 3 * step
        parts |= {f"main.{first}": f"up.{step}.conv", f"main.{first + 1}": f"up.{step}.norm"}
    return {**parts, f"main.{15 + blocks}": "draw"}


def map_discriminator_layers(depth: int) -> dict[str, str]:
    """Return a mapping from the original's layer names of the discriminator to ours."""
    return {**{f"main.{2 * step}": f"trunk.{step}" for step in range(depth)}, "conv1": "score", "conv2": "domain"}


def _infer_generator_sizes(state: StateDict, name: str) -> GeneratorSizes:
    blocks = len([key for key in state if re.fullmatch(r"main\.\d+\.main\.0\.weight", key)])
    first, last = state.get("main.0.weight"), state.get(f"main.{15 + blocks}.weight")
    if first is None or last is None or first.ndim != 4 or last.ndim != 4 or "main.1.weight" not in state:
        raise _make_wrong_network_error(state, name, "generator", f"main.0.weight, main.1.weight, ..., main.{15 + blocks}.weight")
    return GeneratorSizes(first.shape[0], blocks, last.shape[0], first.shape[1] - last.shape[0])


def _infer_discriminator_sizes(state: StateDict, name: str) -> DiscriminatorSizes:
    depth = len([key for key in state if re.fullmatch(r"main\.\d+\.weight", key)])
    first, head = state.get("main.0.weight"), state.get("conv2.weight")
    if first is None or head is None or first.ndim != 4 or head.ndim != 4:
        raise _make_wrong_network_error(state, name, "discriminator", "main.0.weight, main.0.bias, ..., conv1.weight, conv2.weight")
    size = (head.shape[2] * 2**depth, head.shape[3] * 2**depth)
    return DiscriminatorSizes(first.shape[0], depth, first.shape[1], head.shape[0], size)


def _make_wrong_network_error(state: StateDict, name: str, what: str, expected: str) -> CheckpointError:
    other = "discriminator" if what == "generator" else "generator"
    swapped = "conv2.weight" in state if what == "generator" else any(key.endswith(".main.0.weight") for key in state)
    hint = f" These are the keys of a {other}. Swap the two files." if swapped else ""
    return CheckpointError(
        f"{name} is not an original StarGAN {what}. Expected keys: {expected}; found: {', '.join(list(state)[:5]) or 'none'}.{hint}"
    )


def _parse_labels(labels: Any, planes: int | None, classes: int | None) -> DomainSpec:
    content = classes if classes is not None else planes
    width = planes if planes is not None else classes
    assert content is not None
    assert width is not None
    sets = width - content
    if labels is not None:
        domain = DomainSpec.parse(labels)
        if (planes is not None and domain.width != planes) or (classes is not None and domain.num_values != classes):
            found = [f"{planes} label channels" * (planes is not None), f"{classes} classes" * (classes is not None)]
            raise LabelError(
                f"labels= has {domain.width} entries, {domain.num_values} without the mask ({', '.join(domain.entries)}), but the weights "
                f"have {' and '.join(filter(None, found))}. Declare the labels of the original training, in its order."
            )
        return domain
    if sets == 0:
        return DomainSpec.parse(_make_binary_attributes(content))
    if sets == 2 and content == 13:
        return DomainSpec.parse([_make_binary_attributes(5), {"group": tuple(f"value{index + 1}" for index in range(8))}])
    raise LabelError(
        f"The weights have {planes} label channels and {classes} classes, hence {max(sets, 0)} label sets; the sizes of the sets are not "
        "in the weights. Declare the sets in their order: labels=[{...}, {...}]."
    )


def _make_binary_attributes(count: int) -> dict[str, type[bool]]:
    return {f"label{index + 1}": bool for index in range(count)}


def _choose_size(size: int | tuple[int, int] | None, discriminator: DiscriminatorSizes | None) -> tuple[int, int]:
    requested = (size, size) if isinstance(size, int) else size
    if discriminator is None:
        return requested or (128, 128)
    if requested and any(
        side // 2**discriminator.depth * 2**discriminator.depth != own for side, own in zip(requested, discriminator.size, strict=True)
    ):
        raise OptionError(
            f"size={size} does not fit the discriminator, which is for {discriminator.size[0]} x {discriminator.size[1]}. Omit size=."
        )
    return requested or discriminator.size
