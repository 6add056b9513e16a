"""Weights of the original StarGAN code, in and out."""

from __future__ import annotations

import re
from typing import Any

from attrs import frozen
from torch import Tensor

from i2ikit import DomainSpec, Model, build
from i2ikit.errors import CheckpointError, LabelError, OptionError, format_count
from i2ikit.nn.weights import Given, State, put_weights, read_weights, renamed


@frozen
class GeneratorSizes:
    """What the tensors of an original generator say of it."""

    width: int
    blocks: int
    channels: int
    planes: int


@frozen
class DiscriminatorSizes:
    """What the tensors of an original discriminator say of it."""

    width: int
    depth: int
    channels: int
    classes: int
    size: tuple[int, int]


def import_official(
    *,
    generator: Given | None = None,
    discriminator: Given | None = None,
    labels: Any = None,
    size: int | tuple[int, int] | None = None,
) -> Model:
    """Return a model with the weights of the original repository (yunjey/stargan), built with ``official=True``.

    All sizes are read off the tensors. The weights do not say what the labels mean: without ``labels`` one set is taken for yes-or-no
    attributes "label1", "label2", ..., and two sets for the original's default sizes, 5 such attributes and one group of 8 values.

    Args:
        generator: The file ``*-G.ckpt``, or the state dict itself.
        discriminator: The file ``*-D.ckpt``, or the state dict itself. Without it the discriminator is untrained, as is the generator without
            the other; ``model.preprocessing["untrained"]`` names the slot.
        labels: The label sets as ``build`` takes them, in the order of the label vector.
        size: Pixels, or a pair of height and width. Only needed where the discriminator does not say: without it, or where the
            size is no multiple of its stride.

    Raises:
        OptionError: Neither of the two is given, or the size is not the discriminator's.
        LabelError: The labels do not fill the label vector.
        CheckpointError: A file is missing, damaged, unsafe, or not of this architecture.
    """
    if generator is None and discriminator is None:
        raise OptionError('Importing an official "stargan" needs generator=, discriminator= or both; found neither.')
    g_state, g_name = read_weights(generator, "generator")
    d_state, d_name = read_weights(discriminator, "discriminator")
    g = _generator_sizes(g_state, g_name) if g_state else None
    d = _discriminator_sizes(d_state, d_name) if d_state else None
    if g and d and g.channels != d.channels:
        raise CheckpointError(
            f"{g_name} draws {format_count(g.channels, 'channel')} and {d_name} scores {format_count(d.channels, 'channel')}. "
            "Take the files of one training."
        )
    domain = _labels(labels, g.planes if g else None, d.classes if d else None)
    model = build(
        "stargan",
        official=True,
        size=_size(size, d),
        channels=(g or d).channels,  # type: ignore[union-attr]
        labels=domain,
        generator={"width": g.width, "blocks": g.blocks} if g else {},
        discriminator={"width": d.width, "depth": d.depth} if d else {},
        rehearsal=False,
    )
    if g:
        put_weights(model.slot("generator"), generator_keys(g.blocks), g_state, g_name, "StarGAN generator")
    if d:
        put_weights(model.slot("discriminator"), discriminator_keys(d.depth), d_state, d_name, "StarGAN discriminator")
    model.preprocessing["untrained"] = [name for name, found in (("generator", g), ("discriminator", d)) if found is None]
    return model


def export_official(model: Model) -> dict[str, dict[str, Tensor]]:
    """Return the state dicts "generator" and "discriminator" of a StarGAN under the original's keys.

    The original's own code also wants the norms' running statistics, which only a model built with ``official=True`` has.
    """
    generator, discriminator = model.slot("generator"), model.slot("discriminator")
    blocks, depth = len(generator.middle), len(discriminator.trunk)  # type: ignore[arg-type]
    return {
        "generator": renamed(generator, generator_keys(blocks)),
        "discriminator": renamed(discriminator, discriminator_keys(depth)),
    }


def generator_keys(blocks: int) -> dict[str, str]:
    """Return the original's name of each part of our generator, in the original's order: ours by theirs."""
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


def discriminator_keys(depth: int) -> dict[str, str]:
    """Return the original's name of each part of our discriminator: ours by theirs."""
    return {**{f"main.{2 * step}": f"trunk.{step}" for step in range(depth)}, "conv1": "score", "conv2": "domain"}


def _generator_sizes(state: State, name: str) -> GeneratorSizes:
    blocks = len([key for key in state if re.fullmatch(r"main\.\d+\.main\.0\.weight", key)])
    first, last = state.get("main.0.weight"), state.get(f"main.{15 + blocks}.weight")
    if first is None or last is None or first.ndim != 4 or last.ndim != 4 or "main.1.weight" not in state:
        raise _foreign(state, name, "generator", f"main.0.weight, main.1.weight, ..., main.{15 + blocks}.weight")
    return GeneratorSizes(first.shape[0], blocks, last.shape[0], first.shape[1] - last.shape[0])


def _discriminator_sizes(state: State, name: str) -> DiscriminatorSizes:
    depth = len([key for key in state if re.fullmatch(r"main\.\d+\.weight", key)])
    first, head = state.get("main.0.weight"), state.get("conv2.weight")
    if first is None or head is None or first.ndim != 4 or head.ndim != 4:
        raise _foreign(state, name, "discriminator", "main.0.weight, main.0.bias, ..., conv1.weight, conv2.weight")
    size = (head.shape[2] * 2**depth, head.shape[3] * 2**depth)
    return DiscriminatorSizes(first.shape[0], depth, first.shape[1], head.shape[0], size)


def _foreign(state: State, name: str, what: str, expected: str) -> CheckpointError:
    other = "discriminator" if what == "generator" else "generator"
    swapped = "conv2.weight" in state if what == "generator" else any(key.endswith(".main.0.weight") for key in state)
    hint = f" These are the keys of a {other}: exchange the two." if swapped else ""
    return CheckpointError(
        f"{name} does not fit the original StarGAN {what}: expected are the keys {expected}; it begins with "
        f"{', '.join(list(state)[:5]) or 'nothing'}.{hint}"
    )


def _labels(labels: Any, planes: int | None, classes: int | None) -> DomainSpec:
    content = classes if classes is not None else planes
    width = planes if planes is not None else classes
    assert content is not None
    assert width is not None
    sets = width - content
    if labels is not None:
        domain = DomainSpec.parse(labels)
        if (planes is not None and domain.width != planes) or (classes is not None and domain.content != classes):
            found = [f"{planes} label planes" * (planes is not None), f"{classes} classes" * (classes is not None)]
            raise LabelError(
                f"The labels have {domain.width} entries, {domain.content} without the mask ({', '.join(domain.entries)}), but the weights "
                f"have {' and '.join(filter(None, found))}. Declare the labels of the training, in its order."
            )
        return domain
    if sets == 0:
        return DomainSpec.parse(_yes_or_no(content))
    if sets == 2 and content == 13:
        return DomainSpec.parse([_yes_or_no(5), {"group": tuple(f"value{index + 1}" for index in range(8))}])
    raise LabelError(
        f"The weights have {planes} label planes and {classes} classes: {max(sets, 0)} label sets, and where one ends they do not say. "
        "Declare them in their order: labels=[{...}, {...}]."
    )


def _yes_or_no(count: int) -> dict[str, type[bool]]:
    return {f"label{index + 1}": bool for index in range(count)}


def _size(size: int | tuple[int, int] | None, discriminator: DiscriminatorSizes | None) -> tuple[int, int]:
    asked = (size, size) if isinstance(size, int) else size
    if discriminator is None:
        return asked or (128, 128)
    if asked and any(
        side // 2**discriminator.depth * 2**discriminator.depth != own for side, own in zip(asked, discriminator.size, strict=True)
    ):
        raise OptionError(
            f"size={size} was asked for, but the discriminator is for {discriminator.size[0]} x {discriminator.size[1]}. Leave size out."
        )
    return asked or discriminator.size
