"""The pixels of a data set: decoded, shaped as the reader asked, and kept in memory."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from attrs import frozen
from torch import Tensor

from i2ikit.core.specs import ImageSpec
from i2ikit.data.source import Source
from i2ikit.errors import DataError
from i2ikit.pixels import Pixels, composite, decode, mode_name, to_tensor, with_channels

CACHE_BYTES = 1 << 30
"""How many bytes of decoded images one data set keeps in memory."""


@frozen
class Reading:
    """How pixels are read.

    Attributes:
        background: The colour behind transparent pixels; None keeps alpha as a channel.
        channels: How many channels to give; None takes those of the files, which must then be equal.
        source_channels: The same for the first images of pairs, where theirs differ.
        crop: Height and width of a centred window, or None.
        glued: ``"AB"`` reads the left half as the image and the right half as its target, ``"BA"`` the other way around.
    """

    background: str | None = None
    channels: int | None = None
    source_channels: int | None = None
    crop: tuple[int, int] | None = None
    glued: str = ""


class Images:
    """Decoded images of one source, kept in memory up to :data:`CACHE_BYTES`."""

    def __init__(self, source: Source, reading: Reading, budget: int = CACHE_BYTES) -> None:
        self.source, self.reading = source, reading
        self.expected: dict[bool, int] = {False: 0, True: 0}  # channels, of second images of pairs apart
        self._kept: dict[tuple[str, bool], Tensor] = {}
        self._left = budget
        self._lock = threading.Lock()

    def pixels(self, file: str, second: bool = False) -> Tensor:
        """Return stored pixels [C H W] as integers (or float32 of a float array), or raise DataError."""
        kept = self._kept.get((file, second))
        if kept is not None:
            return kept
        array = self.shape(decode(self.source.read(file), file), file, second)
        expected = self.expected[second]
        if expected and array.shape[2] != expected:
            have, most = mode_name(array.shape[2]), mode_name(expected)
            raise DataError(
                f'Image "{file}" is {have} while the data set is {most}. Say how: background="white" blends alpha, channels=3 repeats gray.'
            )
        tensor = to_tensor(array)
        with self._lock:
            if tensor.nbytes <= self._left and (file, second) not in self._kept:
                self._kept[file, second] = tensor
                self._left -= tensor.nbytes
        return tensor

    def shape(self, pixels: Pixels, file: str, second: bool = False) -> Pixels:
        """Return pixels [H W C] after half, background, channels and crop."""
        reading = self.reading
        if reading.glued:
            width = pixels.shape[1]
            if width % 2:
                raise DataError(f'Image "{file}" is {width} pixels wide, which cannot be halved into a pair.')
            right = second == (reading.glued == "AB")
            pixels = pixels[:, width // 2 :] if right else pixels[:, : width // 2]
        if reading.background is not None:
            pixels = composite(pixels, reading.background)
        channels = reading.channels if second or reading.source_channels is None else reading.source_channels
        if channels is not None:
            pixels = with_channels(pixels, channels, file)
        if reading.crop is not None:
            pixels = _centre(pixels, reading.crop, file)
        return pixels


def native(images: Images, files: Sequence[str], second: bool = False) -> tuple[ImageSpec, int]:
    """Return channels and size of most of a sample of files, and the largest bits; damaged files are left to the reader that needs them."""
    shapes: list[tuple[int, int, int]] = []
    bits = 8
    problem: DataError | None = None
    step = max(1, len(files) // 16)
    for file in files[::step]:
        try:
            array = images.shape(decode(images.source.read(file), file), file, second)
        except DataError as cause:
            problem = problem or cause
            continue
        shapes.append((array.shape[2], array.shape[0], array.shape[1]))
        bits = max(bits, array.dtype.itemsize * 8)
    if not shapes:
        raise problem or DataError("There are no images.")
    channels, height, width = max(dict.fromkeys(shapes), key=shapes.count)
    return ImageSpec(channels, height, width), bits


def _centre(pixels: Pixels, crop: tuple[int, int], file: str) -> Pixels:
    height, width = pixels.shape[:2]
    if crop[0] > height or crop[1] > width:
        raise DataError(f'Image "{file}" is {height}x{width}, smaller than the crop of {crop[0]}x{crop[1]}. Crop less.')
    top, left = round((height - crop[0]) / 2), round((width - crop[1]) / 2)
    return pixels[top : top + crop[0], left : left + crop[1]]
