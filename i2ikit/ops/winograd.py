"""3x3 convolutions with a quarter of the multiplications (Winograd 1980; Lavin and Gray 2016, section 4.3).

Tiles of 4x4 results are made of tiles of 6x6 values: both tiles and kernels are transformed, multiplied entry by entry, which is one matrix
product over the channels for each of the 36 entries, and transformed back. It is the same sum in another order. In float32 it is about four
times as far from the exact one as the direct convolution, 1e-5 of the largest value.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor
from torch.nn import functional as F

from i2ikit.ops.eager_route import is_bare

RESULTS, VALUES = 4, 6
"""Sides of a tile of results, and of the values that it is made of."""
CHANNELS, AREA = 96, 30 * 30
"""From so many channels, in and out, and so many places on, the products are large enough to be worth the transforms."""
TILES = 128
"""Worked on at a time."""


def conv3x3(x: Tensor, weight: Tensor, bias: Tensor | None = None, pad: tuple[int, int] = (0, 0), *, reflect: bool = False) -> Tensor:
    """Convolve with 3x3 kernels and stride 1: as ``torch.nn.functional.conv2d``, for large maps on a CPU faster.

    It may be differentiated any number of times. Which way a convolution is computed depends on the size of one image, never on how many
    there are.

    Args:
        x: Maps [B, C, H, W].
        weight: Kernels [O, C, 3, 3].
        bias: Added to each channel [O].
        pad: Rows put above and below, and columns left and right.
        reflect: Whether these are the mirror image of the maps; zeros otherwise.

    Returns:
        Maps [B, O, H - 2 + 2 * pad[0], W - 2 + 2 * pad[1]].
    """
    if not pays(x, weight):
        return F.conv2d(_padded(x, pad, reflect=reflect), weight, bias)
    return cast(Tensor, _Winograd.apply(x, weight, bias, pad, reflect))


def pays(x: Tensor, weight: Tensor) -> bool:
    """Say whether tiles are faster than torch's own convolution: on a CPU, in planes, in full precision, for large maps.

    Where the definitions of the operators are forced, torch's own runs.
    """
    outputs, inputs = weight.shape[:2]
    return (
        is_bare("conv3x3", x)
        and x.dtype in {torch.float32, torch.float64}
        and weight.dtype == x.dtype
        and min(outputs, inputs) >= CHANNELS
        and (x.shape[2] - 2) * (x.shape[3] - 2) >= AREA
        and x.is_contiguous()
        and not torch.is_autocast_enabled("cpu")
        and not torch.onnx.is_in_onnx_export()
    )


def _padded(x: Tensor, pad: tuple[int, int], *, reflect: bool) -> Tensor:
    return F.pad(x, _sides(pad), mode="reflect" if reflect else "constant") if any(pad) else x


def _padded_backward(grad: Tensor, x: Tensor, pad: tuple[int, int], *, reflect: bool) -> Tensor:
    if not any(pad):
        return grad
    if reflect:
        return cast(Tensor, torch.ops.aten.reflection_pad2d_backward(grad, x, _sides(pad)))
    return grad[:, :, pad[0] : pad[0] + x.shape[2], pad[1] : pad[1] + x.shape[3]]


def _sides(pad: tuple[int, int]) -> list[int]:
    return [pad[1], pad[1], pad[0], pad[0]]


class _Winograd(torch.autograd.Function):
    """Keeps what it was given and no tile: transforming the values anew is cheaper than keeping twice as many numbers.

    A few rows of tiles are worked on at a time: they stay near the processor, and the memory that they take and leave is small beside what
    has to be kept.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, pad: tuple[int, int], reflect: bool) -> Tensor:
        ctx.save_for_backward(x, weight)  # before padding: it is then often a tensor that is kept in any case
        ctx.pad, ctx.reflect = pad, reflect
        x = _padded(x, pad, reflect=reflect)
        y, kernels = x.new_empty(len(x), len(weight), x.shape[2] - 2, x.shape[3] - 2), _kernels(weight)
        for part, around in _bands(x):
            grid = _grid(x[:, :, around])
            y[:, :, part] = _untiled(torch.bmm(kernels, _values(x[:, :, around], grid)), grid)
        return y if bias is None else y.add_(bias[:, None, None])

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None, None, None]:
        given, weight = ctx.saved_tensors
        x = _padded(given, ctx.pad, reflect=ctx.reflect)
        for_x, for_weight, for_bias = ctx.needs_input_grad[:3]
        kernels = _kernels(weight).transpose(1, 2)
        dx, dkernels = torch.zeros_like(x) if for_x else None, torch.zeros_like(kernels.transpose(1, 2)) if for_weight else None
        for part, around in _bands(x):
            grid = _grid(x[:, :, around])
            products = _untiled_backward(grad[:, :, part], grid)
            if dkernels is not None:
                dkernels = dkernels.baddbmm_(products, _values(x[:, :, around], grid).transpose(1, 2))
            if dx is not None:
                dx[:, :, around] += _values_backward(torch.bmm(kernels, products), grid)
        if dx is not None:
            dx = _padded_backward(dx, given, ctx.pad, reflect=ctx.reflect)
        return dx, None if dkernels is None else _kernels_backward(dkernels), grad.sum((0, 2, 3)) if for_bias else None, None, None


def _bands(x: Tensor) -> list[tuple[slice, slice]]:
    """Return the rows of the results, and the rows of the values around each, for bands of about so many tiles."""
    height, width = x.shape[2] - 2, x.shape[3] - 2
    step = RESULTS * max(1, TILES // (len(x) * -(-width // RESULTS)))
    starts = range(0, height, step)
    return [(slice(start, min(start + step, height)), slice(start, min(start + step, height) + 2)) for start in starts]


class _Grid(NamedTuple):
    """B images of H x W results in rows x columns tiles."""

    batch: int
    height: int
    width: int
    rows: int
    columns: int


def _grid(x: Tensor) -> _Grid:
    batch, _, height, width = x.shape
    height, width = height - 2, width - 2
    return _Grid(batch, height, width, -(-height // RESULTS), -(-width // RESULTS))


def _values(x: Tensor, grid: _Grid) -> Tensor:
    """Return the transformed tiles of values [36, C, B * rows * columns]."""
    below, right = RESULTS * grid.rows - grid.height, RESULTS * grid.columns - grid.width
    x = F.pad(x, (0, right, 0, below)) if below or right else x
    tiles = x.unfold(2, VALUES, RESULTS).unfold(3, VALUES, RESULTS).permute(4, 5, 1, 0, 2, 3)
    return (_matrices(x.dtype).values @ tiles.reshape(VALUES**2, -1)).view(VALUES**2, x.shape[1], -1)


def _values_backward(tiles: Tensor, grid: _Grid) -> Tensor:
    """Return the gradient of the values [B, C, H + 2, W + 2]: tiles overlap by two, and what overlaps is added."""
    channels, more = tiles.shape[1], VALUES - RESULTS
    tiles = (_matrices(tiles.dtype).values.T @ tiles.reshape(VALUES**2, -1)).view(VALUES, VALUES, channels, *_places(grid))
    tiles = tiles.permute(3, 2, 4, 0, 5, 1)  # [B, C, rows, 6, columns, 6]
    grad = F.pad(tiles[:, :, :, :RESULTS, :, :RESULTS], (0, 0, 0, 1, 0, 0, 0, 1))
    grad[:, :, :-1, :, 1:, :more] += tiles[:, :, :, :RESULTS, :, RESULTS:]
    grad[:, :, 1:, :more, :-1] += tiles[:, :, :, RESULTS:, :, :RESULTS]
    grad[:, :, 1:, :more, 1:, :more] += tiles[:, :, :, RESULTS:, :, RESULTS:]
    return grad.reshape(grid.batch, channels, RESULTS * (grid.rows + 1), -1)[:, :, : grid.height + 2, : grid.width + 2]


def _untiled(products: Tensor, grid: _Grid) -> Tensor:
    """Return the results [B, O, H, W] of products [36, O, B * rows * columns]."""
    outputs = products.shape[1]
    tiles = (_matrices(products.dtype).results @ products.view(VALUES**2, -1)).view(RESULTS, RESULTS, outputs, *_places(grid))
    whole = tiles.permute(3, 2, 4, 0, 5, 1).reshape(grid.batch, outputs, RESULTS * grid.rows, RESULTS * grid.columns)
    return whole[:, :, : grid.height, : grid.width]


def _untiled_backward(grad: Tensor, grid: _Grid) -> Tensor:
    """Return the gradient of the products [36, O, B * rows * columns]."""
    below, right = RESULTS * grid.rows - grid.height, RESULTS * grid.columns - grid.width
    grad = F.pad(grad, (0, right, 0, below)) if below or right else grad
    tiles = grad.reshape(*grad.shape[:2], grid.rows, RESULTS, grid.columns, RESULTS).permute(3, 5, 1, 0, 2, 4)
    return (_matrices(grad.dtype).results.T @ tiles.reshape(RESULTS**2, -1)).view(VALUES**2, grad.shape[1], -1)


def _kernels(weight: Tensor) -> Tensor:
    """Return the transformed kernels [36, O, C]."""
    outputs, inputs = weight.shape[:2]
    return (_matrices(weight.dtype).kernels @ weight.reshape(-1, 9).T).view(VALUES**2, outputs, inputs)


def _kernels_backward(grad: Tensor) -> Tensor:
    outputs, inputs = grad.shape[1:]
    return (grad.view(VALUES**2, -1).T @ _matrices(grad.dtype).kernels).view(outputs, inputs, 3, 3)


def _places(grid: _Grid) -> tuple[int, int, int]:
    return grid.batch, grid.rows, grid.columns


class _Matrices(NamedTuple):
    """The transforms of whole tiles, row by row: values [36, 36], kernels [36, 9], results [16, 36]."""

    values: Tensor
    kernels: Tensor
    results: Tensor


@functools.cache
def _matrices(dtype: torch.dtype) -> _Matrices:
    """Return the transforms for results at the points 0, 1, -1, 2, -2 and infinity."""
    values = [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ]
    kernels = [[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]]
    results = [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]]
    exact = (torch.tensor(each, dtype=torch.float64) for each in (values, kernels, results))
    one, two, three = (torch.kron(each, each) for each in exact)
    return _Matrices(one.to(dtype), (two / 24**2).to(dtype), three.to(dtype))
