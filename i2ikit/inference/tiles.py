"""Translating an image piece by piece: tiles that overlap, each trusted only as far from its rim as the networks look."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import torch
from torch import Tensor

from i2ikit.errors import OptionError

PROBE = 256  # side of the image on which the reach is measured
RAMP = 32  # pixels over which two tiles are blended


def run_in_tiles(
    draw: Callable[[Tensor], Tensor], pixels: Tensor, tile: int, multiple: int, reach: int | None, place: torch.device
) -> Tensor:
    """Return what ``draw`` makes of images [B, C, H, W], drawn in square tiles and blended.

    Every tile begins at a multiple of the networks' stride. Where they look ``reach`` pixels far, a tile's rim of that width is thrown
    away and the tiles together equal the whole; where they look at everything, neighbours are blended over half of their overlap.

    Args:
        draw: Translates images of which both sides are multiples of ``multiple``.
        pixels: The image; its sides are multiples of ``multiple``.
        tile: Side of a tile, its rims included.
        size_multiple: The stride of the networks.
        reach: How far from an output pixel the inputs lie that it depends on; None where they may lie anywhere.
        place: The device that the tiles are drawn on; the image stays where it is.

    Raises:
        OptionError: A tile so small that nothing is left of it.
    """
    side = tile - tile % multiple
    rim = min(64, side // 8) if reach is None else -(-reach // multiple) * multiple
    ramp = min(RAMP, max(0, side - 2 * rim) // 4)
    step = (side - 2 * rim - ramp) // multiple * multiple
    if step < multiple:
        why = (
            f"tiles begin at multiples of {multiple} pixels and overlap"
            if reach is None
            else f"these networks look {rim} pixels far to each side"
        )
        least = 2 * multiple if reach is None else -(-(2 * rim + 2 * multiple) // 16) * 16
        raise OptionError(f"tile={tile} is too small: {why}. Take {least} or more.")
    height, width = pixels.shape[-2:]
    whole = weight = None
    for top, left in itertools.product(_starts(height, side, step), _starts(width, side, step)):
        part = pixels[..., top : top + side, left : left + side]
        made = draw(part.to(place)).to(pixels.device)
        scale = made.shape[-2] / part.shape[-2]
        if whole is None or weight is None:
            size = round(height * scale), round(width * scale)
            whole, weight = made.new_zeros(*made.shape[:2], *size), made.new_zeros(size)
        down, across = (
            _trust(length, start, whole_length, rim, ramp, scale, made)
            for length, start, whole_length in ((part.shape[-2], top, height), (part.shape[-1], left, width))
        )
        trust = down[:, None] * across
        y, x = round(top * scale), round(left * scale)
        whole[..., y : y + len(down), x : x + len(across)] += made * trust
        weight[y : y + len(down), x : x + len(across)] += trust
    assert whole is not None
    assert weight is not None
    return whole / weight


def _starts(length: int, side: int, step: int) -> list[int]:
    last = max(0, length - side)
    return [*range(0, last, step), last]


def _trust(length: int, start: int, whole: int, rim: int, ramp: int, scale: float, like: Tensor) -> Tensor:
    """Return how much each line of a tile counts: nothing in the rim, rising over the ramp, but for rims of the image itself."""
    place = (torch.arange(round(length * scale), device=like.device, dtype=like.dtype) + 0.5) / scale
    rises = torch.ones_like(place) if start == 0 else ((place - rim) / max(ramp, 1)).clamp(0, 1)
    falls = torch.ones_like(place) if start + length >= whole else ((length - rim - place) / max(ramp, 1)).clamp(0, 1)
    return rises * falls


def measure_reach(draw: Callable[[Tensor], Tensor], channels: int, multiple: int, least: int, place: torch.device) -> int | None:
    """Return how many pixels far networks look, or None where they look at the whole image (norms over all pixels, pooling).

    It is read off a gradient: the inputs that the middle of a random image depends on.
    """
    side = max(least, PROBE // multiple * multiple)
    image = torch.rand(1, channels, side, side, generator=torch.Generator().manual_seed(0)).to(place).mul(2).sub(1).requires_grad_()
    with torch.enable_grad():
        made = draw(image)
        middle = side // 2 // multiple * multiple
        scale = made.shape[-1] / side
        lines = slice(round(middle * scale), round((middle + multiple) * scale))
        (gradient,) = torch.autograd.grad(made[..., lines, lines].square().sum(), image)
    touched = gradient.abs().sum((0, 1)) > 0
    rows, columns = touched.any(1).nonzero().flatten(), touched.any(0).nonzero().flatten()
    if not len(rows):
        return 0
    first, last = int(min(rows[0], columns[0])), int(max(rows[-1], columns[-1]))
    if first <= multiple or last >= side - 1 - multiple:
        return None
    return max(middle - first, last - (middle + multiple - 1), 0) + multiple  # a dead unit at the rim may hide a little
