"""``i2ikit translate``: its output files and lines, and the arguments that it refuses before it writes anything."""

from __future__ import annotations

import pytest
import torch
from cli.written import list_written
from PIL import Image

from i2ikit import load
from i2ikit.pixels import decode, get_bits, read_image


def test_a_file_is_translated_and_the_origin_of_each_value_is_printed(run_cli, model, photos, tmp_path) -> None:
    out = tmp_path / "new" / "out.png"
    result = run_cli("translate", model, photos / "a.png", out, "--to", "tone=dark", "--label", "tone=light,male=yes")
    assert result == (0, f"{photos / 'a.png'} -> {out}  tone dark (to), male yes (label)\n", "")
    expected = load(model).translate(read_image(photos / "a.png"), to={"tone": "dark"}, label={"tone": "light", "male": "yes"})
    assert (read_image(out) - expected).abs().max() <= 1.01 / 255


def test_other_attributes_come_from_the_discriminator(run_cli, model, photos, tmp_path) -> None:
    result = run_cli("translate", model, photos / "a.png", tmp_path / "out.png", "--to", "tone=dark")
    assert result.code == 0
    assert result.out.endswith(("male yes (discriminator)\n", "male no (discriminator)\n"))


def test_label_can_omit_attributes_of_to(run_cli, model, photos, tmp_path) -> None:
    result = run_cli("translate", model, photos / "a.png", tmp_path / "out.png", "--to", "tone=dark", "--label", "male=yes")
    assert (result.code, result.err) == (0, "")
    assert result.out.endswith("tone dark (to), male yes (label)\n")


def test_a_partial_label_is_completed_by_the_discriminator(run_cli, model, photos, tmp_path) -> None:
    result = run_cli("translate", model, photos / "a.png", tmp_path / "out.png", "--to", "male=yes", "--label", "male=no")
    assert (result.code, result.err) == (0, "")
    assert "(discriminator), male yes (to)" in result.out


def test_source_unknown_masks_label_sets_without_to(run_cli, masked, photos, tmp_path) -> None:
    result = run_cli("translate", masked, photos / "a.png", tmp_path / "out.png", "--to", "tone=dark", "--source", "unknown")
    assert result.out.endswith("tone dark (to), male unknown\n")


def test_a_folder_and_a_glob_are_translated_to_a_folder_with_the_same_names(run_cli, model, photos, tmp_path) -> None:
    out = tmp_path / "out"
    result = run_cli("translate", model, photos, photos / "*.png", out, "--to", "tone=dark,male=no")
    assert result.code == 0
    assert list_written(out) == ["a.png", "b.png", "deep.png"]
    assert result.out.endswith(f"3 images in {out}\n")


def test_files_of_a_system_in_a_folder_are_not_translated(run_cli, model, photos, tmp_path) -> None:
    for name in ("@eaDir/a.png", ".trash/a.png", "._a.png"):
        (photos / name).parent.mkdir(exist_ok=True)
        (photos / name).write_bytes((photos / "a.png").read_bytes())
    out = tmp_path / "out"
    assert run_cli("translate", model, photos, out, "--to", "tone=dark,male=no").code == 0
    assert list_written(out) == ["a.png", "b.png", "deep.png"]


def test_the_bit_depth_of_files_is_kept(run_cli, model, photos, tmp_path) -> None:
    out = tmp_path / "out"
    run_cli("translate", model, photos, out, "--to", "tone=dark")
    assert {name: get_bits(decode((out / name).read_bytes(), name)) for name in list_written(out)} == {
        "a.png": 8,
        "b.png": 8,
        "deep.png": 16,
    }


def test_images_of_another_size_are_noted_and_can_be_resized(run_cli, model, photos, tmp_path) -> None:
    result = run_cli("translate", model, photos / "b.png", tmp_path / "out.png", "--to", "tone=dark")
    for word in ("note: ", "16x16", "20x20", "--size trained"):
        assert word in result.out
    result = run_cli("translate", model, photos / "b.png", tmp_path / "small.png", "--to", "tone=dark", "--size", "trained")
    assert "note: " not in result.out
    assert read_image(tmp_path / "small.png").shape == (3, 16, 16)


ONE = ("{model}", "{photos}/a.png", "{out}/x.png")
DARK = ("--to", "tone=dark")
REFUSED: list[tuple[tuple[str, ...], tuple[str, ...]]] = [
    ((*ONE, "--to", "ton=dark"), ('No attribute is called "ton". Did you mean "tone"?',)),
    ((*ONE, "--to", "tone=drak"), ('No value of "tone" is called "drak". Did you mean "dark"?',)),
    ((*ONE, "--to", "male=maybe"), ('"male"', '"maybe"')),
    ((*ONE, "--to", "tone="), ('--to "tone="', "NAME=VALUE", "hair=blond")),
    ((*ONE, "--to", "tone=dark,tone=light"), ('--to sets "tone" twice',)),
    ((*ONE, *DARK, "--device", "foo"), ('"foo"', "{devices}")),
    ((*ONE, *DARK, "--device", "cuda:99"), ('"cuda:99"', "{devices}")),
    (ONE, ("--to is missing", "--to tone=dark")),
    ((*ONE, "--to", "dark"), ('--to "dark"', "--to NAME=dark", "Available: tone, male.")),
    ((*ONE, *DARK, "--source", "unkown"), ('--source "unkown"', 'Did you mean "unknown"?', "--label NAME=VALUE")),
    ((*ONE, *DARK, "--background", "whit"), ('--background "whit"', 'Did you mean "white", "wheat" or "whitesmoke"?')),
    ((*ONE, *DARK, "--background", "#12"), ('--background "#12"', "#ffffff")),
    (("{model}", "{photos}/aa.png", "{out}/x.png", *DARK), ('"{photos}/aa.png"', 'Did you mean "a.png", "b.png" or "deep.png"?')),
    (("{model}", "{empty}", "{out}", *DARK), ('Folder "{empty}" contains no images.',)),
    (("{model}", "{empty}/x.png", "{out}", *DARK), ('"{empty}/x.png"', 'Folder "{empty}" is empty.')),
    (("{model}", "{photos}/*.gif", "{out}", *DARK), ('No image matches "{photos}/*.gif".',)),
    (("{empty}/none", "{photos}/a.png", "{out}/x.png", *DARK), ('"{empty}/none"',)),
    (("{model}", "{photos}", "{photos}/a.png", *DARK), ('"{photos}/a.png" is a file', "3 inputs", "folder")),
    (("{model}", "{photos}", "{photos}", *DARK), ('"{photos}/a.png" is one of the inputs', "Choose another output folder.")),
    (
        ("{model}", "{photos}", "{photos}/a.png/out", *DARK),
        ('"{photos}/a.png/out" cannot be created', '"{photos}/a.png" is a file', "Choose another output folder."),
    ),
    (("{model}", "{photos}/a.png", "{out}/x.gif", *DARK), ('"{out}/x.gif"', ".png, .jpg, .jpeg, .webp, .bmp, .tif, .tiff, .npy")),
]


@pytest.mark.parametrize(("arguments", "words"), REFUSED, ids=[words[0][:30] for _, words in REFUSED])
def test_bad_arguments_are_reported_in_one_line_and_nothing_is_written(run_cli, model, photos, tmp_path, arguments, words) -> None:
    (tmp_path / "empty").mkdir()
    accelerator = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    numbers = range(torch.accelerator.device_count()) if accelerator else ()
    devices = ", ".join(["cpu", *([accelerator.type] if accelerator else []), *(f"{accelerator.type}:{number}" for number in numbers)])
    values = {"model": model, "photos": photos, "out": tmp_path / "out", "empty": tmp_path / "empty", "devices": devices}
    before = list_written(tmp_path)
    result = run_cli("translate", *(argument.format(**values) for argument in arguments))
    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)
    assert [word for word in words if word.format(**values) not in result.err] == []
    assert list_written(tmp_path) == before


def test_a_damaged_input_of_a_folder_is_listed_at_the_end_and_the_others_are_translated(run_cli, model, photos, tmp_path) -> None:
    whole = (photos / "b.png").read_bytes()
    (photos / "a2.png").write_bytes(whole[: len(whole) // 2])
    (photos / "c.jpg").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0")
    result = run_cli("translate", model, photos, tmp_path / "out", "--to", "tone=dark")
    assert result.code == 1
    assert result.out.endswith(f"3 images in {tmp_path / 'out'}\n")
    first, *lines = result.err.splitlines()
    assert first == "2 of 5 inputs could not be translated:"
    assert [name for name in ("a2.png", "c.jpg") if f'"{photos / name}"' not in lines[["a2.png", "c.jpg"].index(name)]] == []
    assert list_written(tmp_path / "out") == ["a.png", "b.png", "deep.png"]


def test_a_reason_of_several_inputs_is_told_once(run_cli, model, photos, tmp_path) -> None:
    for name in ("x.png", "y.png"):
        Image.new("L", (32, 32)).save(photos / name)
    result = run_cli("translate", model, photos, tmp_path / "out", "--to", "tone=dark")
    assert result.code == 1
    assert result.err.splitlines()[1:] == [
        "  2 files: The image has 1 channel, and the model takes 3. Convert it to RGB first.",
        f"    {photos / 'x.png'}",
        f"    {photos / 'y.png'}",
    ]


def test_a_single_damaged_input_is_an_error_of_one_line(run_cli, model, photos, tmp_path) -> None:
    (photos / "z.png").write_bytes((photos / "b.png").read_bytes()[:100])
    result = run_cli("translate", model, photos / "z.png", tmp_path / "out.png", "--to", "tone=dark")
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert f'"{photos / "z.png"}"' in result.err
    assert not (tmp_path / "out.png").exists()


def test_a_full_disk_stops_instead_of_failing_for_each_input(run_cli, model, photos, tmp_path, monkeypatch) -> None:
    from i2ikit.pixels import files

    def fail(path: object, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "replace_file", fail)
    result = run_cli("translate", model, photos, tmp_path / "out", "--to", "tone=dark")
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert f'"{tmp_path / "out" / "a.png"}" cannot be written: No space left on device.' in result.err


def test_without_an_output_a_folder_in_the_working_directory_is_written(run_cli, model, photos, tmp_path, monkeypatch) -> None:
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    before = list_written(photos)
    assert run_cli("translate", model, photos, "--to", "tone=dark").code == 0
    assert run_cli("translate", model, photos / "b.png", "--to", "tone=dark").code == 0
    assert run_cli("translate", model, photos / "*.png", "--to", "tone=dark").code == 0
    folders = ("photos-translated-2", "photos-translated")
    assert list_written(work) == ["b-translated/b.png", *(f"{folder}/{name}.png" for folder in folders for name in ("a", "b", "deep"))]
    assert list_written(photos) == before


@pytest.mark.parametrize(("words", "below"), [(".", "."), ("a.png", "."), ("*.png", "."), ("..", "below")])
def test_without_an_output_nothing_is_written_into_a_folder_of_the_inputs(run_cli, model, photos, monkeypatch, words, below) -> None:
    (photos / "below").mkdir()
    monkeypatch.chdir(photos / below)
    before = list_written(photos)
    result = run_cli("translate", model, words, "--to", "tone=dark")
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert f'"{words}" is the only path, and the working directory is a folder of the inputs.' in result.err
    assert list_written(photos) == before


def test_an_output_folder_in_the_input_folder_is_not_translated_again(run_cli, model, photos) -> None:
    for _ in range(2):
        assert run_cli("translate", model, photos, photos / "out", "--to", "tone=dark").out.endswith(f"3 images in {photos / 'out'}\n")


@pytest.mark.parametrize("file_format", ["png", "npy", "tiff"])
def test_the_format_of_an_output_folder_can_be_chosen(run_cli, model, photos, tmp_path, file_format) -> None:
    (photos / "deep.png").unlink()  # a TIFF holds no colours of 16 bits
    result = run_cli("translate", model, photos, tmp_path / "out", "--to", "tone=dark", "--format", file_format)
    assert result.code == 0
    assert list_written(tmp_path / "out") == [f"{name}.{file_format}" for name in ("a", "b")]
    plain = run_cli("translate", model, photos / "a.png", tmp_path / "a.png", "--to", "tone=dark")
    assert plain.code == 0
    assert torch.equal(read_image(tmp_path / "out" / f"a.{file_format}"), read_image(tmp_path / "a.png"))


def test_a_format_for_an_output_file_is_refused(run_cli, model, photos, tmp_path) -> None:
    result = run_cli("translate", model, photos / "a.png", tmp_path / "x.png", "--to", "tone=dark", "--format", "npy")
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert "--format npy is for output folders" in result.err


def test_floats_become_floats_or_a_png_of_16_bits_and_the_assumed_range_is_told(run_cli, model, tmp_path) -> None:
    import numpy as np

    (tmp_path / "in").mkdir()
    np.save(tmp_path / "in" / "a.npy", np.random.default_rng(0).random((16, 16, 3)))
    result = run_cli("translate", model, tmp_path / "in", tmp_path / "out", "--to", "tone=dark")
    assert result.code == 0
    assert "note: Files of floats are read as values from 0 to 1. --range LOW,HIGH declares others.\n" in result.out
    fake = np.load(tmp_path / "out" / "a.npy")
    assert fake.dtype == np.float64
    assert 0 <= fake.min() < fake.max() <= 1
    result = run_cli("translate", model, tmp_path / "in" / "a.npy", tmp_path / "a.png", "--to", "tone=dark", "--range", "0,1")
    assert "PNG does not hold float64. The translations are written with 16 bits." in result.out
    pixels = decode((tmp_path / "a.png").read_bytes(), "a.png")
    assert np.abs(pixels / 65535 - fake).max() < 1e-4
    result = run_cli("translate", model, tmp_path / "in" / "a.npy", tmp_path / "b.npy", "--to", "tone=dark", "--range", "0,0.5")
    assert result.code == 2
    assert "Declare their range: --range 0,1." in result.err


def test_alpha_of_jpeg_inputs_is_written_as_png_and_said(run_cli, photos, tmp_path) -> None:
    from PIL import Image

    from i2ikit import build

    model = build("pix2pix", size=16, channels=4, source_channels=3, generator={"width": 4, "depth": 3}, discriminator={"depth": 1})
    model.save(tmp_path / "model")
    (tmp_path / "in").mkdir()
    for name in ("a.jpg", "b.jpg"):
        Image.open(photos / "a.png").save(tmp_path / "in" / name)
    result = run_cli("translate", tmp_path / "model", tmp_path / "in", tmp_path / "out")
    assert result.code == 0
    assert result.out.count("note: .jpg files do not hold 4 channels of uint8. The translations are written as .png.\n") == 1
    assert list_written(tmp_path / "out") == ["a.png", "b.png"]
    assert read_image(tmp_path / "out" / "a.png").shape == (4, 16, 16)


def test_an_image_with_other_channels_is_named(run_cli, model, photos, tmp_path) -> None:
    from PIL import Image

    Image.new("RGBA", (16, 16)).save(photos / "clear.png")
    result = run_cli("translate", model, photos, tmp_path / "out", "--to", "tone=dark")
    for word in (f'"{photos / "clear.png"}"', "4 channels", "--background white"):
        assert word in result.err
    assert (result.code, result.err.count("\n")) == (1, 2)
    assert run_cli("translate", model, photos, tmp_path / "out", "--to", "tone=dark", "--background", "white").code == 0


def test_one_channel_is_printed_in_the_singular(run_cli, model, photos, tmp_path) -> None:
    from PIL import Image

    Image.new("L", (16, 16)).save(tmp_path / "grey.png")
    result = run_cli("translate", model, tmp_path / "grey.png", tmp_path / "out.png", "--to", "tone=dark")
    assert "1 channel," in result.err or "1 channel;" in result.err


def test_a_pattern_for_all_folders_follows_no_links_in_circles(run_cli, model, photos, tmp_path, monkeypatch) -> None:
    (photos / "more").mkdir()
    (photos / "a.png").rename(photos / "more/a.png")
    for name in ("one", "two", "three"):
        (photos / "more" / name).symlink_to("..")
    monkeypatch.chdir(tmp_path)
    for pattern in ("photos/**/*.png", f"{tmp_path}/photos/**"):
        assert run_cli("translate", model, pattern, "out/", "--to", "tone=dark").code == 0
        assert list_written(tmp_path / "out") == ["a.png", "b.png", "deep.png"]
    refused = run_cli("translate", model, "photos/**.png", "out/", "--to", "tone=dark")
    assert refused.code == 2
    assert 'as a whole folder: "photos/**/*.png"' in refused.err
