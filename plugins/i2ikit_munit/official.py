"""Weights of the original MUNIT code, in and out."""

from __future__ import annotations

from typing import cast

import torch
from attrs import frozen
from torch import Tensor, nn

from i2ikit import Model, build
from i2ikit.nn.padded import Decoder, PaddedResidualBlock
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
from i2ikit.nn.weights import State, foreign, renamed, two_domains

STYLE_PLACES = 5
"""Convolutions of the style encoder before its mean over all places."""


@frozen
class GeneratorSizes:
    """What the tensors of an original generator say of it.

    Attributes:
        stacks: Of the content encoder and the decoder.
        style: Width of a style.
        hidden: Width of the linear layers behind it.
    """

    stacks: StackSizes
    style: int
    hidden: int


def import_official(
    *,
    generator: GivenDomains | None = None,
    discriminator: GivenDomains | None = None,
    domains: tuple[str, str] = ORIGINAL_DOMAINS,
    size: int | tuple[int, int] = 256,
) -> Model:
    """Return a model with the weights of the original repository (NVlabs/MUNIT), built with ``official=True``.

    All sizes are read off the tensors. Running statistics, which old files hold for every instance norm and newer ones for the norms that
    the style drives, are not used by the original and left out.

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
    labels = two_domains(domains, "MUNIT")
    read = read_originals("MUNIT", generator, discriminator)
    g = generator_sizes(read.generators[0], read.generator_name) if read.generators else None
    d = read.scales
    model = build(
        "munit",
        official=True,
        size=size,
        channels=channels_of(read, g.stacks.channels if g else None),
        domains=labels,
        encoder={"style": g.style, "width": g.stacks.width, "downsamples": g.stacks.downsamples, "blocks": g.stacks.blocks} if g else {},
        generator={"blocks": g.stacks.blocks, "hidden": g.hidden} if g else {},
        discriminator={"width": d.width, "depth": d.depth, "scales": d.scales} if d else {},
        rehearsal=False,
    )
    put_originals(model, "MUNIT", read, generator_parts(g.stacks) if g else {})
    return model


def export_official(model: Model) -> dict[str, dict[str, dict[str, Tensor]]]:
    """Return what the original's files ``gen_*.pt`` ("generator") and ``dis_*.pt`` ("discriminator") of a MUNIT of two domains hold.

    The running statistics that the original keeps for the norms that the style drives, and never uses, are those of a fresh one.

    Raises:
        OptionError: The model has more than two domains, which the original cannot hold.
    """
    discriminators, generators = exported_discriminators(model, "MUNIT"), {}
    for theirs, ours in zip(ORIGINAL_DOMAINS, model.domain.names, strict=True):
        both = both_halves(model, ours)
        blocks = cast(nn.ModuleList, both.get_submodule("generator.blocks"))
        drawing = cast(Decoder, both.get_submodule("generator.drawing"))
        state = renamed(both, generator_parts(StackSizes(0, 0, len(drawing.up), len(blocks))))
        channels = cast(PaddedResidualBlock, blocks[0]).first.conv.out_channels
        for index in range(len(blocks)):
            for place in range(2):
                norm = f"dec.model.0.model.{index}.model.{place}.norm"
                state |= {f"{norm}.running_mean": torch.zeros(channels), f"{norm}.running_var": torch.ones(channels)}
        generators[theirs] = state
    return {"generator": generators, "discriminator": discriminators}


def generator_parts(sizes: StackSizes) -> dict[str, str]:
    """Return our name of each layer of encoder and decoder of one domain, by the original's."""
    style = {f"enc_style.model.{1 + step}.conv": f"encoder.style.down.{step}.conv" for step in range(STYLE_PLACES - 1)}
    return {
        "enc_style.model.0.conv": "encoder.style.stem.conv",
        **style,
        f"enc_style.model.{1 + STYLE_PLACES}": "encoder.style.head",
        **content_parts("enc_content", "encoder.content.", sizes),
        **block_parts("dec.model.0", [f"generator.blocks.{block}" for block in range(sizes.blocks)]),
        **drawing_parts("dec", "generator.drawing.", sizes),
        **{f"mlp.model.{place}.fc": f"generator.mlp.{2 * place}" for place in range(3)},
    }


def generator_sizes(state: State, name: str) -> GeneratorSizes:
    """Read the sizes of encoder and decoder off their tensors.

    Raises:
        CheckpointError: These are no tensors of such networks.
    """
    stacks = stack_sizes(state, name, "MUNIT generator", "enc_content")
    first = state.get("mlp.model.0.fc.weight")
    if first is None or first.ndim != 2:
        raise foreign(state, name, "MUNIT generator", "enc_style.model.0.conv.weight, ..., mlp.model.0.fc.weight, ...")
    return GeneratorSizes(stacks, first.shape[1], first.shape[0])
