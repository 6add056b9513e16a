"""What a batch means for BicycleGAN: each pair is translated twice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

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
    """Translate each image with the style of its true target ("encoded") and with one from the prior ("random"; section 3.4).

    Args:
        style: Width of the style.
        sample: Whether the style of the target is drawn from its distribution, or is the mean of it (the paper's cAE-GAN).
        official: As the original code: the first half of the batch is translated in both ways, and the real images that the random
            translations are compared with are the targets of the second half, which is translated in neither.

    Raises:
        PlanError: The batch has no pairs, or no halves where they are needed.
    """
    image, target = _of(batch, "image"), _of(batch, "target")
    real, reference = image, target
    if official:
        if len(image) % 2:
            raise PlanError(f'Plan "bicyclegan_two_styles" with official=True halves each batch, and this one has {len(image)} rows.')
        half = len(image) // 2
        real, target, reference = image[:half], target[:half], target[half:]
    given: dict[str, Any] = {"real": real, "target": target, "requires_grad": requires_grad}
    encoded = style_of_target if sample else mean_of_target
    drawn = draw_style(nets, streams, len(real), "random")
    return [
        Translation(nets, streams, name="encoded", reference=target, style=encoded, **given),
        Translation(nets, streams, name="random", reference=reference, style=drawn, **given),
    ]


def _of(batch: Mapping[str, Any], key: str) -> Tensor:
    if not isinstance(batch.get(key), Tensor):
        held = ", ".join(name for name, value in batch.items() if isinstance(value, Tensor)) or "nothing"
        raise PlanError(f'Plan "bicyclegan_two_styles" needs batch["{key}"]; this batch has: {held}.')
    tensor: Tensor = batch[key]
    return tensor
