"""Sizes and paddings of upfirdn. Pairs are [x, y]; sizes and filter shapes are (height, width)."""

from __future__ import annotations

from collections.abc import Sequence


def result_size(
    size: Sequence[int], taps: Sequence[int], up: Sequence[int], down: Sequence[int], padding: Sequence[int]
) -> tuple[int, int]:
    """Return height and width of the result; they are zero or less if the filter is larger than the padded image."""
    x_before, x_after, y_before, y_after = padding
    height = (size[0] * up[1] + y_before + y_after - taps[0]) // down[1] + 1
    width = (size[1] * up[0] + x_before + x_after - taps[1]) // down[0] + 1
    return height, width


def adjoint_padding(
    size: Sequence[int], taps: Sequence[int], up: Sequence[int], down: Sequence[int], padding: Sequence[int]
) -> tuple[int, int, int, int]:
    """Return the padding of the transposed operator, in which up and down are exchanged and the filter is flipped.

    Along an axis, output o uses tap k with input i if i * up = o * down + k - before. Therefore output i of the transposed operator uses
    tap k' = taps - 1 - k with its input o if o * down = i * up + k' - (taps - 1 - before). Its padding before is taps - 1 - before, and its
    padding after follows from the size of its result, which is the size of the input.
    """
    x_before, _, y_before, _ = padding
    height, width = result_size(size, taps, up, down, padding)
    return (
        taps[1] - 1 - x_before,
        size[1] * up[0] - width * down[0] + x_before - up[0] + 1,
        taps[0] - 1 - y_before,
        size[0] * up[1] - height * down[1] + y_before - up[1] + 1,
    )
