"""Loads saved models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch

from i2ikit.core import recipe_json, storage
from i2ikit.core.arguments import a_path, check_arguments
from i2ikit.core.build import build
from i2ikit.core.component import restoring
from i2ikit.core.device import find_device
from i2ikit.core.model_state import load_weights
from i2ikit.core.newest_model import read_newest_model

if TYPE_CHECKING:
    from i2ikit.core.model import Model
    from i2ikit.core.registry import Registry


@check_arguments(path=a_path)
def load(path: str | Path, *, registry: Registry | None = None, device: str | torch.device = "cpu") -> Model:
    """Load a saved model with its weights.

    Args:
        path: A folder that :meth:`Model.save` wrote; a checkpoint of a run (``RUN/checkpoints/step-00000500``); or a run
            folder, whose final model is loaded, else the best one, else that of the last checkpoint.
        registry: The registry of components (default: that of the installed plugins).
        device: The device of the weights.

    Raises:
        CheckpointError: There is no model, a file is damaged, or the weights do not fit the configuration.
        OptionError: This machine has no such device.
    """
    device = find_device(device)
    return read_newest_model(Path(path), lambda folder: _load_folder(folder, registry)).to(device)


def _load_folder(folder: Path, registry: Registry | None) -> Model:
    data = storage.read_config(folder)
    recipe = storage.restore_recipe(data, folder)
    with restoring():
        model = build(recipe, registry=registry, seed=int(data.get("seed", 0)), rehearsal=False)
    model.missing_losses = recipe_json.find_missing_losses(data["recipe"])
    load_weights(model, storage.read_tensors(folder / storage.WEIGHTS), str(folder / storage.WEIGHTS))
    model.steps_done = int(data.get("step", 0))
    model.loaded_from = folder
    model.preprocessing = dict(data.get("preprocessing", {}))
    return model
