"""What values of arrays and files mean: full depth, floats in [0, 1], or a declared range; the same in Python and in files."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from i2ikit import Model, build
from i2ikit.data import open_data, read_image, write_image
from i2ikit.errors import DataError, OptionError
from i2ikit.pixels import decode
from i2ikit.pixels.value_range import parse_range


def save(array: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def save_tiff(array: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "TIFF")
    return buffer.getvalue()


def make_signed_tiff(values: Any) -> bytes:
    """Return a TIFF of signed integers of 16 bits, which Pillow reads but does not write."""
    buffer = io.BytesIO()
    Image.fromarray(values.view(np.uint16)).save(buffer, "TIFF", tiffinfo={339: 2})  # SampleFormat
    return buffer.getvalue()


VALUES = np.array([[0.0, 0.25], [0.5, 1.0]])


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", ">f4"])
def test_floats_of_every_type_are_in_0_to_1(dtype: str) -> None:
    assert decode(save(VALUES.astype(dtype)), "x")[..., 0].tolist() == [[-1, -0.5], [0, 1]]


def test_a_tiff_of_floats_is_read_like_an_array() -> None:
    assert decode(save_tiff(VALUES.astype(np.float32)), "x.tif")[..., 0].tolist() == [[-1, -0.5], [0, 1]]


@pytest.mark.parametrize("dtype", ["uint8", "uint16", ">u2", "int16", "int32", "uint32", "int64", "float32"])
def test_a_declared_range_becomes_minus_1_to_1_for_every_type(dtype: str) -> None:
    values = np.array([[0, 50], [100, 200]]).astype(dtype)
    assert decode(save(values), "x", declared=(0, 200))[..., 0].tolist() == [[-1, -0.5], [0, 1]]


def test_big_endian_integers_are_integers_of_full_depth() -> None:
    values = decode(save(np.array([[0, 65535]], dtype=">u2")), "x")
    assert (values.dtype, values[..., 0].tolist()) == (np.uint16, [[0, 65535]])


def test_signed_integers_of_a_tiff_have_their_own_type() -> None:
    data = make_signed_tiff(np.array([[-1000, 0], [500, 1000]], dtype=np.int16))
    assert decode(data, "x.tif", declared=(-1000, 1000))[..., 0].tolist() == [[-1, 0], [0.5, 1]]
    with pytest.raises(DataError, match=r'^Image "x\.tif" holds int16 from -1000 to 1000, .* declare the range: range="-1000,1000"\.$'):
        decode(data, "x.tif")


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.array([[-1.0, 0.5]]), ("holds float64 from -1 to 0.5", "read as 0 to 1", 'range="-1,1"')),
        (np.array([[0.0, 255.0]], dtype=np.float32), ("holds float32 from 0 to 255", 'range="0,255"')),
        (np.array([[-5, 300]], dtype=np.int16), ("holds int16 from -5 to 300", 'range="-5,300"')),
        (np.array([[0, 4000]], dtype=np.int32), ("holds int32 from 0 to 4000", 'range="0,4095"')),
        (np.array([[True, False]]), ("holds bool from 0 to 1", 'range="0,1"')),
        (np.array([[1j, 0]]), ("holds complex128", "no type of pixels")),
        (np.array([["a", "b"]]), ("holds <U1", "no type of pixels")),
        (np.array([[0.5, np.nan]]), ("holds float64 with values that are not finite",)),
        (np.zeros((0, 4)), ("shape [0, 4]", "no pixels")),
        (np.zeros((3, 4, 0)), ("shape [3, 4, 0]", "no pixels")),
        (np.zeros((2, 2, 2, 2)), ("shape [2, 2, 2, 2]", "[H, W, C]")),
    ],
)
def test_values_that_do_not_say_what_they_mean_are_named(array: Any, words: tuple[str, ...]) -> None:
    with pytest.raises(DataError, match=r'^(Image|Array) "x\.npy" ') as caught:
        decode(save(array), "x.npy")
    assert [word for word in words if word not in str(caught.value)] == []


def test_a_value_outside_a_declared_range_is_named_and_not_clipped() -> None:
    with pytest.raises(DataError, match=r'^Image "x" holds uint16 from 0 to 5000, but its values are read as 0 to 4095\.'):
        decode(save(np.array([[0, 5000]], dtype=np.uint16)), "x", declared=(0, 4095))


def test_integers_that_cannot_hold_the_range_use_their_full_depth() -> None:
    assert decode(save(np.array([[0, 255]], dtype=np.uint8)), "x", declared=(0, 4095)).dtype == np.uint8


@pytest.mark.parametrize("given", ["0", "0,1,2", "a,b", "5,5", "1,0", "0,nan", (0,), 3, "0,inf"])
def test_a_range_that_is_not_two_numbers_is_refused(given: Any) -> None:
    with pytest.raises(OptionError, match=r'^range="?.* is not a range of values\. .*range="0,4095"\.$'):
        parse_range(given)


@pytest.fixture(scope="module")
def model() -> Model:
    small: dict[str, Any] = {"generator": {"width": 4, "blocks": 1}, "discriminator": {"width": 4}, "rehearsal": False}
    return build("stargan-fast", size=16, channels=1, labels={"male": bool}, **small)


@pytest.mark.parametrize(
    ("array", "declared"),
    [
        (np.random.default_rng(0).random((16, 16)).astype(np.float32), None),
        (np.random.default_rng(0).random((16, 16)), None),
        (np.random.default_rng(0).random((16, 16)) * 2 - 1, (-1, 1)),
        (np.random.default_rng(0).integers(0, 4096, (16, 16), dtype=np.uint16), (0, 4095)),
        (np.random.default_rng(0).integers(-1000, 3000, (16, 16), dtype=np.int16), "-1000,3000"),
        (np.random.default_rng(0).integers(0, 256, (16, 16), dtype=np.uint8), None),
    ],
)
def test_an_array_in_python_and_in_a_file_have_one_translation(model: Model, tmp_path: Path, array: Any, declared: Any) -> None:
    np.save(tmp_path / "a.npy", array)
    options: dict[str, Any] = {"to": {"male": True}, "label": {"male": False}, "range": declared}
    fake = model.translate(array, **options)
    written = np.load(model.translate(tmp_path / "a.npy", out=tmp_path / "b.npy", **options))
    assert (fake.dtype, written.dtype) == (array.dtype, array.dtype)
    assert np.array_equal(fake, written[..., 0])
    low, high = parse_range(declared) or (0, 255 if array.dtype == np.uint8 else 1)
    assert low <= fake.min() < fake.max() <= high
    tensor = torch.from_numpy((array.astype(np.float64) - low) / (high - low) * 2 - 1).float()[None]
    exact = (model.translate(tensor, to={"male": True}, label={"male": False})[0].numpy().astype(np.float64) + 1) / 2 * (high - low) + low
    assert np.abs(exact - fake.astype(np.float64)).max() <= (1e-6 * (high - low) if array.dtype.kind == "f" else 0.501)


def test_arrays_with_channels_first_are_read_in_python_as_in_files(model: Model) -> None:
    array = np.random.default_rng(0).random((1, 16, 16))
    fake = model.translate(array, to={"male": True}, label={"male": False})
    assert fake.shape == array.shape
    assert np.array_equal(fake[0], model.translate(array[0], to={"male": True}, label={"male": False}))


@pytest.mark.parametrize("suffix", [".npy", ".tif", ".png"])
def test_a_declared_range_of_a_data_set_is_part_of_its_fingerprint_and_options(tmp_path: Path, suffix: str) -> None:
    for number in range(4):
        for folder in ("a", "b"):
            (tmp_path / "data" / folder).mkdir(parents=True, exist_ok=True)
            values = np.random.default_rng(number).integers(0, 4096, (8, 8), dtype=np.uint16)
            path = tmp_path / "data" / folder / f"{number}{suffix}"
            np.save(path, values) if suffix == ".npy" else Image.fromarray(values).save(path)
    data, plain = open_data(tmp_path / "data", range="0,4095"), open_data(tmp_path / "data")
    pixels = data.read(data.items[0])
    assert torch.allclose(pixels, (plain.read(plain.items[0]) + 1) * 65535 / 4095 - 1, atol=1e-5)
    assert data.fingerprint() != plain.fingerprint()
    assert data.origin.options["range"] == [0.0, 4095.0]  # type: ignore[attr-defined]


def test_a_data_set_of_floats_says_how_it_reads_them_and_old_runs_read_them_as_before(tmp_path: Path) -> None:
    for number in range(2):
        for folder in ("a", "b"):
            (tmp_path / folder).mkdir(exist_ok=True)
            np.save(tmp_path / folder / f"{number}.npy", VALUES)
    data = open_data(tmp_path)
    assert "Files of floats are read as values from 0 to 1. range= declares another range." in data.notes
    assert data.read(data.items[0])[0].tolist() == [[-1, -0.5], [0, 1]]
    old = open_data(tmp_path, rules=1)
    assert old.read(old.items[0])[0].tolist() == VALUES.tolist()
    assert not any("floats" in note for note in open_data(tmp_path, range=(0, 2)).notes)


@pytest.mark.parametrize(("suffix", "bits"), [(".png", 16), (".tif", 32), (".npy", 32), (".tif", 16)])
def test_images_are_written_and_read_in_a_declared_range(tmp_path: Path, suffix: str, bits: int) -> None:
    image = torch.rand(1, 6, 7) * 2 - 1
    path = write_image(image, tmp_path / f"x{suffix}", bits=bits, range="0,4095")
    assert torch.allclose(read_image(path, range=(0, 4095)), image, atol=1e-6 if bits == 32 else 1 / 4000)
