"""Models on disk: safetensors for tensors, JSON for the rest, folders that are whole or not there."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from attrs import evolve
from torch import Tensor

from i2ikit.core import recipe_json
from i2ikit.core.component import is_restoring
from i2ikit.core.device import find_device
from i2ikit.core.nets import module_key
from i2ikit.errors import CheckpointError, suggest

if TYPE_CHECKING:
    from i2ikit.core.model import Model
    from i2ikit.core.registry import Registry

CONFIG, WEIGHTS = "config.json", "weights.safetensors"
FORMAT = 1


def save(model: Model, directory: str | Path, weights: Mapping[str, Tensor] | None = None) -> Path:
    """Write a model into a folder, all or nothing; a model that is there is replaced.

    Args:
        model: What to save.
        directory: The folder, made where it is missing.
        weights: Tensors that replace the model's by name (averaged weights).

    Raises:
        CheckpointError: The folder cannot be written, or holds something else than a model.
    """
    directory = Path(directory)
    if directory.is_dir() and any(directory.iterdir()) and not (directory / CONFIG).exists():
        raise CheckpointError(f'"{directory}" holds something else than a model. Choose another folder, or an empty one.')
    tensors = {**_weights(model), **(weights or {})}

    def write(folder: Path) -> None:
        write_tensors(folder / WEIGHTS, tensors)
        write_json(folder / CONFIG, config(model))

    return write_folder(directory, write)


def config(model: Model) -> dict[str, Any]:
    """Return all that a model is built from, as JSON data."""
    return {
        "format": FORMAT,
        "i2ikit": version("i2ikit"),
        "seed": model.seed,
        "step": model.steps_done,
        "preprocessing": model.preprocessing,
        "recipe": recipe_json.dump(model.recipe),
    }


def load(path: str | Path, *, registry: Registry | None = None, device: str | torch.device = "cpu") -> Model:
    """Build a model as it was saved, weights included.

    Args:
        path: A folder that :meth:`Model.save` wrote, a checkpoint of a run (``RUN/checkpoints/step-00000500``), or the folder of a
            training run, whose final, best or last model is taken.
        registry: Where components are looked up; the installed plugins by default.
        device: Where the weights go.

    Raises:
        CheckpointError: Nothing is there, a file is damaged, or the weights do not fit the configuration.
        OptionError: There is no such device here.
    """
    from i2ikit.core.build import build

    device = find_device(device)
    folder = find(Path(path))
    data = read_json(folder / CONFIG)
    if data.get("format") != FORMAT:
        raise CheckpointError(
            f'"{folder / CONFIG}" has format {data.get("format")!r}; this version reads {FORMAT}. Install the i2ikit that wrote it.'
        )
    try:
        recipe = recipe_json.restore(data["recipe"])
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f'"{folder / CONFIG}" is no configuration of a model: {error!r}.') from error
    token = is_restoring.set(True)
    try:
        model = build(recipe, registry=registry, seed=int(data.get("seed", 0)), rehearsal=False)
    finally:
        is_restoring.reset(token)
    model.lost = recipe_json.lost_terms(data["recipe"])
    load_weights(model, read_tensors(folder / WEIGHTS), str(folder / WEIGHTS))
    model.steps_done = int(data.get("step", 0))
    model.preprocessing = dict(data.get("preprocessing", {}))
    return model.to(device)


def find(path: Path) -> Path:
    """Return the model folder that a path means: itself, that of a checkpoint, or a run's final, best or latest model."""
    for folder in (path, path / "model"):
        if (folder / CONFIG).is_file():
            return folder
    if path.is_file():
        raise CheckpointError(
            f'"{path}" is a file, and a model is a folder. Checkpoints of other projects are imported: i2ikit import --help.'
        )
    if not path.is_dir():
        near = sorted(each.name for each in path.parent.iterdir() if each.is_dir()) if path.parent.is_dir() else []
        shown = [name for name in near if not name.startswith(".")]
        raise CheckpointError(f'There is no model at "{path}".{" " + suggest(path.name, shown) if shown else ""}')
    for name in ("final", "best"):
        if (path / name / CONFIG).is_file():
            return path / name
    kept = sorted(path.glob(f"checkpoints/*/model/{CONFIG}"))
    if kept:
        return kept[-1].parent
    raise CheckpointError(f'"{path}" holds no model: neither {CONFIG} nor a finished checkpoint is there.')


def load_weights(model: Model, tensors: Mapping[str, Tensor], origin: str) -> None:
    """Copy saved weights into a model.

    Raises:
        CheckpointError: Names or shapes differ; the first five differences are named.
    """
    own = _weights(model)
    # What belonged to a loss given as a module: the file could not hold the loss, and says so when the model is loaded.
    tensors = {name: tensor for name, tensor in tensors.items() if not name.startswith(_lost_losses(model))}
    for name, tensor in tensors.items():
        if name.startswith("pools.") and (name not in own or own[name].shape[:2] == tensor.shape[:2]):
            _make_pool(model, name, tensor)
    own = _weights(model)
    wrong = [f"{name} is missing" for name in own if name not in tensors]
    wrong += [f"{name} is not expected" for name in tensors if name not in own]
    wrong += [
        f"{n} is {list(tensors[n].shape)}, expected {list(own[n].shape)}" for n in own if n in tensors and own[n].shape != tensors[n].shape
    ]
    if wrong:
        more = [f"and {len(wrong) - 5} more"] if len(wrong) > 5 else []
        raise CheckpointError(f'"{origin}" does not fit recipe "{model.recipe.name}": {"; ".join([*wrong[:5], *more])}.')
    with torch.no_grad():
        for name, tensor in own.items():
            tensor.copy_(tensors[name])


def training_state(model: Model) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the tensors and the JSON data of a training: weights, optimizers, pools, steps done."""
    tensors = _weights(model)
    for player in model.recipe.players:
        for index, state in model.optimizer(player).state_dict()["state"].items():
            tensors |= {f"optimizers.{player.name}.{index}.{key}": value for key, value in state.items() if isinstance(value, Tensor)}
    return tensors, {"step": model.steps_done, "seed": model.seed}


def restore_training_state(model: Model, tensors: Mapping[str, Tensor], data: Mapping[str, Any]) -> None:
    """Take up a training where :func:`training_state` left it."""
    load_weights(model, {name: value for name, value in tensors.items() if not name.startswith("optimizers.")}, "the checkpoint")
    for player in model.recipe.players:
        optimizer = model.optimizer(player)
        state: dict[int, dict[str, Tensor]] = {}
        for name, value in tensors.items():
            if name.startswith(f"optimizers.{player.name}."):
                index, key = name.removeprefix(f"optimizers.{player.name}.").split(".")
                state.setdefault(int(index), {})[key] = value.clone()
        optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    model.steps_done, model.seed = int(data["step"]), int(data["seed"])


def write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write tensors as safetensors."""
    from safetensors.torch import save_file

    save_file({name: tensor.detach().contiguous().cpu() for name, tensor in tensors.items()}, path)


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read safetensors.

    Raises:
        CheckpointError: The file is missing, cut or damaged.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not path.is_file():
        raise CheckpointError(f'"{path}" is missing.')
    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(f'"{path}" is damaged ({error}). {_instead(path)}') from error


def write_json(path: Path, data: Any) -> None:
    """Write JSON data that a person can read."""
    path.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")


def read_json(path: Path) -> dict[str, Any]:
    """Read JSON data.

    Raises:
        CheckpointError: The file is missing, cut or damaged.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CheckpointError(f'"{path}" is missing.') from None
    except (OSError, ValueError) as error:
        raise CheckpointError(f'"{path}" is damaged ({error}). {_instead(path)}') from error
    if not isinstance(data, dict):
        raise CheckpointError(f'"{path}" holds no configuration. {_instead(path)}')
    return data


def _instead(path: Path) -> str:
    """Say which model there is in place of one with a damaged file: another one of the same run."""
    for run in list(path.parents)[:4]:
        folders = [*sorted(run.glob("checkpoints/step-*"), reverse=True), run / "final", run / "best"]
        there = [each for each in folders if each not in path.parents and any((each / name / CONFIG).is_file() for name in ("", "model"))]
        if there:
            return f'Take another model of the run: "{there[0]}".'
    return "There is no other model of the same run: copy it anew from where it came, or train again."


def write_folder(directory: Path, write: Callable[[Path], None]) -> Path:
    """Fill a folder beside its place and move it there: a reader sees all of it or nothing.

    What else the folder held, such as a note beside a model, is kept.

    Raises:
        CheckpointError: It cannot be written (a full disk, no permission); nothing is left behind.
    """
    mark = uuid.uuid4().hex[:8]
    fresh, old = directory.with_name(f".{directory.name}.{mark}.tmp"), directory.with_name(f".{directory.name}.{mark}.old")
    try:
        fresh.mkdir(parents=True)
        write(fresh)
        _flush(fresh)
        if directory.exists():
            directory.replace(old)
        fresh.replace(directory)
        if old.exists():
            for each in _others(old, directory):
                each.replace(directory / each.name)
    except Exception as error:
        if isinstance(error, OSError) or "SafetensorError" in type(error).__name__:
            free = shutil.disk_usage(directory.parent if directory.parent.exists() else Path()).free // 2**20
            raise CheckpointError(
                f'"{directory}" cannot be written: {error} ({free} MiB are free). What was there before is untouched.'
            ) from error
        raise
    finally:
        # Also after a second Ctrl-C, which is no Exception: what was there comes back before anything is removed.
        if old.exists() and not directory.exists():
            old.replace(directory)
        shutil.rmtree(fresh, ignore_errors=True)
        if old.exists() and not _others(old, directory):
            shutil.rmtree(old, ignore_errors=True)
    return directory


def _others(old: Path, directory: Path) -> list[Path]:
    """Return what a folder held that the one in its place does not."""
    return [each for each in old.iterdir() if not (directory / each.name).exists()]


def _flush(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("r+b") as file:  # Windows flushes no file that is open for reading only
                os.fsync(file.fileno())


def _weights(model: Model) -> dict[str, Tensor]:
    tensors = {f"nets.{name}": tensor for name, tensor in model.nets.named_state()}
    tensors |= {f"losses.{name}": tensor for name, tensor in model.loss_modules.state_dict(keep_vars=True).items()}
    tensors |= {f"pools.{name}": tensor for name, tensor in model.pools.state_dict(keep_vars=True).items()}
    return tensors


def _lost_losses(model: Model) -> tuple[str, ...]:
    """Return the prefixes of the weights of losses that the recipe no longer has."""
    terms = {f"{player.name}__{name}" for player in model.recipe.players for name in player.terms}
    return tuple(f"losses.{module_key(name)}." for name in model.lost if name not in terms)


def _make_pool(model: Model, name: str, tensor: Tensor) -> None:
    from i2ikit.core.pool import Pool

    key, _, leaf = name.removeprefix("pools.").rpartition(".")
    if leaf == "images":
        size = evolve(model.image, height=tensor.shape[-2], width=tensor.shape[-1])
        model.pools[key] = Pool(tensor.shape[0], size).to(next(model.nets.parameters()))
