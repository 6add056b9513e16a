"""Checks of the values that the networks get at inference: images, styles and codes must be finite, and images must have pixels."""

from __future__ import annotations

from torch import Tensor

from i2ikit.errors import DataError, OptionError, format_count


def check_pixels(pixels: Tensor, what: str = "image") -> Tensor:
    """Return images [B, C, H, W], which have pixels, all of them finite.

    Args:
        pixels: The images.
        what: What they are, for the message.

    Raises:
        DataError: A side has no pixels, or a value is NaN or infinite.
    """
    if 0 in pixels.shape[1:]:
        raise DataError(f"The {what} has no pixels: its shape is {list(pixels.shape)}.")
    wrong = count_not_finite(pixels)
    if wrong:
        raise DataError(f"The {what} has {format_count(wrong, 'value')} of NaN or infinity. Replace them, or leave this image out.")
    return pixels


def check_numbers(numbers: Tensor, option: str) -> Tensor:
    """Return the numbers that an option was given, or raise OptionError if one is NaN or infinite."""
    wrong = count_not_finite(numbers)
    if wrong:
        raise OptionError(f"{option}= has {format_count(wrong, 'value')} of NaN or infinity; expected finite numbers.")
    return numbers


def count_not_finite(tensor: Tensor) -> int:
    """Return the number of values that are NaN or infinite."""
    return int((~tensor.isfinite()).sum())
