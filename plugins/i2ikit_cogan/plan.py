"""CoGAN's plan."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from i2ikit import Draws, Nets, Translation, takes
from i2ikit.errors import PlanError


def _none(names: object, **_: object) -> tuple[tuple[str, str], ...]:
    """Nothing is translated: every image is drawn from noise."""
    return ()


@takes("unpaired", routes=_none)
def cogan_plan(nets: Nets, batch: Mapping[str, Any], draws: Draws, learning: bool, *, style: int = 100) -> list[Translation]:
    """Draw an image of every domain from one noise (Liu and Tuzel 2016, section 3), which is uniform in [-1, 1).

    The draws are called as their domains. Row by row they have the same noise, from the stream "style", so that they show the same thing.

    Args:
        style: Width of the noise.
    """
    made = []
    for name in nets.domain.names:
        image = batch.get(name)
        if not isinstance(image, Tensor):
            raise PlanError(
                f'Plan "cogan_plan" needs batch["{name}"], images of that domain; this batch has: {", ".join(batch) or "nothing"}.'
            )
        entries = nets.domain.encode({nets.domain.attributes[0].name: name})
        label = torch.tensor([entries], device=image.device, dtype=image.dtype).expand(len(image), -1)
        noise = draws.uniform("style", (len(image), *nets.style.shape)) * 2 - 1 if nets.style else None
        made.append(
            Translation(
                nets,
                draws,
                name=name,
                target=label,
                target_name=name,
                exemplar=image,
                exemplar_domain=label,
                style=noise,
                learning=learning,
            )
        )
    return made
