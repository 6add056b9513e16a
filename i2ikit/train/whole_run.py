"""Train a whole run, with all its stages: a new one, or one that was stopped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from i2ikit.core.arguments import A_MODEL, a_path, check_arguments, instance, names
from i2ikit.core.storage import list_stage_folders
from i2ikit.train import configuration
from i2ikit.train.batches import Data, TrainingData
from i2ikit.train.new_run import start_run
from i2ikit.train.resumed_run import resume_run
from i2ikit.train.run_lock import hold_run
from i2ikit.train.stages import resume_stages, train_stages

if TYPE_CHECKING:
    from i2ikit.core.model import Model
    from i2ikit.core.recipe import Recipe
    from i2ikit.core.registry import Registry

OneOrSeveral = Data | TrainingData | Sequence[Data | TrainingData]


@check_arguments(model=A_MODEL, run=a_path)
def fit(
    model: Model,
    data: OneOrSeveral | Mapping[str, OneOrSeveral],
    run: str | Path,
    *,
    registry: Registry | None = None,
    **options: Any,
) -> Model:
    """Train a model on a data set and write a run: log, sample grids, checkpoints and the final model.

    If the recipe has stages, those before the model are built and trained first, each as a complete run in ``RUN/stages``.

    Args:
        model: The model that :func:`i2ikit.build` returned.
        data: A data set or its path; or several of them, each of which provides one batch in each step. If a data set has a split
            "train", only this split is used. If the stages of a run need different data: a mapping from the names of all stages to data.
        run: The run folder. It must be empty or not exist yet.
        registry: Registry of the components of earlier stages. Default: the components of the installed plugins.
        options: The options that :class:`i2ikit.train.FitOptions` describes, such as ``steps``, ``batch`` and ``validate``.

    Returns:
        The model of ``RUN/final``, with averaged weights if the recipe averages them.

    Raises:
        UnknownNameError: There is no such option.
        OptionError: The folder already holds a run, or an option is out of range.
        RunInUseError: Another process trains in the folder.
        DataError: The data does not fit the model.
        NonFiniteLossError: A loss became NaN or infinite. The last checkpoint is unchanged; ``RUN/stopped.json`` holds the details.
        TrainingInterrupted: Ctrl-C or SIGTERM (a KeyboardInterrupt). The training is saved.
        CheckpointError: The disk is full or the folder cannot be written.
    """
    if model.recipe.stages:
        configuration.refuse_existing(Path(run))
        with hold_run(Path(run)):
            return train_stages(model, data, Path(run), registry, options)
    with start_run(model, data, run, **options) as trainer:  # type: ignore[arg-type]
        trainer.run()
    return trainer.model


@check_arguments(run=a_path, model=A_MODEL, recipe=instance("i2ikit.core.recipe:Recipe", "a recipe"), allow=names)
def resume(
    run: str | Path,
    *,
    data: OneOrSeveral | Mapping[str, OneOrSeveral] | None = None,
    model: Model | None = None,
    registry: Registry | None = None,
    recipe: Recipe | None = None,
    allow: Sequence[str] = (),
    **options: Any,
) -> Model:
    """Resume a run from its newest checkpoint. On the CPU, the result is bit by bit that of an uninterrupted training.

    A run with stages continues with the stage that was stopped, and trains the stages after it.

    Args:
        run: The run folder. No other argument is required.
        data: The data sets, if they were made in Python or were moved.
        model: The model, if its recipe holds Python functions, which cannot be stored in a file.
        registry: Registry of components. Default: the components of the installed plugins.
        recipe: The new recipe, if it differs from that of the run.
        allow: Keys of the differences that are allowed, such as ``"recipe.steps"``. ``"recipe"`` allows every key that begins with
            ``recipe.``.
        options: The options of :class:`i2ikit.train.FitOptions` that have new values, such as ``workers=2``. The run defines ``minutes``
            and ``seed``. It does not store ``validate``, ``loggers`` and ``progress``.

    Raises:
        UnknownNameError: There is no such option.
        OptionError: An option is out of range, or the run defines it.
        CheckpointError: The folder holds no run, or no readable checkpoint.
        RunInUseError: Another process trains in the folder.
        ConfigChangedError: The configuration differs from the one that the run was started with. The message lists the differences.
        DataError: The data cannot be opened again.
    """
    if list_stage_folders(Path(run)):
        with hold_run(Path(run)):
            return resume_stages(Path(run), data, registry, options, model=model, recipe=recipe, allow=allow)
    with resume_run(run, data=data, model=model, registry=registry, recipe=recipe, allow=allow, **options) as trainer:  # type: ignore[arg-type]
        trainer.run()
    return trainer.model
