"""Preparation of a training, the same for a new run and a resumed one: processes, loaders, trainer."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from attrs import evolve

from i2ikit.core import storage
from i2ikit.data import Transform, get_arrangement
from i2ikit.errors import DataError, NonFiniteLossError, OptionError, format_count
from i2ikit.lasting_output import keep_training_without_output
from i2ikit.train import checkpoint
from i2ikit.train.batches import Batches, TrainingData, adapt_to_model, get_training_split
from i2ikit.train.failures import explain_failures, tell_once
from i2ikit.train.launch import launch
from i2ikit.train.launch_environment import is_main_process
from i2ikit.train.options import FitOptions
from i2ikit.train.peers import PEERS
from i2ikit.train.progress import Progress, Silent
from i2ikit.train.progress_bar import make_progress
from i2ikit.train.sample_files import remove_grids_after
from i2ikit.train.trainer import Trainer

if TYPE_CHECKING:
    from i2ikit.core.model import Model
    from i2ikit.data import Dataset
    from i2ikit.train.generated_samples import SampleGrids

STOPPED = "stopped.json"
STYLES = 3  # translations of each sample, if the model is random


@contextmanager
def open_trainer(run: Path, model: Model, sources: Sequence[TrainingData], options: FitOptions) -> Iterator[Trainer]:
    """Start the processes, move the model to its device, open the loaders, and yield the trainer. All are closed after the ``with`` block.

    Raises:
        DataError: The data does not fit the model.
        OptionError: The batch cannot be divided, or the device does not exist.
    """
    with keep_training_without_output(), _open(run, model, sources, options) as trainer:
        yield trainer


@contextmanager
def _open(run: Path, model: Model, sources: Sequence[TrainingData], options: FitOptions) -> Iterator[Trainer]:
    progress = options.progress or make_progress(silent=not is_main_process())
    datasets = adapt_all(model, sources)
    names = " and ".join(f'"{data.name}" ({_describe_size(get_training_split(data))})' for data in datasets)
    progress.say(f"Training {model.recipe.name} at {model.image.height}x{model.image.width} on {names}.")
    with PEERS.watch():
        engine = launch(options)
        with tell_once(engine.count):
            check_batch(model.recipe.batch, engine.count, options.accumulate)
    with PEERS.watch(), checkpoint.isolate_random_states(model.seed, engine.device):
        with tell_once(engine.count):
            engine.prepare(model)
        model.train()
        if options.channels_last:
            model.nets.to(memory_format=torch.channels_last)
        batches = Batches(
            model, datasets, engine, workers=options.workers, channels_last=options.channels_last, on_bad_file=options.on_bad_file
        )
        trainer = Trainer(
            folder=run,
            model=model,
            batches=batches,
            engine=engine,
            options=options,
            progress=progress if engine.is_main_process else Silent(),
            make_samples=partial(_make_samples, model, datasets, progress),
        )
        try:
            with explain_failures(trainer), _all_report_failures(trainer):
                yield trainer
        finally:
            trainer.close()


def adapt_all(model: Model, sources: Sequence[TrainingData]) -> list[Dataset]:
    """Check that the data sets fit a model, and return them with labels encoded as the model's.

    Raises:
        DataError: Their number or one of them does not fit.
    """
    if len(model.plans) > 1 and len(sources) != len(model.plans):
        raise DataError(
            f'Recipe "{model.recipe.name}" has {len(model.plans)} plans, one for each data set; found '
            f"{format_count(len(sources), 'data set')}. Give one data set for each plan, in this order: "
            f"{', '.join(model.get_batch_kind(index).name for index in range(len(model.plans)))}."
        )
    return [adapt_to_model(model, source.data, index) for index, source in enumerate(sources)]


def check_batch(batch: int, processes: int, parts: int) -> None:
    """Raise OptionError if a batch cannot be divided into processes and micro-batches."""
    if batch % (processes * parts):
        raise OptionError(
            f"A batch of {batch} cannot be divided into {processes} processes x {parts} micro-batches. "
            f"Choose a multiple of {processes * parts}."
        )


def begin(trainer: Trainer) -> None:
    """Open the log of a run without the records of later steps, and show the length of the training and what it writes."""
    model, engine, options = trainer.model, trainer.engine, trainer.options
    datasets = f"{len(trainer.batches.loaders)} x " if len(trainer.batches.loaders) > 1 else ""
    shares = f" ({model.recipe.batch // engine.count} on each of {engine.count} processes)" if engine.count > 1 else ""
    steps_left = model.recipe.steps - model.steps_done
    if steps_left > 0:
        trainer.progress.say(
            f"{format_count(steps_left, 'step')} of {datasets}{format_count(model.recipe.batch, 'image')}{shares} on {engine.device.type}, "
            f"{options.precision}; {_describe_intervals(options)}. Run folder: {trainer.folder}"
        )
    if engine.is_main_process:
        remove_grids_after(trainer.folder, model.steps_done)
    trainer.begin()


def set_training_size(model: Model, options: FitOptions) -> None:
    """Set the number of steps and the batch size of a model, if they are given."""
    recipe = model.recipe
    model.recipe = evolve(recipe, steps=options.steps or recipe.steps, batch=options.batch or recipe.batch)


@contextmanager
def _all_report_failures(trainer: Trainer) -> Iterator[None]:
    """Replace an error of a loss that is not finite, which all processes raise, by that of :func:`_report_failure`."""
    try:
        yield
    except NonFiniteLossError as error:
        failure = _report_failure(trainer, error)
        failure.is_shared = trainer.engine.count > 1
        raise failure from None


def _report_failure(trainer: Trainer, error: NonFiniteLossError) -> NonFiniteLossError:
    """Write ``stopped.json``, if the run has begun, and return the error of the process that knows the term."""
    if not trainer.has_begun:
        return error
    reports = trainer.engine.gather_objects((str(error), error.terms, error.step, error.files))
    message, terms, step, files = next((each for each in reports if each[1]), reports[0])
    if trainer.engine.is_main_process:
        data = {"event": "non-finite loss", "message": message, "terms": list(terms), "step": step, "files": list(files)}
        try:
            storage.write_json(trainer.folder / STOPPED, data)
        except OSError as problem:
            warnings.warn(f'"{trainer.folder / STOPPED}" cannot be written: {problem}.', stacklevel=2)
    return NonFiniteLossError(message, terms=terms, step=step, files=files)


def _describe_size(data: Dataset) -> str:
    """Return the number of images or pairs as text, with the names of the domains of unpaired data."""
    arrangement = get_arrangement(data)
    domains = f": {', '.join(data.domain.names)}" if arrangement.has_domains else ""
    return format_count(len(data.items), arrangement.unit) + domains


def _make_samples(model: Model, datasets: Sequence[Dataset], progress: Progress) -> SampleGrids | None:
    """Return the sample grids of a model for data sets that :func:`adapt_all` returned, or None if there are none."""
    from i2ikit.train.generated_samples import GeneratedSamples
    from i2ikit.train.samples import Samples

    if not model.can_translate and not model.can_sample:
        progress.say("There are no sample grids: the model neither translates images nor generates them from noise.")
        return None
    transform = Transform(model.image.height, model.image.width, crop="fit")
    try:
        if not model.can_translate:
            return GeneratedSamples(model, datasets)
        styles = STYLES if model.nets.is_random else 0
        kind = model.batch_kind
        shown = [data for index, data in enumerate(datasets) if model.get_batch_kind(index) == kind]
        return Samples(shown, model.domain, transform, styles=styles, kind=kind)
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
