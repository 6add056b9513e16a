"""The padded stacks and the multi-scale discriminator under the names of the original codes of UNIT and MUNIT."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import frozen
from torch import Tensor, nn

from i2ikit.core.model import Model
from i2ikit.errors import CheckpointError, OptionError, format_count
from i2ikit.nn.weights import Given, State, foreign, load_file, put_weights, renamed

ORIGINAL_DOMAINS = ("a", "b")
GivenDomains = Given | Mapping[str, State]


@frozen
class StackSizes:
    """What the tensors of an original encoder and decoder say of them.

    Attributes:
        channels: Of the images.
        width: Channels after the first convolution.
        downsamples: Steps down, and up.
        blocks: Residual blocks of the encoder, and of the decoder.
    """

    channels: int
    width: int
    downsamples: int
    blocks: int


@frozen
class ScaleSizes:
    """What the tensors of an original multi-scale discriminator say of it.

    Attributes:
        channels: Of the images.
        width, depth, scales: Options of :class:`i2ikit.nn.MultiscaleDiscriminator`.
    """

    channels: int
    width: int
    depth: int
    scales: int


def read_domains(given: GivenDomains | None, part: str) -> tuple[list[dict[str, Tensor]], str]:
    """Return the state dicts of both domains, and what they are called in messages; none where nothing is given.

    Args:
        given: The file ``{"a": ..., "b": ...}`` that the original code wrote, or that mapping itself.
        part: What it was given as, such as "generator".

    Raises:
        CheckpointError: A file is missing, damaged or unsafe, or holds something else.
    """
    if given is None:
        return [], part
    name = f"{part}=" if isinstance(given, Mapping) else f'"{given}"'
    found: Any = given if isinstance(given, Mapping) else load_file(Path(given), name)
    states: list[Any] = [found.get(domain) for domain in ORIGINAL_DOMAINS] if isinstance(found, Mapping) else []
    if not states or not all(isinstance(state, Mapping) and state and _tensors(state) for state in states):
        held = ", ".join(map(str, list(found)[:5])) if isinstance(found, Mapping) else type(found).__name__
        raise CheckpointError(
            f'{name} holds no state dicts of tensors under "a" and "b"; found {held or "nothing"}. Give the file of the original code.'
        )
    return [dict(state) for state in states], name


def _tensors(state: Mapping[str, Any]) -> bool:
    return all(isinstance(value, Tensor) for value in state.values())


def stack_sizes(state: State, name: str, what: str, encoder: str) -> StackSizes:
    """Read the sizes of an encoder and a decoder off their tensors.

    Args:
        state: Of one domain.
        name: How it is called in messages.
        what: What it should be, such as "MUNIT generator".
        encoder: The original's prefix of the encoder.

    Raises:
        CheckpointError: These are no tensors of such networks.
    """
    first = state.get(f"{encoder}.model.0.conv.weight")
    downsamples = len([key for key in state if re.fullmatch(rf"{re.escape(encoder)}\.model\.[1-9]\d*\.conv\.weight", key)])
    blocks = len([key for key in state if re.fullmatch(r"dec\.model\.0\.model\.\d+\.model\.0\.conv\.weight", key)])
    if first is None or first.ndim != 4 or f"dec.model.{2 * downsamples + 1}.conv.weight" not in state:
        raise foreign(state, name, what, f"{encoder}.model.0.conv.weight, ..., dec.model.0.model.0.model.0.conv.weight, ...")
    return StackSizes(first.shape[1], first.shape[0], downsamples, blocks)


def content_parts(theirs: str, ours: str, sizes: StackSizes) -> dict[str, str]:
    """Return our name of each layer of a content stack, by the original's."""
    parts = {f"{theirs}.model.0.conv": f"{ours}stem.conv"}
    parts |= {f"{theirs}.model.{1 + step}.conv": f"{ours}down.{step}.conv" for step in range(sizes.downsamples)}
    return parts | block_parts(f"{theirs}.model.{1 + sizes.downsamples}", [f"{ours}blocks.{block}" for block in range(sizes.blocks)])


def block_parts(theirs: str, ours: list[str]) -> dict[str, str]:
    """Return our name of each layer of residual blocks, by the original's."""
    return {
        f"{theirs}.model.{index}.model.{place}.conv": f"{block}.{half}.conv"
        for index, block in enumerate(ours)
        for place, half in enumerate(("first", "second"))
    }


def drawing_parts(theirs: str, ours: str, sizes: StackSizes) -> dict[str, str]:
    """Return our name of each layer of a drawing stack, by the original's."""
    parts: dict[str, str] = {}
    for step in range(sizes.downsamples):
        for leaf in ("norm", "conv"):
            parts[f"{theirs}.model.{2 + 2 * step}.{leaf}"] = f"{ours}up.{step}.{leaf}"
    return parts | {f"{theirs}.model.{1 + 2 * sizes.downsamples}.conv": f"{ours}draw.conv"}


def scale_sizes(state: State, name: str, what: str) -> ScaleSizes:
    """Read the sizes of a multi-scale discriminator off its tensors.

    Raises:
        CheckpointError: These are no tensors of such a discriminator.
    """
    scales = len({found[1] for key in state if (found := re.match(r"cnns\.(\d+)\.", key))})
    depth = len([key for key in state if re.fullmatch(r"cnns\.0\.\d+\.conv\.weight", key)])
    first = state.get("cnns.0.0.conv.weight")
    if first is None or first.ndim != 4 or f"cnns.0.{depth}.weight" not in state:
        raise foreign(state, name, what, "cnns.0.0.conv.weight, ..., cnns.0.4.weight, cnns.1.0.conv.weight, ...")
    return ScaleSizes(first.shape[1], first.shape[0], depth, scales)


def scale_parts(sizes: ScaleSizes) -> dict[str, str]:
    """Return our name of each layer of a multi-scale discriminator, by the original's."""
    parts: dict[str, str] = {}
    for scale in range(sizes.scales):
        parts |= {f"cnns.{scale}.{step}.conv": f"scales.{scale}.layers.{step}.conv" for step in range(sizes.depth)}
        parts[f"cnns.{scale}.{sizes.depth}"] = f"scales.{scale}.score"
    return parts


@frozen
class Originals:
    """The files of one training, read: the state dicts of both domains, what they are called in messages, and the discriminators' sizes."""

    generators: list[dict[str, Tensor]]
    generator_name: str
    discriminators: list[dict[str, Tensor]]
    discriminator_name: str
    scales: ScaleSizes | None


def read_originals(system: str, generator: GivenDomains | None, discriminator: GivenDomains | None) -> Originals:
    """Read the files of generators, of discriminators or of both.

    Args:
        system: "MUNIT" or "UNIT".
        generator: The file ``gen_*.pt``, or what it holds.
        discriminator: The file ``dis_*.pt``, or what it holds.

    Raises:
        OptionError: Neither is given.
        CheckpointError: A file is missing, damaged, unsafe, or holds something else.
    """
    if generator is None and discriminator is None:
        raise OptionError(f'Importing an official "{system.lower()}" needs generator=, discriminator= or both; found neither.')
    generators, generator_name = read_domains(generator, "generator")
    discriminators, discriminator_name = read_domains(discriminator, "discriminator")
    scales = scale_sizes(discriminators[0], discriminator_name, f"{system} discriminator") if discriminators else None
    return Originals(generators, generator_name, discriminators, discriminator_name, scales)


def channels_of(read: Originals, drawn: int | None) -> int:
    """Return the channels of the images, given those that the generators draw.

    Raises:
        CheckpointError: The discriminators score other ones.
    """
    scored = read.scales.channels if read.scales else None
    if drawn and scored and drawn != scored:
        raise CheckpointError(
            f"{read.generator_name} draws {format_count(drawn, 'channel')} and {read.discriminator_name} scores {format_count(scored, 'channel')}. "
            "Take the files of one training."
        )
    return drawn or scored or 0


def put_originals(model: Model, system: str, read: Originals, parts: Mapping[str, str]) -> None:
    """Copy what was read into a model of two domains, and note which slots remain untrained; ``parts`` are those of a generator."""
    for index, (theirs, ours) in enumerate(zip(ORIGINAL_DOMAINS, model.domain.names, strict=True)):
        if read.generators:
            name = f'"{theirs}" of {read.generator_name}'
            put_weights(both_halves(model, ours), parts, read.generators[index], name, f"{system} generator")
        if read.scales:
            name = f'"{theirs}" of {read.discriminator_name}'
            put_weights(
                model.nets.net("discriminator", ours), scale_parts(read.scales), read.discriminators[index], name, f"{system} discriminator"
            )
    missing = [("encoder", read.generators), ("generator", read.generators), ("discriminator", read.discriminators)]
    model.preprocessing["untrained"] = [slot for slot, found in missing if not found]


def exported_discriminators(model: Model, system: str) -> dict[str, dict[str, Tensor]]:
    """Return what the original's file of discriminators holds, by its names of the domains.

    Raises:
        OptionError: The model has more than two domains, which the original cannot hold.
    """
    if len(model.domain.names) != len(ORIGINAL_DOMAINS):
        raise OptionError(f"The original {system} holds two domains, and this model has {len(model.domain.names)}.")
    found = {}
    for theirs, ours in zip(ORIGINAL_DOMAINS, model.domain.names, strict=True):
        discriminator = model.nets.net("discriminator", ours)
        depths = {key.split(".")[3] for key in discriminator.state_dict() if re.match(r"scales\.0\.layers\.", key)}
        scales = {key.split(".")[1] for key in discriminator.state_dict()}
        found[theirs] = renamed(discriminator, scale_parts(ScaleSizes(0, 0, len(depths), len(scales))))
    return found


def both_halves(model: Model, domain: str) -> nn.Module:
    """Return encoder and generator of one domain, which the originals keep in one state dict."""
    return nn.ModuleDict({slot: model.nets.net(slot, domain) for slot in ("encoder", "generator")})
