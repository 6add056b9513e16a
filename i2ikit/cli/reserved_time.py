"""The time that ``--minutes`` keeps for what is not training: loading, the evaluation on the test split, and the report page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from i2ikit.core.model import Model
    from i2ikit.train import TrainingData

PAGE_SECONDS = 3.0


def make_reserve(sources: Sequence[TrainingData], spent: float, with_evaluation: bool) -> Callable[[Model], float]:
    """Return a function that estimates the seconds which a run takes besides its training.

    Args:
        sources: The data sets that the model is evaluated on.
        spent: The seconds since the start of the command.
        with_evaluation: Whether the model is evaluated.
    """

    def estimate(model: Model) -> float:
        from i2ikit.evaluation.estimate import estimate_seconds

        evaluation = sum(estimate_seconds(model, source.data) for source in sources) if with_evaluation else 0.0
        return spent + evaluation + PAGE_SECONDS

    return estimate
