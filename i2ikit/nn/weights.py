"""Weights of original codes: read as tensors alone, and put into our networks under the original's names."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file as safetensors
from torch import Tensor, nn

from i2ikit.core.domain import DomainSpec
from i2ikit.errors import CheckpointError, OptionError

State = Mapping[str, Tensor]
Given = str | PathLike[str] | State
UNUSED = ("running_mean", "running_var", "num_batches_tracked")

# By what a key contains: whose it is, for messages. The first that fits is named.
_MARKS = (
    (".conv_block.", 'a ResNet generator, as "cyclegan" has it'),
    ("model.model.0.weight", 'a U-Net generator, as "pix2pix" has it, and "bicyclegan" where the style enters at the input'),
    ("model.down.0.", 'a U-Net generator, as "bicyclegan" has it where the style enters everywhere'),
    ("fcVar.", 'a style encoder, as "bicyclegan" has it'),
    ("model_0.0.", 'a discriminator of several scales, as "bicyclegan" has it'),
    ("net.0.weight", 'a pixel discriminator, as "pix2pix" has it'),
    ("enc_content.", 'a generator, as "munit" has it'),
    ("cnns.", 'a discriminator of several scales, as "munit" and "unit" have it'),
    ("enc.model.", 'a generator, as "unit" has it'),
    ("main.0.weight", 'a network, as "stargan" has it'),
    ("model.0.weight", 'a patch discriminator, as "cyclegan" and "pix2pix" have it'),
)


def read_weights(given: Given | None, part: str) -> tuple[dict[str, Tensor], str]:
    """Return a state dict, without the prefix of a wrapped module, and what it is called in messages; empty where None.

    Args:
        given: A file that ``torch.save`` wrote, or the state dict itself.
        part: What it was given as, such as "generator".

    Raises:
        CheckpointError: A file is missing, damaged or unsafe, or something else than a state dict.
    """
    if given is None:
        return {}, part
    name = f"{part}=" if isinstance(given, Mapping) else f'"{given}"'
    state = given if isinstance(given, Mapping) else load_file(Path(given), name)
    if not isinstance(state, Mapping) or not state or not all(isinstance(value, Tensor) for value in state.values()):
        raise CheckpointError(f"{name} holds no state dict of tensors ({type(state).__name__}). Give the file of the original code.")
    wrapped = all(key.startswith("module.") for key in state)  # written by DataParallel
    return {key.removeprefix("module.") if wrapped else key: value for key, value in state.items()}, name


def load_file(path: Path, name: str) -> Any:
    """Return what a file of safetensors holds, or one that ``torch.save`` wrote, read as tensors alone.

    Raises:
        CheckpointError: It is missing, damaged or unsafe.
    """
    if not path.is_file():
        raise CheckpointError(f"{name} is {'a folder' if path.is_dir() else 'missing'}. Give the path of a .pth or .safetensors file.")
    try:
        return safetensors(path) if path.suffix == ".safetensors" else torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file can make it raise anything
        if type(error).__name__ == "UnpicklingError":
            raise CheckpointError(
                f"{name} is refused: it holds more than tensors, and reading it would run code that came with it, or it is damaged. "
                "Give a plain state dict."
            ) from error
        raise CheckpointError(f"{name} is damaged, or no checkpoint ({type(error).__name__}). Fetch it again.") from error


def two_domains(domains: Any, system: str) -> DomainSpec:
    """Return the domains of an original that has two of them.

    Raises:
        OptionError: There are more, or fewer.
    """
    found = DomainSpec.parse(domains)
    if len(found.names) != 2 or len(found.attributes) != 1:
        named = ", ".join(found.names) or ", ".join(found.entries) or "none"
        raise OptionError(f'The original {system} has two domains; domains= names {named}. Name two: domains=("horse", "zebra").')
    return found


def foreign(state: State, name: str, what: str, expected: str) -> CheckpointError:
    """Return the error for a state dict that is not even of the right kind.

    Args:
        state: What was given.
        name: How it is called.
        what: What it should have been, such as "pix2pix generator".
        expected: Keys that such a one has.
    """
    nearest = next((description for mark, description in _MARKS if any(mark in key for key in state)), "")
    return CheckpointError(
        f"{name} does not fit the original {what}: expected are the keys {expected}; it begins with "
        f"{', '.join(list(state)[:5]) or 'nothing'}.{f' These are the keys of {nearest}.' if nearest else ''}"
    )


def renamed(net: nn.Module, parts: Mapping[str, str]) -> dict[str, Tensor]:
    """Return the tensors of a net under the original's names.

    Args:
        net: Ours.
        parts: Our name of each layer, by theirs.
    """
    own = net.state_dict()
    return {theirs + key.removeprefix(ours): own[key] for theirs, ours in parts.items() for key in own if key.startswith(f"{ours}.")}


def put_weights(net: nn.Module, parts: Mapping[str, str], state: State, name: str, what: str) -> None:
    """Copy a state dict of the original into a net; statistics that either side does not keep are left out.

    Args:
        net: Ours.
        parts: Our name of each layer, by theirs.
        state: What was read.
        name: How it is called in messages.
        what: What it should be, such as "pix2pix generator".

    Raises:
        CheckpointError: Keys or shapes differ; the first five are named.
    """
    own = renamed(net, parts)
    wrong = differences(own, state, UNUSED)
    if wrong:
        raise CheckpointError(f"{name} does not fit the original {what}: {first_five(wrong)}.")
    with torch.no_grad():
        for key in own.keys() & state.keys():
            own[key].copy_(state[key])


def differences(own: State, state: State, unused: tuple[str, ...] = (), *, more: bool = False) -> list[str]:
    """Return in words how a state dict differs from the tensors that it is for.

    Args:
        own: Ours.
        state: What was read.
        unused: How keys end that either may have and the other lack.
        more: Whether the state dict may hold other tensors beside.
    """
    wrong = [f"{key} {list(own[key].shape)} is missing" for key in own if key not in state and not key.endswith(unused)]
    wrong += [f"{key} is not expected" for key in state if not more and key not in own and not key.endswith(unused)]
    both = [key for key in own if key in state]
    return wrong + [
        f"{key} is {list(state[key].shape)}, expected {list(own[key].shape)}" for key in both if state[key].shape != own[key].shape
    ]


def first_five(wrong: list[str]) -> str:
    """Return the first five of what differs."""
    return "; ".join(wrong[:5]) + ("; ..." if len(wrong) > 5 else "")
