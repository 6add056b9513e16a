"""Import and export of weights of the original UNIT code."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from i2ikit import Model, build
from i2ikit.errors import OptionError
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
from i2ikit.nn.padded_blocks import ConvEncoder, Decoder
from i2ikit.nn.weights import get_original_state_dict, parse_two_domains


def import_official(
    *,
    generator: DomainWeightsSource | None = None,
    discriminator: DomainWeightsSource | None = None,
    domains: tuple[str, str] = ORIGINAL_DOMAINS,
    size: int | tuple[int, int] = 256,
) -> Model:
    """Return a model with the weights of the original repository (mingyuliutw/UNIT), built with ``official=True``.

    All sizes are inferred from the tensors. These networks share no weights. Running statistics in old files are ignored.

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
    labels = parse_two_domains(domains, "UNIT")
    weights = read_original_weights("UNIT", generator, discriminator)
    g = infer_autoencoder_sizes(weights.generators[0], weights.generator_name, "UNIT generator", "enc") if weights.generators else None
    d = weights.discriminator_sizes
    model = build(
        "unit",
        official=True,
        size=size,
        channels=get_image_channels(weights, g.channels if g else None),
        domains=labels,
        encoder={"width": g.width, "downsamples": g.downsamples, "blocks": g.blocks, "latent_blocks": min(1, g.blocks)} if g else {},
        generator={"blocks": g.blocks, "latent_blocks": min(1, g.blocks)} if g else {},
        discriminator={"width": d.width, "depth": d.depth, "scales": d.scales} if d else {},
        rehearsal=False,
    )
    load_both_domains(model, "UNIT", weights, map_generator_layers(g) if g else {})
    return model


def export_official(model: Model) -> dict[str, dict[str, dict[str, Tensor]]]:
    """Return the content of the original's files ``gen_*.pt`` ("generator") and ``dis_*.pt`` ("discriminator") for a UNIT of two domains.

    Raises:
        OptionError: The model does not have two domains, or the original does not support its residual blocks.
    """
    discriminators, generators = export_discriminators(model, "UNIT"), {}
    for theirs, ours in zip(ORIGINAL_DOMAINS, model.domain.names, strict=True):
        both = get_autoencoder(model, ours)
        content = cast(ConvEncoder, both.get_submodule("encoder.content"))
        drawing = cast(Decoder, both.get_submodule("generator.drawing"))
        last, first = (len(cast(nn.Sequential, both.get_submodule(f"{slot}.latent"))) for slot in ("encoder", "generator"))
        counts = (len(content.blocks) + last, len(cast(nn.Sequential, both.get_submodule("generator.blocks"))) + first)
        if last != 1 or first != 1 or counts[0] != counts[1]:
            raise OptionError(
                "The original UNIT requires equal blocks= of encoder and decoder, and latent_blocks=1 of both; found "
                f"blocks={counts[0]}, latent_blocks={last} and blocks={counts[1]}, latent_blocks={first}."
            )
        sizes = AutoencoderSizes(0, 0, len(drawing.up), counts[0])
        generators[theirs] = get_original_state_dict(both, map_generator_layers(sizes))
    return {"generator": generators, "discriminator": discriminators}


def map_generator_layers(sizes: AutoencoderSizes) -> dict[str, str]:
    """Return a mapping from the original's layer names of encoder and decoder of one domain to ours.

    The paper shares the last block of the encoder and the first block of the decoder.
    """
    inside = max(0, sizes.blocks - 1)
    own = AutoencoderSizes(sizes.channels, sizes.width, sizes.downsamples, 0)
    encoder = [*(f"encoder.content.blocks.{block}" for block in range(inside)), "encoder.latent.0"][: sizes.blocks]
    decoder = ["generator.latent.0", *(f"generator.blocks.{block}" for block in range(inside))][: sizes.blocks]
    return {
        **map_encoder_layers("enc", "encoder.content.", own),
        **map_residual_blocks(f"enc.model.{1 + sizes.downsamples}", encoder),
        **map_residual_blocks("dec.model.0", decoder),
        **map_decoder_layers("dec", "generator.drawing.", sizes),
    }
