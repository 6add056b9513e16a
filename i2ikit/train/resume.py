"""Go on with a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import evolve

from i2ikit.core import recipe_json
from i2ikit.core.build import build
from i2ikit.errors import CheckpointError, DataError
from i2ikit.train import checkpoint, configuration
from i2ikit.train.batches import Data, TrainingData, listed
from i2ikit.train.ema import Averages
from i2ikit.train.engine import is_first_process
from i2ikit.train.loggers import Logger
from i2ikit.train.options import FitOptions
from i2ikit.train.progress import Progress, shown
from i2ikit.train.setup import begun, finished, opened
from i2ikit.train.signals import TrainingInterrupted
from i2ikit.train.trainer import STOPPED, Validate

if TYPE_CHECKING:
    from i2ikit.core.model import Model
    from i2ikit.core.recipe import Recipe
    from i2ikit.core.registry import Registry


def resume(
    run: str | Path,
    *,
    data: Data | TrainingData | Sequence[Data | TrainingData] | None = None,
    model: Model | None = None,
    registry: Registry | None = None,
    recipe: Recipe | None = None,
    changes: Mapping[str, Any] | None = None,
    allow: Sequence[str] = (),
    validate: Validate | None = None,
    loggers: Iterable[Logger] = (),
    progress: Progress | None = None,
) -> Model:
    """Go on with a run from its newest checkpoint; on the CPU the result is bit by bit that of a training without a pause.

    Args:
        run: The folder of the run; nothing else is needed.
        data: The data sets, where they were made in Python or have moved.
        model: The model as it was built, where its recipe holds functions that no file can hold.
        registry: Where components are looked up; the installed plugins by default.
        recipe: The recipe as it should be now, where it shall differ from the run's.
        changes: Training options that shall differ: ``{"workers": 2}``.
        allow: The differences that are meant, by their keys, such as ``"recipe.steps"``; a key allows all that stands below it.
        validate: As for :func:`fit`.
        trackers: As for :func:`fit`.
        progress: As for :func:`fit`.

    Raises:
        CheckpointError: There is no run, or no checkpoint that can be read.
        ConfigChangedError: Something differs from what the run was started with; each difference is named.
        DataError: The data cannot be found again.
    """
    run, progress = Path(run), progress or shown(silent=not is_first_process())
    stored = configuration.read(run)
    options = evolve(FitOptions.restore(stored["train"]), **dict(changes or {}))
    descriptions = stored["data"] if isinstance(stored["data"], list) else [stored["data"]]
    if data is None:
        sources = [TrainingData.restore(each) for each in descriptions]
    else:
        given = listed(data)
        if len(given) != len(descriptions):
            raise DataError(f'"{run}" was trained on {len(descriptions)} data sets; {len(given)} were given.')
        sources = [_moved(TrainingData.of(each), old) for each, old in zip(given, descriptions, strict=True)]
    model = _rebuilt(run, stored, recipe, model, registry)
    now = configuration.describe(model, sources, options)
    different = configuration.differences(stored, now)
    configuration.refuse_changes(different, allow, run)
    with ExitStack() as stack:
        engine, batches = opened(stack, model, sources, options, progress)
        averages = Averages(model, model.recipe.ema)
        folder, weights, state, numbers = checkpoint.latest(run)
        checkpoint.restore(model, averages, weights, state, numbers)
        engine.restore(state)
        changed = _Changed(run, stored, now, different if engine.chief else {}, model.steps_done)
        if model.steps_done < model.recipe.steps:
            progress.say(f'Going on from "{folder.name}" of "{run}".')
        else:
            progress.say(
                f'"{run}" is finished: its {model.recipe.steps:,} steps are done. Train on with: i2ikit train --resume '
                f"{configuration.typed(run)} --steps {2 * model.recipe.steps} --allow-change recipe.steps"
            )
        if engine.chief:
            (run / STOPPED).unlink(missing_ok=True)
        training = begun(stack, run, model, sources, batches, engine, options, validate, (*loggers, changed), progress, averages)
        training.restore(numbers)
        try:
            model = finished(training, model)
        except TrainingInterrupted as stopped:  # comes after the step was found to be sound, and saved
            changed.note(stopped.steps_done)
            raise
        changed.note(model.steps_done)
        return model


class _Changed:
    """Writes an allowed change into ``run.json`` once a step was trained with it: one that fails before leaves the run as it was."""

    def __init__(
        self, run: Path, stored: Mapping[str, Any], now: Mapping[str, Any], changed: Mapping[str, tuple[Any, Any]], begin: int
    ) -> None:
        self.run, self.begin, self.done = run, begin, not changed
        change = {"step": begin, "changed": {key: list(pair) for key, pair in changed.items()}}
        self.config = {**now, "command": stored.get("command", ""), "changes": [*stored.get("changes", []), change]}

    def note(self, done: int) -> None:
        """Write, where a step was done."""
        if not self.done and done > self.begin:
            configuration.write(self.run, self.config)
            self.done = True

    def start(self, run: Path, done: int) -> None:
        """Do nothing: no step has worked yet."""

    def write(self, record: Mapping[str, Any]) -> None:
        """Note the change with a record of a second step: the first is found to be finite only then."""
        self.note(int(record["step"]) - 1)

    def close(self) -> None:
        """Do nothing: what is to be written is written."""


def _moved(source: TrainingData, old: Mapping[str, Any]) -> TrainingData:
    """Return the source with the path of the run, where only the data set itself was given."""
    return source if source.path is not None else evolve(source, path=old.get("path"), options=dict(old.get("options", {})))


def _rebuilt(run: Path, stored: Mapping[str, Any], recipe: Recipe | None, model: Model | None, registry: Registry | None) -> Model:
    if model is None:
        lost = [
            f"{player['name']}/{name}"
            for player in stored["recipe"]["players"]
            for name, term in player["terms"].items()
            if str(term["loss"]).startswith("python:")
        ]
        if lost and recipe is None:
            raise CheckpointError(
                f'Term "{lost[0]}" of "{run}" is a Python function, which no file can hold. Call resume(run, model=build(...)).'
            )
        model = build(recipe or recipe_json.restore(stored["recipe"]), registry=registry, seed=int(stored.get("seed", 0)), rehearsal=False)
        model.preprocessing = dict(stored.get("preprocessing", {}))
        return model
    model.recipe = evolve(model.recipe, steps=stored["recipe"]["steps"], batch=stored["recipe"]["batch"])
    model.seed = int(stored.get("seed", model.seed))
    model.preprocessing = dict(stored.get("preprocessing", {}))
    return model
