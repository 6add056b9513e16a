"""PNG with 16 bits per channel (PNG specification, sections 5, 7 and 9); Pillow reads it as 8 bits and cannot write it in colour."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from i2ikit.errors import DataError
from i2ikit.pixels.pictures import MAX_PIXELS, check_pixels

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOUR = {1: 0, 2: 4, 3: 2, 4: 6}
_CHANNELS = {colour: channels for channels, colour in _COLOUR.items()}
_UP = 2
_BLOCK = 256  # rows that are decoded together


def is_deep_colour(data: bytes) -> bool:
    """Return whether a file is a PNG of 16 bits with more than one channel."""
    return data[:8] == SIGNATURE and data[24:25] == b"\x10" and data[25:26] in {b"\x02", b"\x04", b"\x06"}


def read(data: bytes, name: str, max_pixels: int = MAX_PIXELS) -> NDArray[np.uint16]:
    """Return the pixels [H W C] of a file; ``name`` is for error messages.

    Raises:
        DataError: The file is damaged, interlaced, declares more pixels than ``max_pixels``, or has a transparent colour instead of alpha.
    """
    packed: list[bytes] = []
    width = height = channels = 0
    for chunk_type, body in _read_chunks(data, name):
        if chunk_type == b"IHDR":
            width, height, _, colour, _, _, interlaced = struct.unpack(">IIBBBBB", body)
            channels = _CHANNELS[colour]
            check_pixels(height, width, name, max_pixels)
            if interlaced:
                raise DataError(f'Image "{name}" has 16 bits and is interlaced, which is not supported. Save it without interlacing.')
        elif chunk_type == b"tRNS":
            raise DataError(
                f'Image "{name}" has 16 bits and has a transparent colour instead of an alpha channel, which is not supported. Save it '
                "with an alpha channel."
            )
        elif chunk_type == b"IDAT":
            packed.append(body)
    row = width * channels * 2 + 1
    try:
        raw = zlib.decompressobj().decompress(b"".join(packed), height * row)
    except zlib.error as cause:
        raise DataError(f'Image "{name}" is damaged: {cause}. Replace or remove it.') from None
    if not raw or len(raw) != height * row or max(raw[::row], default=0) > 4:
        raise DataError(f'Image "{name}" is damaged: its rows are incomplete. Replace or remove it.')
    rows = np.frombuffer(raw, dtype=np.uint8).reshape(height, row)
    return _undo_filters(rows, channels * 2).view(">u2").reshape(height, width, channels).astype(np.uint16)


def write(pixels: NDArray[Any]) -> bytes:
    """Return the bytes of a PNG file of uint16 pixels [H W C] with 1 to 4 channels."""
    height, width, channels = pixels.shape
    rows = np.ascontiguousarray(pixels.astype(">u2")).view(np.uint8).reshape(height, width * channels * 2)
    # Each row begins with its filter. The difference to the row above compresses well and is fast to compute.
    filtered = np.full((height, rows.shape[1] + 1), _UP, dtype=np.uint8)
    filtered[0, 1:] = rows[0]
    filtered[1:, 1:] = rows[1:] - rows[:-1]
    header = struct.pack(">IIBBBBB", width, height, 16, _COLOUR[channels], 0, 0, 0)
    return (
        SIGNATURE
        + _encode_chunk(b"IHDR", header)
        + _encode_chunk(b"IDAT", zlib.compress(filtered.tobytes(), 6))
        + _encode_chunk(b"IEND", b"")
    )


def _encode_chunk(chunk_type: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + chunk_type + data + struct.pack(">I", zlib.crc32(chunk_type + data))


def _read_chunks(data: bytes, name: str) -> Iterator[tuple[bytes, bytes]]:
    start = len(SIGNATURE)
    while True:
        head, end = data[start : start + 8], start + 8
        size = int.from_bytes(head[:4], "big")
        body, check = data[end : end + size], data[end + size : end + size + 4]
        if len(check) < 4 or int.from_bytes(check, "big") != zlib.crc32(head[4:] + body):
            raise DataError(f'Image "{name}" is damaged: it is truncated or changed at byte {start}. Replace or remove it.')
        if head[4:] == b"IEND":
            return
        yield head[4:], body
        start = end + size + 4


def _undo_filters(rows: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Return the bytes [H W size] of filtered rows, each of which begins with its filter; in blocks, to need little memory."""
    height, width = len(rows), (rows.shape[1] - 1) // size
    plain = np.zeros((height, width, size), dtype=np.uint8)
    above = np.zeros((width, size), dtype=np.uint8)
    for start in range(0, height, _BLOCK):
        block = rows[start : start + _BLOCK]
        plain[start : start + _BLOCK] = _undo_block(block[:, 0], block[:, 1:].reshape(len(block), width, size), above)
        above = plain[start + len(block) - 1]
    return plain


def _undo_block(filters: NDArray[np.uint8], rows: NDArray[np.uint8], last: NDArray[np.uint8]) -> NDArray[np.uint8]:
    # A byte is predicted from its neighbours to the left, above, and above left. The pixels of one anti-diagonal do not depend on each
    # other, so the image is decoded diagonal by diagonal. plain[d + 2, y + 1] is the pixel x = d - y. The row above, y = -1, is the last
    # one of the block before; other pixels outside are zero.
    height, width, size = rows.shape
    plain = np.zeros((width + height + 1, height + 1, size), dtype=np.int16)
    plain[1 : width + 1, 0] = last
    predictor = filters.astype(np.int64)[:, None]
    for diagonal in range(width + height - 1):
        first, end = max(0, diagonal - width + 1), min(height, diagonal + 1)
        y = np.arange(first, end)
        left = plain[diagonal + 1, first + 1 : end + 1]
        above = plain[diagonal + 1, first:end]
        corner = plain[diagonal, first:end]
        filter_types = predictor[first:end]
        guess = np.where(filter_types == 1, left, np.where(filter_types == _UP, above, 0))
        if (filter_types > _UP).any():
            guess = np.where(
                filter_types == 3, (left + above) // 2, np.where(filter_types == 4, _predict_paeth(left, above, corner), guess)
            )
        plain[diagonal + 2, first + 1 : end + 1] = (rows[y, diagonal - y] + guess) % 256
    y, x = np.indices((height, width))
    unfiltered: NDArray[np.uint8] = plain[x + y + 2, y + 1].astype(np.uint8)
    return unfiltered


def _predict_paeth(left: NDArray[np.int16], above: NDArray[np.int16], corner: NDArray[np.int16]) -> NDArray[np.int16]:
    near_left, near_above, near_corner = abs(above - corner), abs(left - corner), abs(left + above - 2 * corner)
    chosen: NDArray[np.int16] = np.where(
        (near_left <= near_above) & (near_left <= near_corner), left, np.where(near_above <= near_corner, above, corner)
    )
    return chosen
