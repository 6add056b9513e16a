"""Warnings of Pillow about metadata do not name the file, and the image is read nevertheless."""

from __future__ import annotations

from PIL import Image


def test_damaged_metadata_of_an_image_is_not_told_without_its_name(run_cli, tmp_path) -> None:
    exif = Image.Exif()
    exif[270], exif[271] = "a long description of the image", "maker"
    for number in range(2):
        for folder in ("a", "b"):
            (tmp_path / folder).mkdir(exist_ok=True)
            Image.new("RGB", (32, 32), (number, 9, len(folder))).save(
                tmp_path / folder / f"{folder}{number}.jpg", exif=exif.tobytes()[:-20]
            )
    result = run_cli("data", "check", tmp_path)
    assert (result.code, result.err) == (0, "")
    assert "Corrupt EXIF" not in result.out
