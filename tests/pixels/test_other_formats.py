"""Files of other formats, such as PostScript, which Pillow hands to another program: nothing decodes them, whatever their name."""

from __future__ import annotations

import io
import shutil
import subprocess
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
from PIL import EpsImagePlugin, Image

from i2ikit import build
from i2ikit.data import check, open_data
from i2ikit.errors import DataError
from i2ikit.pixels import decode, read_image, read_size
from i2ikit.pixels.formats import IMAGE_SUFFIXES
from i2ikit.pixels.maps import decode_map

POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 32 32\n%%EndComments\n{} loop\n"
SUFFIXES = (*IMAGE_SUFFIXES, ".JPG")
LINE = r'^Image ".*" has an unknown format: found PostScript\. Available: PNG, JPEG, .*\. Replace or remove it\.$'


@pytest.fixture(autouse=True)
def no_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail a test that starts Ghostscript, or would start it if it was installed."""

    def refuse(*_: object, **__: object) -> NoReturn:
        pytest.fail("a program was started for an image file")

    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", refuse)
    for name in ("check_call", "run", "Popen"):
        monkeypatch.setattr(subprocess, name, refuse)


def write_picture(path: Path, seed: int = 0, mode: str = "RGB") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 5, (32, 32, 3), dtype=np.uint8)
    Image.fromarray(pixels if mode == "RGB" else pixels[..., 0]).save(path)
    return path


def test_pillow_alone_takes_the_file_for_an_image() -> None:
    with Image.open(io.BytesIO(POSTSCRIPT)) as image:
        assert image.format == "EPS"


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_postscript_is_refused_by_every_reader_of_the_library(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"x{suffix}"
    file.write_bytes(POSTSCRIPT)
    for read in (decode, decode_map, read_size):
        with pytest.raises(DataError, match=LINE):
            read(POSTSCRIPT, file.name)
    with pytest.raises(DataError, match=LINE):
        read_image(file)


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"%PDF-1.7\n", "PDF"),
        (b"\xc5\xd0\xd3\xc6" + bytes(28), "PostScript"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (bytes(128) + b"DICM", "DICOM"),
        (b"PK\x03\x04", "a zip archive"),
    ],
)
def test_a_format_that_is_not_read_is_named(content: bytes, name: str) -> None:
    with pytest.raises(DataError, match=rf'^Image "x\.png" has an unknown format: found {name}\. Available: '):
        decode(content, "x.png")


def test_data_check_lists_postscript_files_of_every_suffix_as_unreadable(tmp_path: Path) -> None:
    for number in range(3):
        for folder in ("a", "b"):
            write_picture(tmp_path / "data" / folder / f"{number}.png", number)
    hostile = [tmp_path / "data" / "a" / f"x{number}{suffix}" for number, suffix in enumerate(SUFFIXES)]
    for file in hostile:
        file.write_bytes(POSTSCRIPT)
    report = check(tmp_path / "data")
    assert {name for name, _ in report.unreadable} == {f"a/{file.name}" for file in hostile}
    assert not report.ok


def test_data_sets_do_not_read_postscript_as_pictures_targets_or_maps(tmp_path: Path) -> None:
    for number in range(3):
        write_picture(tmp_path / "data" / "train" / "a" / f"{number}.png", number, "L")
        write_picture(tmp_path / "data" / "train" / "b" / f"{number}.png", number)
    maps = open_data(tmp_path / "data", pairs="a,b", source_content="label_map", source_channels=5)
    pictures = open_data(tmp_path / "data", pairs="a,b")
    for folder in ("a", "b"):
        (tmp_path / "data" / "train" / folder / "1.png").write_bytes(POSTSCRIPT)
    for data in (maps, pictures):
        for read in (data.read, data.read_target):
            with pytest.raises(DataError, match=LINE):
                read(data.items[1])


def test_translate_and_style_images_are_not_read_from_postscript(tmp_path: Path) -> None:
    tiny: dict[str, Any] = {"encoder": {"width": 4, "blocks": 1}, "generator": {"hidden": 8, "blocks": 1}}
    tiny |= {"discriminator": {"width": 4, "depth": 1, "scales": 1}, "rehearsal": False}
    model = build("munit-fast", domains=("cat", "dog"), size=32, **tiny)
    good, bad = write_picture(tmp_path / "good.png"), tmp_path / "bad.png"
    bad.write_bytes(POSTSCRIPT)
    with pytest.raises(DataError, match=LINE):
        model.translate(bad, to="dog", source="cat", out=tmp_path / "out.png")
    with pytest.raises(DataError, match=LINE):
        model.translate(good, to="dog", source="cat", style=bad, out=tmp_path / "out.png")
    assert not (tmp_path / "out.png").exists()


def test_models_of_maps_do_not_read_postscript(tmp_path: Path) -> None:
    model = build(
        "pix2pix", size=32, source_content="label_map", source_channels=5, generator={"width": 4, "depth": 4},
        discriminator={"depth": 2}, rehearsal=False,
    )  # fmt: skip
    bad = tmp_path / "bad.png"
    bad.write_bytes(POSTSCRIPT)
    with pytest.raises(DataError, match=LINE):
        model.translate(bad, out=tmp_path / "out.png")


def test_the_page_shows_no_picture_from_postscript(tmp_path: Path) -> None:
    from i2ikit.train.page.pictures import _read_picture

    good = write_picture(tmp_path / "step-1.png")
    assert _read_picture(good) is not None
    shutil.copy(good, tmp_path / "step-2.png")
    (tmp_path / "step-2.png").write_bytes(POSTSCRIPT)
    assert _read_picture(tmp_path / "step-2.png") is None
