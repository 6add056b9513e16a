"""``--evaluate-every`` and ``--best``: a quick evaluation of the model during its training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from i2ikit.core.on_task import OnTask, show_nothing

if TYPE_CHECKING:
    from i2ikit.core.model import Model
    from i2ikit.train import TrainingData

IMAGE_LIMIT = 100
"""Number of images that each evaluation translates, or generates from noise."""


def make_validation(
    sources: Sequence[TrainingData], on_task: OnTask = show_nothing, limit: int = IMAGE_LIMIT
) -> Callable[[Model], dict[str, float]]:
    """Return a function that evaluates a model on a few held-out images: of the split "val" if there is one, else of "test".

    Args:
        sources: All data sets of the training. Each is evaluated.
        on_task: Shows the progress.
        limit: Number of images of each.
    """

    def measure(model: Model) -> dict[str, float]:
        from i2ikit.evaluation import evaluate
        from i2ikit.evaluation.measurement import SAMPLES_PER_INPUT

        metrics: dict[str, float] = {}
        for source in sources:
            split = "val" if "val" in source.data.splits else "test"
            samples = 0 if model.can_translate else SAMPLES_PER_INPUT
            options: dict[str, Any] = {"classifier": None, "samples_per_input": samples, "on_task": on_task}
            report = evaluate(model, source.data, split=split, limit=limit, **options)
            numbers = [each for each in report.numbers if len(sources) == 1 or "/" in each.name]
            metrics |= {each.name: each.value for each in numbers if not each.name.startswith("parameters")}
        on_task("", 0, 0)  # nothing is left
        return metrics

    return measure
