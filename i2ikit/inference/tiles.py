"""Translate an image in overlapping tiles; of each tile only the part is used that does not depend on pixels outside of it."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import torch
from torch import Tensor

from i2ikit.errors import OptionError

PROBE = 256  # side of the image that the reach is measured on
RAMP = 32  # pixels over which two tiles are blended


def run_in_tiles(
    generate: Callable[[Tensor], Tensor], pixels: Tensor, tile: int, size_multiple: int, reach: int | None, device: torch.device
) -> Tensor:
    """Return the result of ``generate`` on images [B, C, H, W], computed in square tiles and blended.

    Every tile begins at a multiple of the networks' stride. If an output pixel depends on inputs up to ``reach`` pixels away, a margin of
    that width is discarded, and the tiles together equal the whole image. Otherwise neighbours are blended over half of their overlap.

    Args:
        generate: Translates images whose sides are multiples of ``size_multiple``.
        pixels: The images; their sides are multiples of ``size_multiple``.
        tile: Side of a tile, with its margins.
        size_multiple: The stride of the networks.
        reach: Largest distance of an output pixel from the inputs that it depends on; None if it may depend on all inputs.
        device: Where the tiles are computed; the images stay where they are.

    Raises:
        OptionError: The tile is too small for its margins.
    """
    side = tile - tile % size_multiple
    margin = min(64, side // 8) if reach is None else -(-reach // size_multiple) * size_multiple
    ramp = min(RAMP, max(0, side - 2 * margin) // 4)
    step = (side - 2 * margin - ramp) // size_multiple * size_multiple
    if step < size_multiple:
        why = (
            f"tiles begin at multiples of {size_multiple} pixels and overlap"
            if reach is None
            else f"an output pixel of these networks depends on inputs up to {margin} pixels away"
        )
        smallest = 2 * size_multiple if reach is None else -(-(2 * margin + 2 * size_multiple) // 16) * 16
        raise OptionError(f"tile={tile} is too small: {why}. Use {smallest} or more.")
    height, width = pixels.shape[-2:]
    whole = weight = None
    for top, left in itertools.product(_list_starts(height, side, step), _list_starts(width, side, step)):
        part = pixels[..., top : top + side, left : left + side]
        made = generate(part.to(device)).to(pixels.device)
        scale = made.shape[-2] / part.shape[-2]
        if whole is None or weight is None:
            size = round(height * scale), round(width * scale)
            whole, weight = made.new_zeros(*made.shape[:2], *size), made.new_zeros(size)
        down, across = (
            _weigh(length, start, whole_length, margin, ramp, scale, made)
            for length, start, whole_length in ((part.shape[-2], top, height), (part.shape[-1], left, width))
        )
        part_weight = down[:, None] * across
        y, x = round(top * scale), round(left * scale)
        whole[..., y : y + len(down), x : x + len(across)] += made * part_weight
        weight[y : y + len(down), x : x + len(across)] += part_weight
    assert whole is not None
    assert weight is not None
    return whole / weight


def _list_starts(length: int, side: int, step: int) -> list[int]:
    last = max(0, length - side)
    return [*range(0, last, step), last]


def _weigh(length: int, start: int, whole: int, margin: int, ramp: int, scale: float, like: Tensor) -> Tensor:
    """Return the weight of each row or column of a tile: 0 in the margin, rising over the ramp; 1 at the borders of the image."""
    place = (torch.arange(round(length * scale), device=like.device, dtype=like.dtype) + 0.5) / scale
    rises = torch.ones_like(place) if start == 0 else ((place - margin) / max(ramp, 1)).clamp(0, 1)
    falls = torch.ones_like(place) if start + length >= whole else ((length - margin - place) / max(ramp, 1)).clamp(0, 1)
    return rises * falls


def measure_reach(
    generate: Callable[[Tensor], Tensor], channels: int, size_multiple: int, min_size: int, device: torch.device
) -> int | None:
    """Return the largest distance of an output pixel from the inputs it depends on; None if that is the whole image.

    It is measured by a gradient: the inputs that the centre of the translation of a random image depends on.
    """
    side = max(min_size, PROBE // size_multiple * size_multiple)
    image = torch.rand(1, channels, side, side, generator=torch.Generator().manual_seed(0)).to(device).mul(2).sub(1).requires_grad_()
    with torch.enable_grad():
        made = generate(image)
        middle = side // 2 // size_multiple * size_multiple
        scale = made.shape[-1] / side
        lines = slice(round(middle * scale), round((middle + size_multiple) * scale))
        (gradient,) = torch.autograd.grad(made[..., lines, lines].square().sum(), image)
    touched = gradient.abs().sum((0, 1)) > 0
    rows, columns = touched.any(1).nonzero().flatten(), touched.any(0).nonzero().flatten()
    if not len(rows):
        return 0
    first, last = int(min(rows[0], columns[0])), int(max(rows[-1], columns[-1]))
    if first <= size_multiple or last >= side - 1 - size_multiple:
        return None
    return (
        max(middle - first, last - (middle + size_multiple - 1), 0) + size_multiple
    )  # an inactive unit at the border may hide a part of the dependence
