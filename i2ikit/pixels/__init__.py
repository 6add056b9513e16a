"""Reading and writing of image files with 1 to 4 channels of 8 or 16 bits. Nothing is converted unless requested."""

from i2ikit.pixels.decoding import Pixels, decode, decode_values, get_pil_values, read_size
from i2ikit.pixels.files import write_atomically
from i2ikit.pixels.formats import is_image
from i2ikit.pixels.images import (
    composite,
    convert_channels,
    get_bits,
    mode_name,
    read_image,
    read_pixels,
    to_float,
    to_tensor,
    write_image,
)
from i2ikit.pixels.pictures import MAX_PIXELS, open_picture

__all__ = [
    "MAX_PIXELS",
    "Pixels",
    "composite",
    "convert_channels",
    "decode",
    "decode_values",
    "get_bits",
    "get_pil_values",
    "is_image",
    "mode_name",
    "open_picture",
    "read_image",
    "read_pixels",
    "read_size",
    "to_float",
    "to_tensor",
    "write_atomically",
    "write_image",
]
