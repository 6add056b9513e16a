"""Train a model and write a run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import evolve

from i2ikit.errors import OptionError
from i2ikit.train import configuration
from i2ikit.train.batches import Data, TrainingData, as_list, describe_preprocessing
from i2ikit.train.engine import is_main_process
from i2ikit.train.loggers import Logger
from i2ikit.train.options import FitOptions, choose_interval
from i2ikit.train.progress import Progress, make_progress
from i2ikit.train.setup import make_trainer, prepare_training
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
    """Train a model on a data set and write a run: log, sample grids, checkpoints and the final model.

    Args:
        model: The model that :func:`i2ikit.build` returned.
        data: A data set or its path; or several of them, each of which provides one batch in each step. If a data set has a split
            "train", only this split is used.
        run: The run folder. It must be empty or not exist yet.
        steps: Number of steps. The learning rates are scheduled to it. Default: that of the recipe.
        minutes: Length of the training in minutes, instead of ``steps``. The time of a few steps is measured, and the number of steps is
            fixed before the first one.
        batch: Batch size of each data set, over all processes. Default: that of the recipe.
        seed: Random seed of data order and random draws. Default: that of the model.
        precision: "32-true", "bf16-mixed" or "16-mixed".
        accelerator: "auto", "cpu" or another accelerator of Lightning Fabric.
        devices: Number of devices, with one process each, or device numbers such as "0,2".
        accumulate: Number of micro-batches into which each batch is split, to save memory.
        workers: Number of threads that load batches in advance. It does not change the batches.
        log_every, sample_every, checkpoint_every, evaluate_every: Interval in steps; 0 means never. Default: a log record every 50 steps,
            up to 20 sample grids and evaluations in the whole training, up to 8 checkpoints, and a checkpoint every ten minutes.
        keep: Number of checkpoints to keep.
        validate: Function that is called with the model, with averaged weights, and returns numbers by name.
        best: Number that decides which model is saved as ``RUN/best``: the one with the largest value. A minus sign selects the smallest
            value ("-mae").
        channels_last: Whether image tensors have the memory format ``torch.channels_last``, which is faster on some devices.
        loggers: Loggers in addition to ``log.jsonl``. A logger that raises is removed with a warning.
        progress: Shows the progress. Default: a progress bar in a terminal, else plain lines.

    Returns:
        The model of ``RUN/final``, with averaged weights if the recipe averages them.

    Raises:
        OptionError: The folder already holds a run, or an option is out of range.
        DataError: The data does not fit the model.
        NonFiniteLossError: A loss became NaN or infinite. The last checkpoint is unchanged; ``RUN/stopped.json`` holds the details.
        TrainingInterrupted: Ctrl-C or SIGTERM (a KeyboardInterrupt). The training is saved.
        CheckpointError: The disk is full or the folder cannot be written.
    """
    run, progress = Path(run), progress or make_progress(silent=not is_main_process())
    configuration.refuse_existing(run)
    if steps is not None and minutes is not None:
        raise OptionError("Both steps and minutes are given. Give only one of them.")
    if minutes is not None and minutes <= 0:
        raise OptionError(f"minutes is {minutes}; it must be above 0.")
    _set_training_size(model, steps, batch, seed)
    if minutes is None:
        _refuse_finished(model)
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
    sources = [TrainingData.from_data(each) for each in as_list(data)]
    model.preprocessing = describe_preprocessing(model, sources)
    with ExitStack() as stack:
        engine, batches = prepare_training(stack, model, sources, options, progress)
        if minutes is not None:
            progress.say(f"Measuring the time of a step, to plan a training of {minutes:g} minutes.")
            planned, seconds = plan_steps(minutes, model, batches, engine, accumulate)
            _set_training_size(model, model.steps_done + planned)
            progress.say(f"A step takes {_format_seconds(seconds)}; the training will have {planned:,} steps.")
        options = _set_intervals(options, model.recipe.steps, sample_every, checkpoint_every, evaluate_every, validate is not None)
        if engine.is_main_process:
            configuration.write(run, configuration.describe(model, sources, options))
        trainer = make_trainer(stack, run, model, sources, batches, engine, options, validate, loggers, progress)
        trainer.write_initial_state()
        return trainer.run()


def _set_training_size(model: Model, steps: int | None, batch: int | None = None, seed: int | None = None) -> None:
    """Set the given number of steps, batch size and seed."""
    for name, value in (("steps", steps), ("batch", batch)):
        if value is not None and value < 1:
            raise OptionError(f"{name} is {value}; it must be 1 or more.")
    recipe = model.recipe
    model.recipe = evolve(recipe, steps=steps or recipe.steps, batch=batch or recipe.batch)
    model.seed = model.seed if seed is None else seed


def _refuse_finished(model: Model) -> None:
    if model.steps_done >= model.recipe.steps:
        raise OptionError(
            f"The model was already trained for {model.steps_done} steps; the requested total is {model.recipe.steps}. "
            f"Request more steps, or set model.steps_done = 0."
        )


def _set_intervals(
    options: FitOptions, steps: int, sample: int | None, save: int | None, evaluate: int | None, validates: bool
) -> FitOptions:
    """Return the options with default values for the intervals that are None."""
    often = choose_interval(steps, 20)
    return evolve(
        options,
        sample_every=often if sample is None else sample,
        checkpoint_every=choose_interval(steps, 8) if save is None else save,
        evaluate_every=(often if validates else 0) if evaluate is None else evaluate,
    )


def _format_seconds(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 0.1 else f"{seconds * 1000:.1f} ms"
