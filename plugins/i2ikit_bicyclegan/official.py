"""Import and export of weights of the original BicycleGAN code."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from i2ikit import Model, build
from i2ikit.errors import CheckpointError, OptionError, format_count
from i2ikit.nn.discriminator_weights import DiscriminatorSizes, infer_discriminator_sizes, map_discriminator_layers
from i2ikit.nn.weights import (
    StateDict,
    WeightsSource,
    get_original_state_dict,
    load_original_weights,
    pick_state_dicts,
    read_weights,
)
from i2ikit_bicyclegan.layer_names import (
    EncoderSizes,
    GeneratorSizes,
    get_norm_name,
    infer_encoder_sizes,
    infer_generator_sizes,
    map_encoder_layers,
    map_generator_layers,
    swap_skip_halves,
)

NETWORK_NAMES = {"generator": "G", "encoder": "E", "discriminator": "D", "discriminator_random": "D2"}
SLOT_NAMES = {"encoder": "style_encoder"}  # the encoder of the original is the style encoder


def import_official(
    *,
    generator: WeightsSource | None = None,
    encoder: WeightsSource | None = None,
    discriminator: WeightsSource | None = None,
    discriminator_random: WeightsSource | None = None,
    folder: str | Path | Mapping[str, StateDict] | None = None,
    epoch: int | str = "latest",
    size: int | tuple[int, int] | None = None,
    style: int | None = None,
) -> Model:
    """Return a model with the weights of the original repository (junyanz/BicycleGAN), built with ``official=True``.

    All sizes are inferred from the tensors. Supported are U-Nets for 128 or 256 pixels, with the style at all layers or at the input, and
    with transposed convolutions or bilinear upsampling; the encoders ``resnet`` and ``conv``; and discriminators with one or several
    scales. Slots without weights stay untrained; ``model.preprocessing["untrained"]`` names them.

    Args:
        generator: The file ``latest_net_G.pth``, or the state dict itself.
        encoder: ``latest_net_E.pth``, the style encoder.
        discriminator: ``latest_net_D.pth``, which scores translations with the encoded style of their target.
        discriminator_random: ``latest_net_D2.pth``, which scores translations with a style from the prior.
        folder: A folder with these files, or a mapping with state dicts under "G", "E", "D" and "D2", instead of the arguments above.
        epoch: Which files of the folder to read: 200 means ``200_net_G.pth`` and similar files.
        size: Pixels, or a pair of height and width. The default is the size for which the depth of the U-Net is meant.
        style: Width of the style. Only required if the style is concatenated with the image only and no encoder is given.

    Raises:
        OptionError: Nothing is given, both a folder and a file are given, or ``style`` differs from the weights.
        CheckpointError: A file is missing, damaged, unsafe, of another architecture, or of another training than the others.
    """
    parts = {"generator": generator, "encoder": encoder, "discriminator": discriminator, "discriminator_random": discriminator_random}
    sources = {part: file for part, file in parts.items() if file is not None}
    if folder is not None:
        if sources:
            raise OptionError(
                f'Importing an official "bicyclegan" takes either folder= or files; found both folder= and {next(iter(sources))}=.'
            )
        sources = {**(pick_state_dicts(folder, NETWORK_NAMES) if isinstance(folder, Mapping) else _find_files(Path(folder), epoch))}
    if not sources:
        raise OptionError(
            f'Importing an official "bicyclegan" requires folder=, or one or more of {"=, ".join(NETWORK_NAMES)}=; found none.'
        )
    weights = {part: read_weights(file, part) for part, file in sources.items()}
    g = infer_generator_sizes(*weights["generator"]) if "generator" in weights else None
    e = infer_encoder_sizes(*weights["encoder"]) if "encoder" in weights else None
    discriminators = {
        part: infer_discriminator_sizes(*weights[part], "BicycleGAN discriminator") for part in list(NETWORK_NAMES)[2:] if part in weights
    }
    width = _choose_style_width(style, g, e)
    model = _build_model(g, e, discriminators, width, size)
    for part, (state, name) in weights.items():
        _load_network(
            model.slot(SLOT_NAMES.get(part, part)),
            state,
            name,
            g if part == "generator" else e if part == "encoder" else discriminators[part],
        )
    model.preprocessing["untrained"] = [SLOT_NAMES.get(part, part) for part in NETWORK_NAMES if part not in weights]
    return model


def export_official(model: Model) -> dict[str, dict[str, Tensor]]:
    """Return the state dicts of a BicycleGAN under the original's keys, by the argument names of :func:`import_official`."""
    options = {name: slot.options for name, slot in model.recipe.slots.items()}
    style_placement, up = (options["generator"].get(name, default) for name, default in (("style_placement", "all"), ("up", "transposed")))
    depth = len(list(model.slot("generator").get_submodule("net.down").children()))
    generator = get_original_state_dict(model.slot("generator"), map_generator_layers(depth, style_placement, up))
    exported = {"generator": swap_skip_halves(generator, depth, style_placement, up)}
    if "style_encoder" in options:
        blocks = len(list(model.slot("style_encoder").get_submodule("blocks").children()))
        parts = map_encoder_layers(blocks + 1, options["style_encoder"].get("architecture", "resnet"))
        exported["encoder"] = get_original_state_dict(model.slot("style_encoder"), parts)
    for discriminator in list(NETWORK_NAMES)[2:]:
        if discriminator in options:
            scales = options[discriminator].get("scales", 1)
            prefixes = tuple(f"model_{scale}" for scale in range(scales)) if scales > 1 else ("model",)
            exported[discriminator] = get_original_state_dict(
                model.slot(discriminator), map_discriminator_layers(options[discriminator].get("depth", 3), prefixes)
            )
    return exported


def _choose_style_width(requested: int | None, g: GeneratorSizes | None, e: EncoderSizes | None) -> int:
    found = {sizes.style for sizes in (g, e) if sizes and sizes.style}
    if len(found) > 1:
        of_generator, of_encoder = (sizes.style for sizes in (g, e) if sizes)
        raise CheckpointError(
            f"generator= takes styles of {of_generator} entries, but encoder= returns {of_encoder}. Use files of the same training."
        )
    if requested and found - {requested}:
        raise OptionError(f"style={requested} does not fit the weights, whose styles have {min(found)} entries. Omit style=.")
    return requested or min(found, default=8)


def _build_model(
    g: GeneratorSizes | None,
    e: EncoderSizes | None,
    discriminators: dict[str, DiscriminatorSizes],
    style: int,
    size: int | tuple[int, int] | None,
) -> Model:
    scored = next(iter(discriminators.values())).channels if discriminators else 3
    channels = g.channels if g else e.channels if e else scored
    source = g.inputs - style if g else channels
    if source < 1:
        raise OptionError(
            f"style={style} leaves {source} of the generator's {g.inputs if g else channels} input channels for the image. "
            'Set style= to the width of the style. A U-Net without style is that of "pix2pix".'
        )
    for part, sizes in discriminators.items():
        if sizes.channels not in {channels, channels + source}:
            raise CheckpointError(
                f"{part}= takes {format_count(sizes.channels, 'channel')}; expected {channels}, or {channels + source} with the source. "
                "Use files of the same training."
            )
    if g and e and e.channels != g.channels:
        raise CheckpointError(
            f"generator= generates {format_count(g.channels, 'channel')}, but encoder= takes {e.channels}. Use files of the same training."
        )
    slots: dict[str, Any] = {
        "generator": {"width": g.width, "depth": g.depth, "style_placement": g.style_placement, "norm": g.norm, "up": g.up} if g else {},
        "style_encoder": {"width": e.width, "depth": e.depth, "architecture": e.architecture, "norm": e.norm} if e else {},
    }
    for part, sizes in discriminators.items():
        single = {} if sizes.scales > 1 else {"scales": 1, "narrower": False}
        slots[part] = {**sizes.options, **single, "conditional": sizes.channels != channels}
    side = size or 2 ** (g.depth if g else 8)
    return build("bicyclegan", official=True, size=side, channels=channels, source_channels=source, style=style, rehearsal=False, **slots)


def _load_network(net: nn.Module, state: StateDict, name: str, sizes: GeneratorSizes | EncoderSizes | DiscriminatorSizes | None) -> None:
    if isinstance(sizes, GeneratorSizes):
        swapped = swap_skip_halves(state, sizes.depth, sizes.style_placement, sizes.up)
        load_original_weights(
            net, map_generator_layers(sizes.depth, sizes.style_placement, sizes.up), swapped, name, "BicycleGAN generator"
        )
    elif isinstance(sizes, EncoderSizes):
        load_original_weights(net, map_encoder_layers(sizes.depth, sizes.architecture), state, name, "BicycleGAN style encoder")
    elif sizes:
        parts = map_discriminator_layers(sizes.depth, sizes.prefixes)
        load_original_weights(net, parts, _fold_biases(state, parts), name, "BicycleGAN discriminator")


def _fold_biases(state: StateDict, parts: Mapping[str, str]) -> StateDict:
    """Return a state dict without biases before batch norms, which cancel them. The original's multi-scale discriminators have them."""
    folded = dict(state)
    for theirs in parts:
        bias, norm = f"{theirs}.bias", get_norm_name(theirs)
        if f"{norm}.weight" in state and state[f"{norm}.weight"].ndim == 1 and bias in state and state[f"{theirs}.weight"].ndim == 4:
            shift = folded.pop(bias)
            if f"{norm}.running_mean" in folded:
                folded[f"{norm}.running_mean"] = folded[f"{norm}.running_mean"] - shift
    return folded


def _find_files(folder: Path, epoch: int | str) -> dict[str, WeightsSource]:
    files: dict[str, WeightsSource] = {
        part: file for part, net in NETWORK_NAMES.items() if (file := folder / f"{epoch}_net_{net}.pth").is_file()
    }
    if not files:
        found = ", ".join(sorted(each.name for each in folder.glob("*.pth"))[:5]) if folder.is_dir() else ""
        raise CheckpointError(
            f'"{folder}" has none of {epoch}_net_G.pth, _E, _D and _D2; found: {found or "no .pth file"}. Pass another epoch=.'
        )
    return files
