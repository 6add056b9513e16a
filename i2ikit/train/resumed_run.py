"""Resume a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import evolve

from i2ikit.core import recipe_json
from i2ikit.core.build import build
from i2ikit.core.component import restoring
from i2ikit.errors import CheckpointError, DataError, OptionError
from i2ikit.train import checkpoint, configuration
from i2ikit.train.batches import Data, TrainingData, as_list
from i2ikit.train.data_record import resume_record
from i2ikit.train.launch_environment import is_main_process
from i2ikit.train.options import FitOptions, refuse_unmeasured_best
from i2ikit.train.progress_bar import make_progress
from i2ikit.train.run_lock import hold_run
from i2ikit.train.setup import STOPPED, begin, open_trainer, set_training_size
from i2ikit.train.signals import TrainingInterrupted
from i2ikit.train.trainer import Trainer

if TYPE_CHECKING:
    from i2ikit.core.model import Model
    from i2ikit.core.recipe import Recipe
    from i2ikit.core.registry import Registry


@contextmanager
def resume_run(
    run: str | Path,
    *,
    data: Data | TrainingData | Sequence[Data | TrainingData] | None = None,
    model: Model | None = None,
    registry: Registry | None = None,
    recipe: Recipe | None = None,
    allow: Sequence[str] = (),
    **options: Any,
) -> Iterator[Trainer]:
    """Yield the trainer of a run that is resumed, for a training loop of your own; see :func:`i2ikit.resume`."""
    run = Path(run)
    with hold_run(run) if run.is_dir() else nullcontext(), _resume(run, data, model, registry, recipe, allow, options) as trainer:
        yield trainer


@contextmanager
def _resume(
    run: Path,
    data: Data | TrainingData | Sequence[Data | TrainingData] | None,
    model: Model | None,
    registry: Registry | None,
    recipe: Recipe | None,
    allow: Sequence[str],
    options: Mapping[str, Any],
) -> Iterator[Trainer]:
    stored = configuration.read(run)
    refuse_fixed_options(options)
    chosen = FitOptions.from_names(options, stored=FitOptions.restore(stored["train"]))
    refuse_unmeasured_best(chosen)
    descriptions = list_data(stored)
    if data is None:
        sources = [TrainingData.restore(each) for each in descriptions]
    else:
        given = as_list(data)
        refuse_other_count(run, len(given), descriptions)
        sources = [_keep_path(TrainingData.from_data(each), old) for each, old in zip(given, descriptions, strict=True)]
    model = _rebuild_model(run, stored, recipe, model, registry)
    set_training_size(model, chosen)
    progress = chosen.progress or make_progress(silent=not is_main_process())
    with closing(progress):
        record = resume_record(run, sources, descriptions, progress.show_task)
    now = configuration.describe(model, record.describe(), chosen)
    differences = configuration.find_differences(stored, now)
    configuration.check_allowed(allow, stored, now)
    configuration.refuse_changes(differences, allow, run, record.list_changed())
    recorder = _ChangeRecorder(stored, now, differences)
    with open_trainer(run, model, sources, evolve(chosen, loggers=(*chosen.loggers, recorder))) as trainer:
        folder, weights, state, numbers = checkpoint.read_latest(run)
        checkpoint.restore(model, trainer.averages, weights, state, numbers)
        trainer.engine.restore(state)
        _describe_start(trainer, folder)
        if "train.best" in differences:
            trainer.check_best()
        if trainer.engine.is_main_process:
            (run / STOPPED).unlink(missing_ok=True)
            record.write()
        begin(trainer)
        trainer.restore(numbers)
        try:
            yield trainer
        except TrainingInterrupted as stopped:  # raised only after the losses were found finite, and the training was saved
            recorder.record(stopped.steps_done)
            raise
        recorder.record(model.steps_done)


def list_data(stored: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the descriptions of the data sets in the configuration of a run."""
    data: Any = stored["data"]
    return data if isinstance(data, list) else [data]


def refuse_fixed_options(options: Mapping[str, Any]) -> None:
    """Raise OptionError if a run is resumed with an option that the run defines."""
    for name in ("minutes", "seed"):
        if options.get(name) is not None:
            raise OptionError(f"resume does not accept {name}: the run defines it. Leave it out, or start a new run.")


def refuse_other_count(run: Path, count: int, descriptions: Sequence[object]) -> None:
    """Raise DataError if a run is resumed with another number of data sets."""
    if count != len(descriptions):
        raise DataError(f'Number of data sets: expected {len(descriptions)} as in "{run}", found {count}.')


def _describe_start(trainer: Trainer, folder: Path) -> None:
    """Show where the training continues, or that it is finished, and that nothing is evaluated if the run expects it."""
    run, steps, options = trainer.folder, trainer.model.recipe.steps, trainer.options
    if trainer.model.steps_done >= steps:
        trainer.progress.say(
            f'"{run}" is finished: all {steps:,} steps are done. To train longer: i2ikit train --resume '
            f"{configuration.quote_path(run)} --steps {2 * steps} --allow-change recipe.steps"
        )
        return
    trainer.progress.say(f'Resuming "{run}" from checkpoint "{folder.name}".')
    if options.evaluate_every and options.validate is None:
        trainer.progress.say("note: The run evaluates its model during the training. Without validate= this training does not.")


class _ChangeRecorder:
    """Logger that writes allowed changes into ``run.json`` after the first step with them: a run that fails before stays unchanged."""

    def __init__(self, stored: Mapping[str, Any], now: Mapping[str, Any], changed: Mapping[str, tuple[Any, Any]]) -> None:
        self.stored, self.now, self.changed = stored, now, changed
        self.run: Path | None = None  # only the main process starts loggers, and writes
        self.start_step = 0

    def record(self, done: int) -> None:
        """Write the changes, if a step was done since the start."""
        if self.run is not None and self.changed and done > self.start_step:
            change = {"step": self.start_step, "changed": {key: list(pair) for key, pair in self.changed.items()}}
            history = {"command": self.stored.get("command", ""), "changes": [*self.stored.get("changes", []), change]}
            configuration.write(self.run, {**self.now, **history})
            self.changed = {}

    def start(self, run: Path, done: int) -> None:
        """Remember from which step the run continues."""
        self.run, self.start_step = run, done

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
        functions = [name.replace("__", "/") for name in recipe_json.find_missing_losses(stored["recipe"])]
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
