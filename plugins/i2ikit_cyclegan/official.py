"""Weights of the original CycleGAN code, in and out."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from i2ikit import Model, build
from i2ikit.errors import CheckpointError, OptionError, format_count
from i2ikit.nn.discriminator_weights import DiscriminatorSizes, discriminator_sizes
from i2ikit.nn.weights import Given, put_weights, read_weights, renamed, two_domains
from i2ikit_cyclegan.layout import GeneratorSizes, generator_sizes, layout_of, made

FILES = {"generator_a": "G_A", "generator_b": "G_B", "discriminator_a": "D_A", "discriminator_b": "D_B"}


def import_official(
    *,
    folder: str | PathLike[str] | None = None,
    generator: Given | None = None,
    generator_a: Given | None = None,
    generator_b: Given | None = None,
    discriminator_a: Given | None = None,
    discriminator_b: Given | None = None,
    domains: Any = ("A", "B"),
    size: int | tuple[int, int] = 256,
    epoch: int | str = "latest",
    dropout: float | None = None,
) -> Model:
    """Return a model with the weights of the original repository (junyanz/pytorch-CycleGAN-and-pix2pix), built with ``official=True``.

    All sizes of the networks are read off the tensors; so is whether they are those of CUT's repository, which blur before they halve.
    In the original, G_A translates from A to B, and D_A scores the images of B that G_A draws.

    Args:
        folder: Where ``latest_net_G_A.pth`` and the like are; of those that are not there the weights stay random.
        generator: The file of the single generator of a one-way model, or its state dict: the same as ``generator_a``.
        generator_a, generator_b: The files ``latest_net_G_A.pth`` and ``latest_net_G_B.pth``, or the state dicts themselves.
        discriminator_a, discriminator_b: The files ``latest_net_D_A.pth`` and ``latest_net_D_B.pth``, or the state dicts themselves.
        domains: The names of the domains A and B, in this order.
        size: Pixels of a side in training; the networks themselves take any.
        epoch: What the names of the folder's files begin with.
        dropout: 0 for translations without noise of generators that were trained with dropout, which stays on by default as in the
            original's test.

    Raises:
        OptionError: No generator and no discriminator is given, or one is given twice.
        CheckpointError: A file is missing, damaged, unsafe, or not of this architecture.
    """
    given = {
        "generator_a": generator_a,
        "generator_b": generator_b,
        "discriminator_a": discriminator_a,
        "discriminator_b": discriminator_b,
    }
    if generator is not None:
        if generator_a is not None:
            raise OptionError("generator= and generator_a= are the same network, from A to B, and both are given. Leave one out.")
        given["generator_a"] = generator
    if folder is not None:
        found = _in_folder(Path(folder), epoch)
        given = {part: found.get(part) if file is None else file for part, file in given.items()}
    called = {part: "generator" if part == "generator_a" and generator is not None else part for part in given}
    read = {part: read_weights(file, called[part]) for part, file in given.items() if file is not None}
    if not read:
        raise OptionError(f'Importing an official "cyclegan" needs folder=, or one of {", ".join(f"{part}=" for part in given)}.')
    first, second = two_domains(domains, "CycleGAN").names
    generators = {part: generator_sizes(*read[part]) for part in read if part.startswith("generator")}
    discriminators = {part: discriminator_sizes(*read[part], "CycleGAN discriminator") for part in read if part.startswith("discriminator")}
    sizes, scores = _alike(generators, read), _alike(discriminators, read)
    every: dict[str, GeneratorSizes | DiscriminatorSizes] = {**generators, **discriminators}
    channels = next(iter(every.values())).channels
    for part, each in every.items():
        if each.channels != channels:
            raise CheckpointError(
                f"{read[part][1]} has {format_count(each.channels, 'channel')}, and the networks before it {channels}. "
                "Take the files of one training."
            )
    model = build(
        "cyclegan",
        official=True,
        size=size,
        channels=channels,
        labels=domains,
        generator={**sizes.options, **({} if dropout is None else {"dropout": dropout})} if sizes else {},
        discriminator=scores.options if scores else {},
        rehearsal=False,
    )
    for part, net in _nets(model, first, second).items():
        if part in read:
            _load(net, every[part], *read[part])
    missing = [part for part in FILES if part not in read]
    model.preprocessing["untrained"] = _slots(missing, first, second)
    return model


def export_official(model: Model) -> dict[str, dict[str, Tensor]]:
    """Return the state dicts "generator_a", "generator_b", "discriminator_a" and "discriminator_b" under the original's keys.

    Raises:
        OptionError: The model has other domains than two, or what the original code does not have.
    """
    if len(model.domain.names) != 2:
        raise OptionError(f"The original CycleGAN has two domains; this model has {len(model.domain.names)}.")
    options = dict(model.recipe.slots["generator"].options)
    discriminator = dict(model.recipe.slots["discriminator"].options) if "discriminator" in model.nets.slots else {}
    strange = {
        "noise": options.get("noise", 0) != 0,
        "scales": discriminator.get("scales", 1) != 1,
        "conditional": discriminator.get("conditional"),
    }
    strange |= {"norm": discriminator.get("norm") == "none"}
    if any(strange.values()):
        raise OptionError(f"The original CycleGAN has nothing like {', '.join(name for name in strange if strange[name])} of this model.")
    states = {}
    for part, net in _nets(model, *model.domain.names).items():
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
        layout = layout_of(sizes)
        state = {**renamed(net, layout.parts), **made(layout.filters)}
        states[part] = dict(sorted(state.items(), key=lambda item: int(item[0].split(".")[1])))
    return states


def _nets(model: Model, first: str, second: str) -> dict[str, nn.Module]:
    """Return the networks by the original's names; a discriminator is named there after the generator whose images it scores."""
    nets = {
        "generator_a": model.nets.net("generator", pair=(first, second)),
        "generator_b": model.nets.net("generator", pair=(second, first)),
    }
    if "discriminator" in model.nets.slots:
        nets["discriminator_a"] = model.nets.net("discriminator", second)
        nets["discriminator_b"] = model.nets.net("discriminator", first)
    return nets


def _in_folder(folder: Path, epoch: int | str) -> dict[str, Path]:
    if not folder.is_dir():
        raise CheckpointError(f'"{folder}" is {"a file" if folder.exists() else "missing"}. Give the folder of the original training.')
    found = {part: folder / f"{epoch}_net_{name}.pth" for part, name in FILES.items()}
    single = folder / f"{epoch}_net_G.pth"  # as the original's test of one direction wants it
    if not found["generator_a"].is_file() and single.is_file():
        found["generator_a"] = single
    there = {part: path for part, path in found.items() if path.is_file()}
    if not there:
        held = ", ".join(sorted(path.name for path in folder.iterdir())[:5]) or "nothing"
        raise CheckpointError(f'"{folder}" holds no {epoch}_net_G_A.pth or the like; it holds: {held}. Name another epoch=.')
    return there


def _alike(sizes: dict[str, Any], read: dict[str, tuple[dict[str, Tensor], str]]) -> Any:
    """Return the sizes that all networks of a kind have; None where there is none."""
    found = iter(sizes.items())
    part, first = next(found, ("", None))
    for other, each in found:
        if first is not None and each != first:
            found_other, found_first = layout_of(each).description, layout_of(first).description
            raise CheckpointError(
                f"{read[other][1]} is the original {found_other}, and {read[part][1]} is the {found_first}. Take the files of one training."
            )
    return first


def _load(net: nn.Module, sizes: GeneratorSizes | DiscriminatorSizes, state: dict[str, Tensor], name: str) -> None:
    layout = layout_of(sizes)
    own = made(layout.filters)
    for key in [key for key in state if key.endswith(".filt")]:
        same = key in own and own[key].shape == state[key].shape and torch.allclose(own[key], state[key].to(own[key]), atol=1e-6)
        if not same:
            raise CheckpointError(
                f"{name}: {key} {list(state[key].shape)} is another filter than that of the original {layout.description}."
            )
    put_weights(net, layout.parts, {key: value for key, value in state.items() if not key.endswith(".filt")}, name, layout.description)


def _slots(missing: list[str], first: str, second: str) -> list[str]:
    """Return what has no weights: a slot, or the slot and which net of it."""
    named = {
        "generator": {"generator_a": f"{first}_to_{second}", "generator_b": f"{second}_to_{first}"},
        "discriminator": {"discriminator_a": second, "discriminator_b": first},
    }
    return [
        name
        for slot, parts in named.items()
        for name in ([slot] if parts.keys() <= set(missing) else [f"{slot} {net}" for part, net in parts.items() if part in missing])
    ]
