"""The command that ``i2ikit data check`` prints trains on the data, or there is none and a reason."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from i2ikit.cli import main
from i2ikit.data import check

Write = Callable[[Path], None]


def write(path: Path, size: tuple[int, int] = (32, 32), mode: str = "RGB") -> None:
    """Write an image of a height and a width that depends on its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    bands = len(Image.new(mode, (1, 1)).getbands())
    pixels = np.random.default_rng(list(path.name.encode())).integers(0, 255, (*size, bands), dtype=np.uint8)
    image = Image.frombytes(mode, (size[1], size[0]), pixels.tobytes())
    if mode == "P":
        image.putpalette(list(range(256)) * 3)
        image.info["transparency"] = 0
    image.save(path)


def write_folders(root: Path, names: str, count: int = 4, **options: object) -> None:
    for name in names:
        for index in range(count):
            write(root / name / f"{name}{index}.png", **options)  # type: ignore[arg-type]


def write_pairs(root: Path, source: str = "RGB", target: str = "RGB", count: int = 4) -> None:
    for index in range(count):
        write(root / "in" / f"{index}.png", mode=source)
        write(root / "out" / f"{index}.png", mode=target)


def write_mixed_domains(root: Path) -> None:
    write_folders(root, "a", mode="L")
    write_folders(root, "b")


def write_palettes(root: Path) -> None:
    write_folders(root, "abc")
    write(root / "a/a0.png", mode="P")


def write_glued(root: Path) -> None:
    for index in range(4):
        write(root / "train" / f"{index}.png", size=(32, 64))


def write_table(root: Path) -> None:
    rows = [f"{index}.png,{('dark', 'light', 'N/A')[index % 3]},{index % 2}" for index in range(12)]
    for index in range(12):
        write(root / f"{index}.png", size=(40, 56))
    (root / "attributes.csv").write_text("\n".join(["file,tone,hat", *rows]))


def write_tiny_and_large(root: Path) -> None:
    write_folders(root, "abc")
    write(root / "a/a0.png", size=(1, 1))
    write(root / "b/b0.png", size=(150, 90))


def write_deep(root: Path) -> None:
    write_folders(root, "abc", mode="L")
    Image.fromarray(np.full((32, 32), 40_000, dtype=np.uint16)).save(root / "a/a0.png")


def write_grey_sources(root: Path) -> None:
    write_pairs(root, "L", "RGB")
    write(root / "out/0.png", mode="L")


KINDS: dict[str, tuple[Write, str]] = {
    "labelled": (lambda root: write_folders(root, "abc"), "stargan"),
    "large batch": (lambda root: write_folders(root, "abc", count=12), "stargan"),
    "unpaired": (lambda root: write_folders(root, "ab"), "cyclegan"),
    "paired": (write_pairs, "pix2pix"),
    "paired, grey to colour": (lambda root: write_pairs(root, "L"), "pix2pix"),
    "paired, alpha to colour": (lambda root: write_pairs(root, "RGBA"), "pix2pix"),
    "paired, some grey targets": (write_grey_sources, "pix2pix"),
    "glued": (write_glued, "pix2pix"),
    "grey and colour domains": (write_mixed_domains, "cyclegan"),
    "transparent palettes": (write_palettes, "stargan"),
    "table with missing values": (write_table, "stargan"),
    "tiny and large images": (write_tiny_and_large, "stargan"),
    "16 bit": (write_deep, "stargan"),
    "tall": (lambda root: write_folders(root, "ab", size=(60, 40)), "cyclegan"),
    "grey with alpha": (lambda root: write_folders(root, "abc", mode="LA"), "stargan"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_printed_command_trains(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("i2ikit.data.train_command.has_gpu", lambda: False)
    monkeypatch.setattr("i2ikit.cli.train.finish_run", lambda *_: 0)
    monkeypatch.setattr("i2ikit.cpu.tune_cpu", lambda: "not in tests")
    root = tmp_path / "my data"
    make, recipe = KINDS[kind]
    make(root)
    report = check(root)
    words = shlex.split(report.command)
    assert words[:5] == ["i2ikit", "train", f"{recipe}-fast", "--data", str(root)]
    assert "--minutes 30" in report.reason
    assert main([*words[1:], "--steps", "1", "--sample-every", "0", "--no-eval"]) == 0


@pytest.mark.parametrize("kind", ["labelled", "unpaired", "paired", "tall"])
def test_the_command_for_a_machine_with_a_gpu_builds(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("i2ikit.data.train_command.has_gpu", lambda: True)
    monkeypatch.setattr("i2ikit.cpu.tune_cpu", lambda: "not in tests")
    make, recipe = KINDS[kind]
    make(tmp_path / "data")
    report = check(tmp_path / "data")
    assert report.command.startswith(f"i2ikit train {recipe} ")
    assert report.reason == ""
    assert main([*shlex.split(report.command)[1:], "--dry-run"]) == 0


def damage(root: Path) -> None:
    write_folders(root, "abc")
    (root / "a/a1.png").write_bytes(b"")


def write_unlike_pairs(root: Path) -> None:
    write_pairs(root)
    write(root / "out/1.png", size=(32, 40))


def write_lonely_domain(root: Path) -> None:
    write_folders(root, "a")
    write_folders(root, "b", count=1)


def write_many_channels(root: Path) -> None:
    write_folders(root, "abc")
    np.save(root / "a/a9.npy", np.zeros((32, 32, 5), dtype=np.uint8))


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (damage, "1 of .* for training cannot be read"),
        (write_unlike_pairs, "Source and target differ in size in 1 of 4 pairs"),
        (write_lonely_domain, 'Domain "b" .* at least two'),
        (write_many_channels, "cannot be converted to each other"),
        (lambda root: write_folders(root, "a"), "requires labels"),
    ],
)
def test_data_that_cannot_be_trained_on_has_no_command_but_a_reason(make: Write, reason: str, tmp_path: Path) -> None:
    make(tmp_path / "data")
    report = check(tmp_path / "data")
    assert report.command == ""
    with pytest.raises(AssertionError, match=reason):
        raise AssertionError(report.reason)
    assert report.reason in report.render()
