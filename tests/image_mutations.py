"""Seeded damage of small images of every format, to see that each reader answers with pixels or a DataError in one line."""

from __future__ import annotations

import io
import struct
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from random import Random
from typing import Any

import numpy as np
from attrs import field, frozen
from PIL import Image

from i2ikit.errors import DataError
from i2ikit.pixels import decode, png16, read_size
from i2ikit.pixels.maps import decode_map

READERS: Mapping[str, Callable[[bytes, str], Any]] = {"decode": decode, "decode_map": decode_map, "read_size": read_size}
EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 50_000, 25_000)


@frozen
class Outcome:
    """What the readers answered to mutated images.

    Attributes:
        read: The number of readings that returned pixels, by format.
        refused: The number of readings that raised a DataError, by format.
        escaped: One line for each other exception, and for each DataError of another form: format, number, reader, exception.
    """

    read: Counter[str] = field(factory=Counter)
    refused: Counter[str] = field(factory=Counter)
    escaped: list[str] = field(factory=list)


def make_images() -> dict[str, bytes]:
    """Return the bytes of a small image of each format that is read, by a name such as "png-palette"."""
    random = np.random.default_rng(0)
    colours = random.integers(0, 256, (12, 17, 4), dtype=np.uint8)
    rgb, rgba, grey = Image.fromarray(colours[..., :3]), Image.fromarray(colours), Image.fromarray(colours[..., 0])
    exif = Image.Exif()
    exif[274], exif[270] = 6, "text"
    deep = Image.fromarray(random.integers(0, 65536, (12, 17), dtype=np.uint16))
    images = {
        "png": _save(rgb, "PNG", exif=exif),
        "png-alpha": _save(rgba, "PNG"),
        "png-palette": _save(rgb.quantize(16), "PNG", transparency=3),
        "png-bitmap": _save(grey.convert("1"), "PNG"),
        "png-16-grey": _save(deep, "PNG"),
        "png-16": png16.write(random.integers(0, 65536, (12, 17, 3), dtype=np.uint16)),
        "jpeg": _save(rgb, "JPEG", exif=exif),
        "jpeg-progressive": _save(grey, "JPEG", progressive=True),
        "webp": _save(rgba, "WEBP", lossless=True),
        "webp-lossy": _save(rgb, "WEBP", exif=exif),
        "tiff": _save(rgb, "TIFF", exif=exif),
        "tiff-lzw": _save(rgb, "TIFF", compression="tiff_lzw"),
        "tiff-deflate": _save(rgba, "TIFF", compression="tiff_adobe_deflate"),
        "tiff-16": _save(deep, "TIFF"),
        "tiff-float": _save(Image.fromarray(random.random((12, 17), dtype=np.float32)), "TIFF"),
        "gif": _save(rgb.quantize(16), "GIF", transparency=3),
        "bmp": _save(rgb, "BMP"),
        "bmp-palette": _save(rgb.quantize(16), "BMP"),
        "ppm": _save(rgb, "PPM"),
        "pgm": _save(grey, "PPM"),
        "npy": _save_array(colours[..., :3]),
        "npy-float": _save_array(random.random((12, 17), dtype=np.float32)),
    }
    return images | _make_images_of_plugins(rgb)


def mutate(data: bytes, random: Random) -> bytes:
    """Return a damaged copy of the bytes of a file: changed, cut, repeated or lost bytes, and numbers with extreme values."""
    changed = bytearray(data)
    for _ in range(random.choice((1, 1, 2, 4, 8))):
        # Headers are damaged most often: they decide what is allocated.
        start = random.randrange(min(len(changed), 64) if random.random() < 0.6 else len(changed)) if changed else 0
        size = random.choice((1, 2, 4, 16, 64))
        kind = random.randrange(7)
        if kind == 0:
            changed[start : start + 1] = bytes([random.randrange(256)])
        elif kind == 1:
            changed[start : start + 4] = struct.pack(random.choice("<>") + "I", random.choice(EXTREMES))
        elif kind == 2:
            changed[start : start + 2] = struct.pack(random.choice("<>") + "H", random.choice(EXTREMES) & 0xFFFF)
        elif kind == 3:
            del changed[start : start + size]
        elif kind == 4:
            changed[start:start] = changed[start : start + size] * random.choice((1, 3))
        elif kind == 5:
            changed[start : start + size] = random.randbytes(size)
        else:
            del changed[start:]
    result = bytes(changed)
    return _renew_checksums(result) if random.random() < 0.5 else result


def run_mutations(count: int, seed: int = 0, images: Mapping[str, bytes] | None = None) -> Outcome:
    """Damage images and read them.

    Args:
        count: The number of mutated files of each image.
        seed: Mutation n of an image is the same for every count.
        images: The images; by default one of each format.
    """
    outcome = Outcome()
    for name, data in (make_images() if images is None else images).items():
        for number in range(count):
            mutated = mutate(data, Random(f"{seed} {name} {number}"))
            for reader, read in READERS.items():
                _read(read, mutated, f"{name} {number} {reader}", name, outcome)
    return outcome


def _read(read: Callable[[bytes, str], Any], mutated: bytes, title: str, name: str, outcome: Outcome) -> None:
    try:
        read(mutated, "x.image")
    except DataError as error:
        text = str(error)
        outcome.refused[name] += 1
        if '"x.image"' not in text or "\n" in text or len(text) > 500:
            outcome.escaped.append(f"{title}: {text!r}")
    except Exception as error:  # noqa: BLE001 - the exceptions that must not leave the readers are counted here
        outcome.escaped.append(f"{title}: {error!r}")
    else:
        outcome.read[name] += 1


def _make_images_of_plugins(image: Image.Image) -> dict[str, bytes]:
    images = {}
    try:
        from PIL import AvifImagePlugin

        if AvifImagePlugin.SUPPORTED:
            images["avif"] = _save(image, "AVIF")
    except ImportError:
        pass
    try:
        import pillow_heif
    except ImportError:
        return images
    buffer = io.BytesIO()
    pillow_heif.from_pillow(image).save(buffer, quality=60)
    return images | {"heic": buffer.getvalue()}


def _renew_checksums(data: bytes) -> bytes:
    """Return a PNG with correct checksums, so that decoders look at the damaged parts; other files are returned unchanged."""
    if data[:8] != png16.SIGNATURE:
        return data
    return data[:8] + b"".join(_split_chunks(data[8:]))


def _split_chunks(data: bytes) -> Iterator[bytes]:
    while len(data) >= 12:
        end = 8 + int.from_bytes(data[:4], "big")
        yield data[:end] + struct.pack(">I", zlib.crc32(data[4:end]))
        data = data[end + 4 :]
    yield data


def _save(image: Image.Image, format_name: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format=format_name, **options)
    return buffer.getvalue()


def _save_array(array: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()
