"""What a new training and one that goes on have in common: processes, loaders, the loop, the end."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from i2ikit.core.step import SingleProcess
from i2ikit.data import Transform
from i2ikit.errors import OptionError, format_count
from i2ikit.train import checkpoint
from i2ikit.train.batches import Batches, TrainingData, fitted, training_part
from i2ikit.train.ema import Averages
from i2ikit.train.engine import PlainEngine, launch
from i2ikit.train.loggers import Logger, Loggers
from i2ikit.train.options import FitOptions
from i2ikit.train.progress import Progress, Silent
from i2ikit.train.trainer import Trainer, Validate

if TYPE_CHECKING:
    from i2ikit.core.model import Model
    from i2ikit.data import Dataset
    from i2ikit.train.samples import Samples


DRAWS = 3  # translations of each sample, where a style is drawn


def opened(
    stack: ExitStack, model: Model, sources: Sequence[TrainingData], options: FitOptions, progress: Progress
) -> tuple[PlainEngine, Batches]:
    """Start the processes, put the model on its device and open the loaders; say what will be done."""
    fits = [fitted(model, source.data) for source in sources]
    names = " and ".join(f'"{data.name}" ({_amount(training_part(data))})' for data in fits)
    progress.say(f"Training {model.recipe.name} at {model.image.height}x{model.image.width} on {names}.")
    engine = launch(options)
    if model.recipe.batch % (engine.count * options.accumulate):
        raise OptionError(
            f"A batch of {model.recipe.batch} does not divide into {engine.count} processes x {options.accumulate} micro-batches. "
            f"Choose a multiple of {engine.count * options.accumulate}."
        )
    stack.enter_context(checkpoint.own_randomness(model.seed, engine.device))
    engine.prepare(model)
    model.train()
    if options.channels_last:
        model.nets.to(memory_format=torch.channels_last)
    batches = Batches(model, sources, engine, workers=options.workers, channels_last=options.channels_last)
    stack.callback(batches.close)
    return engine, batches


def _amount(data: Dataset) -> str:
    """Say how much there is, and of unpaired data what the domains are called."""
    domains = f": {', '.join(data.domain.names)}" if data.batch_kind == "unpaired" else ""
    return format_count(len(data.items), "pair" if data.batch_kind == "paired" else "image") + domains


def begun(
    stack: ExitStack,
    run: Path,
    model: Model,
    sources: Sequence[TrainingData],
    batches: Batches,
    engine: PlainEngine,
    options: FitOptions,
    validate: Validate | None,
    loggers: Iterable[Logger],
    progress: Progress,
    averages: Averages | None = None,
) -> Trainer:
    """Return a training that is ready to go; say how long it is and what it leaves."""
    shown = progress if engine.chief else Silent()
    sets = f"{len(sources)} x " if len(sources) > 1 else ""
    rows = f" ({model.recipe.batch // engine.count} on each of {engine.count} processes)" if engine.count > 1 else ""
    left = model.recipe.steps - model.steps_done
    if left > 0:
        shown.say(
            f"{format_count(left, 'step')} of {sets}{model.recipe.batch} images{rows} on {engine.device.type}, "
            f"{options.precision}; {_intervals(options)}, in {run}."
        )
    run_log = Loggers(run, loggers, model.steps_done) if engine.chief else None
    if run_log is not None:
        stack.callback(run_log.close)
    return Trainer(
        run,
        model,
        batches,
        averages or Averages(model, model.recipe.ema),
        engine,
        options,
        run_log=run_log,
        progress=shown,
        samples=_samples(model, sources) if engine.chief and options.sample_every else None,
        validate=validate,
    )


def _samples(model: Model, sources: Sequence[TrainingData]) -> Samples | None:
    from i2ikit.train.samples import Samples

    transform = Transform(model.image.height, model.image.width, crop="fit")
    try:
        draws = DRAWS if model.nets.style is not None else 0
        return Samples([fitted(model, source.data) for source in sources], model.domain, transform, draws=draws)
    except Exception as error:  # noqa: BLE001 - pictures do not end a training
        warnings.warn(f"There will be no samples ({type(error).__name__}: {error}).", stacklevel=2)
        return None


def _intervals(options: FitOptions) -> str:
    samples, checkpoints = options.sample_every, options.checkpoint_every
    seldom = "checkpoints at the beginning, every ten minutes and at the end"
    return (f"samples {_every(samples)}, " if samples else "no samples, ") + (
        f"checkpoints {_every(checkpoints)}" if checkpoints else seldom
    )


def _every(steps: int) -> str:
    return "every step" if steps == 1 else f"every {steps:,} steps"


def finished(training: Trainer, model: Model) -> Model:
    """Train to the end, save it, and return the model as anyone may use it."""
    training.go()
    training.save()
    training.finish()
    model.engine = SingleProcess()
    return model
