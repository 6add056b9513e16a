"""Train a model and write a new run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from i2ikit.errors import OptionError
from i2ikit.train import configuration
from i2ikit.train.batches import Data, TrainingData, as_list, describe_preprocessing
from i2ikit.train.options import FitOptions
from i2ikit.train.setup import begin, open_trainer, set_training_size
from i2ikit.train.time_budget import plan_steps
from i2ikit.train.trainer import Trainer

if TYPE_CHECKING:
    from i2ikit.core.model import Model


def fit(model: Model, data: Data | TrainingData | Sequence[Data | TrainingData], run: str | Path, **options: Any) -> Model:
    """Train a model on a data set and write a run: log, sample grids, checkpoints and the final model.

    Args:
        model: The model that :func:`i2ikit.build` returned.
        data: A data set or its path; or several of them, each of which provides one batch in each step. If a data set has a split
            "train", only this split is used.
        run: The run folder. It must be empty or not exist yet.
        options: The options that :class:`i2ikit.train.FitOptions` describes, such as ``steps``, ``batch`` and ``validate``.

    Returns:
        The model of ``RUN/final``, with averaged weights if the recipe averages them.

    Raises:
        UnknownNameError: There is no such option.
        OptionError: The folder already holds a run, or an option is out of range.
        DataError: The data does not fit the model.
        NonFiniteLossError: A loss became NaN or infinite. The last checkpoint is unchanged; ``RUN/stopped.json`` holds the details.
        TrainingInterrupted: Ctrl-C or SIGTERM (a KeyboardInterrupt). The training is saved.
        CheckpointError: The disk is full or the folder cannot be written.
    """
    with start_run(model, data, run, **options) as trainer:
        trainer.run()
    return trainer.model


@contextmanager
def start_run(
    model: Model, data: Data | TrainingData | Sequence[Data | TrainingData], run: str | Path, **options: Any
) -> Iterator[Trainer]:
    """Start a run and yield its trainer, for a training loop of your own; the arguments and errors are those of :func:`fit`.

    The ``with`` block restores the global random states, and closes threads and files.
    """
    run, chosen = Path(run), FitOptions.from_names(options)
    configuration.refuse_existing(run)
    for name in ("best", "evaluate_every"):
        if getattr(chosen, name) and chosen.validate is None:
            raise OptionError(f"{name}={getattr(chosen, name)!r} requires validate=, a function that returns numbers of the model.")
    set_training_size(model, chosen)
    model.seed = model.seed if chosen.seed is None else chosen.seed
    if chosen.minutes is None and model.steps_done >= model.recipe.steps:
        raise OptionError(
            f"The model was already trained for {model.steps_done} steps; the requested total is {model.recipe.steps}. "
            f"Request more steps, or set model.steps_done = 0."
        )
    sources = [TrainingData.from_data(each) for each in as_list(data)]
    model.preprocessing = describe_preprocessing(model, sources)
    with open_trainer(run, model, sources, chosen) as trainer:
        trainer.check_best()
        if chosen.minutes is not None:
            trainer.progress.say(f"Measuring the time of a step, to plan a training of {chosen.minutes:g} minutes.")
            planned, seconds = plan_steps(trainer, chosen.minutes)
            set_training_size(model, FitOptions(steps=model.steps_done + planned))
            trainer.progress.say(f"A step takes {_format_seconds(seconds)}; the training will have {planned:,} steps.")
        trainer.options = chosen.with_intervals(model.recipe.steps)
        if trainer.engine.is_main_process:
            configuration.write(run, configuration.describe(model, sources, trainer.options))
        begin(trainer)
        trainer.write_initial_state()
        yield trainer


def _format_seconds(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 0.1 else f"{seconds * 1000:.1f} ms"
