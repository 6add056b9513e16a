"""Weights of the original UNIT code, in and out."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from i2ikit import Model, build
from i2ikit.errors import CheckpointError, OptionError, counted
from i2ikit.nn.padded import ContentStack, DrawingStack
from i2ikit.nn.padded_weights import (
    GivenDomains,
    ScaleSizes,
    StackSizes,
    block_parts,
    content_parts,
    drawing_parts,
    read_domains,
    scale_parts,
    scale_sizes,
    stack_sizes,
)
from i2ikit.nn.weights import put_weights, renamed

ORIGINAL = ("a", "b")


def import_official(
    *,
    generator: GivenDomains | None = None,
    discriminator: GivenDomains | None = None,
    domains: tuple[str, str] = ORIGINAL,
    size: int | tuple[int, int] = 256,
) -> Model:
    """Return a model with the weights of the original repository (mingyuliutw/UNIT), built with ``official=True``.

    All sizes are read off the tensors. These networks share no weights. Running statistics of old files are left out.

    Args:
        generator: The file ``gen_*.pt``, or what it holds: the state dicts of encoders and decoder under "a" and "b".
        discriminator: The file ``dis_*.pt``, or what it holds. Without it the critics are untrained, as are encoders and decoders without
            the other; ``model.preprocessing["untrained"]`` names the slots.
        domains: What the original's domains a and b are called.
        size: Pixels, or a pair of height and width; the weights do not say.

    Raises:
        OptionError: Neither of the two is given.
        CheckpointError: A file is missing, damaged, unsafe, or not of this architecture.
    """
    if generator is None and discriminator is None:
        raise OptionError('Importing an official "unit" needs generator=, discriminator= or both; found neither.')
    g_states, g_name = read_domains(generator, "generator")
    d_states, d_name = read_domains(discriminator, "discriminator")
    g = stack_sizes(g_states[0], g_name, "UNIT generator", "enc") if g_states else None
    d = scale_sizes(d_states[0], d_name, "UNIT discriminator") if d_states else None
    if g and d and g.channels != d.channels:
        raise CheckpointError(
            f"{g_name} draws {counted(g.channels, 'channel')} and {d_name} judges {counted(d.channels, 'channel')}. "
            "Take the files of one training."
        )
    model = build(
        "unit",
        official=True,
        size=size,
        channels=g.channels if g else cast(ScaleSizes, d).channels,
        domains=domains,
        encoder={"width": g.width, "steps": g.steps, "blocks": g.blocks, "last": min(1, g.blocks)} if g else {},
        generator={"blocks": g.blocks, "first": min(1, g.blocks)} if g else {},
        discriminator={"width": d.width, "depth": d.depth, "scales": d.scales} if d else {},
        rehearsal=False,
    )
    for index, (theirs, ours) in enumerate(zip(ORIGINAL, model.domain.names, strict=True)):
        if g:
            put_weights(_both(model, ours), generator_parts(g), g_states[index], f'"{theirs}" of {g_name}', "UNIT generator")
        if d:
            critic = model.nets.net("discriminator", ours)
            put_weights(critic, scale_parts(d), d_states[index], f'"{theirs}" of {d_name}', "UNIT discriminator")
    missing = [("encoder", g), ("generator", g), ("discriminator", d)]
    model.preprocessing["untrained"] = [name for name, found in missing if found is None]
    return model


def export_official(model: Model) -> dict[str, dict[str, dict[str, Tensor]]]:
    """Return what the original's files ``gen_*.pt`` ("generator") and ``dis_*.pt`` ("discriminator") of a UNIT of two domains hold.

    Raises:
        OptionError: The model has more than two domains, or residual blocks that the original cannot hold.
    """
    if len(model.domain.names) != len(ORIGINAL):
        raise OptionError(f"The original UNIT holds two domains, and this model has {len(model.domain.names)}.")
    exported: dict[str, dict[str, dict[str, Tensor]]] = {"generator": {}, "discriminator": {}}
    for theirs, ours in zip(ORIGINAL, model.domain.names, strict=True):
        both, critic = _both(model, ours), model.nets.net("discriminator", ours)
        content = cast(ContentStack, both.get_submodule("encoder.content"))
        drawing = cast(DrawingStack, both.get_submodule("generator.drawing"))
        last, first = (len(cast(nn.Sequential, both.get_submodule(f"{slot}.latent"))) for slot in ("encoder", "generator"))
        counts = (len(content.blocks) + last, len(cast(nn.Sequential, both.get_submodule("generator.blocks"))) + first)
        if last != 1 or first != 1 or counts[0] != counts[1]:
            raise OptionError(
                f"The original UNIT has as many residual blocks in its decoder as in its encoder, and one of each could be shared; found "
                f"blocks={counts[0]}, last={last} and blocks={counts[1]}, first={first}."
            )
        sizes = StackSizes(0, 0, len(drawing.up), counts[0])
        exported["generator"][theirs] = renamed(both, generator_parts(sizes))
        scales = cast(nn.ModuleList, critic.get_submodule("scales"))
        depth = len(cast(nn.ModuleList, scales[0].layers))
        exported["discriminator"][theirs] = renamed(critic, scale_parts(ScaleSizes(0, 0, depth, len(scales))))
    return exported


def generator_parts(sizes: StackSizes) -> dict[str, str]:
    """Return our name of each layer of encoder and decoder of one domain, by the original's.

    The last block of the encoder and the first one of the decoder are the parts that the paper shares.
    """
    inside = max(0, sizes.blocks - 1)
    own = StackSizes(sizes.channels, sizes.width, sizes.steps, 0)
    encoder = [*(f"encoder.content.blocks.{block}" for block in range(inside)), "encoder.latent.0"][: sizes.blocks]
    decoder = ["generator.latent.0", *(f"generator.blocks.{block}" for block in range(inside))][: sizes.blocks]
    return {
        **content_parts("enc", "encoder.content.", own),
        **block_parts(f"enc.model.{1 + sizes.steps}", encoder),
        **block_parts("dec.model.0", decoder),
        **drawing_parts("dec", "generator.drawing.", sizes),
    }


def _both(model: Model, domain: str) -> nn.Module:
    return nn.ModuleDict({slot: model.nets.net(slot, domain) for slot in ("encoder", "generator")})
