"""The form of the JSON files of a run: ``run.json``, ``stages.json`` and the ``state.json`` of a checkpoint. Imports no torch."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import field, frozen
from cattrs import Converter

from i2ikit.core.json_files import read_translated
from i2ikit.core.recipe import Recipe
from i2ikit.core.saved_data import DATA_HOOKS, SavedData
from i2ikit.core.saved_model import PREPROCESSING_HOOK, SavedPreprocessing
from i2ikit.core.saved_recipe import RECIPE_HOOKS
from i2ikit.core.structure import WrongValueError, make_converter, structure
from i2ikit.core.validators import MAX_SEED, number, whole_number
from i2ikit.errors import CheckpointError
from i2ikit.train.options import FitOptions


def _check_options(_: object, __: object, value: Mapping[str, Any]) -> None:
    FitOptions.restore(value)


@frozen(kw_only=True)
class SavedChange:
    """Settings that were changed when a run was resumed: their keys, and the values before and after."""

    step: int = field(validator=whole_number(0))
    changed: dict[str, tuple[Any, Any]]


@frozen(kw_only=True)
class SavedRun:
    """The configuration of a run."""

    recipe: Recipe
    data: SavedData | list[SavedData]
    train: dict[str, Any] = field(validator=_check_options)
    seed: int = field(default=0, validator=whole_number(0, MAX_SEED))
    preprocessing: SavedPreprocessing = field(factory=SavedPreprocessing)
    versions: dict[str, str] = field(factory=dict)
    command: str = ""
    changes: list[SavedChange] = field(factory=list)


@frozen(kw_only=True)
class SavedStages:
    """The configuration of a run with stages. ``train`` also holds the options that the run defines for stages that have not begun."""

    folders: list[str]
    recipe: Recipe
    seed: int = field(validator=whole_number(0, MAX_SEED))
    data: dict[str, list[SavedData]]
    train: dict[str, Any]
    versions: dict[str, str] = field(factory=dict)
    command: str = ""


@frozen(kw_only=True)
class SavedPosition:
    """The position of a loader."""

    epoch: int = field(validator=whole_number(0))
    index: int = field(validator=whole_number(0))


@frozen(kw_only=True)
class SavedBest:
    """Value and step of the best model."""

    value: float
    step: int = field(validator=whole_number(0))


@frozen(kw_only=True)
class SavedState:
    """The state of a training beside its tensors."""

    step: int = field(validator=whole_number(0))
    seed: int = field(validator=whole_number(0, MAX_SEED))
    loaders: list[SavedPosition]
    best: SavedBest | None
    seconds: float = field(validator=number(minimum=0))
    window: dict[str, list[float]]
    python_random: tuple[int, list[int], float | None] = field()
    ema_updates: int = field(default=0, validator=whole_number(0))

    @python_random.validator
    def _check_python_random(self, _: object, value: tuple[int, list[int], float | None]) -> None:
        version, numbers, _ = value
        if version != 3 or len(numbers) != 625 or not all(0 <= each < 2**32 for each in numbers) or numbers[-1] > 624:
            raise WrongValueError('the state of Python\'s random numbers ("python_random")', list(value))


def read_run(path: Path) -> dict[str, Any]:
    """Read ``run.json``, with present names.

    Raises:
        CheckpointError: It is missing or damaged, or a value is wrong.
    """
    from i2ikit.core import former_names

    data = read_translated(path, former_names.run)
    _check_complete(data, ("recipe", "data", "train"), path)
    _structure(data, SavedRun, path)
    return data


def read_stages(path: Path) -> dict[str, Any]:
    """Read ``stages.json``.

    Raises:
        CheckpointError: It is missing or damaged, or a value is wrong.
    """
    data = read_translated(path, dict)
    _check_complete(data, ("folders", "recipe", "seed", "data", "train"), path)
    _structure(data, SavedStages, path)
    for name in data["folders"]:
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise CheckpointError(f'"{path}": "folders" holds "{name}"; it must be a folder within the run.')
    return data


def read_state(path: Path, step: int) -> dict[str, Any]:
    """Read the ``state.json`` of the checkpoint of a step, with present names.

    Raises:
        CheckpointError: It is missing or damaged, or a value is wrong.
    """
    from i2ikit.core import former_names

    data = read_translated(path, former_names.state)
    found = _structure(data, SavedState, path)
    if found.step != step:
        raise CheckpointError(f'"{path}": "step" is {found.step}; it must be {step}, as in the name of the folder.')
    return data


def _check_complete(data: Mapping[str, Any], keys: tuple[str, ...], path: Path) -> None:
    missing = [key for key in keys if key not in data]
    if missing:
        raise CheckpointError(f'"{path}" has no "{missing[0]}". It was not written by i2ikit train.')


def _structure(data: Mapping[str, Any], kind: Any, path: Path) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of losses that were not saved: what restores the recipe warns of them
        return structure(data, kind, f'"{path}" is damaged', _make_converter())


def _make_converter() -> Converter:
    return make_converter(
        *RECIPE_HOOKS,
        PREPROCESSING_HOOK,
        *DATA_HOOKS,
        (SavedBest | None, _make_best),
    )


def _make_best(value: Any, converter: Converter) -> SavedBest | None:
    return None if value == {} else converter.structure(value, SavedBest)
