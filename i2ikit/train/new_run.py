"""Start a new run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from i2ikit.errors import OptionError
from i2ikit.train import configuration
from i2ikit.train.batches import Data, TrainingData, as_list, describe_preprocessing
from i2ikit.train.data_record import start_record
from i2ikit.train.expected_time import confirm_duration
from i2ikit.train.options import FitOptions, refuse_unmeasured_best
from i2ikit.train.progress import format_duration
from i2ikit.train.run_lock import hold_run
from i2ikit.train.sample_files import remove_grids_after
from i2ikit.train.setup import STOPPED, begin, open_trainer, set_training_size
from i2ikit.train.time_budget import Plan, plan_steps
from i2ikit.train.trainer import Trainer

if TYPE_CHECKING:
    from i2ikit.core.model import Model


@contextmanager
def start_run(
    model: Model, data: Data | TrainingData | Sequence[Data | TrainingData], run: str | Path, **options: Any
) -> Iterator[Trainer]:
    """Start a run and yield its trainer, for a training loop of your own; the arguments and errors are those of :func:`i2ikit.fit`.

    The ``with`` block restores the global random states, and closes threads and files.
    """
    run, chosen = Path(run), FitOptions.from_names(options)
    configuration.refuse_existing(run)
    with hold_run(run), _start(model, data, run, chosen) as trainer:
        yield trainer


@contextmanager
def _start(model: Model, data: Data | TrainingData | Sequence[Data | TrainingData], run: Path, chosen: FitOptions) -> Iterator[Trainer]:
    configuration.refuse_existing(run)  # another process may have begun to train there
    check_request(model, data, chosen)
    set_training_size(model, chosen)
    model.seed = model.seed if chosen.seed is None else chosen.seed
    refuse_trained(model, chosen)
    sources = [TrainingData.from_data(each) for each in as_list(data)]
    model.preprocessing = describe_preprocessing(model, sources)
    with open_trainer(run, model, sources, chosen) as trainer:
        trainer.check_best()
        if chosen.minutes is not None:
            trainer.progress.say(f"Measuring the time of a step, to plan a training of {chosen.minutes:g} minutes.")
            plan = plan_steps(trainer, chosen.minutes)
            set_training_size(model, FitOptions(steps=model.steps_done + plan.steps))
            trainer.progress.say(_describe_plan(plan))
        else:
            confirm_duration(trainer)
        trainer.options = chosen.with_intervals(model.recipe.steps)
        if trainer.engine.is_main_process:
            remove_grids_after(run, -1)  # those of a run that ended before its first checkpoint
            (run / STOPPED).unlink(missing_ok=True)
            record = start_record(run, sources, trainer.progress.show_task)
            configuration.write(run, configuration.describe(model, record.describe(), trainer.options))
            record.write()
        begin(trainer)
        trainer.write_initial_state()
        yield trainer


def _describe_plan(plan: Plan) -> str:
    length = format_duration(plan.steps * plan.step_seconds)
    text = f"A step takes {_format_seconds(plan.step_seconds)}; the training will have {plan.steps:,} steps, about {length}."
    return f"{text} Another {format_duration(plan.reserved_seconds)} are kept for evaluations." if plan.reserved_seconds >= 1 else text


def check_request(model: Model, data: object, chosen: FitOptions) -> None:
    """Check what is requested of a training of one model, before data and devices.

    Raises:
        OptionError: The model has stages, or there is a number for the best model, but no evaluation.
    """
    if model.recipe.stages:
        raise OptionError(
            f'Recipe "{model.recipe.name}" has stages ({", ".join(model.recipe.stages)}), and start_run trains one model. Use fit, or '
            f"train each stage by itself and take its weights from its run."
        )
    if isinstance(data, Mapping):
        raise OptionError(f'The data is given by stages, but recipe "{model.recipe.name}" has none. Give a data set or a list of them.')
    refuse_unmeasured_best(chosen)
    for name in ("best", "evaluate_every"):
        if getattr(chosen, name) and chosen.validate is None:
            raise OptionError(f"{name}={getattr(chosen, name)!r} requires validate=, a function that returns numbers of the model.")


def refuse_trained(model: Model, chosen: FitOptions) -> None:
    """Raise OptionError if a model has done all requested steps already."""
    if chosen.minutes is None and model.steps_done >= model.recipe.steps:
        raise OptionError(
            f"The model was already trained for {model.steps_done} steps; the requested total is {model.recipe.steps}. "
            f"Request more steps, or set model.steps_done = 0."
        )


def _format_seconds(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 0.1 else f"{seconds * 1000:.1f} ms"
