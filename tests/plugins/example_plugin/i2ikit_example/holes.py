"""A batch kind of its own, and the plan for it: images in which the plan cuts holes, for inpainting."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from i2ikit import BatchKind, Nets, RandomStreams, Translation, batch_kind


def cut_hole(image: Tensor, streams: RandomStreams) -> Tensor:
    """Return images [B, C, H, W] with a grey square of half their side, at a random position of the stream "hole"."""
    height, width = image.shape[-2:]
    top, left = (streams.uniform("hole", (len(image), 2)) * torch.tensor([height, width], device=image.device) / 2).long().unbind(1)
    rows = torch.arange(height, device=image.device) - top[:, None]
    columns = torch.arange(width, device=image.device) - left[:, None]
    hole = ((rows >= 0) & (rows < height // 2))[:, None, :, None] & ((columns >= 0) & (columns < width // 2))[:, None, None, :]
    return image.masked_fill(hole, 0.0)


HOLES = BatchKind("holes", "images in which the plan cuts holes", make_source=cut_hole)


@batch_kind(HOLES)
def fill_holes(nets: Nets, batch: Mapping[str, Any], streams: RandomStreams, requires_grad: bool) -> list[Translation]:
    """Cut a hole into each image; the image without the hole is its target."""
    image = batch["image"]
    real = cut_hole(image, streams.for_translation("filled"))
    return [Translation(nets, streams, name="filled", real=real, target=image, reference=image, requires_grad=requires_grad)]
