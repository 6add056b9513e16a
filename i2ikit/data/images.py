"""Pixels of a data set: decoded, processed as :class:`Reading` describes, and cached in memory."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from attrs import field, frozen
from torch import Tensor

from i2ikit.core.specs import Content, ImageSpec
from i2ikit.data.source import Source
from i2ikit.errors import DataError
from i2ikit.pixels import MAX_PIXELS, Pixels, composite, convert_channels, decode_values, mode_name, to_tensor
from i2ikit.pixels.geometry import centre_window
from i2ikit.pixels.maps import decode_map
from i2ikit.pixels.value_range import FLOATS, Range, RangeError, find_value_type

CACHE_BYTES = 1 << 30
"""Bytes of decoded images that one data set keeps in memory."""


@frozen
class Reading:
    """How the pixels of a file are processed when it is read.

    Attributes:
        background: The colour behind transparent pixels; None keeps alpha as a channel.
        channels: Number of channels to convert to; None keeps the channels of the files, which must then be equal.
        source_channels: The same for the sources of pairs, if their number of channels differs from that of the targets.
        crop: Height and width of a centre crop, or None.
        random_crop: Whether a training crops this window at a random place instead, from the whole image.
        source_content: What the sources of pairs are: ``"picture"``, ``"label_map"`` or ``"instance_map"``.
        glued: ``"AB"`` reads the left half of a file as the source and the right half as the target, ``"BA"`` the other way around; an
            empty text reads the whole file.
        max_pixels: The largest number of pixels that a file may declare.
        values: The range of the values of the files, or None: integers use their full depth.
        floats: The range of floats, if ``values`` is None.
    """

    background: str | None = None
    channels: int | None = None
    source_channels: int | None = None
    crop: tuple[int, int] | None = None
    glued: str = ""
    # Without a place in repr(), so that fingerprints of data without these options stay what they were.
    source_content: Content = field(default="picture", repr=False)
    max_pixels: int = field(default=MAX_PIXELS, repr=False)
    random_crop: bool = field(default=False, repr=False, kw_only=True)
    values: Range | None = field(default=None, repr=False)
    floats: Range = field(default=FLOATS, repr=False)


class Images:
    """Decoded images of one source, cached in memory up to ``budget`` bytes."""

    def __init__(self, source: Source, reading: Reading, budget: int = CACHE_BYTES) -> None:
        self.source, self.reading = source, reading
        self.expected_channels: dict[bool, int] = {False: 0, True: 0}  # of sources and of targets; 0 accepts any number
        self._cache: dict[tuple[str, bool], Tensor] = {}
        self._cache_left = budget
        self._lock = threading.Lock()

    def read_pixels(self, file: str, is_target: bool = False) -> Tensor:
        """Return processed pixels [C H W] as integers, or as float32 for a float array.

        Args:
            file: Name of the file.
            is_target: Whether the image is the target of a pair.

        Raises:
            DataError: The file is damaged, or its number of channels differs from that of the data set.
        """
        cached = self._cache.get((file, is_target))
        if cached is not None:
            return cached
        array = self.process(self.decode(self.source.read(file), file, is_target), file, is_target)
        expected = self.expected_channels[is_target]
        if expected and array.shape[2] != expected:
            raise DataError(
                f'Image "{file}" is {mode_name(array.shape[2])}, but the data set is {mode_name(expected)}. Use background="white" to '
                "blend alpha, or channels=3 to repeat grey."
            )
        tensor = to_tensor(array)
        with self._lock:
            if tensor.nbytes <= self._cache_left and (file, is_target) not in self._cache:
                self._cache[file, is_target] = tensor
                self._cache_left -= tensor.nbytes
        return tensor

    def decode(self, content: bytes, file: str, is_target: bool = False) -> Pixels:
        """Return the pixels [H W C] in the bytes of a file: of a map, its numbers."""
        reading = self.reading
        if not is_target and reading.source_content != "picture":
            return decode_map(content, file, reading.max_pixels)
        values = decode_values(content, file, reading.max_pixels)
        declared = reading.floats if reading.values is None and values.dtype.kind == "f" else reading.values
        return find_value_type(values, file, declared).scale(values, file)

    def process(self, pixels: Pixels, file: str, is_target: bool = False) -> Pixels:
        """Return pixels [H W C] after halving, background, channels and crop."""
        reading = self.reading
        if reading.glued:
            width = pixels.shape[1]
            if width % 2:
                raise DataError(f'Image "{file}" is {width} pixels wide. A pair side by side requires an even width.')
            is_right = is_target == (reading.glued == "AB")
            pixels = pixels[:, width // 2 :] if is_right else pixels[:, : width // 2]
        is_picture = is_target or reading.source_content == "picture"
        if reading.background is not None and is_picture:
            pixels = composite(pixels, reading.background)
        channels = reading.channels if is_target or reading.source_channels is None else reading.source_channels
        if channels is not None and is_picture:
            pixels = convert_channels(pixels, channels, file)
        if reading.crop is not None:
            pixels = pixels[centre_window(pixels.shape[:2], reading.crop, f'Image "{file}"')]
        return pixels


def find_native_spec(images: Images, files: Sequence[str], is_target: bool = False) -> tuple[ImageSpec, int]:
    """Return the most frequent channels and size in a sample of the files, and the largest number of bits.

    Damaged files are skipped; they are reported when they are read as data.

    Raises:
        DataError: No file of the sample can be read.
    """
    shapes: list[tuple[int, int, int]] = []
    bits = 8
    problem: DataError | None = None
    step = max(1, len(files) // 16)
    for file in files[::step]:
        try:
            array = images.process(images.decode(images.source.read(file), file, is_target), file, is_target)
        except DataError as cause:
            if isinstance(problem, RangeError) and isinstance(cause, RangeError):
                problem = problem.widen(cause.found)
            problem = problem or cause
            continue
        shapes.append((array.shape[2], array.shape[0], array.shape[1]))
        bits = max(bits, array.dtype.itemsize * 8)
    if not shapes:
        raise problem or DataError("There are no images.")
    channels, height, width = max(dict.fromkeys(shapes), key=shapes.count)
    return ImageSpec(channels, height, width), bits


def describe_floats(reading: Reading, bits: int) -> list[str]:
    """Return a note about the range of floats in files, if it was not declared."""
    if reading.values is not None or bits < 32:
        return []
    low, high = reading.floats
    return [f"Files of floats are read as values from {low:g} to {high:g}. range= declares another range."]
