"""The window that is cropped from an image before it is resized. Training, inference and evaluation compute it here, so they agree."""

from __future__ import annotations

from collections.abc import Sequence

from i2ikit.errors import DataError


def fit_window(image: Sequence[int], size: Sequence[int]) -> tuple[int, int]:
    """Return height and width of the largest window with the proportions of ``size``; each side has at least one pixel.

    Args:
        image: Height and width of the image.
        size: Height and width that the window is resized to.
    """
    scale = min(image[0] / size[0], image[1] / size[1])
    return max(1, min(image[0], round(size[0] * scale))), max(1, min(image[1], round(size[1] * scale)))


def centre_window(image: Sequence[int], window: Sequence[int], name: str = "An image") -> tuple[slice, slice]:
    """Return the rows and the columns of a centred window.

    Args:
        image: Height and width of the image.
        window: Height and width of the window.
        name: Names the image in the message.

    Raises:
        DataError: The image is smaller than the window.
    """
    if window[0] > image[0] or window[1] > image[1]:
        found, wanted = ("{}x{}".format(*each) for each in (image, window))
        raise DataError(f"{name} is {found}, smaller than the crop of {wanted}. Choose a smaller crop.")
    top, left = round((image[0] - window[0]) / 2), round((image[1] - window[1]) / 2)
    return slice(top, top + window[0]), slice(left, left + window[1])
