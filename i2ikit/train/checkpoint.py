"""Checkpoints: folders that are whole or not there, of which the last few stay."""

from __future__ import annotations

import random
import shutil
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

if TYPE_CHECKING:
    from i2ikit.core.model import Model
    from i2ikit.train.ema import Averages

FOLDER, STATE, DATA, MODEL = "checkpoints", "state.safetensors", "state.json", "model"


def save(run: Path, model: Model, averages: Averages, tensors: Mapping[str, Tensor], data: Mapping[str, Any], keep: int) -> Path:
    """Write the checkpoint of the model's step and remove all but the last ``keep``.

    ``model/`` is what anyone loads, averages included; ``state.safetensors`` holds what a resume needs beyond it: optimizers, random
    states, and the weights themselves where ``model/`` has their averages.

    Raises:
        CheckpointError: The disk is full or the folder cannot be written; earlier checkpoints are untouched.
    """
    training, numbers = model.training_state()
    shown = averages.weights()
    state = {name: tensor for name, tensor in training.items() if name.startswith("optimizers.") or name in shown}

    def write(folder: Path) -> None:
        storage.save(model, folder / MODEL, shown)
        storage.write_tensors(folder / STATE, {**state, **random_tensors(model.device), **tensors})
        storage.write_json(folder / DATA, {**numbers, **data, "ema_updates": averages.updates, "python_random": random.getstate()})

    path = storage.write_folder(run / FOLDER / f"step-{model.steps_done:08d}", write)
    for old in _kept(run)[:-keep]:
        shutil.rmtree(old, ignore_errors=True)
    return path


def latest(run: Path) -> tuple[Path, dict[str, Tensor], dict[str, Tensor], dict[str, Any]]:
    """Return the newest checkpoint that can be read: its folder, the model's tensors, the state's tensors and its data.

    Raises:
        CheckpointError: There is none.
    """
    damaged: list[str] = []
    for folder in reversed(_kept(run)):
        try:
            read = (
                storage.read_tensors(folder / MODEL / storage.WEIGHTS),
                storage.read_tensors(folder / STATE),
                storage.read_json(folder / DATA),
            )
        except CheckpointError as error:
            damaged.append(str(error))
            continue
        if damaged:
            warnings.warn(f'{damaged[0]} Going on from "{folder.name}".', stacklevel=3)
        return folder, *read
    if damaged:
        raise CheckpointError(f'"{run}" has no checkpoint that can be read: {damaged[0]}')
    raise CheckpointError(f'"{run}" has no checkpoint to go on from. Start it again in another folder.')


def restore(model: Model, averages: Averages, weights: Mapping[str, Tensor], state: Mapping[str, Tensor], data: Mapping[str, Any]) -> None:
    """Put model, averages and random states where the checkpoint has them."""
    own = {name: tensor for name, tensor in state.items() if name.startswith(("nets.", "losses.", "pools.", "optimizers."))}
    model.restore_training_state({**weights, **own}, data)
    for player in model.recipe.players:
        _aligned(model.optimizer(player))
    averages.restore(weights, int(data.get("ema_updates", 0)))
    restore_random(state, data["python_random"], model.device)


def _aligned(optimizer: torch.optim.Optimizer) -> None:
    """Lay each state out in memory as its parameter: fused optimizers walk both as they lie."""
    for parameter, state in optimizer.state.items():
        for name, value in state.items():
            if isinstance(value, Tensor) and value.shape == parameter.shape and value.stride() != parameter.stride():
                state[name] = torch.empty_like(parameter, dtype=value.dtype).copy_(value)


def _kept(run: Path) -> list[Path]:
    return sorted(path for path in (run / FOLDER).glob("step-*") if path.is_dir() and path.name.removeprefix("step-").isdigit())


@contextmanager
def own_randomness(seed: int, device: torch.device) -> Iterator[None]:
    """Seed the global random states for a training, and give them back as they were."""
    kept, kept_python = random_tensors(device), random.getstate()
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 - components may draw from it
    torch.manual_seed(seed)
    try:
        yield
    finally:
        restore_random(kept, kept_python, device)


def random_tensors(device: torch.device) -> dict[str, Tensor]:
    """Return numpy's and torch's global random states."""
    _, keys, place, has_gauss, gauss = np.random.get_state(legacy=True)  # noqa: NPY002
    found = {
        "random.torch": torch.get_rng_state(),
        "random.numpy.keys": torch.from_numpy(np.asarray(keys).astype(np.int64)),
        "random.numpy.rest": torch.tensor([float(place), float(has_gauss), float(gauss)], dtype=torch.float64),
    }
    if device.type not in ("cpu", "meta"):
        found["random.device"] = torch.get_device_module(device).get_rng_state(device)
    return found


def restore_random(tensors: Mapping[str, Tensor], python: Any, device: torch.device) -> None:
    """Take up the global random states; that of another kind of device is left as it is."""
    torch.set_rng_state(tensors["random.torch"])
    place, has_gauss, gauss = tensors["random.numpy.rest"].tolist()
    keys = tensors["random.numpy.keys"].numpy().astype(np.uint32)
    np.random.set_state(("MT19937", keys, int(place), int(has_gauss), gauss))  # noqa: NPY002
    version, numbers, after = python
    random.setstate((version, tuple(numbers), after))
    if device.type not in ("cpu", "meta") and "random.device" in tensors:
        torch.get_device_module(device).set_rng_state(tensors["random.device"], device)
