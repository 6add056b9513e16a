"""CoGAN's plan."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from i2ikit import Nets, RandomStreams, Translation, batch_kind
from i2ikit.errors import PlanError


def _none(names: object, **_: object) -> tuple[tuple[str, str], ...]:
    """Nothing is translated: every image is drawn from noise."""
    return ()


@batch_kind("unpaired", routes=_none)
def cogan_plan(nets: Nets, batch: Mapping[str, Any], streams: RandomStreams, requires_grad: bool, *, style: int = 100) -> list[Translation]:
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
        noise = streams.uniform("style", (len(image), *nets.style.shape)) * 2 - 1 if nets.style else None
        made.append(
            Translation(
                nets,
                streams,
                name=name,
                target_label=label,
                target_name=name,
                reference=image,
                reference_label=label,
                style=noise,
                requires_grad=requires_grad,
            )
        )
    return made
