"""Preparation of a training, the same for a new run and a resumed one: processes, loaders, trainer."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from i2ikit.data import Transform, get_arrangement
from i2ikit.errors import DataError, OptionError, format_count
from i2ikit.train import checkpoint
from i2ikit.train.batches import Batches, TrainingData, adapt_to_model, get_training_split
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


STYLES = 3  # translations of each sample, if the model has random styles


def prepare_training(
    stack: ExitStack, model: Model, sources: Sequence[TrainingData], options: FitOptions, progress: Progress
) -> tuple[PlainEngine, Batches]:
    """Start the processes, move the model to its device and open the loaders. The stack closes them."""
    if len(model.plans) > 1 and len(sources) != len(model.plans):
        raise DataError(
            f'Recipe "{model.recipe.name}" has {len(model.plans)} plans, one for each data set; found '
            f"{format_count(len(sources), 'data set')}. Give one data set for each plan, in this order: "
            f"{', '.join(model.get_batch_kind(index).name for index in range(len(model.plans)))}."
        )
    datasets = [adapt_to_model(model, source.data, index) for index, source in enumerate(sources)]
    names = " and ".join(f'"{data.name}" ({_describe_size(get_training_split(data))})' for data in datasets)
    progress.say(f"Training {model.recipe.name} at {model.image.height}x{model.image.width} on {names}.")
    engine = launch(options)
    if model.recipe.batch % (engine.count * options.accumulate):
        raise OptionError(
            f"A batch of {model.recipe.batch} cannot be divided into {engine.count} processes x {options.accumulate} micro-batches. "
            f"Choose a multiple of {engine.count * options.accumulate}."
        )
    stack.enter_context(checkpoint.isolate_random_states(model.seed, engine.device))
    engine.prepare(model)
    model.train()
    if options.channels_last:
        model.nets.to(memory_format=torch.channels_last)
    batches = Batches(model, sources, engine, workers=options.workers, channels_last=options.channels_last)
    stack.callback(batches.close)
    return engine, batches


def _describe_size(data: Dataset) -> str:
    """Return the number of images or pairs as text, with the names of the domains of unpaired data."""
    arrangement = get_arrangement(data)
    domains = f": {', '.join(data.domain.names)}" if arrangement.has_domains else ""
    return format_count(len(data.items), arrangement.unit) + domains


def make_trainer(
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
    """Return the trainer, and show the length of the training and what it writes."""
    progress = progress if engine.is_main_process else Silent()
    datasets = f"{len(sources)} x " if len(sources) > 1 else ""
    shares = f" ({model.recipe.batch // engine.count} on each of {engine.count} processes)" if engine.count > 1 else ""
    steps_left = model.recipe.steps - model.steps_done
    if steps_left > 0:
        progress.say(
            f"{format_count(steps_left, 'step')} of {datasets}{format_count(model.recipe.batch, 'image')}{shares} on {engine.device.type}, "
            f"{options.precision}; {_describe_intervals(options)}. Run folder: {run}"
        )
    run_loggers = Loggers(run, loggers, model.steps_done) if engine.is_main_process else None
    if run_loggers is not None:
        stack.callback(run_loggers.close)
    return Trainer(
        run,
        model,
        batches,
        averages or Averages(model, model.recipe.ema),
        engine,
        options,
        loggers=run_loggers,
        progress=progress,
        samples=_make_samples(model, sources, progress) if engine.is_main_process and options.sample_every else None,
        validate=validate,
    )


def _make_samples(model: Model, sources: Sequence[TrainingData], progress: Progress) -> Samples | None:
    from i2ikit.train.samples import Samples

    if not model.can_translate:
        progress.say("There are no sample grids of translations: the model generates images from noise.")
        return None
    transform = Transform(model.image.height, model.image.width, crop="fit")
    try:
        styles = STYLES if model.nets.style is not None else 0
        kind = model.batch_kind
        shown = [(index, source) for index, source in enumerate(sources) if model.get_batch_kind(index) == kind]
        datasets = [adapt_to_model(model, source.data, index) for index, source in shown]
        return Samples(datasets, model.domain, transform, styles=styles, kind=kind)
    except Exception as error:  # noqa: BLE001 - sample grids must not stop the training
        warnings.warn(f"There will be no sample grids ({type(error).__name__}: {error}).", stacklevel=2)
        return None


def _describe_intervals(options: FitOptions) -> str:
    samples, checkpoints = options.sample_every, options.checkpoint_every
    seldom = "checkpoints at the beginning, every ten minutes and at the end"
    return (f"samples {_format_interval(samples)}, " if samples else "no samples, ") + (
        f"checkpoints {_format_interval(checkpoints)}" if checkpoints else seldom
    )


def _format_interval(steps: int) -> str:
    return "every step" if steps == 1 else f"every {steps:,} steps"
