"""How long an evaluation takes, estimated from a few images before a training: its time is part of that of the training."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from i2ikit.data import Dataset
from i2ikit.errors import I2IKitError
from i2ikit.evaluation.evaluation_classifier import estimate_training
from i2ikit.evaluation.measure import draws_samples, evaluate
from i2ikit.evaluation.measurement import NUM_INPUTS, SAMPLES_PER_INPUT
from i2ikit.evaluation.resize import Preparation

if TYPE_CHECKING:
    from i2ikit.core.model import Model

IMAGES = 4
"""The number of images that are measured for the estimate."""


def estimate_seconds(model: Model, data: Dataset, *, split: str = "test") -> float:
    """Return the estimated time of :func:`i2ikit.evaluation.evaluate` with its defaults, in seconds.

    A few images are measured, and the evaluation classifier is trained for a few steps on a few images. The time of both is multiplied.

    Args:
        model: The model, trained or not.
        data: The whole data set.
        split: The split to measure on.

    Returns:
        0 if nothing can be measured.
    """
    if split not in data.splits:
        return 0.0
    count, seconds = len(data.split(split).items), 0.0
    try:
        start = time.perf_counter()
        report = evaluate(model, data, split=split, limit=IMAGES, num_inputs=IMAGES, classifier=None)
        measured = min(count, IMAGES)
        seconds = (time.perf_counter() - start) * _count_parts(model, count) / _count_parts(model, measured)
        if model.can_translate and report.pairs:
            prepare = Preparation(model.image.height, model.image.width, "fit", "lanczos")
            seconds += estimate_training(data, prepare, held_out=split)
    except I2IKitError:  # the evaluation after the training will report it
        return seconds
    return seconds


def _count_parts(model: Model, inputs: int) -> float:
    """Return a number that the time of the evaluation of some inputs is proportional to."""
    if not model.can_translate:  # images are only generated for the diversity
        return min(inputs, SAMPLES_PER_INPUT * NUM_INPUTS)
    if not draws_samples(model, model.batch_kind, SAMPLES_PER_INPUT):
        return inputs
    per_input = max(1, sum(len(each.choices) - 1 for each in model.domain.attributes))
    return inputs * per_input + SAMPLES_PER_INPUT * min(inputs, NUM_INPUTS)
