from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from i2ikit.errors import DataError
from i2ikit.pixels import composite, convert_channels, decode, png16, read_image, to_float, to_tensor, write_image


def integers(channels: int, bits: int) -> torch.Tensor:
    dtype = np.uint8 if bits == 8 else np.uint16
    random = np.random.default_rng(channels + bits)
    pixels = random.integers(0, 2**bits, (9, 13, channels), dtype=dtype)
    pixels[0, 0], pixels[0, 1] = 0, 2**bits - 1
    return to_float(to_tensor(pixels))


@pytest.mark.parametrize(
    ("suffix", "channels", "bits"),
    [(".png", c, b) for c in (1, 2, 3, 4) for b in (8, 16)]
    + [(".tif", c, 8) for c in (1, 2, 3, 4)]
    + [(".tiff", 1, 16), (".bmp", 1, 8), (".bmp", 3, 8), (".webp", 4, 8), (".webp", 3, 8)]
    + [(".npy", c, b) for c in (1, 3, 4, 7) for b in (8, 16)],
)
def test_images_of_every_depth_and_channel_count_are_restored_exactly(tmp_path: Path, suffix: str, channels: int, bits: int) -> None:
    image = integers(channels, bits)
    restored = read_image(write_image(image, tmp_path / f"a{suffix}", bits=bits))
    assert restored.dtype == torch.float32
    assert restored.min() == -1
    assert restored.max() == 1
    assert torch.equal(restored, image)


def test_float_arrays_are_restored_exactly(tmp_path: Path) -> None:
    image = torch.rand(3, 5, 6) * 2 - 1
    assert torch.equal(read_image(write_image(image, tmp_path / "a.npy", bits=32, range=(-1, 1)), range=(-1, 1)), image)
    written = write_image(image, tmp_path / "b.npy", bits=32)
    assert np.allclose(np.load(written), (image.permute(1, 2, 0).numpy() + 1) / 2, atol=1e-7)  # floats are in [0, 1]
    assert torch.allclose(read_image(written), image, atol=2e-7)


def test_all_bits_of_a_16_bit_rgb_png_are_read_although_pillow_drops_some(tmp_path: Path) -> None:
    path = write_image(integers(3, 16), tmp_path / "a.png", bits=16)
    assert np.asarray(Image.open(path)).dtype == np.uint8
    assert decode(path.read_bytes(), "a").dtype == np.uint16


def test_a_16_bit_png_can_be_read_by_pillow(tmp_path: Path) -> None:
    path = write_image(integers(1, 16), tmp_path / "a.png", bits=16)
    with Image.open(path) as image:
        assert image.mode == "I;16"
        assert torch.equal(to_float(torch.from_numpy(np.array(image))[None]), read_image(path))


@pytest.mark.parametrize("transparent", [False, True])
def test_a_palette_becomes_rgb_or_rgba(tmp_path: Path, transparent: bool) -> None:
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255)]
    image = Image.new("P", (3, 1))
    image.putpalette([value for colour in colours for value in colour])
    image.putdata([0, 1, 2])
    image.save(tmp_path / "p.png", **({"transparency": 1} if transparent else {}))
    pixels = decode((tmp_path / "p.png").read_bytes(), "p.png")
    assert pixels.shape == (1, 3, 4 if transparent else 3)
    assert [tuple(map(int, pixel[:3])) for pixel in pixels[0]] == colours
    if transparent:
        assert pixels[0, :, 3].tolist() == [255, 0, 255]


def test_gray_stays_one_channel_and_a_bitmap_becomes_gray(tmp_path: Path) -> None:
    Image.new("1", (4, 4), 1).save(tmp_path / "b.png")
    assert torch.equal(read_image(tmp_path / "b.png"), torch.ones(1, 4, 4))


def test_an_image_is_rotated_by_its_exif_tag(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[274] = 6
    Image.new("RGB", (8, 4)).save(tmp_path / "e.jpg", exif=exif)
    assert read_image(tmp_path / "e.jpg").shape == (3, 8, 4)


def test_a_background_is_blended_in_srgb_values() -> None:
    pixels = np.array([[[100, 0, 200, 0], [100, 0, 200, 255], [100, 0, 200, 51], [100, 0, 200, 50]]], dtype=np.uint8)
    assert composite(pixels, "white").tolist() == [[[255, 255, 255], [100, 0, 200], [224, 204, 244], [225, 205, 244]]]
    assert composite(pixels, "#0000ff")[0, 2].tolist() == [20, 0, 244]
    assert composite(np.array([[[100, 51]]], dtype=np.uint8), "white").tolist() == [[[224]]]


def test_a_16_bit_background_keeps_16_bits() -> None:
    pixels = np.array([[[1001, 0, 65535, 0], [1001, 0, 65535, 65535]]], dtype=np.uint16)
    blend = composite(pixels, "white")
    assert blend.dtype == np.uint16
    assert blend.tolist() == [[[65535, 65535, 65535], [1001, 0, 65535]]]


def test_a_coloured_background_behind_gray_is_refused() -> None:
    with pytest.raises(DataError, match=r'^Background "red" is not a grey, but the images are grey with alpha'):
        composite(np.zeros((1, 1, 2), dtype=np.uint8), "red")


def test_an_unknown_colour_is_refused() -> None:
    with pytest.raises(DataError, match=r'^"whit" is not a colour\. .*"#rrggbb"\.$'):
        composite(np.zeros((1, 1, 4), dtype=np.uint8), "whit")


def test_channels_are_changed_only_when_nothing_is_dropped() -> None:
    grey = np.full((1, 1, 1), 7, dtype=np.uint8)
    assert convert_channels(grey, 3, "a").tolist() == [[[7, 7, 7]]]
    assert convert_channels(grey, 4, "a").tolist() == [[[7, 7, 7, 255]]]
    assert convert_channels(np.array([[[255, 0, 0]]], dtype=np.uint8), 1, "a").tolist() == [[[76]]]
    with pytest.raises(DataError, match=r'"a" is RGBA.* 3 channels.* background="white"'):
        convert_channels(np.zeros((1, 1, 4), dtype=np.uint8), 3, "a")


@pytest.mark.parametrize("bits", [8, 16])
def test_a_truncated_image_is_an_error_that_names_the_file(tmp_path: Path, bits: int) -> None:
    path = write_image(integers(3, bits), tmp_path / "cut.png", bits=bits)
    path.write_bytes(path.read_bytes()[:-60])
    with pytest.raises(DataError, match=r'^Image ".*cut\.png" is damaged: .*\. Replace or remove it\.$'):
        read_image(path)


@pytest.mark.parametrize("channels", [2, 3, 4])
@pytest.mark.parametrize("filter_type", [0, 1, 2, 3, 4, "mixed"])
def test_16_bit_png_rows_of_every_filter_are_read(channels: int, filter_type: int | str) -> None:
    height, width, size = 7, 5, channels * 2
    pixels = np.random.default_rng(channels).integers(0, 65536, (height, width, channels), dtype=np.uint16)
    plain = pixels.astype(">u2").view(np.uint8).reshape(height, width * size).astype(int)
    above = np.vstack([np.zeros_like(plain[:1]), plain[:-1]])
    left = np.hstack([np.zeros((height, size), int), plain[:, :-size]])
    corner = np.hstack([np.zeros((height, size), int), above[:, :-size]])

    def paeth(a: int, b: int, c: int) -> int:
        return min((a, b, c), key=lambda each: abs(a + b - c - each))

    guesses = [0 * plain, left, above, (left + above) // 2, np.vectorize(paeth)(left, above, corner)]
    rows = b""
    for y in range(height):
        filter_ = y % 5 if filter_type == "mixed" else int(filter_type)
        rows += bytes([filter_]) + ((plain[y] - guesses[filter_][y]) % 256).astype(np.uint8).tobytes()
    written = png16.write(pixels)
    assert png16.read(written, "a").tolist() == pixels.tolist()
    head, packed = written[:33], zlib.compress(rows)
    chunk = b"IDAT" + packed
    file = head + struct.pack(">I", len(packed)) + chunk + struct.pack(">I", zlib.crc32(chunk)) + written[-12:]
    assert decode(file, "a").tolist() == pixels.tolist()


def test_a_16_bit_png_with_one_changed_byte_is_refused() -> None:
    data = bytearray(png16.write(np.zeros((8, 8, 3), dtype=np.uint16)))
    data[45] ^= 1
    with pytest.raises(DataError, match=r'^Image "a\.png" is damaged: .* at byte 33\.'):
        decode(bytes(data), "a.png")


def test_a_truncated_photograph_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    image.save(tmp_path / "cut.jpg")
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "cut.jpg").read_bytes()[:-900])
    with pytest.raises(DataError, match=r'^Image ".*cut\.jpg" is damaged'):
        read_image(tmp_path / "cut.jpg")


def test_text_in_an_image_file_is_refused() -> None:
    with pytest.raises(DataError, match=r'^Image "a\.png" has an unknown format'):
        decode(b"hello", "a.png")


def test_an_empty_file_is_refused() -> None:
    with pytest.raises(DataError, match=r'^Image "a\.png" is empty \(0 bytes\)\. Replace or remove it\.$'):
        decode(b"", "a.png")


@pytest.mark.parametrize("order", ["<u2", ">u2"])
def test_16_bit_gray_tiff_keeps_its_values_in_either_byte_order(tmp_path: Path, order: str) -> None:
    values = np.array([[0, 1, 256], [65535, 4660, 40000]], dtype=order)
    Image.frombytes("I;16B" if order == ">u2" else "I;16", (3, 2), values.tobytes()).save(tmp_path / "a.tif")
    assert decode((tmp_path / "a.tif").read_bytes(), "a.tif")[..., 0].tolist() == values.tolist()


def test_16_bit_colour_tiff_is_refused_instead_of_losing_half_its_bits(tmp_path: Path) -> None:
    fields = [
        (256, 3, 1, 1),
        (257, 3, 1, 1),
        (258, 3, 3, 134),
        (259, 3, 1, 1),
        (262, 3, 1, 2),
        (273, 4, 1, 140),
        (277, 3, 1, 3),
        (278, 3, 1, 1),
        (279, 4, 1, 6),
    ]
    entries = b"".join(struct.pack("<HHII", *each) for each in fields)
    body = b"II*\0" + struct.pack("<IH", 8, len(fields)) + entries + struct.pack("<I", 0)
    body = body.ljust(134, b"\0") + struct.pack("<3H", 16, 16, 16) + struct.pack("<3H", 1, 2, 3)
    assert Image.open(io.BytesIO(body)).mode == "RGB"
    with pytest.raises(DataError, match=r'^Image "a\.tif" is a TIFF of 3 channels with 16 bits.* Save it as PNG or NPY\.$'):
        decode(body, "a.tif")


def test_images_of_several_frames_are_refused(tmp_path: Path) -> None:
    frames = [Image.new("L", (4, 4), value) for value in (0, 90, 200)]
    frames[0].save(tmp_path / "stack.tif", save_all=True, append_images=frames[1:])
    with pytest.raises(DataError, match=r'^Image "stack\.tif" has 3 frames'):
        decode((tmp_path / "stack.tif").read_bytes(), "stack.tif")


def test_cmyk_is_refused() -> None:
    buffer = io.BytesIO()
    Image.new("CMYK", (4, 4)).save(buffer, format="JPEG")
    with pytest.raises(DataError, match=r'^Image "a\.jpg" has mode CMYK.*Convert it to RGB\.$'):
        decode(buffer.getvalue(), "a.jpg")


def test_an_array_of_objects_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([print], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match=r'^Array "a\.npy" holds Python objects, which are not loaded'):
        decode((tmp_path / "a.npy").read_bytes(), "a.npy")


def test_float_arrays_outside_the_range_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.full((4, 4), 255.0))
    with pytest.raises(DataError, match=r'^Image "a\.npy" holds float64 from 255 to 255, .* read as 0 to 1\. .*: range="0,255"\.$'):
        decode((tmp_path / "a.npy").read_bytes(), "a.npy")


def test_arrays_may_have_the_channels_first(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((3, 8, 9), dtype=np.uint8))
    assert decode((tmp_path / "a.npy").read_bytes(), "a.npy").shape == (8, 9, 3)


@pytest.mark.parametrize(
    ("name", "channels", "bits", "message"),
    [
        ("a.jpg", 4, 8, r'^JPEG does not support 4 channels \("a\.jpg"\)\. Use PNG\.$'),
        ("a.jpg", 3, 16, r'^JPEG does not support 16 bits with 3 channels \("a\.jpg"\)\. Use PNG or NPY\.$'),
        ("a.png", 5, 8, r'^PNG does not support 5 channels \("a\.png"\)\. Use NPY\.$'),
        ("a.tif", 3, 16, r'^TIFF does not support 16 bits with 3 channels \("a\.tif"\)\. Use PNG or NPY\.$'),
        ("a.xyz", 3, 8, r'^"a\.xyz" has the unknown suffix "\.xyz"\. Available: '),
        ("a.png", 3, 12, r'^bits must be 8 or 16.*found 12 for "a\.png"'),
    ],
)
def test_a_format_that_would_lose_something_is_refused(tmp_path: Path, name: str, channels: int, bits: int, message: str) -> None:
    with pytest.raises(DataError, match=message):
        write_image(torch.zeros(channels, 4, 4), tmp_path / name, bits=bits)
    assert list(tmp_path.iterdir()) == []


def test_values_outside_the_range_are_clipped_and_nan_is_refused(tmp_path: Path) -> None:
    assert torch.equal(read_image(write_image(torch.full((1, 2, 2), 3.0), tmp_path / "a.png")), torch.ones(1, 2, 2))
    with pytest.raises(DataError, match=r"values that are not finite"):
        write_image(torch.full((1, 2, 2), float("nan")), tmp_path / "b.png")


def test_a_failed_write_leaves_the_old_file_and_no_temporary_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_image(torch.zeros(1, 2, 2), tmp_path / "a.png")
    before = path.read_bytes()

    def write_part(self: Path, data: bytes) -> int:
        with self.open("wb") as file:
            file.write(data[:3])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", write_part)
    with pytest.raises(DataError, match=r'a\.png" cannot be written: No space left on device\.'):
        write_image(torch.ones(1, 2, 2), path)
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["a.png"]
