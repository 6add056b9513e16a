"""``--evaluate-every`` and ``--best``: a quick measurement of the model in the middle of its training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from i2ikit.errors import OptionError

if TYPE_CHECKING:
    from i2ikit.core.model import Model
    from i2ikit.train import TrainingData

MOST = 100
"""Held-out images that are translated at each evaluation."""


def validation(sources: Sequence[TrainingData], best: str) -> Callable[[Model], dict[str, float]]:
    """Return what measures a model on a few held-out images, of the split "val" where there is one.

    Args:
        sources: All that is trained on; each is measured.
        best: The number that decides which model is kept, or "".
    """

    def measured(model: Model) -> dict[str, float]:
        from i2ikit.evaluate import evaluate

        found: dict[str, float] = {}
        for source in sources:
            split = "val" if "val" in source.data.splits else "test"
            report = evaluate(model, source.data, split=split, limit=MOST, classifier=None, samples=0)
            alone = [each for each in report.numbers if len(sources) == 1 or "/" in each.name]
            found |= {each.name: each.value for each in alone if not each.name.startswith("parameters")}
        if best.lstrip("-") not in ("", *found):
            raise OptionError(f"--best {best} is not measured; there is: {', '.join(found) or 'nothing'}")
        return found

    return measured
