"""Weights of the original UNIT code, in and out."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from i2ikit import Model, build
from i2ikit.errors import OptionError
from i2ikit.nn.padded import ContentStack, Decoder
from i2ikit.nn.padded_weights import (
    ORIGINAL_DOMAINS,
    GivenDomains,
    StackSizes,
    block_parts,
    both_halves,
    channels_of,
    content_parts,
    drawing_parts,
    exported_discriminators,
    put_originals,
    read_originals,
    stack_sizes,
)
from i2ikit.nn.weights import renamed, two_domains


def import_official(
    *,
    generator: GivenDomains | None = None,
    discriminator: GivenDomains | None = None,
    domains: tuple[str, str] = ORIGINAL_DOMAINS,
    size: int | tuple[int, int] = 256,
) -> Model:
    """Return a model with the weights of the original repository (mingyuliutw/UNIT), built with ``official=True``.

    All sizes are read off the tensors. These networks share no weights. Running statistics of old files are left out.

    Args:
        generator: The file ``gen_*.pt``, or what it holds: the state dicts of encoders and decoder under "a" and "b".
        discriminator: The file ``dis_*.pt``, or what it holds. Without it the discriminators are untrained, as are encoders and decoders without
            the other; ``model.preprocessing["untrained"]`` names the slots.
        domains: What the original's domains a and b are called.
        size: Pixels, or a pair of height and width; the weights do not say.

    Raises:
        OptionError: Neither of the two is given, or there are not two domains.
        CheckpointError: A file is missing, damaged, unsafe, or not of this architecture.
    """
    labels = two_domains(domains, "UNIT")
    read = read_originals("UNIT", generator, discriminator)
    g = stack_sizes(read.generators[0], read.generator_name, "UNIT generator", "enc") if read.generators else None
    d = read.scales
    model = build(
        "unit",
        official=True,
        size=size,
        channels=channels_of(read, g.channels if g else None),
        domains=labels,
        encoder={"width": g.width, "downsamples": g.downsamples, "blocks": g.blocks, "latent_blocks": min(1, g.blocks)} if g else {},
        generator={"blocks": g.blocks, "latent_blocks": min(1, g.blocks)} if g else {},
        discriminator={"width": d.width, "depth": d.depth, "scales": d.scales} if d else {},
        rehearsal=False,
    )
    put_originals(model, "UNIT", read, generator_parts(g) if g else {})
    return model


def export_official(model: Model) -> dict[str, dict[str, dict[str, Tensor]]]:
    """Return what the original's files ``gen_*.pt`` ("generator") and ``dis_*.pt`` ("discriminator") of a UNIT of two domains hold.

    Raises:
        OptionError: The model has more than two domains, or residual blocks that the original cannot hold.
    """
    discriminators, generators = exported_discriminators(model, "UNIT"), {}
    for theirs, ours in zip(ORIGINAL_DOMAINS, model.domain.names, strict=True):
        both = both_halves(model, ours)
        content = cast(ContentStack, both.get_submodule("encoder.content"))
        drawing = cast(Decoder, both.get_submodule("generator.drawing"))
        last, first = (len(cast(nn.Sequential, both.get_submodule(f"{slot}.latent"))) for slot in ("encoder", "generator"))
        counts = (len(content.blocks) + last, len(cast(nn.Sequential, both.get_submodule("generator.blocks"))) + first)
        if last != 1 or first != 1 or counts[0] != counts[1]:
            raise OptionError(
                f"The original UNIT has as many residual blocks in its decoder as in its encoder, and one of each could be shared; found "
                f"blocks={counts[0]}, latent_blocks={last} and blocks={counts[1]}, latent_blocks={first}."
            )
        sizes = StackSizes(0, 0, len(drawing.up), counts[0])
        generators[theirs] = renamed(both, generator_parts(sizes))
    return {"generator": generators, "discriminator": discriminators}


def generator_parts(sizes: StackSizes) -> dict[str, str]:
    """Return our name of each layer of encoder and decoder of one domain, by the original's.

    The last block of the encoder and the first one of the decoder are the parts that the paper shares.
    """
    inside = max(0, sizes.blocks - 1)
    own = StackSizes(sizes.channels, sizes.width, sizes.downsamples, 0)
    encoder = [*(f"encoder.content.blocks.{block}" for block in range(inside)), "encoder.latent.0"][: sizes.blocks]
    decoder = ["generator.latent.0", *(f"generator.blocks.{block}" for block in range(inside))][: sizes.blocks]
    return {
        **content_parts("enc", "encoder.content.", own),
        **block_parts(f"enc.model.{1 + sizes.downsamples}", encoder),
        **block_parts("dec.model.0", decoder),
        **drawing_parts("dec", "generator.drawing.", sizes),
    }
