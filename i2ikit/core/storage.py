"""The files of models: tensors as safetensors, all else as JSON. A folder is written completely or not at all."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from i2ikit.core import former_names, recipe_json
from i2ikit.core.arguments import a_path, check_arguments
from i2ikit.core.json_files import DamagedFileError, read_object
from i2ikit.core.model_state import get_weights
from i2ikit.core.saved_model import check_model_data
from i2ikit.core.structure import UnknownKeyError
from i2ikit.errors import CheckpointError, get_reason, suggest
from i2ikit.temporary import make_temporary_path, move_others, replace_file, sweep_once

if TYPE_CHECKING:
    from i2ikit.core.model import Model
    from i2ikit.core.recipe import Recipe

CONFIG, WEIGHTS, STAGES = "config.json", "weights.safetensors", "stages.json"
FORMAT = 2
READABLE_FORMATS = (1, FORMAT)


@check_arguments(directory=a_path)
def save(model: Model, directory: str | Path, weights: Mapping[str, Tensor] | None = None) -> Path:
    """Write a model into a folder. An existing model in this folder is replaced; if writing fails, it stays.

    Args:
        model: The model to save.
        directory: The folder. It is made if it does not exist.
        weights: Tensors that replace tensors of the model, by name (averaged weights).

    Raises:
        CheckpointError: The folder cannot be written, or it contains files but no model.
    """
    directory = Path(directory)
    directory = directory if directory.name else directory.absolute()  # "." has no name
    if directory.is_dir() and any(directory.iterdir()) and not (directory / CONFIG).exists():
        raise CheckpointError(f'Folder "{directory}" contains files, but no model. Choose an empty folder or a new one.')
    tensors = {**get_weights(model), **(weights or {})}

    def write(folder: Path) -> None:
        write_tensors(folder / WEIGHTS, tensors)
        write_json(folder / CONFIG, make_config(model))

    return write_folder(directory, write)


def make_config(model: Model) -> dict[str, Any]:
    """Return the JSON data from which a model is built again."""
    return {
        "format": FORMAT,
        "i2ikit": version("i2ikit"),
        "seed": model.seed,
        "step": model.steps_done,
        "preprocessing": model.preprocessing,
        "recipe": recipe_json.dump(model.recipe),
    }


def read_config(folder: Path) -> dict[str, Any]:
    """Read the configuration of a model folder, with the present names.

    Raises:
        CheckpointError: It is missing or damaged, or this version cannot read it.
    """
    data = read_json(folder / CONFIG)
    if "format" not in data:
        raise CheckpointError(f'"{folder / CONFIG}" was not written by i2ikit: it has no "format". Choose the folder of a model of i2ikit.')
    if data["format"] not in READABLE_FORMATS:
        raise CheckpointError(
            f'"{folder / CONFIG}" has format {data["format"]!r}, but this version of i2ikit reads only these formats: '
            f"{', '.join(map(str, READABLE_FORMATS))}. Install the version of i2ikit that saved the model."
        )
    try:
        found = former_names.config(data)
    except (AttributeError, KeyError, TypeError, ValueError) as error:  # a file of version 0.1 whose form is another one
        raise CheckpointError(f"{_title(folder)}: {error!r}. {_suggest_other_model(folder / CONFIG)}") from error
    with _naming_other_models(folder / CONFIG):
        check_model_data(found, _title(folder))
    return found


def restore_recipe(data: Mapping[str, Any], folder: Path) -> Recipe:
    """Return the recipe in the configuration of a model folder.

    Raises:
        CheckpointError: It is not valid.
    """
    with _naming_other_models(folder / CONFIG):
        return recipe_json.restore(data["recipe"], _title(folder), ("recipe",))


def _title(folder: Path) -> str:
    return f'"{folder / CONFIG}" is not a valid model configuration'


@contextmanager
def _naming_other_models(path: Path) -> Iterator[None]:
    """Add a remedy to the error for a damaged file: another model of the same run, if there is one."""
    try:
        yield
    except UnknownKeyError:
        raise
    except CheckpointError as error:
        raise CheckpointError(f"{error} {_suggest_other_model(path)}") from None


def find_model_folder(path: Path) -> Path:
    """Return the model folder for a path: the path itself, the model of a checkpoint, or the final, best or last model of a run."""
    for folder in (path, path / "model"):
        if (folder / CONFIG).is_file():
            return folder
    path = find_run_folder(path)
    if path.is_file():
        raise CheckpointError(
            f'"{path}" is a file, but a model is a folder. To import a checkpoint of another project, see: i2ikit import --help'
        )
    if not path.is_dir():
        near = sorted(each.name for each in path.parent.iterdir() if each.is_dir()) if path.parent.is_dir() else []
        visible = [name for name in near if not name.startswith(".")]
        raise CheckpointError(f'There is no model at "{path}".{" " + suggest(path.name, visible) if visible else ""}')
    for name in ("final", "best"):
        if (path / name / CONFIG).is_file():
            return path / name
    saved = [folder / "model" for folder in list_checkpoints(path) if (folder / "model" / CONFIG).is_file()]
    if saved:
        return saved[-1]
    raise CheckpointError(
        f'Folder "{path}" contains no model: there is neither {CONFIG} nor a complete checkpoint. Choose a model folder or a run folder.'
    )


def list_stage_folders(run: Path) -> list[Path]:
    """Return the folders of the stages of a run that exist, in the order of the training; empty for a run without stages."""
    names = read_json(run / STAGES).get("folders", []) if (run / STAGES).is_file() else []
    return [run / name for name in names if (run / name).is_dir()]


def find_run_folder(path: Path) -> Path:
    """Return the folder of a run. For a run with stages: that of its last finished stage, else of the one that trains."""
    folders = list_stage_folders(path)
    finished = [folder for folder in folders if (folder / "final" / CONFIG).is_file()]
    return (finished or folders or [path])[-1]


def find_whole_run(folder: Path) -> Path:
    """Return the run that a stage belongs to; for the folder of another run, the folder itself."""
    run = folder.parent.parent
    return run if folder in list_stage_folders(run) else folder


def list_checkpoints(run: Path) -> list[Path]:
    """Return the checkpoint folders of a run in the order of their steps: ``step-00000500``, and those of version 0.1."""
    found: list[tuple[int, Path]] = []
    for path in run.glob("checkpoints/*"):
        kind, _, number = path.name.partition("-")
        if kind in former_names.STEP_PREFIXES and number.isdigit() and path.is_dir():
            found.append((int(number), path))
    return [path for _, path in sorted(found)]


def write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write tensors into a safetensors file."""
    from safetensors.torch import save_file

    path.touch()
    mode = stat.S_IMODE(path.stat().st_mode)  # safetensors replaces the file by one that only its owner can read
    save_file({name: tensor.detach().contiguous().cpu() for name, tensor in tensors.items()}, path)
    path.chmod(mode)


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read a safetensors file.

    Raises:
        CheckpointError: The file is missing or damaged.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not path.is_file():
        raise CheckpointError(f'"{path}" is missing.')
    try:
        return former_names.tensors(load_file(path))
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(f'"{path}" is damaged ({error}). {_suggest_other_model(path)}') from error


def write_json(path: Path, data: Any) -> None:
    """Write JSON data, indented for reading. The file is either complete or not changed.

    Raises:
        OSError: The file cannot be written.
    """
    replace_file(path, (json.dumps(data, indent=2) + "\n").encode())


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object from a file.

    Raises:
        CheckpointError: The file is missing or damaged.
    """
    try:
        return read_object(path)
    except DamagedFileError as error:
        if not path.exists():
            raise
        raise DamagedFileError(f"{error} {_suggest_other_model(path)}") from None


def _suggest_other_model(path: Path) -> str:
    """Return a remedy for a damaged file: another model of the same run, if there is one."""
    for run in list(path.parents)[:4]:
        folders = [*reversed(list_checkpoints(run)), run / "final", run / "best"]
        models = [each for each in folders if each not in path.parents and any((each / name / CONFIG).is_file() for name in ("", "model"))]
        if models:
            return f'Use another model of the same run: "{models[0]}".'
    return "There is no other model of the same run. Copy the model again, or train it again."


def write_folder(directory: Path, write: Callable[[Path], None]) -> Path:
    """Write a folder under a temporary name and then rename it, so that readers never see an incomplete folder.

    Other files in an existing folder, such as notes, stay.

    Args:
        directory: The folder.
        write: Writes the files into the folder that it is given.

    Raises:
        CheckpointError: The folder cannot be written (full disk, no permission). No temporary files remain.
    """
    new, old = make_temporary_path(directory), make_temporary_path(directory, "old")
    try:
        sweep_once(directory.parent)
        new.mkdir(parents=True)
        write(new)
        _flush_files(new)
        if directory.exists():
            directory.replace(old)
        new.replace(directory)
        if old.exists():
            move_others(old, directory)
    except Exception as error:
        if isinstance(error, CheckpointError):  # of a folder in the new one
            raise CheckpointError(str(error).replace(str(new), str(directory))) from error
        if isinstance(error, OSError) or "SafetensorError" in type(error).__name__:
            free = shutil.disk_usage(directory.parent if directory.parent.exists() else Path()).free // 2**20
            raise CheckpointError(
                f'"{directory}" cannot be written: {_describe_failure(error, new, directory)} ({free} MiB are free). '
                f"Its earlier files are unchanged. Free some disk space, check the permissions, or choose another folder."
            ) from error
        raise
    finally:
        # Runs also after a second Ctrl-C, which is not an Exception: the old folder is restored before anything is removed.
        if old.exists() and not directory.exists():
            old.replace(directory)
        shutil.rmtree(new, ignore_errors=True)
        if old.exists() and all((directory / each.name).exists() for each in old.iterdir()):
            shutil.rmtree(old, ignore_errors=True)
    return directory


def _describe_failure(error: Exception, new: Path, directory: Path) -> str:
    """Return the reason of a failed writing. It names no temporary folder, which the user does not know."""
    if isinstance(error, OSError) and error.strerror:
        file = Path(str(error.filename)) if error.filename else new
        return error.strerror if file == new else f'{error.strerror}: "{str(file).replace(str(new), str(directory))}"'
    return re.sub(r".*I/O error: | \(os error \d+\)", "", get_reason(error)).replace(str(new), str(directory))


def _flush_files(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("r+b") as file:  # Windows does not flush a file that is open for reading only
                os.fsync(file.fileno())
