"""Resume a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import evolve

from i2ikit.core import recipe_json
from i2ikit.core.build import build
from i2ikit.core.component import restoring
from i2ikit.errors import CheckpointError, DataError
from i2ikit.train import checkpoint, configuration
from i2ikit.train.batches import Data, TrainingData, as_list
from i2ikit.train.ema import Averages
from i2ikit.train.engine import is_main_process
from i2ikit.train.loggers import Logger
from i2ikit.train.options import FitOptions
from i2ikit.train.progress import Progress, make_progress
from i2ikit.train.setup import make_trainer, prepare_training
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
    options: Mapping[str, Any] | None = None,
    allow: Sequence[str] = (),
    validate: Validate | None = None,
    loggers: Iterable[Logger] = (),
    progress: Progress | None = None,
) -> Model:
    """Resume a run from its newest checkpoint. On the CPU, the result is bit by bit that of an uninterrupted training.

    Args:
        run: The run folder. No other argument is required.
        data: The data sets, if they were made in Python or were moved.
        model: The model, if its recipe holds Python functions, which cannot be stored in a file.
        registry: Registry of components. Default: the components of the installed plugins.
        recipe: The new recipe, if it differs from that of the run.
        options: Training options with new values, such as ``{"workers": 2}``.
        allow: Keys of the differences that are allowed, such as ``"recipe.steps"``. ``"recipe"`` allows every key that begins with
            ``recipe.``.
        validate: As for :func:`fit`.
        loggers: As for :func:`fit`.
        progress: As for :func:`fit`.

    Raises:
        CheckpointError: The folder holds no run, or no readable checkpoint.
        ConfigChangedError: The configuration differs from the one that the run was started with. The message lists the differences.
        DataError: The data cannot be opened again.
    """
    run, progress = Path(run), progress or make_progress(silent=not is_main_process())
    stored = configuration.read(run)
    fit_options = evolve(FitOptions.restore(stored["train"]), **dict(options or {}))
    descriptions = stored["data"] if isinstance(stored["data"], list) else [stored["data"]]
    if data is None:
        sources = [TrainingData.restore(each) for each in descriptions]
    else:
        given = as_list(data)
        if len(given) != len(descriptions):
            raise DataError(f'Number of data sets: expected {len(descriptions)} as in "{run}", found {len(given)}.')
        sources = [_keep_path(TrainingData.from_data(each), old) for each, old in zip(given, descriptions, strict=True)]
    model = _rebuild_model(run, stored, recipe, model, registry)
    now = configuration.describe(model, sources, fit_options)
    differences = configuration.find_differences(stored, now)
    configuration.refuse_changes(differences, allow, run)
    with ExitStack() as stack:
        engine, batches = prepare_training(stack, model, sources, fit_options, progress)
        averages = Averages(model, model.recipe.ema)
        folder, weights, state, numbers = checkpoint.read_latest(run)
        checkpoint.restore(model, averages, weights, state, numbers)
        engine.restore(state)
        recorder = _ChangeRecorder(run, stored, now, differences if engine.is_main_process else {}, model.steps_done)
        if model.steps_done < model.recipe.steps:
            progress.say(f'Resuming "{run}" from checkpoint "{folder.name}".')
        else:
            progress.say(
                f'"{run}" is finished: all {model.recipe.steps:,} steps are done. To train longer: i2ikit train --resume '
                f"{configuration.quote_path(run)} --steps {2 * model.recipe.steps} --allow-change recipe.steps"
            )
        if engine.is_main_process:
            (run / STOPPED).unlink(missing_ok=True)
        trainer = make_trainer(stack, run, model, sources, batches, engine, fit_options, validate, (*loggers, recorder), progress, averages)
        trainer.restore(numbers)
        try:
            model = trainer.run()
        except TrainingInterrupted as stopped:  # raised only after the losses were found finite, and the training was saved
            recorder.record(stopped.steps_done)
            raise
        recorder.record(model.steps_done)
        return model


class _ChangeRecorder:
    """Logger that writes allowed changes into ``run.json`` after the first step with them: a run that fails before stays unchanged."""

    def __init__(
        self, run: Path, stored: Mapping[str, Any], now: Mapping[str, Any], changed: Mapping[str, tuple[Any, Any]], start: int
    ) -> None:
        self.run, self.start_step, self.is_written = run, start, not changed
        change = {"step": start, "changed": {key: list(pair) for key, pair in changed.items()}}
        self.config = {**now, "command": stored.get("command", ""), "changes": [*stored.get("changes", []), change]}

    def record(self, done: int) -> None:
        """Write the changes, if a step was done since the start."""
        if not self.is_written and done > self.start_step:
            configuration.write(self.run, self.config)
            self.is_written = True

    def start(self, run: Path, done: int) -> None:
        """Do nothing: no step is done yet."""

    def write(self, record: Mapping[str, Any]) -> None:
        """Record the changes when the second step is logged: only then are the losses of the first one known to be finite."""
        self.record(int(record["step"]) - 1)

    def close(self) -> None:
        """Do nothing: the changes are written already."""


def _keep_path(source: TrainingData, old: Mapping[str, Any]) -> TrainingData:
    """Return a data set with the path and the options that the run has stored, if the data set has no path."""
    return source if source.path is not None else evolve(source, path=old.get("path"), options=dict(old.get("options", {})))


def _rebuild_model(run: Path, stored: Mapping[str, Any], recipe: Recipe | None, model: Model | None, registry: Registry | None) -> Model:
    if model is None:
        functions = [
            f"{player['name']}/{name}"
            for player in stored["recipe"]["players"]
            for name, term in player["terms"].items()
            if str(term["loss"]).startswith("python:")
        ]
        if functions and recipe is None:
            raise CheckpointError(
                f'Term "{functions[0]}" of "{run}" is a Python function, which cannot be stored in a file. '
                f"Call resume(run, model=build(...))."
            )
        with restoring():  # all weights are in the checkpoint
            model = build(
                recipe or recipe_json.restore(stored["recipe"]), registry=registry, seed=int(stored.get("seed", 0)), rehearsal=False
            )
        model.preprocessing = dict(stored.get("preprocessing", {}))
        return model
    model.recipe = evolve(model.recipe, steps=stored["recipe"]["steps"], batch=stored["recipe"]["batch"])
    model.seed = int(stored.get("seed", model.seed))
    model.preprocessing = dict(stored.get("preprocessing", {}))
    return model
