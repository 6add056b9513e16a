"""The image sizes that the networks of a model support, and reflection padding for all other sizes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from torch import Tensor, nn
from torch.nn import functional as F

from i2ikit.core.contract import read
from i2ikit.core.specs import CodeSpec

if TYPE_CHECKING:
    from i2ikit.core.model import Model


def get_size_constraints(model: Model) -> tuple[int, int]:
    """Return the number that both sides of an image must be a multiple of, and the smallest side."""
    constraints = [(_get_size_multiple(module), read(module, "min_size")) for module in model.nets.modules()]
    size_multiple = math.lcm(*(each for each, _ in constraints))
    min_size = max(int(smallest or (2 * each if each > 1 else 1)) for each, smallest in constraints)
    return size_multiple, min_size + -min_size % size_multiple


def pad_image(pixels: Tensor, size_multiple: int, min_size: int) -> Tensor:
    """Pad images [B, C, H, W] in any range at the bottom and the right.

    Both sides become a multiple of ``size_multiple``, ``min_size`` at least. The padding is a reflection. If the image is too small for
    that, its last row or column is repeated.
    """
    down, right = (max(min_size, side + -side % size_multiple) - side for side in pixels.shape[-2:])
    if not down and not right:
        return pixels
    return F.pad(pixels, (0, right, 0, down), mode="reflect" if down < pixels.shape[-2] and right < pixels.shape[-1] else "replicate")


def _get_size_multiple(module: nn.Module) -> int:
    """Return the smallest number that fits a network's declared multiple and the strides of the maps it returns."""
    code = read(module, "output_spec")
    strides = [each.stride for each in code.maps if each.stride] if isinstance(code, CodeSpec) else []
    return math.lcm(int(read(module, "size_multiple")), *strides)
