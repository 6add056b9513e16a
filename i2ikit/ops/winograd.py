"""3x3 convolutions with a quarter of the multiplications (Winograd 1980; Lavin and Gray 2016, section 4.3).

F(4x4, 3x3): an output tile of 4x4 pixels is computed from an input tile of 6x6 pixels. Input tiles and kernels are transformed, multiplied
entry by entry, and transformed back. Over the channels this is one matrix product for each of the 36 entries. The sum is that of the direct
convolution in another order. In float32 its rounding error is about four times as large, 1e-5 of the largest value.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor
from torch.nn import functional as F

from i2ikit.ops.eager_route import can_run_eagerly

OUTPUT_TILE, INPUT_TILE = 4, 6
"""Sides of an output tile, and of the input tile that it is computed from, in pixels."""
MIN_CHANNELS, MIN_AREA = 96, 30 * 30
"""The transforms pay off from this number of channels (input and output) and of output pixels on."""
TILES_PER_BAND = 128
"""About how many tiles are processed at a time."""


def conv3x3(x: Tensor, weight: Tensor, bias: Tensor | None = None, pad: tuple[int, int] = (0, 0), *, reflect: bool = False) -> Tensor:
    """Convolve with 3x3 kernels and stride 1, as ``torch.nn.functional.conv2d`` does, but faster for large maps on a CPU.

    It is differentiable to any order. Which algorithm computes it depends on the size of an image, never on the number of images.

    Args:
        x: Maps [B, C, H, W].
        weight: Kernels [O, C, 3, 3].
        bias: [O], added to the result.
        pad: Number of rows added above and below, and of columns added left and right.
        reflect: Pad by reflection; otherwise with zeros.

    Returns:
        Maps [B, O, H - 2 + 2 * pad[0], W - 2 + 2 * pad[1]].
    """
    if not is_winograd_faster(x, weight):
        return F.conv2d(_pad(x, pad, reflect=reflect), weight, bias)
    return cast(Tensor, _Winograd.apply(x, weight, bias, pad, reflect))


def is_winograd_faster(x: Tensor, weight: Tensor) -> bool:
    """Return whether this algorithm is faster than torch's own: for large contiguous maps in full precision on a CPU.

    If ``I2IKIT_OPS`` forces the definitions of the operators, torch's own convolution runs.
    """
    outputs, inputs = weight.shape[:2]
    return (
        can_run_eagerly("conv3x3", x)
        and x.dtype in {torch.float32, torch.float64}
        and weight.dtype == x.dtype
        and min(outputs, inputs) >= MIN_CHANNELS
        and (x.shape[2] - 2) * (x.shape[3] - 2) >= MIN_AREA
        and x.is_contiguous()
        and not torch.is_autocast_enabled("cpu")
        and not torch.onnx.is_in_onnx_export()
    )


def _pad(x: Tensor, pad: tuple[int, int], *, reflect: bool) -> Tensor:
    return F.pad(x, _list_sides(pad), mode="reflect" if reflect else "constant") if any(pad) else x


def _pad_backward(grad: Tensor, x: Tensor, pad: tuple[int, int], *, reflect: bool) -> Tensor:
    if not any(pad):
        return grad
    if reflect:
        return cast(Tensor, torch.ops.aten.reflection_pad2d_backward(grad, x, _list_sides(pad)))
    return grad[:, :, pad[0] : pad[0] + x.shape[2], pad[1] : pad[1] + x.shape[3]]


def _list_sides(pad: tuple[int, int]) -> list[int]:
    return [pad[1], pad[1], pad[0], pad[0]]


class _Winograd(torch.autograd.Function):
    """Saves its inputs and no tile: to transform them again is cheaper than to store twice as many numbers.

    A few rows of tiles are processed at a time: they stay in the cache, and need little memory compared with the saved tensors.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, pad: tuple[int, int], reflect: bool) -> Tensor:
        ctx.save_for_backward(x, weight)  # before padding: this tensor is often kept alive in any case
        ctx.pad, ctx.reflect = pad, reflect
        x = _pad(x, pad, reflect=reflect)
        y, kernels = x.new_empty(len(x), len(weight), x.shape[2] - 2, x.shape[3] - 2), _transform_kernels(weight)
        for rows, input_rows in _split_bands(x):
            grid = _get_grid(x[:, :, input_rows])
            y[:, :, rows] = _assemble_output(torch.bmm(kernels, _transform_input(x[:, :, input_rows], grid)), grid)
        return y if bias is None else y.add_(bias[:, None, None])

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None, None, None]:
        unpadded, weight = ctx.saved_tensors
        x = _pad(unpadded, ctx.pad, reflect=ctx.reflect)
        needs_x, needs_weight, needs_bias = ctx.needs_input_grad[:3]
        kernels = _transform_kernels(weight).transpose(1, 2)
        dx, dkernels = torch.zeros_like(x) if needs_x else None, torch.zeros_like(kernels.transpose(1, 2)) if needs_weight else None
        for rows, input_rows in _split_bands(x):
            grid = _get_grid(x[:, :, input_rows])
            products = _assemble_output_backward(grad[:, :, rows], grid)
            if dkernels is not None:
                dkernels = dkernels.baddbmm_(products, _transform_input(x[:, :, input_rows], grid).transpose(1, 2))
            if dx is not None:
                dx[:, :, input_rows] += _transform_input_backward(torch.bmm(kernels, products), grid)
        if dx is not None:
            dx = _pad_backward(dx, unpadded, ctx.pad, reflect=ctx.reflect)
        dweight = None if dkernels is None else _transform_kernels_backward(dkernels)
        return dx, dweight, grad.sum((0, 2, 3)) if needs_bias else None, None, None


def _split_bands(x: Tensor) -> list[tuple[slice, slice]]:
    """Split the output into bands of about ``TILES_PER_BAND`` tiles: its rows, and the input rows that each band is computed from."""
    height, width = x.shape[2] - 2, x.shape[3] - 2
    step = OUTPUT_TILE * max(1, TILES_PER_BAND // (len(x) * -(-width // OUTPUT_TILE)))
    starts = range(0, height, step)
    return [(slice(start, min(start + step, height)), slice(start, min(start + step, height) + 2)) for start in starts]


class _Grid(NamedTuple):
    """A batch of outputs [H, W], divided into rows x columns tiles."""

    batch: int
    height: int
    width: int
    rows: int
    columns: int


def _get_grid(x: Tensor) -> _Grid:
    batch, _, height, width = x.shape
    height, width = height - 2, width - 2
    return _Grid(batch, height, width, -(-height // OUTPUT_TILE), -(-width // OUTPUT_TILE))


def _transform_input(x: Tensor, grid: _Grid) -> Tensor:
    """Return the transformed input tiles [36, C, B * rows * columns]."""
    below, right = OUTPUT_TILE * grid.rows - grid.height, OUTPUT_TILE * grid.columns - grid.width
    x = F.pad(x, (0, right, 0, below)) if below or right else x
    tiles = x.unfold(2, INPUT_TILE, OUTPUT_TILE).unfold(3, INPUT_TILE, OUTPUT_TILE).permute(4, 5, 1, 0, 2, 3)
    return (_matrices(x.dtype).input @ tiles.reshape(INPUT_TILE**2, -1)).view(INPUT_TILE**2, x.shape[1], -1)


def _transform_input_backward(tiles: Tensor, grid: _Grid) -> Tensor:
    """Return the gradient of the input [B, C, H + 2, W + 2]: tiles overlap by two pixels, whose gradients are added."""
    channels, overlap = tiles.shape[1], INPUT_TILE - OUTPUT_TILE
    tiles = _matrices(tiles.dtype).input.T @ tiles.reshape(INPUT_TILE**2, -1)
    tiles = tiles.view(INPUT_TILE, INPUT_TILE, channels, *_tile_shape(grid))
    tiles = tiles.permute(3, 2, 4, 0, 5, 1)  # [B, C, rows, 6, columns, 6]
    grad = F.pad(tiles[:, :, :, :OUTPUT_TILE, :, :OUTPUT_TILE], (0, 0, 0, 1, 0, 0, 0, 1))
    grad[:, :, :-1, :, 1:, :overlap] += tiles[:, :, :, :OUTPUT_TILE, :, OUTPUT_TILE:]
    grad[:, :, 1:, :overlap, :-1] += tiles[:, :, :, OUTPUT_TILE:, :, :OUTPUT_TILE]
    grad[:, :, 1:, :overlap, 1:, :overlap] += tiles[:, :, :, OUTPUT_TILE:, :, OUTPUT_TILE:]
    return grad.reshape(grid.batch, channels, OUTPUT_TILE * (grid.rows + 1), -1)[:, :, : grid.height + 2, : grid.width + 2]


def _assemble_output(products: Tensor, grid: _Grid) -> Tensor:
    """Return the output [B, O, H, W] from the products [36, O, B * rows * columns]."""
    outputs = products.shape[1]
    tiles = _matrices(products.dtype).output @ products.view(INPUT_TILE**2, -1)
    tiles = tiles.view(OUTPUT_TILE, OUTPUT_TILE, outputs, *_tile_shape(grid))
    whole = tiles.permute(3, 2, 4, 0, 5, 1).reshape(grid.batch, outputs, OUTPUT_TILE * grid.rows, OUTPUT_TILE * grid.columns)
    return whole[:, :, : grid.height, : grid.width]


def _assemble_output_backward(grad: Tensor, grid: _Grid) -> Tensor:
    """Return the gradient of the products [36, O, B * rows * columns]."""
    below, right = OUTPUT_TILE * grid.rows - grid.height, OUTPUT_TILE * grid.columns - grid.width
    grad = F.pad(grad, (0, right, 0, below)) if below or right else grad
    tiles = grad.reshape(*grad.shape[:2], grid.rows, OUTPUT_TILE, grid.columns, OUTPUT_TILE).permute(3, 5, 1, 0, 2, 4)
    return (_matrices(grad.dtype).output.T @ tiles.reshape(OUTPUT_TILE**2, -1)).view(INPUT_TILE**2, grad.shape[1], -1)


def _transform_kernels(weight: Tensor) -> Tensor:
    """Return the transformed kernels [36, O, C]."""
    outputs, inputs = weight.shape[:2]
    return (_matrices(weight.dtype).kernel @ weight.reshape(-1, 9).T).view(INPUT_TILE**2, outputs, inputs)


def _transform_kernels_backward(grad: Tensor) -> Tensor:
    outputs, inputs = grad.shape[1:]
    return (grad.view(INPUT_TILE**2, -1).T @ _matrices(grad.dtype).kernel).view(outputs, inputs, 3, 3)


def _tile_shape(grid: _Grid) -> tuple[int, int, int]:
    return grid.batch, grid.rows, grid.columns


class _Matrices(NamedTuple):
    """The transforms of tiles flattened row by row: input [36, 36], kernel [36, 9], output [16, 36]."""

    input: Tensor
    kernel: Tensor
    output: Tensor


@functools.cache
def _matrices(dtype: torch.dtype) -> _Matrices:
    """Return the transforms for the interpolation points 0, 1, -1, 2, -2 and infinity."""
    inputs = [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ]
    kernels = [[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]]
    outputs = [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]]
    exact = (torch.tensor(each, dtype=torch.float64) for each in (inputs, kernels, outputs))
    one, two, three = (torch.kron(each, each) for each in exact)
    return _Matrices(one.to(dtype), (two / 24**2).to(dtype), three.to(dtype))
