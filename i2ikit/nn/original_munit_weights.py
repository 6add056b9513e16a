"""Weights of the original codes of UNIT and MUNIT: reading, layer names, and copying into a model."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import frozen
from torch import Tensor, nn

from i2ikit.core.model import Model
from i2ikit.errors import CheckpointError, OptionError, format_count
from i2ikit.nn.weights import StateDict, WeightsSource, get_original_state_dict, load_file, load_original_weights, make_wrong_network_error

ORIGINAL_DOMAINS = ("a", "b")
DomainWeightsSource = WeightsSource | Mapping[str, StateDict]


@frozen
class AutoencoderSizes:
    """Sizes of an original encoder and decoder, inferred from the shapes of their tensors.

    Attributes:
        channels: Channels of the images.
        width: Channels after the first convolution.
        downsamples: Number of downsamplings, and of upsamplings.
        blocks: Number of residual blocks in the encoder, and in the decoder.
    """

    channels: int
    width: int
    downsamples: int
    blocks: int


@frozen
class MultiscaleSizes:
    """Sizes of an original multi-scale discriminator, inferred from the shapes of its tensors.

    Attributes:
        channels: Channels of the images.
        width, depth, scales: Options of :class:`i2ikit.nn.MultiscaleDiscriminator`.
    """

    channels: int
    width: int
    depth: int
    scales: int


def read_domain_weights(source: DomainWeightsSource | None, argument: str) -> tuple[list[dict[str, Tensor]], str]:
    """Read the state dicts of both domains.

    Args:
        source: The file ``{"a": ..., "b": ...}`` that the original code saves, or this mapping itself. None gives no state dicts.
        argument: Name of the caller's argument, such as "generator", for messages.

    Returns:
        The state dicts, and their name for messages.

    Raises:
        CheckpointError: The file is missing, damaged or unsafe, or does not contain both state dicts.
    """
    if source is None:
        return [], argument
    name = f"{argument}=" if isinstance(source, Mapping) else f'"{source}"'
    content: Any = source if isinstance(source, Mapping) else load_file(Path(source), name)
    states: list[Any] = [content.get(domain) for domain in ORIGINAL_DOMAINS] if isinstance(content, Mapping) else []
    if not states or not all(isinstance(state, Mapping) and state and _has_only_tensors(state) for state in states):
        found = ", ".join(map(str, list(content)[:5])) if isinstance(content, Mapping) else type(content).__name__
        raise CheckpointError(
            f'{name} holds no state dicts of tensors under "a" and "b"; found {found or "nothing"}. '
            "Use a file as the original code saves it."
        )
    return [dict(state) for state in states], name


def _has_only_tensors(state: Mapping[str, Any]) -> bool:
    return all(isinstance(value, Tensor) for value in state.values())


def infer_autoencoder_sizes(state: StateDict, name: str, what: str, encoder: str) -> AutoencoderSizes:
    """Infer the sizes of an encoder and a decoder from the shapes of their tensors.

    Args:
        state: State dict of one domain.
        name: Its name for messages.
        what: Expected network, such as "MUNIT generator", for messages.
        encoder: Original key prefix of the encoder.

    Raises:
        CheckpointError: The tensors are not those of such networks.
    """
    first = state.get(f"{encoder}.model.0.conv.weight")
    downsamples = len([key for key in state if re.fullmatch(rf"{re.escape(encoder)}\.model\.[1-9]\d*\.conv\.weight", key)])
    blocks = len([key for key in state if re.fullmatch(r"dec\.model\.0\.model\.\d+\.model\.0\.conv\.weight", key)])
    if first is None or first.ndim != 4 or f"dec.model.{2 * downsamples + 1}.conv.weight" not in state:
        raise make_wrong_network_error(
            state, name, what, f"{encoder}.model.0.conv.weight, ..., dec.model.0.model.0.model.0.conv.weight, ..."
        )
    return AutoencoderSizes(first.shape[1], first.shape[0], downsamples, blocks)


def map_encoder_layers(original: str, ours: str, sizes: AutoencoderSizes) -> dict[str, str]:
    """Return the layer names of an encoder: original name -> our name.

    Args:
        original: Original key prefix of the encoder.
        ours: Our key prefix of the encoder, with the dot at its end.
        sizes: Its sizes.
    """
    names = {f"{original}.model.0.conv": f"{ours}stem.conv"}
    names |= {f"{original}.model.{1 + step}.conv": f"{ours}down.{step}.conv" for step in range(sizes.downsamples)}
    return names | map_residual_blocks(
        f"{original}.model.{1 + sizes.downsamples}", [f"{ours}blocks.{block}" for block in range(sizes.blocks)]
    )


def map_residual_blocks(original: str, ours: list[str]) -> dict[str, str]:
    """Return the layer names of residual blocks: original name -> our name.

    Args:
        original: Original key prefix of all blocks.
        ours: Our name of each block.
    """
    return {
        f"{original}.model.{index}.model.{position}.conv": f"{block}.{half}.conv"
        for index, block in enumerate(ours)
        for position, half in enumerate(("first", "second"))
    }


def map_decoder_layers(original: str, ours: str, sizes: AutoencoderSizes) -> dict[str, str]:
    """Return the layer names of a decoder: original name -> our name. Arguments as in :func:`map_encoder_layers`."""
    names: dict[str, str] = {}
    for step in range(sizes.downsamples):
        for leaf in ("norm", "conv"):
            names[f"{original}.model.{2 + 2 * step}.{leaf}"] = f"{ours}up.{step}.{leaf}"
    return names | {f"{original}.model.{1 + 2 * sizes.downsamples}.conv": f"{ours}draw.conv"}


def infer_multiscale_sizes(state: StateDict, name: str, what: str) -> MultiscaleSizes:
    """Infer the sizes of a multi-scale discriminator from the shapes of its tensors.

    Raises:
        CheckpointError: The tensors are not those of such a discriminator.
    """
    scales = len({match[1] for key in state if (match := re.match(r"cnns\.(\d+)\.", key))})
    depth = len([key for key in state if re.fullmatch(r"cnns\.0\.\d+\.conv\.weight", key)])
    first = state.get("cnns.0.0.conv.weight")
    if first is None or first.ndim != 4 or f"cnns.0.{depth}.weight" not in state:
        raise make_wrong_network_error(state, name, what, "cnns.0.0.conv.weight, ..., cnns.0.4.weight, cnns.1.0.conv.weight, ...")
    return MultiscaleSizes(first.shape[1], first.shape[0], depth, scales)


def map_multiscale_layers(sizes: MultiscaleSizes) -> dict[str, str]:
    """Return the layer names of a multi-scale discriminator: original name -> our name."""
    names: dict[str, str] = {}
    for scale in range(sizes.scales):
        names |= {f"cnns.{scale}.{step}.conv": f"scales.{scale}.layers.{step}.conv" for step in range(sizes.depth)}
        names[f"cnns.{scale}.{sizes.depth}"] = f"scales.{scale}.score"
    return names


@frozen
class OriginalWeights:
    """State dicts of both domains from one original training.

    Attributes:
        generators: State dicts of encoder and decoder, one per domain; empty if not given.
        generator_name: Their name for messages.
        discriminators: State dicts of the discriminators, one per domain; empty if not given.
        discriminator_name: Their name for messages.
        discriminator_sizes: Sizes of the discriminators; None if not given.
    """

    generators: list[dict[str, Tensor]]
    generator_name: str
    discriminators: list[dict[str, Tensor]]
    discriminator_name: str
    discriminator_sizes: MultiscaleSizes | None


def read_original_weights(system: str, generator: DomainWeightsSource | None, discriminator: DomainWeightsSource | None) -> OriginalWeights:
    """Read the files of the generators, the discriminators or both.

    Args:
        system: "MUNIT" or "UNIT".
        generator: The file ``gen_*.pt``, or its content.
        discriminator: The file ``dis_*.pt``, or its content.

    Raises:
        OptionError: Neither is given.
        CheckpointError: A file is missing, damaged or unsafe, or does not contain these networks.
    """
    if generator is None and discriminator is None:
        raise OptionError(f'Importing an official "{system.lower()}" needs generator=, discriminator= or both; found neither.')
    generators, generator_name = read_domain_weights(generator, "generator")
    discriminators, discriminator_name = read_domain_weights(discriminator, "discriminator")
    sizes = infer_multiscale_sizes(discriminators[0], discriminator_name, f"{system} discriminator") if discriminators else None
    return OriginalWeights(generators, generator_name, discriminators, discriminator_name, sizes)


def get_image_channels(weights: OriginalWeights, generator_channels: int | None) -> int:
    """Return the channels of the images.

    Args:
        weights: The original weights.
        generator_channels: Channels of the generators' images; None without generators.

    Raises:
        CheckpointError: The discriminators take another number of channels.
    """
    scored = weights.discriminator_sizes.channels if weights.discriminator_sizes else None
    if generator_channels and scored and generator_channels != scored:
        raise CheckpointError(
            f"{weights.generator_name} generates {format_count(generator_channels, 'channel')} and {weights.discriminator_name} scores "
            f"{format_count(scored, 'channel')}. Use the files of one training."
        )
    return generator_channels or scored or 0


def load_both_domains(model: Model, system: str, weights: OriginalWeights, layer_names: Mapping[str, str]) -> None:
    """Copy original weights into a model of two domains, and store the names of the untrained slots in ``model.preprocessing``.

    Args:
        model: The model.
        system: "MUNIT" or "UNIT", for messages.
        weights: The original weights.
        layer_names: Original name of each layer of encoder and decoder -> our name.
    """
    for index, (original, ours) in enumerate(zip(ORIGINAL_DOMAINS, model.domain.names, strict=True)):
        if weights.generators:
            name = f'"{original}" of {weights.generator_name}'
            load_original_weights(get_autoencoder(model, ours), layer_names, weights.generators[index], name, f"{system} generator")
        if weights.discriminator_sizes:
            name = f'"{original}" of {weights.discriminator_name}'
            load_original_weights(
                model.nets.net("discriminator", ours),
                map_multiscale_layers(weights.discriminator_sizes),
                weights.discriminators[index],
                name,
                f"{system} discriminator",
            )
    missing = [("encoder", weights.generators), ("generator", weights.generators), ("discriminator", weights.discriminators)]
    model.preprocessing["untrained"] = [slot for slot, states in missing if not states]


def export_discriminators(model: Model, system: str) -> dict[str, dict[str, Tensor]]:
    """Return the content of the original's file of discriminators: state dicts under "a" and "b".

    Raises:
        OptionError: The model does not have exactly two domains.
    """
    if len(model.domain.names) != len(ORIGINAL_DOMAINS):
        raise OptionError(f"The original {system} supports two domains; this model has {len(model.domain.names)}.")
    states = {}
    for original, ours in zip(ORIGINAL_DOMAINS, model.domain.names, strict=True):
        discriminator = model.nets.net("discriminator", ours)
        depths = {key.split(".")[3] for key in discriminator.state_dict() if re.match(r"scales\.0\.layers\.", key)}
        scales = {key.split(".")[1] for key in discriminator.state_dict()}
        states[original] = get_original_state_dict(discriminator, map_multiscale_layers(MultiscaleSizes(0, 0, len(depths), len(scales))))
    return states


def get_autoencoder(model: Model, domain: str) -> nn.Module:
    """Return encoder and generator of one domain as one module, because the original saves both in one state dict."""
    return nn.ModuleDict({slot: model.nets.net(slot, domain) for slot in ("encoder", "generator")})
