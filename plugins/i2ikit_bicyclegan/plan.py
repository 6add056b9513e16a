"""BicycleGAN's plan: each pair of a batch is translated twice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from i2ikit import Nets, RandomStreams, Translation, batch_kind, draw_style
from i2ikit.errors import PlanError
from i2ikit_bicyclegan.styles import mean_of_target, style_of_target


@batch_kind("paired")
def two_styles(
    nets: Nets,
    batch: Mapping[str, Any],
    streams: RandomStreams,
    requires_grad: bool,
    *,
    style: int = 8,
    sample: bool = True,
    official: bool = False,
) -> list[Translation]:
    """Translate each image twice: with the encoded style of its target ("encoded") and with a style from the prior ("random"; section 3.4).

    Args:
        style: Width of the style. Allowed: 1 or more.
        sample: Whether the encoded style is sampled from its distribution; if not, it is the mean of the distribution (cAE-GAN of the
            paper).
        official: Split the batch as the original code does: both translations use the first half of the batch. The targets of the second
            half, which is not translated, are the reference images of the translations with random styles.

    Raises:
        PlanError: The batch has no pairs, or it has an odd number of rows with ``official=True``.
    """
    image, target = batch["image"], batch["target"]
    real, reference = image, target
    if official:
        if len(image) % 2:
            raise PlanError(
                f'Plan "bicyclegan_two_styles" with official=True requires a batch with an even number of rows; found {len(image)}.'
            )
        half = len(image) // 2
        real, target, reference = image[:half], target[:half], target[half:]
    shared: dict[str, Any] = {"real": real, "target": target, "requires_grad": requires_grad}
    encoded = style_of_target if sample else mean_of_target
    random = draw_style(nets, streams, len(real), "random")
    return [
        Translation(nets, streams, name="encoded", reference=target, style=encoded, **shared),
        Translation(nets, streams, name="random", reference=reference, style=random, **shared),
    ]
