"""Train a model, and leave a run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import evolve

from i2ikit.errors import OptionError
from i2ikit.train import configuration
from i2ikit.train.batches import Data, TrainingData, listed, preprocessing_of
from i2ikit.train.engine import is_first_process
from i2ikit.train.loggers import Logger
from i2ikit.train.options import FitOptions, whole
from i2ikit.train.progress import Progress, shown
from i2ikit.train.setup import begun, finished, opened
from i2ikit.train.time_budget import plan_steps
from i2ikit.train.trainer import Validate

if TYPE_CHECKING:
    from i2ikit.core.model import Model


def fit(
    model: Model,
    data: Data | TrainingData | Sequence[Data | TrainingData],
    run: str | Path,
    *,
    steps: int | None = None,
    minutes: float | None = None,
    batch: int | None = None,
    seed: int | None = None,
    precision: str = "32-true",
    accelerator: str = "auto",
    devices: int | str = 1,
    accumulate: int = 1,
    workers: int = 0,
    log_every: int = 50,
    sample_every: int | None = None,
    checkpoint_every: int | None = None,
    evaluate_every: int | None = None,
    keep: int = 2,
    validate: Validate | None = None,
    best: str = "",
    channels_last: bool = False,
    loggers: Iterable[Logger] = (),
    progress: Progress | None = None,
) -> Model:
    """Train a model on a data set and leave a run: log, samples, checkpoints and the final model.

    Args:
        model: What :func:`i2ikit.build` gave.
        data: A data set or its path; or several, of which each gives one batch a step. The split "train" is used where there is one.
        run: A folder that does not exist yet, or is empty.
        steps: The length of the training, to which the learning rates are scheduled; the recipe's by default.
        minutes: The length in time instead: a few steps are measured, and the steps that fit are then fixed.
        batch: Images a step and data set, over all processes; the recipe's by default.
        seed: Of the order of images and of every draw; the model's by default.
        precision: "32-true", "bf16-mixed" or "16-mixed".
        accelerator: "auto", "cpu" or another name that Lightning Fabric knows.
        devices: How many processes with a device each, or the devices' numbers as "0,2".
        accumulate: Into how many micro-batches each batch is split, to need less memory.
        workers: Threads that prepare batches ahead; the batches are the same.
        log_every, sample_every, checkpoint_every, evaluate_every: Steps between two; 0 means never. By default the log has a line
            every 50, samples and evaluations come up to twenty times in a training, checkpoints up to eight times and every ten minutes.
        keep: How many checkpoints stay.
        validate: Measures the model it is called with, averages in place, and returns numbers by name.
        best: The number that decides which model is kept in ``RUN/best``; with a minus before it ("-l1") the smallest one does.
        channels_last: Whether image tensors lie channels last in memory, which some devices are faster with.
        trackers: Follow the training beside ``log.jsonl``; one that raises is left out from there on.
        progress: What is shown; a bar on a terminal and lines elsewhere by default.

    Returns:
        The model, with averaged weights where the recipe averages: what ``RUN/final`` holds.

    Raises:
        OptionError: The folder holds a run already, or an option is out of range.
        DataError: The data does not fit the model.
        NonFiniteLossError: A loss became NaN or infinite. Nothing is saved over the last good state; ``RUN/stopped.json`` says more.
        TrainingInterrupted: Ctrl-C or SIGTERM (a KeyboardInterrupt); the state is saved.
        CheckpointError: The disk is full or the folder cannot be written.
    """
    run, progress = Path(run), progress or shown(silent=not is_first_process())
    configuration.refuse_existing(run)
    if steps is not None and minutes is not None:
        raise OptionError("Both steps and minutes are given. Give one of them.")
    if minutes is not None and minutes <= 0:
        raise OptionError(f"minutes is {minutes}; it must be above zero.")
    _resize(model, steps, batch, seed)
    if minutes is None:
        _refuse_no_steps(model)
    options = FitOptions(
        precision,
        accelerator,
        devices,
        accumulate,
        workers,
        log_every,
        sample_every or 0,
        checkpoint_every or 0,
        evaluate_every or 0,
        keep,
        best,
        channels_last,
    )
    sources = [TrainingData.of(each) for each in listed(data)]
    model.preprocessing = preprocessing_of(model, sources)
    with ExitStack() as stack:
        engine, batches = opened(stack, model, sources, options, progress)
        if minutes is not None:
            progress.say(f"Measuring a few steps to see how many fit into {minutes:g} minutes.")
            found, seconds = plan_steps(minutes, model, batches, engine, accumulate)
            _resize(model, model.steps_done + found)
            progress.say(f"A step takes {_short(seconds)}: {found:,} steps.")
        options = _resolved(options, model.recipe.steps, sample_every, checkpoint_every, evaluate_every, validate is not None)
        if engine.chief:
            configuration.write(run, configuration.describe(model, sources, options))
        training = begun(stack, run, model, sources, batches, engine, options, validate, loggers, progress)
        training.first()
        return finished(training, model)


def _resize(model: Model, steps: int | None, batch: int | None = None, seed: int | None = None) -> None:
    """Set the length, the batch and the seed that are asked for."""
    for name, value in (("steps", steps), ("batch", batch)):
        if value is not None and value < 1:
            raise OptionError(f"{name} is {value}; it must be 1 or more.")
    recipe = model.recipe
    model.recipe = evolve(recipe, steps=steps or recipe.steps, batch=batch or recipe.batch)
    model.seed = model.seed if seed is None else seed


def _refuse_no_steps(model: Model) -> None:
    if model.steps_done >= model.recipe.steps:
        raise OptionError(
            f"The model has {model.steps_done} steps behind it, and the training shall have {model.recipe.steps}. "
            f"Ask for more steps, or set model.steps_done = 0."
        )


def _resolved(options: FitOptions, steps: int, sample: int | None, save: int | None, evaluate: int | None, measured: bool) -> FitOptions:
    """Return the options with the intervals that were not said."""
    often = whole(steps, 20)
    return evolve(
        options,
        sample_every=often if sample is None else sample,
        checkpoint_every=whole(steps, 8) if save is None else save,
        evaluate_every=(often if measured else 0) if evaluate is None else evaluate,
    )


def _short(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 0.1 else f"{seconds * 1000:.1f} ms"
