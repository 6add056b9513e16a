"""Weights of the original BicycleGAN code, in and out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from i2ikit import Model, build
from i2ikit.errors import CheckpointError, OptionError, format_count
from i2ikit.nn.discriminator_weights import DiscriminatorSizes, discriminator_parts, discriminator_sizes
from i2ikit.nn.weights import Given, State, put_weights, read_weights, renamed
from i2ikit_bicyclegan.names import (
    EncoderSizes,
    GeneratorSizes,
    encoder_parts,
    encoder_sizes,
    exchanged,
    generator_parts,
    generator_sizes,
    norm_after,
)

FILES = {"generator": "G", "encoder": "E", "discriminator": "D", "discriminator_random": "D2"}
SLOTS = {"encoder": "style_encoder"}  # the original's encoder is the one of styles


def import_official(
    *,
    generator: Given | None = None,
    encoder: Given | None = None,
    discriminator: Given | None = None,
    discriminator_random: Given | None = None,
    folder: str | Path | None = None,
    epoch: int | str = "latest",
    size: int | tuple[int, int] | None = None,
    style: int | None = None,
) -> Model:
    """Return a model with the weights of the original repository (junyanz/BicycleGAN), built with ``official=True``.

    All sizes are read off the tensors: U-Nets with the style everywhere or at the input, by transposed convolutions or bilinear, for 128
    or 256 pixels; encoders ``resnet`` and ``conv``; discriminators of one or several scales. Slots that no weights are given for are untrained,
    and ``model.preprocessing["untrained"]`` names them.

    Args:
        generator: The file ``latest_net_G.pth``, or the state dict itself.
        encoder: ``latest_net_E.pth``: the encoder of styles.
        discriminator: ``latest_net_D.pth``, which scored translations with the style of their target.
        discriminator_random: ``latest_net_D2.pth``, which scored those with a style from the prior.
        folder: A folder with these files, in place of all.
        epoch: Which files of the folder: 200 means ``200_net_G.pth`` and so on.
        size: Pixels, or a pair of height and width; by default as many as the U-Net's depth is made for.
        style: Width of the style; only needed where it enters at the input and there is no encoder: otherwise the tensors say.

    Raises:
        OptionError: Nothing is given, a folder and a file, or a style that is not the weights'.
        CheckpointError: A file is missing, damaged, unsafe, not of this architecture, or of another training than the others.
    """
    parts = {"generator": generator, "encoder": encoder, "discriminator": discriminator, "discriminator_random": discriminator_random}
    given = {part: file for part, file in parts.items() if file is not None}
    if folder is not None:
        if given:
            raise OptionError(f'Importing an official "bicyclegan" takes folder=, or files; found both folder= and {next(iter(given))}=.')
        given = _found(Path(folder), epoch)
    if not given:
        raise OptionError(f'Importing an official "bicyclegan" needs {"=, ".join(FILES)}= or some of them; found none.')
    read = {part: read_weights(file, part) for part, file in given.items()}
    g = generator_sizes(*read["generator"]) if "generator" in read else None
    e = encoder_sizes(*read["encoder"]) if "encoder" in read else None
    discriminators = {part: discriminator_sizes(*read[part], "BicycleGAN discriminator") for part in list(FILES)[2:] if part in read}
    width = _style(style, g, e)
    model = _built(g, e, discriminators, width, size)
    for part, (state, name) in read.items():
        _put(model.slot(SLOTS.get(part, part)), state, name, g if part == "generator" else e if part == "encoder" else discriminators[part])
    model.preprocessing["untrained"] = [SLOTS.get(part, part) for part in FILES if part not in read]
    return model


def export_official(model: Model) -> dict[str, dict[str, Tensor]]:
    """Return the state dicts of a BicycleGAN under the original's keys, by the names that :func:`import_official` takes them under."""
    options = {name: slot.options for name, slot in model.recipe.slots.items()}
    style_placement, up = (options["generator"].get(name, default) for name, default in (("style_placement", "all"), ("up", "transposed")))
    depth = len(list(model.slot("generator").get_submodule("net.down").children()))
    drawn = renamed(model.slot("generator"), generator_parts(depth, style_placement, up))
    exported = {"generator": exchanged(drawn, depth, style_placement, up)}
    if "style_encoder" in options:
        blocks = len(list(model.slot("style_encoder").get_submodule("blocks").children()))
        parts = encoder_parts(blocks + 1, options["style_encoder"].get("architecture", "resnet"))
        exported["encoder"] = renamed(model.slot("style_encoder"), parts)
    for discriminator in list(FILES)[2:]:
        if discriminator in options:
            scales = options[discriminator].get("scales", 1)
            prefixes = tuple(f"model_{scale}" for scale in range(scales)) if scales > 1 else ("model",)
            exported[discriminator] = renamed(
                model.slot(discriminator), discriminator_parts(options[discriminator].get("depth", 3), prefixes)
            )
    return exported


def _style(asked: int | None, g: GeneratorSizes | None, e: EncoderSizes | None) -> int:
    found = {description.style for description in (g, e) if description and description.style}
    if len(found) > 1:
        drawn, read = (description.style for description in (g, e) if description)
        raise CheckpointError(f"generator= draws with {drawn} entries of style and encoder= reads {read}. Take the files of one training.")
    if asked and found - {asked}:
        raise OptionError(f"style={asked} was asked for, but the weights have styles of {min(found)} entries. Leave it out.")
    return asked or min(found, default=8)


def _built(
    g: GeneratorSizes | None,
    e: EncoderSizes | None,
    discriminators: dict[str, DiscriminatorSizes],
    style: int,
    size: int | tuple[int, int] | None,
) -> Model:
    seen = next(iter(discriminators.values())).channels if discriminators else 3
    drawn = g.channels if g else e.channels if e else seen
    source = g.inputs - style if g else drawn
    if source < 1:
        raise OptionError(
            f"style={style} leaves {source} channels of what the generator takes for the image. Give style= its width; a U-Net without "
            "style is that of pix2pix."
        )
    for part, sizes in discriminators.items():
        if sizes.channels not in {drawn, drawn + source}:
            raise CheckpointError(
                f"{part}= sees {format_count(sizes.channels, 'channel')}, which is neither the image's {drawn} nor {drawn + source} with the "
                "source. Take the files of one training."
            )
    if g and e and e.channels != g.channels:
        raise CheckpointError(
            f"generator= draws {format_count(g.channels, 'channel')} and encoder= reads {e.channels}. Take the files of one training."
        )
    slots: dict[str, Any] = {
        "generator": {"width": g.width, "depth": g.depth, "style_placement": g.style_placement, "norm": g.norm, "up": g.up} if g else {},
        "style_encoder": {"width": e.width, "depth": e.depth, "architecture": e.architecture, "norm": e.norm} if e else {},
    }
    for part, sizes in discriminators.items():
        single = {} if sizes.scales > 1 else {"scales": 1, "narrower": False}
        slots[part] = {**sizes.options, **single, "conditional": sizes.channels != drawn}
    side = size or 2 ** (g.depth if g else 8)
    return build("bicyclegan", official=True, size=side, channels=drawn, source_channels=source, style=style, rehearsal=False, **slots)


def _put(net: nn.Module, state: State, name: str, sizes: GeneratorSizes | EncoderSizes | DiscriminatorSizes | None) -> None:
    if isinstance(sizes, GeneratorSizes):
        ours = exchanged(state, sizes.depth, sizes.style_placement, sizes.up)
        put_weights(net, generator_parts(sizes.depth, sizes.style_placement, sizes.up), ours, name, "BicycleGAN generator")
    elif isinstance(sizes, EncoderSizes):
        put_weights(net, encoder_parts(sizes.depth, sizes.architecture), state, name, "BicycleGAN style encoder")
    elif sizes:
        parts = discriminator_parts(sizes.depth, sizes.prefixes)
        put_weights(net, parts, _unbiased(state, parts), name, "BicycleGAN discriminator")


def _unbiased(state: State, parts: Mapping[str, str]) -> State:
    """Return a discriminator without the biases before batch norms, which take them away again: the original's of several scales have them."""
    found = dict(state)
    for theirs in parts:
        bias, norm = f"{theirs}.bias", norm_after(theirs)
        if f"{norm}.weight" in state and state[f"{norm}.weight"].ndim == 1 and bias in state and state[f"{theirs}.weight"].ndim == 4:
            shift = found.pop(bias)
            if f"{norm}.running_mean" in found:
                found[f"{norm}.running_mean"] = found[f"{norm}.running_mean"] - shift
    return found


def _found(folder: Path, epoch: int | str) -> dict[str, Given]:
    found: dict[str, Given] = {part: file for part, net in FILES.items() if (file := folder / f"{epoch}_net_{net}.pth").is_file()}
    if not found:
        there = ", ".join(sorted(each.name for each in folder.glob("*.pth"))[:5]) if folder.is_dir() else ""
        raise CheckpointError(f'"{folder}" has none of {epoch}_net_G.pth, _E, _D and _D2; there is: {there or "no .pth file"}.')
    return found
