"""HEIC and AVIF images: read where the packages are installed, and without a loss of bits; else one line names what to install."""

from __future__ import annotations

import io
import sys
from typing import Any

import image_mutations
import numpy as np
import pytest
from PIL import AvifImagePlugin, Image

from i2ikit.data import check, open_data
from i2ikit.errors import DataError
from i2ikit.pixels import decode, is_image

pillow_heif = pytest.importorskip("pillow_heif")
SMOOTH = np.stack([*np.meshgrid(np.linspace(0, 1, 32), np.linspace(0, 1, 24)), np.full((24, 32), 0.5)], axis=2)


def encode_heic(values: Any, mode: str) -> bytes:
    buffer = io.BytesIO()
    image = pillow_heif.from_bytes(mode=mode, size=(32, 24), data=values.tobytes())
    image.save(buffer, quality=100, chroma=444)
    return buffer.getvalue()


def test_heic_of_8_bits_is_read() -> None:
    values = (SMOOTH * 255).astype(np.uint8)
    pixels = decode(encode_heic(values, "RGB"), "x.heic")
    assert pixels.dtype == np.uint8
    assert np.abs(pixels.astype(int) - values).max() <= 4


def test_heic_of_10_bits_keeps_them() -> None:
    values = (SMOOTH * 1023).astype(np.uint16) << 6
    pixels = decode(encode_heic(values, "RGB;16"), "x.heic")
    assert pixels.dtype == np.uint16
    assert np.abs(pixels / 65535 - SMOOTH).max() <= 8 / 1023
    assert len(np.unique(pixels)) > 256
    assert pixels.max() == 65535


def test_avif_is_read_and_rotated() -> None:
    buffer, exif = io.BytesIO(), Image.Exif()
    exif[274] = 6
    Image.fromarray((SMOOTH * 255).astype(np.uint8)).save(buffer, "AVIF", quality=100, subsampling="4:4:4", exif=exif)
    pixels = decode(buffer.getvalue(), "x.avif")
    assert np.abs(pixels.astype(float) - np.rot90(SMOOTH, -1) * 255).max() <= 4


def test_avif_of_10_bits_is_refused_instead_of_losing_two() -> None:
    data = bytearray(image_mutations.make_images()["avif"])
    data[data.index(b"av1C") + 6] |= 0x40
    with pytest.raises(DataError, match=r'^Image "x\.avif" is an AVIF of 10 or 12 bits, .* Save it as PNG with 16 bits\.$'):
        decode(bytes(data), "x.avif")


def test_data_sets_read_heic_and_avif(tmp_path: Any) -> None:
    images = image_mutations.make_images()
    for number in range(2):
        for folder, kind in (("a", "heic"), ("b", "avif")):
            (tmp_path / folder).mkdir(exist_ok=True)
            (tmp_path / folder / f"{number}.{kind.upper()}").write_bytes(images[kind])
    data = open_data(tmp_path)
    assert {data.read(item).shape for item in data.items} == {(3, 12, 17)}
    assert check(tmp_path).unreadable == []


@pytest.mark.parametrize("kind", ["heic", "avif"])
def test_a_missing_package_is_named_in_one_line(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = image_mutations.make_images()[kind]
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    monkeypatch.setattr(AvifImagePlugin, "SUPPORTED", False)
    with pytest.raises(DataError, match=rf'^Image "x\.{kind}" is an? {kind.upper()} image.*: pip install "i2ikit\[images\]"\.$'):
        decode(data, f"x.{kind}")


def test_their_suffixes_are_those_of_images() -> None:
    assert all(is_image(f"x{suffix}") for suffix in (".heic", ".HEIF", ".avif"))
