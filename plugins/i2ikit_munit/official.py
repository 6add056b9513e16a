"""Import and export of weights of the original MUNIT code."""

from __future__ import annotations

from typing import cast

import torch
from attrs import frozen
from torch import Tensor, nn

from i2ikit import Model, build
from i2ikit.nn.original_munit_weights import (
    ORIGINAL_DOMAINS,
    AutoencoderSizes,
    DomainWeightsSource,
    export_discriminators,
    get_autoencoder,
    get_image_channels,
    infer_autoencoder_sizes,
    load_both_domains,
    map_decoder_layers,
    map_encoder_layers,
    map_residual_blocks,
    read_original_weights,
)
from i2ikit.nn.padded_blocks import Decoder, PaddedResidualBlock
from i2ikit.nn.weights import StateDict, get_original_state_dict, make_wrong_network_error, parse_two_domains

STYLE_CONVS = 5
"""Number of convolutions of the style encoder before its average pooling."""


@frozen
class GeneratorSizes:
    """Sizes of an original generator, inferred from its tensors.

    Attributes:
        stacks: Sizes of the content encoder and the decoder.
        style: Width of the style.
        hidden: Width of the hidden layers of the MLP.
    """

    stacks: AutoencoderSizes
    style: int
    hidden: int


def import_official(
    *,
    generator: DomainWeightsSource | None = None,
    discriminator: DomainWeightsSource | None = None,
    domains: tuple[str, str] = ORIGINAL_DOMAINS,
    size: int | tuple[int, int] = 256,
) -> Model:
    """Return a model with the weights of the original repository (NVlabs/MUNIT), built with ``official=True``.

    All sizes are inferred from the tensors. Running statistics are ignored, because the original does not use them. Old files contain them
    for every instance norm, newer files for the AdaIN norms.

    Args:
        generator: The file ``gen_*.pt``, or its content: the state dicts of encoders and decoder under "a" and "b".
        discriminator: The file ``dis_*.pt``, or its content. Networks that are not given stay untrained;
            ``model.preprocessing["untrained"]`` names their slots.
        domains: Names for the domains a and b of the original.
        size: Pixels, or a pair of height and width. The size cannot be inferred from the weights.

    Raises:
        OptionError: Neither file is given, or ``domains`` does not name two domains.
        CheckpointError: A file is missing, damaged, unsafe, or of another architecture.
    """
    labels = parse_two_domains(domains, "MUNIT")
    weights = read_original_weights("MUNIT", generator, discriminator)
    g = infer_generator_sizes(weights.generators[0], weights.generator_name) if weights.generators else None
    d = weights.discriminator_sizes
    model = build(
        "munit",
        official=True,
        size=size,
        channels=get_image_channels(weights, g.stacks.channels if g else None),
        domains=labels,
        encoder={"style": g.style, "width": g.stacks.width, "downsamples": g.stacks.downsamples, "blocks": g.stacks.blocks} if g else {},
        generator={"blocks": g.stacks.blocks, "hidden": g.hidden} if g else {},
        discriminator={"width": d.width, "depth": d.depth, "scales": d.scales} if d else {},
        rehearsal=False,
    )
    load_both_domains(model, "MUNIT", weights, map_generator_layers(g.stacks) if g else {})
    return model


def export_official(model: Model) -> dict[str, dict[str, dict[str, Tensor]]]:
    """Return the content of the original's files ``gen_*.pt`` ("generator") and ``dis_*.pt`` ("discriminator") for a MUNIT of two domains.

    The original saves running statistics of the AdaIN norms and does not use them; here they have their initial values.

    Raises:
        OptionError: The model does not have two domains.
    """
    discriminators, generators = export_discriminators(model, "MUNIT"), {}
    for theirs, ours in zip(ORIGINAL_DOMAINS, model.domain.names, strict=True):
        both = get_autoencoder(model, ours)
        blocks = cast(nn.ModuleList, both.get_submodule("generator.blocks"))
        drawing = cast(Decoder, both.get_submodule("generator.drawing"))
        state = get_original_state_dict(both, map_generator_layers(AutoencoderSizes(0, 0, len(drawing.up), len(blocks))))
        channels = cast(PaddedResidualBlock, blocks[0]).first.conv.out_channels
        for index in range(len(blocks)):
            for place in range(2):
                norm = f"dec.model.0.model.{index}.model.{place}.norm"
                state |= {f"{norm}.running_mean": torch.zeros(channels), f"{norm}.running_var": torch.ones(channels)}
        generators[theirs] = state
    return {"generator": generators, "discriminator": discriminators}


def map_generator_layers(sizes: AutoencoderSizes) -> dict[str, str]:
    """Return a mapping from the original's layer names of encoder and decoder of one domain to ours."""
    style = {f"enc_style.model.{1 + step}.conv": f"encoder.style.down.{step}.conv" for step in range(STYLE_CONVS - 1)}
    return {
        "enc_style.model.0.conv": "encoder.style.stem.conv",
        **style,
        f"enc_style.model.{1 + STYLE_CONVS}": "encoder.style.head",
        **map_encoder_layers("enc_content", "encoder.content.", sizes),
        **map_residual_blocks("dec.model.0", [f"generator.blocks.{block}" for block in range(sizes.blocks)]),
        **map_decoder_layers("dec", "generator.drawing.", sizes),
        **{f"mlp.model.{place}.fc": f"generator.mlp.{2 * place}" for place in range(3)},
    }


def infer_generator_sizes(state: StateDict, name: str) -> GeneratorSizes:
    """Infer the sizes of encoder and decoder from their tensors.

    Raises:
        CheckpointError: The tensors are not those of such networks.
    """
    stacks = infer_autoencoder_sizes(state, name, "MUNIT generator", "enc_content")
    first = state.get("mlp.model.0.fc.weight")
    if first is None or first.ndim != 2:
        raise make_wrong_network_error(state, name, "MUNIT generator", "enc_style.model.0.conv.weight, ..., mlp.model.0.fc.weight, ...")
    return GeneratorSizes(stacks, first.shape[1], first.shape[0])
