"""What the values of an image mean: the range that becomes [-1, 1], and the way back to the type of the input."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from i2ikit.errors import DataError, OptionError

Range = tuple[float, float]
"""The values that black and white have."""

FLOATS: Range = (0.0, 1.0)
"""The range of floats, in arrays and in files, unless another one is declared."""

_OVERSHOOT = 1e-3  # of the range: what rounding and resizing of floats add
_USUAL: tuple[Range, ...] = ((0, 1), (-1, 1), (0, 255), (0, 4095), (0, 65535))
_FULL_DEPTH = (np.dtype("uint8"), np.dtype("uint16"))


class RangeError(DataError):
    """The values of an image need a declared range, or are outside the range.

    Attributes:
        problem: The message without the range to declare.
        found: The smallest and the largest value of the image, or of several images.
        dtype: The type of the values.
    """

    def __init__(self, problem: str, found: Range, dtype: np.dtype[Any]) -> None:
        self.problem, self.found, self.dtype = problem, found, dtype
        super().__init__(f'{problem} range="{format_range(self.suggestion)}".')

    @property
    def suggestion(self) -> Range:
        """A range that holds the values: a usual one that their type holds, too, or from the smallest to the largest value."""
        least, most = self.found
        usual = (each for each in _USUAL if each[0] <= least and most <= each[1] and _can_hold(self.dtype, each))
        return next(usual, (math.floor(least), math.ceil(most)))

    def widen(self, other: Range) -> RangeError:
        """Return the same error with a range that also holds other values."""
        return RangeError(self.problem, (min(self.found[0], other[0]), max(self.found[1], other[1])), self.dtype)


def parse_range(given: str | Sequence[float] | None) -> Range | None:
    """Return a declared range: two numbers, or a text such as ``"0,4095"``.

    Raises:
        OptionError: There are not two finite numbers, the smaller one first.
    """
    if given is None:
        return None
    parts = given.split(",") if isinstance(given, str) else given
    try:
        low, high = (float(part) for part in parts)
    except (TypeError, ValueError):
        low = high = math.nan
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        shown = given if isinstance(given, str) else ",".join(map(str, given)) if isinstance(given, (list, tuple)) else given
        raise OptionError(f'range="{shown}" is not a range of values. Give the value of black and that of white, such as range="0,4095".')
    return low, high


def format_range(values: Range) -> str:
    """Return a range as :func:`parse_range` reads it."""
    return ",".join(f"{value:.10g}" for value in values)


@frozen
class ValueType:
    """The type of the values of an image, and the range of them that the networks see as [-1, 1].

    Attributes:
        dtype: The type of the values.
        values: The range.
    """

    dtype: np.dtype[Any]
    values: Range

    @property
    def is_full_depth(self) -> bool:
        """Whether these are integers of 8 or 16 bits that use all of them; they are kept as they are until they become tensors."""
        return self.dtype in _FULL_DEPTH and self.values == (0, np.iinfo(self.dtype).max)

    def scale(self, array: NDArray[Any], name: str) -> NDArray[Any]:
        """Return values as float32 in [-1, 1], or unchanged if they use the full depth.

        Raises:
            DataError: A value is not finite, or outside the range.
        """
        if self.is_full_depth:
            return array
        low, high = self.values
        least, most = float(array.min()), float(array.max())
        if not (math.isfinite(least) and math.isfinite(most)):
            raise DataError(f'Image "{name}" holds {array.dtype} with values that are not finite. Replace them, or remove the file.')
        room = (high - low) * _OVERSHOOT if array.dtype.kind == "f" else 0.0
        if least < low - room or most > high + room:
            raise RangeError(
                f'Image "{name}" holds {array.dtype} from {least:.6g} to {most:.6g}, but its values are read as {low:.6g} to {high:.6g}. '
                "Declare their range:",
                (min(low, least), max(high, most)),
                array.dtype,
            )
        scaled = (array.astype(np.float64) - low) * (2 / (high - low)) - 1
        return np.clip(scaled, -1, 1).astype(np.float32)

    def restore(self, image: NDArray[np.float32]) -> NDArray[Any]:
        """Return an image in [-1, 1] as values of this type and range."""
        low, high = self.values
        # float32 is not precise enough to add 0.5 to a value of 16 bits
        restored = (image.astype(np.float64) + 1) * ((high - low) / 2) + low
        return (restored if self.dtype.kind == "f" else np.floor(restored + 0.5)).astype(self.dtype)


def find_value_type(array: NDArray[Any], name: str, declared: Range | None = None) -> ValueType:
    """Return how the values of an array are read.

    Integers of 8 and 16 bits use their full depth and floats [0, 1], unless a range is declared. A range that the integers cannot hold,
    such as 0 to 4095 in 8 bits, is not that of this array: it is read by its full depth, too.

    Raises:
        DataError: The values are not numbers, or need a declared range.
    """
    dtype = array.dtype
    if dtype.kind not in "buif":
        raise DataError(f'Image "{name}" holds {dtype}, which is no type of pixels. Save it as uint8, uint16 or floats.')
    if declared is not None and _can_hold(dtype, declared):
        return ValueType(dtype, declared)
    if dtype in _FULL_DEPTH:
        return ValueType(dtype, (0, np.iinfo(dtype).max))
    if dtype.kind == "f":
        return ValueType(dtype, FLOATS)
    least, most = float(array.min()), float(array.max())
    raise RangeError(
        f'Image "{name}" holds {dtype} from {least:.6g} to {most:.6g}, and it is not known which values are black and white. Save it as '
        "uint8, uint16 or floats, or declare the range:",
        (least, most),
        dtype,
    )


def _can_hold(dtype: np.dtype[Any], declared: Range) -> bool:
    if dtype.kind in "fb":
        return True
    limits = np.iinfo(dtype)
    return limits.min <= declared[0] and declared[1] <= limits.max
