"""A dry run: what a training checks before its first step, without writing anything or starting processes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from i2ikit.train import configuration
from i2ikit.train.batches import Batches, TrainingData
from i2ikit.train.engine import PlainEngine
from i2ikit.train.launch import count_processes
from i2ikit.train.new_run import check_request, refuse_trained
from i2ikit.train.options import FitOptions, refuse_unknown_best
from i2ikit.train.setup import adapt_all, check_batch, set_training_size

if TYPE_CHECKING:
    from i2ikit.core.model import Model


def check_training(model: Model, sources: Sequence[TrainingData], run: Path | None, **options: Any) -> None:
    """Check that a training of one model can start: what :func:`i2ikit.fit` checks, with the same errors.

    Args:
        model: The model. Its recipe gets the steps and the batch size of the options.
        sources: The data sets.
        run: The run folder, if it is known.
        options: The options of :class:`FitOptions`.
    """
    chosen = FitOptions.from_names(options)
    if run is not None:
        configuration.refuse_existing(run)
    check_request(model, sources, chosen)
    set_training_size(model, chosen)
    refuse_trained(model, chosen)
    datasets = adapt_all(model, sources)
    check_batch(model.recipe.batch, count_processes(chosen), chosen.accumulate)
    Batches(model, datasets, PlainEngine(), on_bad_file=chosen.on_bad_file).close()
    if chosen.best and chosen.validate is not None:
        refuse_unknown_best(chosen, chosen.validate(model))
