"""CoGAN's plan: one image per domain, generated from the same noise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from i2ikit import Nets, RandomStreams, Translation, batch_kind
from i2ikit.errors import PlanError


def _no_routes(names: object, **_: object) -> tuple[tuple[str, str], ...]:
    """Return no route: nothing is translated, because every image is generated from noise."""
    return ()


@batch_kind("unpaired", routes=_no_routes)
def cogan_plan(nets: Nets, batch: Mapping[str, Any], streams: RandomStreams, requires_grad: bool, *, style: int = 100) -> list[Translation]:
    """Generate an image of every domain from the same noise, which is uniform in [-1, 1) (Liu and Tuzel 2016, section 3).

    Each translation has the name of its domain. All domains use the same noise row by row, from the random stream "style", so that their
    images show the same content.

    Args:
        style: Width of the noise.

    Raises:
        PlanError: The batch has no images of a domain.
    """
    translations = []
    for name in nets.domain.names:
        image = batch.get(name)
        if not isinstance(image, Tensor):
            raise PlanError(
                f'Plan "cogan_plan" requires batch["{name}"], the images of that domain; found: {", ".join(batch) or "no tensor"}.'
            )
        entries = nets.domain.encode({nets.domain.attributes[0].name: name})
        label = torch.tensor([entries], device=image.device, dtype=image.dtype).expand(len(image), -1)
        noise = streams.uniform("style", (len(image), *nets.style.shape)) * 2 - 1 if nets.style else None
        translations.append(
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
    return translations
