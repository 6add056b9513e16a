"""Pictures in and out of files: 1 to 4 channels, 8 or 16 bits, nothing converted unasked. Knows nothing of models or data sets."""

from i2ikit.pixels.files import write_atomically
from i2ikit.pixels.images import (
    Pixels,
    bits_of,
    composite,
    decode,
    is_image,
    mode_name,
    pixels_of,
    read_image,
    read_pixels,
    to_float,
    to_tensor,
    with_channels,
    write_image,
)

__all__ = [
    "Pixels",
    "bits_of",
    "composite",
    "decode",
    "is_image",
    "mode_name",
    "pixels_of",
    "read_image",
    "read_pixels",
    "to_float",
    "to_tensor",
    "with_channels",
    "write_atomically",
    "write_image",
]
