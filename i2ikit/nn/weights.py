"""Weights of original codes: read safely, as tensors only, and copied into our networks by layer name."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file as load_safetensors
from torch import Tensor, nn

from i2ikit.core.copy_weights import describe_other_kind
from i2ikit.core.domain import DomainSpec
from i2ikit.errors import CheckpointError, OptionError, UnknownNameError

StateDict = Mapping[str, Tensor]
WeightsSource = str | PathLike[str] | StateDict
RUNNING_STATISTICS = ("running_mean", "running_var", "num_batches_tracked")

# Part of a key -> the network that has it, for messages. The first match is named.
_NETWORKS_BY_KEY = (
    (".conv_block.", 'a ResNet generator of "cyclegan"'),
    ("model.model.0.weight", 'a U-Net generator of "pix2pix", or of "bicyclegan" with the style at the input'),
    ("model.down.0.", 'a U-Net generator of "bicyclegan" with the style at all levels'),
    ("fcVar.", 'a style encoder of "bicyclegan"'),
    ("model_0.0.", 'a multi-scale discriminator of "bicyclegan"'),
    ("net.0.weight", 'a pixel discriminator of "pix2pix"'),
    ("enc_content.", 'a generator of "munit"'),
    ("cnns.", 'a multi-scale discriminator of "munit" or "unit"'),
    ("enc.model.", 'a generator of "unit"'),
    ("main.0.weight", 'a network of "stargan"'),
    ("model.0.weight", 'a patch discriminator of "cyclegan" or "pix2pix"'),
)


def read_weights(source: WeightsSource | None, argument: str) -> tuple[dict[str, Tensor], str]:
    """Read a state dict from a file and remove the prefix of a DataParallel module.

    Args:
        source: A file saved by ``torch.save`` or safetensors, or the state dict itself. None gives an empty state dict.
        argument: Name of the caller's argument, such as "generator", for messages.

    Returns:
        The state dict, and its name for messages.

    Raises:
        CheckpointError: The file is missing, damaged or unsafe, or does not contain a state dict.
    """
    if source is None:
        return {}, argument
    name = f"{argument}=" if isinstance(source, Mapping) else f'"{source}"'
    state = source if isinstance(source, Mapping) else load_file(Path(source), name)
    if not isinstance(state, Mapping) or not state or not all(isinstance(value, Tensor) for value in state.values()):
        raise CheckpointError(
            f"{name} holds no state dict of tensors ({type(state).__name__}). Use a state dict as the original code saves it."
        )
    wrapped = all(key.startswith("module.") for key in state)  # written by DataParallel
    return {key.removeprefix("module.") if wrapped else key: value for key, value in state.items()}, name


def pick_state_dicts(folder: Mapping[str, StateDict], networks: Mapping[str, str]) -> dict[str, StateDict]:
    """Return the state dicts of a mapping that stands for a folder of checkpoints.

    Args:
        folder: The state dicts by the original name of the network, such as "G_A" for the file ``latest_net_G_A.pth``.
        networks: The original name of each network by the name of the importer's argument.

    Raises:
        UnknownNameError: The original has no such network.
    """
    arguments = {theirs: ours for ours, theirs in networks.items()}
    for name in folder:
        if name not in arguments:
            raise UnknownNameError("network of the original code", str(name), arguments)
    return {arguments[name]: state for name, state in folder.items()}


def load_file(path: Path, name: str) -> Any:
    """Read a file saved by safetensors or ``torch.save``, as tensors only.

    Args:
        path: The file.
        name: Its name for messages.

    Raises:
        CheckpointError: The file is missing, damaged or unsafe.
    """
    if not path.is_file():
        raise CheckpointError(f"{name} is {'a folder' if path.is_dir() else 'missing'}. Give the path of a .pth or .safetensors file.")
    try:
        return load_safetensors(path) if path.suffix == ".safetensors" else torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file can raise any exception
        if type(error).__name__ == "UnpicklingError":
            raise CheckpointError(
                f"{name} is refused: it holds more than tensors, and reading it would run code from the file, or it is damaged. "
                "Use a plain state dict of tensors."
            ) from error
        raise CheckpointError(f"{name} is damaged or not a weights file ({type(error).__name__}). Download it again.") from error


def parse_two_domains(domains: Any, system: str) -> DomainSpec:
    """Parse the domains of an original model that has exactly two.

    Args:
        domains: Names, or any form that ``DomainSpec.parse`` accepts.
        system: Name of the original system, such as "CycleGAN", for messages.

    Raises:
        OptionError: There are not exactly two domains.
    """
    spec = DomainSpec.parse(domains)
    if len(spec.names) != 2 or len(spec.attributes) != 1:
        names = ", ".join(spec.names) or ", ".join(spec.entries) or "none"
        raise OptionError(f'The original {system} has two domains; domains= names {names}. Name two: domains=("horse", "zebra").')
    return spec


def make_wrong_network_error(state: StateDict, name: str, what: str, expected: str) -> CheckpointError:
    """Return the error for a state dict that belongs to another kind of network.

    Args:
        state: The state dict.
        name: Its name for messages.
        what: Expected network, such as "pix2pix generator".
        expected: Some keys of the expected network.
    """
    network = next((network for part, network in _NETWORKS_BY_KEY if any(part in key for key in state)), "")
    return CheckpointError(
        f"{name} does not fit the original {what}: expected the keys {expected}; found "
        f"{', '.join(list(state)[:5]) or 'no keys'}.{f' These are the keys of {network}.' if network else ''}"
    )


def get_original_state_dict(net: nn.Module, layer_names: Mapping[str, str]) -> dict[str, Tensor]:
    """Return the state dict of a network under the original's keys.

    Args:
        net: Our network.
        layer_names: Original name of each layer -> our name.
    """
    own = net.state_dict()
    return {
        original + key.removeprefix(ours): own[key] for original, ours in layer_names.items() for key in own if key.startswith(f"{ours}.")
    }


def load_original_weights(net: nn.Module, layer_names: Mapping[str, str], state: StateDict, name: str, what: str) -> None:
    """Copy a state dict of the original into a network. Running statistics that only one of the two has are skipped.

    Args:
        net: Our network.
        layer_names: Original name of each layer -> our name.
        state: State dict of the original.
        name: Its name for messages.
        what: Expected network, such as "pix2pix generator", for messages.

    Raises:
        CheckpointError: Keys or shapes differ; the first five differences are listed.
    """
    own = get_original_state_dict(net, layer_names)
    wrong = find_differences(own, state, RUNNING_STATISTICS)
    if wrong:
        raise CheckpointError(f"{name} does not fit the original {what}: {join_first_five(wrong)}.")
    with torch.no_grad():
        for key in own.keys() & state.keys():
            own[key].copy_(state[key])


def find_differences(own: StateDict, state: StateDict, unused: tuple[str, ...] = (), *, allow_extra: bool = False) -> list[str]:
    """Describe how a state dict differs from the tensors of a network, one sentence part per difference.

    Args:
        own: Tensors of the network.
        state: The state dict that was read.
        unused: Endings of keys that may be missing or extra.
        allow_extra: Whether the state dict may contain other tensors too.
    """
    wrong = [f"{key} {list(own[key].shape)} is missing" for key in own if key not in state and not key.endswith(unused)]
    wrong += [f"{key} is not expected" for key in state if not allow_extra and key not in own and not key.endswith(unused)]
    both = [key for key in own if key in state]
    wrong += [f"{key} is {list(state[key].shape)}, expected {list(own[key].shape)}" for key in both if state[key].shape != own[key].shape]
    return wrong + [other for key in both if (other := describe_other_kind(key, state[key], own[key]))]


def join_first_five(wrong: list[str]) -> str:
    """Join the first five differences to one text."""
    return "; ".join(wrong[:5]) + ("; ..." if len(wrong) > 5 else "")
