"""``i2ikit train --dry-run``: check a training and show it, but do not train."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from i2ikit.cli.validation import make_validation

if TYPE_CHECKING:
    from i2ikit.core.model import Model
    from i2ikit.train import TrainingData

IMAGE_LIMIT = 2
"""Number of images that are evaluated to learn the names of the numbers."""


def show_dry_run(
    run: Path | None, model: Model, sources: Mapping[str, Sequence[TrainingData]], given: Mapping[str, Any], options: Mapping[str, Any]
) -> None:
    """Check each stage of a training as a real start does, and print its settings and its model."""
    from i2ikit.core.build import build
    from i2ikit.core.stages import list_stages
    from i2ikit.train.dry_run import check_training

    progress = options["progress"]
    for name, stage in list_stages(model.recipe).items():
        is_last = name == model.recipe.name
        chosen = {key: value for key, value in options.items() if is_last or key not in ("best", "evaluate_every")}
        if is_last and (given["best"] or given["evaluate_every"]):
            chosen["validate"] = make_validation(sources[name], progress.show_task, limit=IMAGE_LIMIT)
        built = _without_stages(model if is_last else build(stage))
        check_training(built, sources[name], run, **chosen)
        total = " for all stages" if model.recipe.stages else ""
        length = f"{given['minutes']:g} minutes{total}" if given["minutes"] else f"{built.recipe.steps:,} steps"
        heading = f"Stage {name}: " if model.recipe.stages else ""
        place = f"run folder: {run or 'not given (--run)'}"
        progress.say(f"{heading}{length} with batch size {built.recipe.batch}; {place}.\n\n{built.explain()}")


def _without_stages(model: Model) -> Model:
    """Return a model as it is when the stages before it are trained."""
    from attrs import evolve

    model.recipe = evolve(model.recipe, stages={})
    return model
