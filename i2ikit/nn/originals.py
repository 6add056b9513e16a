"""Weight files of original codes: read without running anything, checked key by key, and copied into a network."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file as safetensors
from torch import Tensor, nn

from i2ikit.errors import CheckpointError

State = Mapping[str, Tensor]
Given = str | PathLike[str] | State
STATISTICS = ("running_mean", "running_var", "num_batches_tracked")
"""How the keys of running statistics end; an instance norm that uses the image's own never needs them."""


def read_state(given: Given | None, what: str) -> tuple[State, str]:
    """Return a state dict and what it is called in messages; nothing where None is given.

    Args:
        given: A file, or the state dict itself. What DataParallel puts before every key is taken away.
        what: The name of the argument.

    Raises:
        CheckpointError: The file is missing, damaged, unsafe, or holds something else.
    """
    if given is None:
        return {}, what
    name = f"{what}=" if isinstance(given, Mapping) else f'"{given}"'
    state = given if isinstance(given, Mapping) else load_file(Path(given), name)
    if not isinstance(state, Mapping) or not state or not all(isinstance(value, Tensor) for value in state.values()):
        raise CheckpointError(f"{name} holds no state dict of tensors ({type(state).__name__}). Give the file of the original code.")
    wrapped = all(key.startswith("module.") for key in state)  # written by DataParallel
    return {key.removeprefix("module.") if wrapped else key: value for key, value in state.items()}, name


def load_file(path: Path, name: str) -> Any:
    """Return what a file of torch holds, as tensors, numbers and containers alone, or one of safetensors.

    Raises:
        CheckpointError: The file is missing, damaged, or would run code.
    """
    if not path.is_file():
        raise CheckpointError(f"{name} is {'a folder' if path.is_dir() else 'missing'}. Give the file that the original code wrote.")
    try:
        if path.suffix == ".safetensors":
            return safetensors(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file can make it raise anything
        if type(error).__name__ == "UnpicklingError":
            raise CheckpointError(
                f"{name} is refused: it holds more than tensors, and reading it would run code that came with it, or it is damaged. "
                "Give a plain state dict."
            ) from error
        raise CheckpointError(f"{name} is damaged, or no checkpoint ({type(error).__name__}). Fetch it again.") from error


def renamed(net: nn.Module, keys: Mapping[str, str]) -> dict[str, Tensor]:
    """Return the tensors of a network under an original's keys.

    Args:
        net: The network.
        keys: The name of each part of ours by its name there, in the original's order: ``{"model.1": "stem.conv"}``.
    """
    own = net.state_dict()
    return {theirs + name.removeprefix(ours): own[name] for theirs, ours in keys.items() for name in own if name.startswith(f"{ours}.")}


def adopt(net: nn.Module, keys: Mapping[str, str], state: State, name: str, what: str, *, unused: tuple[str, ...] = ()) -> None:
    """Copy an original's tensors into a network.

    Args:
        net: The network.
        keys: As :func:`renamed` takes them.
        state: The original's state dict.
        name: What it is called in messages.
        what: The architecture that is expected, such as "the original StarGAN generator".
        unused: How keys end that either may have and the other lack.

    Raises:
        CheckpointError: Keys are missing, left over or of another shape; the first five are named.
    """
    own = renamed(net, keys)
    wrong = [f"{key} {list(own[key].shape)} is missing" for key in own if key not in state and not key.endswith(unused)]
    wrong += [f"{key} is not expected" for key in state if key not in own and not key.endswith(unused)]
    both = [key for key in own if key in state]
    wrong += [f"{key} is {list(state[key].shape)}, expected {list(own[key].shape)}" for key in both if state[key].shape != own[key].shape]
    if wrong:
        raise CheckpointError(f"{name} does not fit {what}: {'; '.join(wrong[:5])}{'; ...' if len(wrong) > 5 else ''}.")
    with torch.no_grad():
        for key in both:
            own[key].copy_(state[key])
