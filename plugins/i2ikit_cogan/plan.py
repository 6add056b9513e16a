"""CoGAN's plan: one image per domain, generated from the same noise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from i2ikit import BatchKind, Nets, RandomStreams, Translation, batch_kind

COUPLED = BatchKind("coupled", "one set of images for each domain, for fakes that are generated from noise", source=False, domains=True)


@batch_kind(COUPLED)
def cogan_plan(nets: Nets, batch: Mapping[str, Any], streams: RandomStreams, requires_grad: bool, *, style: int = 100) -> list[Translation]:
    """Generate an image of every domain from the same noise, which is uniform in [-1, 1) (Liu and Tuzel 2016, section 3).

    Each translation has the name of its domain. All domains use the same noise row by row, from the random stream "style", so that their
    images show the same content.

    Args:
        style: Width of the noise. Allowed: 1 or more.
    """
    translations = []
    for name in nets.domain.names:
        image = batch["images"][name]
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
