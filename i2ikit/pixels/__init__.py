"""Reading and writing of image files with 1 to 4 channels of 8 or 16 bits. Nothing is converted unless requested."""

from i2ikit.pixels.files import write_atomically
from i2ikit.pixels.images import (
    Pixels,
    composite,
    convert_channels,
    convert_pil_image,
    decode,
    get_bits,
    is_image,
    mode_name,
    read_image,
    read_pixels,
    to_float,
    to_tensor,
    write_image,
)

__all__ = [
    "Pixels",
    "composite",
    "convert_channels",
    "convert_pil_image",
    "decode",
    "get_bits",
    "is_image",
    "mode_name",
    "read_image",
    "read_pixels",
    "to_float",
    "to_tensor",
    "write_atomically",
    "write_image",
]
