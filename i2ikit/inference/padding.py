"""What sizes of image a model's networks take, and bringing others to them by reflection."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from torch import Tensor, nn
from torch.nn import functional as F

from i2ikit.core.specs import CodeSpec

if TYPE_CHECKING:
    from i2ikit.core.model import Model


def get_size_constraints(model: Model) -> tuple[int, int]:
    """Return what the sides of an image have to be a multiple of, and how long they are at least."""
    wanted = [(_multiple(module), getattr(module, "min_size", None)) for module in model.nets.modules()]
    size_multiple = math.lcm(*(each for each, _ in wanted))
    min_size = max(int(small or (2 * each if each > 1 else 1)) for each, small in wanted)
    return size_multiple, min_size + -min_size % size_multiple


def pad_image(pixels: Tensor, size_multiple: int, min_size: int) -> Tensor:
    """Return images [B, C, H, W] continued at the bottom and at the right, so that both sides are a multiple and ``min_size`` or more.

    They are reflected, or, where they are too small for that, their last line is repeated.
    """
    down, right = (max(min_size, side + -side % size_multiple) - side for side in pixels.shape[-2:])
    if not down and not right:
        return pixels
    return F.pad(pixels, (0, right, 0, down), mode="reflect" if down < pixels.shape[-2] and right < pixels.shape[-1] else "replicate")


def _multiple(module: nn.Module) -> int:
    """Return what a network says, and the strides of the maps that it gives."""
    code = getattr(module, "output_spec", None)
    strides = [each.stride for each in code.maps if each.stride] if isinstance(code, CodeSpec) else []
    return math.lcm(int(getattr(module, "size_multiple", 1)), *strides)
