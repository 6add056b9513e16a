"""Checkpoints: folders that are either complete or absent. The last few are kept."""

from __future__ import annotations

import random
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from i2ikit.core import storage
from i2ikit.errors import CheckpointError
from i2ikit.temporary import remove_folder
from i2ikit.train.saved_run import read_state

if TYPE_CHECKING:
    from i2ikit.core.model import Model
    from i2ikit.train.ema import Averages

_RANDOM_STATES = {
    "random.torch": (torch.uint8, tuple(torch.get_rng_state().shape)),
    "random.numpy.keys": (torch.int64, (624,)),
    "random.numpy.rest": (torch.float64, (3,)),
}
"""Type and shape of the random states."""

FOLDER, STATE, DATA, MODEL = "checkpoints", "state.safetensors", "state.json", "model"


def save(run: Path, model: Model, averages: Averages, tensors: Mapping[str, Tensor], data: Mapping[str, Any], keep: int) -> Path:
    """Write the checkpoint of the model's step, and remove all but the last ``keep`` checkpoints.

    ``model/`` is a complete saved model with averaged weights. ``state.safetensors`` holds what a resume needs in addition: optimizers,
    random states, and the weights themselves where ``model/`` has their averages.

    Raises:
        CheckpointError: The disk is full or the folder cannot be written. Earlier checkpoints are unchanged.
    """
    training, numbers = model.training_state()
    averaged = averages.weights()
    state = {name: tensor for name, tensor in training.items() if name.startswith("optimizers.") or name in averaged}

    def write(folder: Path) -> None:
        storage.save(model, folder / MODEL, averaged)
        storage.write_tensors(folder / STATE, {**state, **get_random_states(model.device), **tensors})
        storage.write_json(folder / DATA, {**numbers, **data, "ema_updates": averages.updates, "python_random": random.getstate()})

    path = storage.write_folder(run / FOLDER / f"step-{model.steps_done:08d}", write)
    for old in storage.list_checkpoints(run)[:-keep]:
        remove_folder(old)
    return path


def read_latest(run: Path) -> tuple[Path, dict[str, Tensor], dict[str, Tensor], dict[str, Any]]:
    """Return the newest readable checkpoint: its folder, the model's tensors, the tensors of the state, and the data of the state.

    Raises:
        CheckpointError: There is no readable checkpoint.
    """
    damaged: list[str] = []
    for folder in reversed(storage.list_checkpoints(run)):
        try:
            content = (
                storage.read_tensors(folder / MODEL / storage.WEIGHTS),
                _read_state_tensors(folder / STATE),
                read_state(folder / DATA, int(folder.name.partition("-")[2])),
            )
        except CheckpointError as error:
            damaged.append(str(error))
            continue
        if damaged:
            warnings.warn(f'{damaged[0]} The training continues from the earlier checkpoint "{folder.name}".', stacklevel=3)
        return folder, *content
    if damaged:
        raise CheckpointError(f'"{run}" has no readable checkpoint: {damaged[0]}')
    raise CheckpointError(f'"{run}" has no checkpoint to resume from. Start a new run in another folder.')


def _read_state_tensors(path: Path) -> dict[str, Tensor]:
    """Read ``state.safetensors``, or raise CheckpointError if it is damaged or holds no random states."""
    tensors = storage.read_tensors(path)
    for name, (dtype, shape) in _RANDOM_STATES.items():
        found = tensors.get(name)
        if found is None or found.dtype != dtype or tuple(found.shape) != shape:
            what = "is missing" if found is None else f"is {list(found.shape)}, {found.dtype}"
            raise CheckpointError(f'"{path}" is damaged: "{name}" {what}; it must be {list(shape)}, {dtype}.')
    return tensors


def restore(model: Model, averages: Averages, weights: Mapping[str, Tensor], state: Mapping[str, Tensor], data: Mapping[str, Any]) -> None:
    """Restore model, averages and random states from the content of a checkpoint."""
    training = {name: tensor for name, tensor in state.items() if name.startswith(("nets.", "losses.", "pools.", "optimizers."))}
    model.restore_training_state({**weights, **training}, data)
    for player in model.recipe.players:
        _match_memory_format(model.optimizer(player))
    averages.restore(weights, int(data.get("ema_updates", 0)))
    restore_random_states(state, data["python_random"], model.device)


def _match_memory_format(optimizer: torch.optim.Optimizer) -> None:
    """Give each state tensor the strides of its parameter: fused optimizers require equal memory formats."""
    for parameter, state in optimizer.state.items():
        for name, value in state.items():
            if isinstance(value, Tensor) and value.shape == parameter.shape and value.stride() != parameter.stride():
                state[name] = torch.empty_like(parameter, dtype=value.dtype).copy_(value)


@contextmanager
def isolate_random_states(seed: int, device: torch.device) -> Iterator[None]:
    """Seed the global random states for a training, and restore the previous states afterwards."""
    states, python_state = get_random_states(device), random.getstate()
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 - components may draw from it
    torch.manual_seed(seed)
    try:
        yield
    finally:
        restore_random_states(states, python_state, device)


def get_random_states(device: torch.device) -> dict[str, Tensor]:
    """Return the global random states of numpy and torch."""
    _, keys, position, has_gauss, gauss = np.random.get_state(legacy=True)  # noqa: NPY002
    states = {
        "random.torch": torch.get_rng_state(),
        "random.numpy.keys": torch.from_numpy(np.asarray(keys).astype(np.int64)),
        "random.numpy.rest": torch.tensor([float(position), float(has_gauss), float(gauss)], dtype=torch.float64),
    }
    if device.type not in ("cpu", "meta"):
        states["random.device"] = torch.get_device_module(device).get_rng_state(device)
    return states


def restore_random_states(tensors: Mapping[str, Tensor], python: Any, device: torch.device) -> None:
    """Restore the global random states. The state of another type of device is ignored."""
    torch.set_rng_state(tensors["random.torch"])
    position, has_gauss, gauss = tensors["random.numpy.rest"].tolist()
    keys = tensors["random.numpy.keys"].numpy().astype(np.uint32)
    np.random.set_state(("MT19937", keys, int(position), int(has_gauss), gauss))  # noqa: NPY002
    version, numbers, gauss_next = python
    random.setstate((version, tuple(numbers), gauss_next))
    if device.type not in ("cpu", "meta") and "random.device" in tensors:
        torch.get_device_module(device).set_rng_state(tensors["random.device"], device)
