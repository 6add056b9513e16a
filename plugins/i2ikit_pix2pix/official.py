"""Import and export of weights of the original pix2pix code."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from attrs import frozen
from torch import Tensor, nn

from i2ikit import Model, build
from i2ikit.errors import CheckpointError, OptionError, format_count
from i2ikit.nn.discriminator_weights import DiscriminatorSizes, infer_discriminator_sizes, map_discriminator_layers
from i2ikit.nn.weights import (
    StateDict,
    WeightsSource,
    get_original_state_dict,
    load_original_weights,
    make_wrong_network_error,
    pick_state_dicts,
    read_weights,
)

NETWORK_NAMES = {"generator": "G", "discriminator": "D"}


@frozen
class GeneratorSizes:
    """Sizes of an original U-Net, inferred from its tensors."""

    width: int
    depth: int
    norm: str
    source_channels: int
    channels: int


def import_official(
    *,
    generator: WeightsSource | None = None,
    discriminator: WeightsSource | None = None,
    folder: str | Path | Mapping[str, StateDict] | None = None,
    epoch: int | str = "latest",
    size: int | tuple[int, int] | None = None,
    source_channels: int | None = None,
    dropout: float = 0.5,
) -> Model:
    """Return a model with the weights of the original repository (junyanz/pytorch-CycleGAN-and-pix2pix), built with ``official=True``.

    All sizes are inferred from the tensors. Supported are the U-Nets ``unet_128`` and ``unet_256``, and the discriminators ``basic``,
    ``n_layers`` and ``pixel``. The U-Net ignores the running statistics of batch norms and uses those of the current batch, as the original
    does by default.

    Args:
        generator: The file ``latest_net_G.pth``, or the state dict itself.
        discriminator: The file ``latest_net_D.pth``, or the state dict itself. A network that is not given stays untrained;
            ``model.preprocessing["untrained"]`` names its slot.
        folder: A folder with these two files, or a mapping with the state dicts "G" and "D", instead of the two arguments.
        epoch: Which files of the folder to read: 200 means ``200_net_G.pth`` and ``200_net_D.pth``.
        size: Pixels, or a pair of height and width. The default is the size for which the depth of the U-Net is meant.
        source_channels: Channels of the source images. Only required if a discriminator is given alone, and source and target images have
            different channels.
        dropout: Pass 0 for a model that was trained with ``--no_dropout``, or for translations without noise.

    Raises:
        OptionError: Nothing is given, or both a folder and a file.
        CheckpointError: A file is missing, damaged, unsafe, or of another architecture.
    """
    if folder is not None:
        if generator is not None or discriminator is not None:
            raise OptionError('Importing an official "pix2pix" takes either folder=, or generator= and discriminator=; found both.')
        found = pick_state_dicts(folder, NETWORK_NAMES) if isinstance(folder, Mapping) else _find_files(Path(folder), epoch)
        generator, discriminator = found.get("generator"), found.get("discriminator")
    if generator is None and discriminator is None:
        raise OptionError('Importing an official "pix2pix" requires generator=, discriminator= or both; found neither.')
    g_state, g_name = read_weights(generator, "generator")
    d_state, d_name = read_weights(discriminator, "discriminator")
    g = infer_unet_sizes(g_state, g_name) if g_state else None
    d = infer_discriminator_sizes(d_state, d_name, "pix2pix discriminator") if d_state else None
    inputs, outputs, conditional = _infer_channels(g, d, source_channels, g_name, d_name)
    depth = g.depth if g else 8
    options = {"width": g.width, "depth": g.depth, "norm": g.norm} if g else {}
    model = build(
        "pix2pix",
        official=True,
        size=size or 2**depth,
        channels=outputs,
        source_channels=inputs,
        generator={**options, "dropout": dropout},
        discriminator={**(d.options if d else {}), "conditional": conditional},
        rehearsal=False,
    )
    if g:
        load_original_weights(model.slot("generator"), map_unet_layers(g.depth), g_state, g_name, "pix2pix generator")
    if d:
        load_original_weights(
            model.slot("discriminator"), map_discriminator_layers(d.depth, d.prefixes), d_state, d_name, "pix2pix discriminator"
        )
    model.preprocessing["untrained"] = [name for name, found in (("generator", g), ("discriminator", d)) if found is None]
    return model


def export_official(model: Model) -> dict[str, dict[str, Tensor]]:
    """Return the state dicts "generator" and "discriminator" of a pix2pix under the keys of the original code.

    The original saves running statistics of the generator's batch norms and does not use them; here they have their initial values.
    """
    generator = model.slot("generator")
    exported = {"generator": _add_running_statistics(get_original_state_dict(generator, map_unet_layers(_get_depth(generator))))}
    if "discriminator" in model.nets.slots:
        depth = model.recipe.slots["discriminator"].options.get("depth", 3)
        exported["discriminator"] = get_original_state_dict(
            model.slot("discriminator"), map_discriminator_layers(depth, ("model" if depth else "net",))
        )
    return exported


def _get_depth(generator: nn.Module) -> int:
    return len(list(generator.get_submodule("net.down").children()))


def map_unet_layers(depth: int) -> dict[str, str]:
    """Return a mapping from the original's layer names of a U-Net to ours, in the order of the original.

    Each block contains the next inner block, between its downsampling and its upsampling. The outermost block begins without activation
    and norm.
    """
    inside = ["model.model", *(f"model.model.1{'.model.3' * level}.model" for level in range(depth - 1))]
    parts = {f"{inside[0]}.0": "net.down.0"}
    for level in range(1, depth):
        parts |= {f"{inside[level]}.1": f"net.down.{level}", f"{inside[level]}.2": f"net.down_norms.{level}"}
    for level in range(depth - 1, 0, -1):
        number = 3 if level == depth - 1 else 5
        parts |= {f"{inside[level]}.{number}": f"net.up.{level}", f"{inside[level]}.{number + 1}": f"net.up_norms.{level}"}
    return {**parts, f"{inside[0]}.3": "net.up.0"}


def infer_unet_sizes(state: StateDict, name: str, what: str = "pix2pix generator") -> GeneratorSizes:
    """Infer the sizes of a U-Net from its tensors.

    Raises:
        CheckpointError: The tensors are not those of such a generator.
    """
    depth = 1
    while f"model.model.1{'.model.3' * (depth - 1)}.model.1.weight" in state:
        depth += 1
    first, last = state.get("model.model.0.weight"), state.get("model.model.3.weight")
    if first is None or last is None or first.ndim != 4 or last.ndim != 4 or depth < 3:
        raise make_wrong_network_error(state, name, what, "model.model.0.weight, model.model.1.model.1.weight, ..., model.model.3.weight")
    norm = "batch" if "model.model.1.model.2.weight" in state else "instance"
    return GeneratorSizes(first.shape[0], depth, norm, first.shape[1], last.shape[1])


def _infer_channels(
    g: GeneratorSizes | None, d: DiscriminatorSizes | None, source_channels: int | None, g_name: str, d_name: str
) -> tuple[int, int, bool]:
    """Return the channels of source and target images, and whether the discriminator takes both."""
    if g and source_channels not in {None, g.source_channels}:
        raise OptionError(
            f"source_channels={source_channels} does not fit {g_name}, which takes {format_count(g.source_channels, 'channel')}. Omit it."
        )
    if g is None:
        assert d is not None
        inputs = source_channels or (d.channels if d.channels % 2 else d.channels // 2)
        return inputs, d.channels - inputs or d.channels, d.channels > inputs
    if d and d.channels not in {g.channels, g.channels + g.source_channels}:
        raise CheckpointError(
            f"{g_name} translates {format_count(g.source_channels, 'channel')} to {g.channels}, but {d_name} takes "
            f"{format_count(d.channels, 'channel')}; expected {g.channels}, or {g.channels + g.source_channels} with the source. "
            "Use files of the same training."
        )
    return g.source_channels, g.channels, d is None or d.channels != g.channels


def _add_running_statistics(state: dict[str, Tensor]) -> dict[str, Tensor]:
    completed: dict[str, Tensor] = {}
    for key, tensor in state.items():
        completed[key] = tensor
        weight = state.get(f"{key.removesuffix('.bias')}.weight")
        if key.endswith(".bias") and weight is not None and weight.ndim == 1:
            norm = key.removesuffix(".bias")
            completed[f"{norm}.running_mean"], completed[f"{norm}.running_var"] = torch.zeros_like(tensor), torch.ones_like(tensor)
            completed[f"{norm}.num_batches_tracked"] = torch.zeros((), dtype=torch.long)
    return completed


def _find_files(folder: Path, epoch: int | str) -> dict[str, WeightsSource]:
    files: dict[str, WeightsSource] = {
        part: file for part, net in NETWORK_NAMES.items() if (file := folder / f"{epoch}_net_{net}.pth").is_file()
    }
    if not files:
        found = ", ".join(sorted(each.name for each in folder.glob("*.pth"))[:5]) if folder.is_dir() else ""
        raise CheckpointError(
            f'"{folder}" has neither {epoch}_net_G.pth nor {epoch}_net_D.pth; found: {found or "no .pth file"}. Pass another epoch=.'
        )
    return files
