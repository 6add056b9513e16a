"""Import and export of weights of the original CycleGAN code."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from i2ikit import Model, build
from i2ikit.errors import CheckpointError, OptionError, format_count
from i2ikit.nn.discriminator_weights import DiscriminatorSizes, infer_discriminator_sizes
from i2ikit.nn.weights import (
    StateDict,
    WeightsSource,
    get_original_state_dict,
    load_original_weights,
    parse_two_domains,
    pick_state_dicts,
    read_weights,
)
from i2ikit_cyclegan.layout import GeneratorSizes, get_layout, infer_generator_sizes, make_filters

NETWORK_NAMES = {"generator_a": "G_A", "generator_b": "G_B", "discriminator_a": "D_A", "discriminator_b": "D_B"}


def import_official(
    *,
    folder: str | PathLike[str] | Mapping[str, StateDict] | None = None,
    generator: WeightsSource | None = None,
    generator_a: WeightsSource | None = None,
    generator_b: WeightsSource | None = None,
    discriminator_a: WeightsSource | None = None,
    discriminator_b: WeightsSource | None = None,
    domains: Any = ("A", "B"),
    size: int | tuple[int, int] = 256,
    epoch: int | str = "latest",
    dropout: float | None = None,
) -> Model:
    """Return a model with the weights of the original repository (junyanz/pytorch-CycleGAN-and-pix2pix), built with ``official=True``.

    All sizes of the networks are inferred from the tensors, including whether they are the antialiased networks of CUT's repository.
    In the original, G_A translates from A to B, and D_A scores images of B: real ones and those that G_A generates.

    Args:
        folder: The folder with ``latest_net_G_A.pth`` and similar files, or a mapping with state dicts under "G_A" and so on. Networks
            that are not there keep random weights.
        generator: The file of the single generator of a one-way model, or its state dict. The same as ``generator_a``.
        generator_a, generator_b: The files ``latest_net_G_A.pth`` and ``latest_net_G_B.pth``, or the state dicts themselves.
        discriminator_a, discriminator_b: The files ``latest_net_D_A.pth`` and ``latest_net_D_B.pth``, or the state dicts themselves.
        domains: The names of the domains A and B, in this order.
        size: Side of the training images in pixels. The networks accept any size.
        epoch: The beginning of the file names in the folder.
        dropout: Pass 0 to switch dropout off at inference, for generators that were trained with dropout. By default it stays active, as in
            the original's test.

    Raises:
        OptionError: No generator and no discriminator is given, or one is given twice.
        CheckpointError: A file is missing, damaged, unsafe, or of another architecture.
    """
    sources = {
        "generator_a": generator_a,
        "generator_b": generator_b,
        "discriminator_a": discriminator_a,
        "discriminator_b": discriminator_b,
    }
    if generator is not None:
        if generator_a is not None:
            raise OptionError("generator= and generator_a= are the same network (A to B); found both. Omit one of them.")
        sources["generator_a"] = generator
    if folder is not None:
        files = pick_state_dicts(folder, NETWORK_NAMES) if isinstance(folder, Mapping) else _find_files(Path(folder), epoch)
        sources = {part: files.get(part) if file is None else file for part, file in sources.items()}
    names = {part: "generator" if part == "generator_a" and generator is not None else part for part in sources}
    weights = {part: read_weights(file, names[part]) for part, file in sources.items() if file is not None}
    if not weights:
        raise OptionError(
            f'Importing an official "cyclegan" requires folder=, or one of {", ".join(f"{part}=" for part in sources)}; found none.'
        )
    first, second = parse_two_domains(domains, "CycleGAN").names
    generators = {part: infer_generator_sizes(*weights[part]) for part in weights if part.startswith("generator")}
    discriminators = {
        part: infer_discriminator_sizes(*weights[part], "CycleGAN discriminator") for part in weights if part.startswith("discriminator")
    }
    generator_sizes, discriminator_sizes = _require_equal_sizes(generators, weights), _require_equal_sizes(discriminators, weights)
    networks: dict[str, GeneratorSizes | DiscriminatorSizes] = {**generators, **discriminators}
    channels = next(iter(networks.values())).channels
    for part, each in networks.items():
        if each.channels != channels:
            raise CheckpointError(
                f"{weights[part][1]} has {format_count(each.channels, 'channel')}, but the networks before it have {channels}. "
                "Use files of the same training."
            )
    model = build(
        "cyclegan",
        official=True,
        size=size,
        channels=channels,
        labels=domains,
        generator={**generator_sizes.options, **({} if dropout is None else {"dropout": dropout})} if generator_sizes else {},
        discriminator=discriminator_sizes.options if discriminator_sizes else {},
        rehearsal=False,
    )
    for part, net in _get_networks(model, first, second).items():
        if part in weights:
            _load_network(net, networks[part], *weights[part])
    missing = [part for part in NETWORK_NAMES if part not in weights]
    model.preprocessing["untrained"] = _list_untrained(missing, first, second)
    return model


def export_official(model: Model) -> dict[str, dict[str, Tensor]]:
    """Return the state dicts "generator_a", "generator_b", "discriminator_a" and "discriminator_b" under the keys of the original code.

    Raises:
        OptionError: The model does not have two domains, or has a feature that the original code does not support.
    """
    if len(model.domain.names) != 2:
        raise OptionError(f"The original CycleGAN supports two domains; this model has {len(model.domain.names)}.")
    options = dict(model.recipe.slots["generator"].options)
    discriminator = dict(model.recipe.slots["discriminator"].options) if "discriminator" in model.nets.slots else {}
    unsupported = {
        "noise": options.get("noise", 0) != 0,
        "scales": discriminator.get("scales", 1) != 1,
        "conditional": discriminator.get("conditional"),
    }
    unsupported |= {"norm": discriminator.get("norm") == "none"}
    if any(unsupported.values()):
        names = ", ".join(name for name in unsupported if unsupported[name])
        raise OptionError(f"The original CycleGAN does not support these options of the model: {names}.")
    states = {}
    for part, net in _get_networks(model, *model.domain.names).items():
        if part.startswith("generator"):
            sizes: GeneratorSizes | DiscriminatorSizes = GeneratorSizes(
                net.get_parameter("stem.conv.weight").shape[0],
                len(net.get_submodule("middle")),  # type: ignore[arg-type]
                model.image.channels,
                bool(options.get("dropout")),
                options.get("down", "strided"),
                options.get("up", "transposed"),
            )
        else:
            width, depth = net.get_parameter("scales.0.layers.0.weight").shape[0], discriminator.get("depth", 3)
            prefixes = ("model",) if depth else ("net",)
            sizes = DiscriminatorSizes(
                model.image.channels,
                width,
                depth,
                discriminator.get("norm", "instance"),
                1,
                prefixes,
                bool(discriminator.get("antialiased")),
            )
        layout = get_layout(sizes)
        state = {**get_original_state_dict(net, layout.parts), **make_filters(layout.filters)}
        states[part] = dict(sorted(state.items(), key=lambda item: int(item[0].split(".")[1])))
    return states


def _get_networks(model: Model, first: str, second: str) -> dict[str, nn.Module]:
    """Return the networks by the original's names. There a discriminator has the letter of the generator whose images it scores."""
    nets = {
        "generator_a": model.nets.net("generator", pair=(first, second)),
        "generator_b": model.nets.net("generator", pair=(second, first)),
    }
    if "discriminator" in model.nets.slots:
        nets["discriminator_a"] = model.nets.net("discriminator", second)
        nets["discriminator_b"] = model.nets.net("discriminator", first)
    return nets


def _find_files(folder: Path, epoch: int | str) -> dict[str, WeightsSource]:
    if not folder.is_dir():
        raise CheckpointError(f'"{folder}" is {"a file" if folder.exists() else "missing"}. Pass the folder of the original training.')
    files = {part: folder / f"{epoch}_net_{name}.pth" for part, name in NETWORK_NAMES.items()}
    single = folder / f"{epoch}_net_G.pth"  # the name that the original's one-way test requires
    if not files["generator_a"].is_file() and single.is_file():
        files["generator_a"] = single
    existing: dict[str, WeightsSource] = {part: path for part, path in files.items() if path.is_file()}
    if not existing:
        found = ", ".join(sorted(path.name for path in folder.iterdir())[:5]) or "no file"
        raise CheckpointError(f'"{folder}" has no file such as {epoch}_net_G_A.pth; found: {found}. Pass another epoch=.')
    return existing


def _require_equal_sizes(sizes: dict[str, Any], weights: dict[str, tuple[dict[str, Tensor], str]]) -> Any:
    """Return the sizes that all networks of one kind share, or None if there is no network."""
    items = iter(sizes.items())
    part, first = next(items, ("", None))
    for other, each in items:
        if first is not None and each != first:
            raise CheckpointError(
                f"{weights[other][1]} is an original {get_layout(each).description}, but {weights[part][1]} is an original "
                f"{get_layout(first).description}. Use files of the same training."
            )
    return first


def _load_network(net: nn.Module, sizes: GeneratorSizes | DiscriminatorSizes, state: dict[str, Tensor], name: str) -> None:
    layout = get_layout(sizes)
    own = make_filters(layout.filters)
    for key in [key for key in state if key.endswith(".filt")]:
        is_equal = key in own and own[key].shape == state[key].shape and torch.allclose(own[key], state[key].to(own[key]), atol=1e-6)
        if not is_equal:
            raise CheckpointError(f"{name}: {key} {list(state[key].shape)} differs from the filter of the original {layout.description}.")
    load_original_weights(
        net, layout.parts, {key: value for key, value in state.items() if not key.endswith(".filt")}, name, layout.description
    )


def _list_untrained(missing: list[str], first: str, second: str) -> list[str]:
    """Return the slots without weights; if only one net of a slot has none, the slot and the name of that net."""
    nets_of_slots = {
        "generator": {"generator_a": f"{first}_to_{second}", "generator_b": f"{second}_to_{first}"},
        "discriminator": {"discriminator_a": second, "discriminator_b": first},
    }
    return [
        name
        for slot, parts in nets_of_slots.items()
        for name in ([slot] if parts.keys() <= set(missing) else [f"{slot} {net}" for part, net in parts.items() if part in missing])
    ]
