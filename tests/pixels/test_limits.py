"""The largest number of pixels: declared sizes are compared with it before anything is decoded, and an option raises it."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import image_mutations
import numpy as np
import pytest
from PIL import Image

from i2ikit.core.specs import ImageSpec
from i2ikit.data.source import FolderSource
from i2ikit.errors import DataError
from i2ikit.inference.map_io import open_map
from i2ikit.pixels import MAX_PIXELS, decode, png16, read_image, read_size

WIDTH, HEIGHT = 50_000, 25_000


def make_png(bits: int, colour: int) -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, bits, colour, 0, 0, 0)
    return png16.SIGNATURE + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1_000_000))) + chunk(b"IEND", b"")


def make_npy(shape: tuple[int, ...]) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return buffer.getvalue()


def patch(name: str, offset: int, pattern: str, *values: int) -> bytes:
    data = bytearray(image_mutations.make_images()[name])
    struct.pack_into(pattern, data, offset, *values)
    return bytes(data)


def patch_tiff() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (7, 9)).save(buffer, "TIFF")
    return (
        buffer.getvalue()
        .replace(struct.pack("<HHII", 256, 4, 1, 7), struct.pack("<HHII", 256, 4, 1, WIDTH))
        .replace(struct.pack("<HHII", 257, 4, 1, 9), struct.pack("<HHII", 257, 4, 1, HEIGHT))
    )


def patch_jpeg() -> bytes:
    data = image_mutations.make_images()["jpeg"]
    start = data.index(b"\xff\xc0") + 5
    return data[:start] + struct.pack(">HH", HEIGHT, WIDTH) + data[start + 4 :]


LARGE: dict[str, Callable[[], bytes]] = {
    "png": lambda: make_png(8, 2),
    "png-grey": lambda: make_png(8, 0),
    "png-16": lambda: make_png(16, 6),
    "bmp": lambda: patch("bmp", 18, "<ii", WIDTH, HEIGHT),
    "ppm": lambda: b"P6 %d %d 255\n" % (WIDTH, HEIGHT) + bytes(100),
    "gif": lambda: patch("gif", 6, "<HH", WIDTH, HEIGHT),
    "npy": lambda: make_npy((HEIGHT, WIDTH)),
    "npy-colour": lambda: make_npy((3, HEIGHT, WIDTH)),
    "tiff": patch_tiff,
    "jpeg": patch_jpeg,
    "webp": lambda: patch("webp", 21, "<I", 16382 | 16382 << 14),
}


@pytest.mark.parametrize("name", LARGE)
def test_a_declared_size_above_the_limit_is_refused_before_memory_is_taken(name: str) -> None:
    data = LARGE[name]()
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=r'^Image "x" declares [\d,]+ x [\d,]+ pixels .* limit of 200,000,000\. .* max_pixels=\d+\.$'):
            decode(data, "x")
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", ["png", "bmp", "ppm", "gif", "npy", "tiff", "png-16"])
def test_no_memory_is_taken_for_pixels_that_a_short_file_cannot_hold(name: str) -> None:
    data = LARGE[name]()[:200] if name != "png" else LARGE[name]()
    with pytest.raises(DataError, match=r'^(Image|Array) "x" is damaged: '):
        decode(data, "x", max_pixels=WIDTH * HEIGHT)


@pytest.mark.parametrize("name", sorted(set(image_mutations.make_images()) - {"tiff-float"}))
def test_the_limit_counts_the_pixels_of_every_format_and_can_be_raised(name: str) -> None:
    data = image_mutations.make_images()[name]
    pixels = 12 * 17
    for read in (decode, read_size):
        assert read(data, "x", pixels) is not None
        with pytest.raises(DataError, match=rf'"x" declares .* above the limit of {pixels - 1}\. .* max_pixels={pixels}\.$'):
            read(data, "x", pixels - 1)


def test_the_limit_that_pillow_has_for_the_whole_process_does_not_matter_and_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 150)  # an error for Pillow is an image of twice as many pixels
    images: dict[str, Any] = image_mutations.make_images()
    for name in sorted(set(images) - {"tiff-float"}):
        assert decode(images[name], name).size
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 50)
        assert decode(images[name], name).size
        assert Image.MAX_IMAGE_PIXELS == 50


def test_the_limit_admits_the_images_of_the_largest_cameras() -> None:
    assert 16_320 * 12_240 <= MAX_PIXELS < 20_000 * 20_000


def test_a_large_16_bit_image_is_decoded_in_blocks_without_a_change(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = np.random.default_rng(0).integers(0, 65536, (23, 9, 3), dtype=np.uint16)
    data = png16.write(pixels)
    monkeypatch.setattr(png16, "_BLOCK", 4)
    assert np.array_equal(png16.read(data, "x"), pixels)


def test_a_file_that_does_not_fit_into_memory_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> bytes:
        raise MemoryError

    path = tmp_path / "a" / "x.png"
    path.parent.mkdir()
    path.write_bytes(bytes(1234))
    monkeypatch.setattr("i2ikit.pixels.files.read_regular", fail)
    maps = ImageSpec(3, 8, 8, "label_map")
    for read in (lambda: read_image(path), lambda: open_map(path, maps), lambda: FolderSource(tmp_path).read("a/x.png")):
        with pytest.raises(DataError, match=r'x\.png" cannot be read: its 1,234 bytes do not fit into memory\.$'):
            read()
