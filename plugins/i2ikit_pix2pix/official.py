"""Weights of the original pix2pix code, in and out."""

from __future__ import annotations

from pathlib import Path

import torch
from attrs import frozen
from torch import Tensor, nn

from i2ikit import Model, build
from i2ikit.errors import CheckpointError, OptionError, format_count
from i2ikit.nn.discriminator_weights import DiscriminatorSizes, discriminator_parts, discriminator_sizes
from i2ikit.nn.weights import Given, State, foreign, put_weights, read_weights, renamed


@frozen
class GeneratorSizes:
    """What the tensors of an original U-Net say of it."""

    width: int
    depth: int
    norm: str
    source_channels: int
    channels: int


def import_official(
    *,
    generator: Given | None = None,
    discriminator: Given | None = None,
    folder: str | Path | None = None,
    epoch: int | str = "latest",
    size: int | tuple[int, int] | None = None,
    source_channels: int | None = None,
    dropout: float = 0.5,
) -> Model:
    """Return a model with the weights of the original repository (junyanz/pytorch-CycleGAN-and-pix2pix), built with ``official=True``.

    All sizes are read off the tensors: the U-Nets ``unet_128`` and ``unet_256``, and the discriminators ``basic``, ``n_layers`` and ``pixel``.
    Running statistics of batch norms are not used by the U-Net, which takes those of the batch at hand, as the original does by default.

    Args:
        generator: The file ``latest_net_G.pth``, or the state dict itself.
        discriminator: The file ``latest_net_D.pth``, or the state dict itself. Without it the discriminator is untrained, as is the generator
            without the other; ``model.preprocessing["untrained"]`` names the slot.
        folder: A folder with these two files, in place of both.
        epoch: Which files of the folder: 200 means ``200_net_G.pth`` and so on.
        size: Pixels, or a pair of height and width; by default as many as the U-Net's depth is made for.
        source_channels: Channels of the source images, where there is a discriminator alone and they are not as many as it scores.
        dropout: 0 for a model that was trained with ``--no_dropout``, and for translations without noise.

    Raises:
        OptionError: Nothing is given, or a folder and a file.
        CheckpointError: A file is missing, damaged, unsafe, or not of this architecture.
    """
    if folder is not None:
        if generator is not None or discriminator is not None:
            raise OptionError('Importing an official "pix2pix" takes folder=, or generator= and discriminator=; found both.')
        generator, discriminator = _found(Path(folder), epoch)
    if generator is None and discriminator is None:
        raise OptionError('Importing an official "pix2pix" needs generator=, discriminator= or both; found neither.')
    g_state, g_name = read_weights(generator, "generator")
    d_state, d_name = read_weights(discriminator, "discriminator")
    g = unet_sizes(g_state, g_name) if g_state else None
    d = discriminator_sizes(d_state, d_name, "pix2pix discriminator") if d_state else None
    given, drawn, conditional = _channels(g, d, source_channels, g_name, d_name)
    depth = g.depth if g else 8
    options = {"width": g.width, "depth": g.depth, "norm": g.norm} if g else {}
    model = build(
        "pix2pix",
        official=True,
        size=size or 2**depth,
        channels=drawn,
        source_channels=given,
        generator={**options, "dropout": dropout},
        discriminator={**(d.options if d else {}), "conditional": conditional},
        rehearsal=False,
    )
    if g:
        put_weights(model.slot("generator"), unet_parts(g.depth), g_state, g_name, "pix2pix generator")
    if d:
        put_weights(model.slot("discriminator"), discriminator_parts(d.depth, d.prefixes), d_state, d_name, "pix2pix discriminator")
    model.preprocessing["untrained"] = [name for name, found in (("generator", g), ("discriminator", d)) if found is None]
    return model


def export_official(model: Model) -> dict[str, dict[str, Tensor]]:
    """Return the state dicts "generator" and "discriminator" of a pix2pix under the original's keys.

    The running statistics of the generator's batch norms, which the original saves and does not use, are those of an untrained one.
    """
    generator = model.slot("generator")
    exported = {"generator": _with_statistics(renamed(generator, unet_parts(_depth(generator))))}
    if "discriminator" in model.nets.slots:
        depth = model.recipe.slots["discriminator"].options.get("depth", 3)
        exported["discriminator"] = renamed(model.slot("discriminator"), discriminator_parts(depth, ("model" if depth else "net",)))
    return exported


def _depth(generator: nn.Module) -> int:
    return len(list(generator.get_submodule("net.down").children()))


def unet_parts(depth: int) -> dict[str, str]:
    """Return our name of each layer of a U-Net, by the original's, in the original's order.

    A block holds what is inside it between its way down and its way up; the outermost has no activation and no norm before it.
    """
    inside = ["model.model", *(f"model.model.1{'.model.3' * level}.model" for level in range(depth - 1))]
    parts = {f"{inside[0]}.0": "net.down.0"}
    for level in range(1, depth):
        parts |= {f"{inside[level]}.1": f"net.down.{level}", f"{inside[level]}.2": f"net.down_norms.{level}"}
    for level in range(depth - 1, 0, -1):
        place = 3 if level == depth - 1 else 5
        parts |= {f"{inside[level]}.{place}": f"net.up.{level}", f"{inside[level]}.{place + 1}": f"net.up_norms.{level}"}
    return {**parts, f"{inside[0]}.3": "net.up.0"}


def unet_sizes(state: State, name: str, what: str = "pix2pix generator") -> GeneratorSizes:
    """Read the sizes of a U-Net off its tensors.

    Raises:
        CheckpointError: These are no tensors of such a generator.
    """
    depth = 1
    while f"model.model.1{'.model.3' * (depth - 1)}.model.1.weight" in state:
        depth += 1
    first, last = state.get("model.model.0.weight"), state.get("model.model.3.weight")
    if first is None or last is None or first.ndim != 4 or last.ndim != 4 or depth < 3:
        raise foreign(state, name, what, "model.model.0.weight, model.model.1.model.1.weight, ..., model.model.3.weight")
    norm = "batch" if "model.model.1.model.2.weight" in state else "instance"
    return GeneratorSizes(first.shape[0], depth, norm, first.shape[1], last.shape[1])


def _channels(
    g: GeneratorSizes | None, d: DiscriminatorSizes | None, source_channels: int | None, g_name: str, d_name: str
) -> tuple[int, int, bool]:
    """Return the channels of source and image, and whether the discriminator sees both."""
    if g and source_channels not in {None, g.source_channels}:
        raise OptionError(f"source_channels={source_channels} was asked for, but {g_name} translates {g.source_channels}. Leave it out.")
    if g is None:
        assert d is not None
        given = source_channels or (d.channels if d.channels % 2 else d.channels // 2)
        return given, d.channels - given or d.channels, d.channels > given
    if d and d.channels not in {g.channels, g.channels + g.source_channels}:
        raise CheckpointError(
            f"{g_name} draws {format_count(g.channels, 'channel')} of {g.source_channels} and {d_name} sees {format_count(d.channels, 'channel')}, "
            f"which is neither {g.channels} nor both, {g.channels + g.source_channels}. Take the files of one training."
        )
    return g.source_channels, g.channels, d is None or d.channels != g.channels


def _with_statistics(state: dict[str, Tensor]) -> dict[str, Tensor]:
    whole: dict[str, Tensor] = {}
    for key, tensor in state.items():
        whole[key] = tensor
        weight = state.get(f"{key.removesuffix('.bias')}.weight")
        if key.endswith(".bias") and weight is not None and weight.ndim == 1:
            norm = key.removesuffix(".bias")
            whole[f"{norm}.running_mean"], whole[f"{norm}.running_var"] = torch.zeros_like(tensor), torch.ones_like(tensor)
            whole[f"{norm}.num_batches_tracked"] = torch.zeros((), dtype=torch.long)
    return whole


def _found(folder: Path, epoch: int | str) -> tuple[Path | None, Path | None]:
    files = [folder / f"{epoch}_net_{net}.pth" for net in ("G", "D")]
    if not any(file.is_file() for file in files):
        there = ", ".join(sorted(each.name for each in folder.glob("*.pth"))[:5]) if folder.is_dir() else ""
        raise CheckpointError(f'"{folder}" has neither {epoch}_net_G.pth nor {epoch}_net_D.pth; there is: {there or "no .pth file"}.')
    found = [file if file.is_file() else None for file in files]
    return found[0], found[1]
